"""An installation that archives from a Prosody database into the stand-in Exchange.

    with ArchiveSite() as site:
        site.ok("policy", "set", "archive", "im", "--domain", "im.example")
        site.ok("archive", "backfill", "--since", "2026-01-01")
        site.ok("archive", "deliver")
        for item in site.items("alice"): ...      what an independent client reads in the mailbox
"""
import os
import shutil
import sqlite3
import subprocess
import tempfile

import prosodygen
from devexchange import Devexchange
from installation import IMEX, Site

USERS = ("alice", "bob", "carol")
DUMP = os.path.join(os.environ["srcdir"], "tests", "data", "prosody.sql")


class ArchiveSite(Site):
    def __init__(self, store=None, settle="1s", extra="", server=(), dump=DUMP, users=USERS,
                 domain="im.example"):
        super().__init__(store=store, folder=tempfile.mkdtemp(prefix="imexarch"))
        arguments = ["--user", "svc@corp.example:secret", "--impersonator", "svc@corp.example"]
        for user in users:
            arguments += ["--user", "%s@corp.example:pw-%s" % (user, user)]
        self.exchange = Devexchange(*arguments, *server)
        self.prosody = os.path.join(self.folder, "prosody.sqlite")
        self.make_source(dump)
        password = self.write("password", "secret\n")
        done = self.init("--domain", domain, "--sip-domain", "corp.example", "--source",
                         "prosody+sqlite://" + self.prosody, "--server", self.exchange.ews, "--auth", "basic",
                         "--user", "svc@corp.example", "--password-file", password, "--ca-file", self.exchange.ca,
                         "--allow-loopback", "--map", "rule", "--rule", "{local}@corp.example")
        assert done.returncode == 0, done
        with open(self.config, "a") as config:
            config.write("\n[server exchange]\nmax_requests_per_s = 10000\n\n[uncertain]\nsettle = %s\n%s" % (settle, extra))

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o600)
        return path

    def make_source(self, dump):
        database = sqlite3.connect(self.prosody)
        with open(dump) as f:
            database.executescript(f.read())
        database.close()

    def damage_message(self, text):
        """Cuts one stored message of the source in its middle."""
        database = sqlite3.connect(self.prosody)
        with database:
            done = database.execute(
                "UPDATE prosodyarchive SET value = substr(value, 1, 60) WHERE sort_id ="
                " (SELECT min(sort_id) FROM prosodyarchive WHERE store = 'archive' AND value LIKE ?)",
                ("%" + text + "%",))
            assert done.rowcount == 1
        database.close()

    def say(self, sender, to, text, at=None):
        """One more message in the IM server."""
        prosodygen.Database(self.prosody).say(sender, to, text, at=at)

    def keep_store(self):
        """A backup of imex's own state, to be restored by restore_store()."""
        self.kept = self.path("kept.db")
        source, copy = sqlite3.connect(self.state + "/imex.db"), sqlite3.connect(self.kept)
        with source, copy:
            source.backup(copy)
        source.close()
        copy.close()

    def restore_store(self):
        for end in "", "-wal", "-shm":
            if os.path.exists(self.state + "/imex.db" + end):
                os.unlink(self.state + "/imex.db" + end)
        shutil.copyfile(self.kept, self.state + "/imex.db")
        os.chmod(self.state + "/imex.db", 0o600)

    def referee_account(self, user):
        return Referee(self.exchange).account("%s@corp.example" % user, "pw-" + user)

    def plain_item(self, user, subject):
        """An item that imex did not make, in the folder of conversations; its id."""
        from exchangelib import Message
        account = self.referee_account(user)
        item = Message(account=account, folder=account.conversation_history, subject=subject, body="mine")
        item.save()
        return item.id

    def path(self, name):
        return os.path.join(self.folder, name)

    def capture(self):
        """History of the sample, so that there is something to deliver."""
        self.ok("policy", "set", "archive", "im", "--domain", "im.example")
        self.ok("archive", "backfill", "--since", "2026-01-01")

    def start(self, *words):
        """A command that the test kills."""
        environment = dict(os.environ, IMEX_CONFIG=self.config)
        return subprocess.Popen([IMEX, *words], env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def items(self, user, folder="history"):
        """The mailbox's conversations as exchangelib reads them."""
        return Referee(self.exchange).items("%s@corp.example" % user, "pw-" + user, folder)

    def close(self):
        self.exchange.__exit__(None)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        else:
            self.exchange.stop()
            shutil.rmtree(self.folder, ignore_errors=True)


class Referee:
    """exchangelib: a client that was not written with imex."""

    def __init__(self, exchange):
        os.environ["REQUESTS_CA_BUNDLE"] = exchange.ca
        self.exchange = exchange

    def account(self, address, password):
        from exchangelib import BASIC, DELEGATE, Account, Build, Configuration, Credentials, Version
        from exchangelib.protocol import CachingProtocol
        # Each stand-in has a CA and a port of its own; a kept session would be another one's.
        CachingProtocol.clear_cache()
        config = Configuration(service_endpoint=self.exchange.ews, credentials=Credentials(address, password),
                               auth_type=BASIC, version=Version(Build(15, 1, 2507)))
        return Account(primary_smtp_address=address, config=config, autodiscover=False, access_type=DELEGATE)

    def items(self, address, password, folder):
        account = self.account(address, password)
        where = account.conversation_history if folder == "history" else account.recoverable_items_purges
        found = list(where.all().order_by("datetime_sent"))
        account.protocol.close()
        return found
