#!/usr/bin/python3
"""A password that systemd hands over (LoadCredential=): it is in no configuration, and what is wrong with it is told."""
import os

import tap
from syncsite import MAIL, PASSWORD, SyncSite

AUTH = "auth = basic\nuser = service@%s\npassword_credential = %%s\n" % MAIL


class CredentialSite(SyncSite):
    """With a folder as systemd makes it: files that only the service's user can read."""

    def __init__(self):
        super().__init__(["alice"])
        self.rosters.set("alice@im.example", "friend@im.example", name="Friend")
        self.allow()
        os.unlink(self.password)
        self.credentials = os.path.join(self.folder, "credentials")
        os.mkdir(self.credentials, 0o700)
        self.configure(auth=AUTH % "mail")

    def put(self, text, mode=0o400):
        path = os.path.join(self.credentials, "mail")
        if os.path.exists(path):
            os.unlink(path)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        self.give()

    def __exit__(self, *exc):
        os.environ.pop("CREDENTIALS_DIRECTORY", None)
        super().__exit__(*exc)


@tap.test("a password that is a systemd credential opens the mailboxes, for imexd and for imex")
def _():
    with CredentialSite() as site:
        os.environ["CREDENTIALS_DIRECTORY"] = site.credentials
        # With an access list of systemd the mask shows as the rights of the group.
        for mode in (0o400, 0o440):
            site.put(PASSWORD + "\n", mode)
            site.once()
        assert site.mailbox("alice") == {"friend@corp.example": ("Friend", set())}, site.mailbox("alice")
        line = "alice@corp.example is the mailbox of alice@im.example"
        assert line in site.imex("doctor", "--user", "alice@im.example").stdout
        site.migrate("--all")
        assert site.dx.counters()["auth.basic"] > 0


def told(done):
    return done.stdout + done.stderr


@tap.test("a credential that is missing, open to all, unreadable, empty or misnamed is told, and nobody signs in")
def _():
    with CredentialSite() as site:
        site.dx.control("DELETE", "counters")

        def fails(*words):
            for done in (site.run("imexd", "--once"), site.imex("doctor", "--user", "alice@im.example"),
                         site.imex("migrate", "--quiet", "--all")):
                assert done.returncode not in (0, None), done
                for word in words:
                    assert word in told(done), (word, done)
        site.put(PASSWORD + "\n")
        fails("systemd gave none", "LoadCredential=mail:FILE", "password_file")
        os.environ["CREDENTIALS_DIRECTORY"] = os.path.join(site.folder, "nothing")
        fails("cannot be read", "nothing/mail", "[server exchange]")
        os.environ["CREDENTIALS_DIRECTORY"] = site.credentials
        site.put(PASSWORD + "\n", 0o404)
        fails("everybody can read", "chmod 600")
        site.put(PASSWORD + "\n", 0)
        fails("Permission denied")
        site.put("\n")
        fails("is no password")
        site.put("x" * 1025)
        fails("at most 1024 bytes")
        site.configure(auth=AUTH % "../password")
        fails("no name of a credential", "LoadCredential=")
        site.configure(auth=AUTH % "mail" + "password_file = %s\n" % site.password)
        fails("needs only one of password_file and password_credential")
        counters = site.dx.counters()
        assert not any(name.startswith(("auth.basic", "operation.")) for name in counters), counters


tap.main()
