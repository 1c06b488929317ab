#!/usr/bin/python3
"""A mailbox that is on another mail server from now on, with contacts in it already: nothing is doubled, nothing is deleted."""
import os

import devexchange
import tap
from syncsite import IM, MAIL, PASSWORD, SyncSite

ALICE = "alice@" + IM
SECOND = """[server second]
url = %(ews)s
%(auth)s
ca_file = %(ca)s
allow_loopback = yes
dialect = %(dialect)s
max_connections = 8
max_requests_per_s = 10000
timeout = 20s
"""


def moved_by(site, other, dialect, tokens):
    """From now on the domain's mailboxes are on the second server."""
    with open(site.config) as file:
        text = file.read()
    auth = "auth = token\npartner = second" if tokens else (
        "auth = basic\nuser = service@%s\npassword_file = %s" % (MAIL, site.password))
    text = text.replace("server = exchange\n", "server = second\n")
    text += SECOND % {"ews": other.ews, "ca": site.values["ca"], "dialect": dialect, "auth": auth}
    with open(site.config, "w") as file:
        file.write(text)
    site.dx = other


def put(site, contacts):
    for address, (name, groups) in contacts.items():
        site.mail_add("alice", address, name, sorted(groups))


def run(dialect, tokens):
    with SyncSite(["alice"], dialect, tokens=tokens) as site:
        for name in ("Carol", "Dave"):
            site.rosters.set(ALICE, name.lower() + "@" + IM, name=name, groups=["Friends"])
        site.allow()
        site.migrate("--all")
        first, before = site.dx, site.mailbox("alice")
        folder = os.path.join(site.folder, "second")
        os.mkdir(folder)
        other = devexchange.Devexchange(
            "--user", "service@%s:%s" % (MAIL, PASSWORD), "--impersonator", "service@" + MAIL, "--mailbox", "alice@" + MAIL,
            folder=folder)
        try:
            site.values["ca"] = other.ca
            moved_by(site, other, dialect, tokens)
            site.give()
            if tokens:
                site.check(site.imex("partner", "remove", "exchange"))
                document = os.path.join(site.folder, "metadata.json")
                other.control("POST", "partners", {"metadata": document})
                with open(site.config) as file:
                    text = file.read()
                with open(site.config, "w") as file:
                    file.write(text.replace("[partner]\nca_file = %s" % first.ca, "[partner]\nca_file = %s" % other.ca))
                site.check(site.imex("partner", "add", "second", "--metadata", other.ready["metadata"]))
            # What the mailbox brought along, and somebody whom its user added meanwhile.
            put(site, before)
            put(site, {"zoe@" + MAIL: ("Zoë", {"New"})})
            roster = site.roster("alice")
            done = site.run("imexd", "--once")
            assert done.returncode == 3 and "remap" in done.stderr, done
            assert site.roster("alice") == roster and len(site.mailbox("alice")) == 3
            site.check(site.imex("user", "remap", ALICE, "--confirm"))
            done = site.imex("migrate", "--quiet", "--all")
            if dialect == "ucs":
                # Whose list that is, the server does not tell: a person has to say it.
                assert done.returncode == 1 and "--adopt" in done.stderr, done
                assert site.roster("alice") == roster and len(site.mailbox("alice")) == 3
                done = site.imex("migrate", "--quiet", "--user", ALICE, "--adopt")
            assert done.returncode == 0, done
            wanted = dict(roster, **{"zoe@" + IM: ("Zoë", {"New"})})
            for _ in range(3):
                assert site.roster("alice") == wanted, site.roster("alice")
                site.assert_same("alice")
                assert len(site.mailbox("alice")) == 3
                site.once()
            site.rosters.remove(ALICE, "dave@" + IM)
            site.mail_rename("alice", "carol@" + MAIL, "Caroline")
            site.once()
            site.settle()
            site.assert_same("alice")
            assert site.roster("alice")["carol@" + IM][0] == "Caroline" and len(site.mailbox("alice")) == 2
            # The old server was left alone.
            site.dx = first
            assert site.mailbox("alice") == before
        finally:
            site.dx = first
            other.close()


for dialect in ("folder", "ucs"):
    for tokens in (False, True):
        tap.test("%s: %s" % (dialect, "one partner removed, another one added" if tokens else "the mailbox moved with its contacts"))(
            lambda d=dialect, t=tokens: run(d, t))

tap.main()
