#!/usr/bin/python3
"""imexd and a changed configuration: a bad one is refused, the old one stays, and status says so."""
import json
import os
import signal
import sqlite3
import subprocess
import time

import tap
from installation import Site

IMEXD = os.path.join(os.environ["builddir"], "imexd")
PATIENCE_S = 60
PROSODY = """
CREATE TABLE prosody (host TEXT NOT NULL, user TEXT NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL,
    type TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE prosodyarchive (sort_id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, user TEXT NOT NULL,
    store TEXT NOT NULL, key TEXT NOT NULL, "when" INTEGER NOT NULL, "with" TEXT NOT NULL, type TEXT NOT NULL,
    value TEXT NOT NULL);
"""


def make_site():
    site = Site()
    os.chmod(site.folder, 0o755)
    prosody = os.path.join(site.folder, "prosody.sqlite")
    database = sqlite3.connect(prosody)
    database.executescript(PROSODY)
    database.close()
    words = ["init", "--state-dir", site.state, "--domain", "im.corp.example", "--source", "prosody+sqlite://" + prosody,
             "--server", "https://mail.corp.example/EWS/Exchange.asmx"]
    if os.getuid() == 0:
        # Started by root, imexd becomes this user; the configuration is given to its group.
        words += ["--run-as", "nobody"]
    site.ok(*words)
    return site


def refused(site):
    """What status says about the configuration that was refused, or None."""
    checks = json.loads(site.run("status", "--json").stdout)["checks"]
    return next((check["text"] for check in checks if check["check"] == "imexd"), None)


def wait(condition, daemon):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert daemon.poll() is None, "imexd ended with %d" % daemon.returncode
        assert time.monotonic() < end, "nothing happened within %d s" % PATIENCE_S
        time.sleep(0.1)


@tap.test("SIGHUP: a bad configuration and a bad map file are refused, a good one is taken, SIGTERM ends it well")
def _():
    site = make_site()
    good = open(site.config).read()
    log = os.path.join(site.folder, "log")
    with open(log, "w") as errors:
        daemon = subprocess.Popen([IMEXD, "--config", site.config], stdin=subprocess.DEVNULL, stdout=errors,
                                  stderr=errors)
    try:
        wait(lambda: "imexd.ready" in open(log).read(), daemon)
        assert refused(site) is None
        open(site.config, "w").write(good + "[sync]\nintervall = 5m\n")
        daemon.send_signal(signal.SIGHUP)
        # The command reads the same bad file and refuses it, so the log is asked here.
        wait(lambda: "did you mean interval" in open(log).read(), daemon)
        open(site.config, "w").write(good)
        assert "intervall" in refused(site), refused(site)
        # The file is good, but the map file that it names is not.
        with open(os.path.join(site.folder, "map"), "w") as users:
            users.write("bob@im.corp.example\n")
        open(site.config, "w").write(good + "[users]\nfile = map\n")
        daemon.send_signal(signal.SIGHUP)
        wait(lambda: "line 1" in (refused(site) or ""), daemon)
        open(site.config, "w").write(good)
        daemon.send_signal(signal.SIGHUP)
        wait(lambda: refused(site) is None, daemon)
        wait(lambda: open(log).read().count("imexd.ready") == 2, daemon)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(PATIENCE_S) == 0, open(log).read()
    finally:
        if daemon.poll() is None:
            daemon.kill()
            daemon.wait()
        site.close()


tap.main()
