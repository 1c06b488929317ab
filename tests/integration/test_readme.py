#!/usr/bin/python3
"""What the README tells a newcomer to type, typed as it stands there."""
import os
import re
import subprocess

import prosodygen
import tap
from archivesite import ArchiveSite

START = 1795433520
DOMAIN = "im.corp.example"


def commands(step):
    """The lines of code of a numbered step."""
    with open(os.path.join(os.environ["srcdir"], "README.md"), encoding="utf-8") as f:
        text = re.search(r"^\d\. \*\*%s\.\*\*(.*?)^(\d\. |`imex status`|## )" % step, f.read(), re.M | re.S).group(1)
    return [line.strip() for line in text.splitlines() if line.startswith("       ")]


@tap.test("three commands lead from a Prosody database to an HTML page to read")
def _():
    typed = commands("Conversations")
    assert [line.split()[1] for line in typed] == ["policy", "archive", "export"], typed
    with ArchiveSite(users=("alice", "bob"), domain=DOMAIN) as site:
        people = prosodygen.Database(site.prosody)
        people.set("alice@" + DOMAIN, "bob@" + DOMAIN, name="Bob")
        people.set("bob@" + DOMAIN, "alice@" + DOMAIN, name="Alice")
        site.say("alice@" + DOMAIN, "bob@" + DOMAIN, "Is the report ready?", at=START)
        site.say("bob@" + DOMAIN, "alice@" + DOMAIN, "Yes \U0001f642", at=START + 60)
        fresh = site.path("fresh")
        os.mkdir(fresh)
        environment = dict(os.environ, IMEX_CONFIG=site.config,
                           PATH=os.environ["builddir"] + ":" + os.environ["PATH"])
        done = subprocess.run(["/bin/sh", "-ec", "\n".join(typed)], cwd=fresh, env=environment, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, (typed, done)
        assert "export/index.html" in done.stdout, done.stdout
        with open(os.path.join(fresh, "export", "index.html"), encoding="utf-8") as f:
            index = f.read()
        link, = re.findall(r'<li><a href="([^"]+)"><bdi>Conversation between alice and bob</bdi>', index)
        with open(os.path.join(fresh, "export", link), encoding="utf-8") as f:
            page = f.read()
        assert "Is the report ready?" in page and "Yes \U0001f642" in page, page
        assert [item.subject for item in site.items("alice")] == ["Conversation between alice and bob"]
        assert site.items("bob") == [], "nobody named bob"


tap.main()
