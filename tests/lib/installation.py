"""An installation of imex in a folder of its own, for the tests that run its commands.

    site = Site()                         on SQLite; Site(store=URL) on PostgreSQL
    site.init("--domain", "im.corp.example")
    site.ok("policy", "show")             must work; gives what was printed
    site.fails(2, "user", "show", "bob", names=("bob",))
    site.close()
"""
import os
import shutil
import sqlite3
import subprocess
import tempfile

IMEX = os.path.join(os.environ["builddir"], "imex")


class Site:
    """One installation in a folder of its own."""

    def __init__(self, store=None, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="imexadmin")
        self.config = os.path.join(self.folder, "imex.conf")
        self.state = os.path.join(self.folder, "state")
        self.store = store

    timeout = 60

    def run(self, *words, user=None):
        environment = dict(os.environ, IMEX_CONFIG=self.config)
        return subprocess.run([IMEX, *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=self.timeout, user=user)

    def init(self, *words, user=None):
        if self.store:
            words += ("--store", self.store)
        if os.getuid() == 0 and user is None:
            words += ("--run-as", "root")
        return self.run("init", "--state-dir", self.state, *words, user=user)

    def ok(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, (words, done)
        return done.stdout

    def fails(self, code, *words, names=()):
        done = self.run(*words)
        return check_failure(done, code, names, words)

    def sql(self, statement):
        """What an operator could do to the store behind our back."""
        if self.store is None:
            database = sqlite3.connect(os.path.join(self.state, "imex.db"))
            with database:
                database.execute(statement)
            database.close()
        else:
            subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", self.store, "-c", statement], check=True,
                           stdin=subprocess.DEVNULL)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def check_failure(done, code, names, words=()):
    """One line on standard error that holds all names, and that exit code."""
    assert done.returncode == code, (words, done)
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("imex"), done
    for name in names:
        assert name in done.stderr, (name, done.stderr)
    return done
