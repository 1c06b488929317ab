#!/usr/bin/python3
"""devexchange --demo: the lines of its banner are taken out of it and run as a newcomer would paste them."""
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests", "lib"))

import tap
from devexchange import program


class Demo:
    """The program with --demo, and what its banner says."""

    def __enter__(self):
        self.temporary = tempfile.mkdtemp(prefix="devx-demo-")
        self.process = subprocess.Popen([program(), "--demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, env={**os.environ, "TMPDIR": self.temporary})
        self.banner = ""
        for line in self.process.stdout:
            self.banner += line
            if line.startswith("Ctrl-C"):
                break
        return self

    def __exit__(self, *exc):
        self.process.send_signal(signal.SIGINT)
        self.rest = self.process.communicate(timeout=60)[0]
        self.left = os.listdir(self.temporary)
        if not self.left:
            os.rmdir(self.temporary)

    def shell(self):
        return re.search(r"^  (\S.*/usr/bin/python3)$", self.banner, re.M).group(1)

    def lines(self):
        found = self.banner[self.banner.index("from exchangelib"):self.banner.index("\n\nCtrl-C")].split("\n")
        assert len(found) == 3, found
        return found

    def paste(self, *more):
        return subprocess.run(["sh", "-c", self.shell() + " -W error::ResourceWarning"], text=True, timeout=120,
                              input="\n".join([*self.lines(), *more]) + "\n", stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)


@tap.test("the three lines of the banner show the contacts")
def _():
    with Demo() as demo:
        run = demo.paste()
    assert run.returncode == 0 and not run.stderr, (run.stdout, run.stderr)
    names = run.stdout.splitlines()
    assert len(names) == 21 and "Team 1" in names and len(set(names)) > 10, names
    assert demo.process.returncode == 0 and not demo.rest.strip(), (demo.process.returncode, demo.rest)
    assert demo.left == [], demo.left


@tap.test("exchangelib finds out the version and the authentication by itself, and can write")
def _():
    with Demo() as demo:
        assert not any(word in line for line in demo.lines() for word in ("version", "auth_type"))
        run = demo.paste(
            "from exchangelib.items import Contact",
            "a = Account('user0001@demo.example', config=c, access_type='delegate')",
            "assert str(a.version.build).startswith('15.2.') and a.protocol.auth_type == 'basic'",
            "Contact(account=a, folder=a.contacts, display_name='Newcomer').save()",
            "print(a.contacts.filter(display_name='Newcomer').count(), a.inbox.total_count)")
    assert run.returncode == 0 and run.stdout.splitlines()[-1] == "1 5", (run.stdout, run.stderr)


tap.main()
