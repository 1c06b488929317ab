#!/usr/bin/python3
"""Setting up and watching an installation: init, policy, pause, status, store; on both stores."""
import json
import os
import shutil
import stat

import pgcluster
import tap
from installation import Site, check_failure

cluster = None
numbers = iter(range(1, 1000))


def both_stores(name):
    """A test that runs once on SQLite and once on PostgreSQL, on a new installation each."""
    def add(function):
        for kind in ("sqlite", "postgresql"):
            def body(kind=kind):
                url = cluster.create_database("admin%d" % next(numbers)) if kind == "postgresql" else None
                site = Site(url)
                try:
                    done = site.init("--domain", "im.corp.example", "--sip-domain", "corp.example",
                                     "--source", "prosody+sqlite:///nowhere.sqlite",
                                     "--server", "https://mail.corp.example/EWS/Exchange.asmx")
                    assert done.returncode == 0, done
                    function(site)
                finally:
                    site.close()
            tap.test("%s (%s)" % (name, kind))(body)
        return function
    return add


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@both_stores("init makes configuration, key and store, and never overwrites")
def _(site):
    assert mode(site.config) == 0o640 and mode(site.state) == 0o700, site.config
    text = open(site.config).read()
    assert "[domain im.corp.example]" in text and "app_id = " in text, text
    keys = {name: open(os.path.join(site.state, "keys", name), "rb").read()
            for name in os.listdir(os.path.join(site.state, "keys"))}
    assert any(b"PRIVATE KEY" in content for content in keys.values()), keys.keys()
    again = site.init("--domain", "im.corp.example")
    check_failure(again, 2, ("already",))
    assert open(site.config).read() == text
    # Without the file, init makes a new one and keeps the key and what is in the store.
    site.ok("policy", "set", "archive", "im", "--global")
    os.unlink(site.config)
    assert site.init("--domain", "im.corp.example").returncode == 0
    for name, content in keys.items():
        assert open(os.path.join(site.state, "keys", name), "rb").read() == content, name
    assert "archive" in site.ok("policy", "show")


@tap.test("init --dry-run prints the file and makes nothing")
def _():
    site = Site()
    done = site.init("--domain", "im.corp.example", "--dry-run")
    assert done.returncode == 0 and "[domain im.corp.example]" in done.stdout, done
    assert os.listdir(site.folder) == [], os.listdir(site.folder)
    site.close()


@tap.test("init refuses bad values and leaves nothing behind")
def _():
    site = Site()
    for words, names in (
            (("--domain", "a@b"), ("a@b",)),
            (("--domain", "x]\n[imex"), ("domain",)),
            (("--domain", "x.example", "--server", "nowhere"), ("url = nowhere", "URL")),
            (("--domain", "x.example", "--map", "guess"), ("same|file|rule",)),
            (("--domain", "x.example", "--realm", "a\nmode = observe"), ("realm",)),
            (("--app-id", "4711"), ("4711", "GUID"))):
        check_failure(site.init(*words), 2, names, words)
        assert os.listdir(site.folder) == [], (words, os.listdir(site.folder))
    site.close()


@tap.test("init: a state folder that others can enter, a file in its place, a broken store")
def _():
    site = Site()
    os.mkdir(site.state)
    os.chmod(site.state, 0o755)
    check_failure(site.init("--domain", "x.example"), 2, (site.state, "chmod 700"))
    os.chmod(site.state, 0o700)
    with open(os.path.join(site.state, "imex.db"), "wb") as broken:
        broken.write(b"Z" * 8192)
    check_failure(site.init("--domain", "x.example"), 2, ("imex.db",))
    assert open(os.path.join(site.state, "imex.db"), "rb").read() == b"Z" * 8192
    assert not os.path.exists(site.config)
    shutil.rmtree(site.state)
    open(site.state, "w").close()
    check_failure(site.init("--domain", "x.example"), 2, ("not a folder",))
    site.close()


@tap.test("init in a folder that cannot be written says so")
def _():
    site = Site()
    os.chmod(site.folder, 0o555)
    done = site.init("--domain", "x.example", user="nobody" if os.getuid() == 0 else None)
    check_failure(done, 2, (site.folder, "Permission denied"))
    os.chmod(site.folder, 0o700)
    site.close()


@tap.test("init by root makes the state for the user that imexd runs as")
def _():
    if os.getuid() != 0:
        tap.skip("needs root")
    import pwd
    nobody = pwd.getpwnam("nobody")
    site = Site()
    os.chmod(site.folder, 0o755)
    done = site.run("init", "--state-dir", site.state, "--domain", "x.example", "--run-as", "nobody")
    assert done.returncode == 0, done
    for folder, _, names in os.walk(site.state):
        for path in [folder] + [os.path.join(folder, name) for name in names]:
            assert os.stat(path).st_uid == nobody.pw_uid, path
    assert os.stat(site.config).st_uid == 0 and os.stat(site.config).st_gid == nobody.pw_gid
    check_failure(site.run("--config", site.config + "2", "init", "--state-dir", site.state + "2", "--run-as",
                           "no-such-user"), 2, ("no-such-user", "useradd"))
    site.close()


def explained(site, user):
    return {row["policy"]: row for row in json.loads(site.ok("policy", "explain", user, "--json"))}


@both_stores("policy: the narrower scope wins, and explain says which decided")
def _(site):
    rows = explained(site, "sip:Bob@IM.corp.example")
    assert rows["contacts"]["value"] == "not-allowed" and rows["contacts"]["decided_by"] == "default", rows
    site.ok("policy", "set", "contacts", "allowed", "--global")
    site.ok("policy", "set", "contacts", "not-allowed", "--domain", "im.corp.example")
    site.ok("policy", "set", "contacts", "allowed", "--user", "bob@im.corp.example", "--user", "al@im.corp.example")
    bob = explained(site, "bob@im.corp.example")["contacts"]
    assert (bob["value"], bob["decided_by"], bob["domain"]) == ("allowed", "user", "not-allowed"), bob
    eve = explained(site, "eve@im.corp.example")["contacts"]
    assert (eve["value"], eve["decided_by"]) == ("not-allowed", "domain"), eve
    site.ok("policy", "unset", "contacts", "--user", "bob@im.corp.example")
    assert explained(site, "bob@im.corp.example")["contacts"]["decided_by"] == "domain"
    site.ok("policy", "set", "archive", "im", "--global", "--dry-run")
    shown = json.loads(site.ok("policy", "show", "--json"))
    assert [row["policy"] for row in shown] == ["contacts"] * 3, shown


@both_stores("policy: bad names, values and users are refused whole")
def _(site):
    site.fails(2, "policy", "set", "contact", "allowed", "--global", names=("contact", "contacts.direction"))
    site.fails(2, "policy", "set", "archive", "all", "--global", names=("none|im|im+events",))
    site.fails(2, "policy", "set", "archive", "im", names=("--user",))
    site.fails(2, "policy", "set", "archive", names=("value",))
    # The first user is good, the second is not: nothing is set.
    site.fails(2, "policy", "set", "archive", "im", "--user", "bob@im.corp.example", "--user", "bob", names=("bob",))
    site.fails(2, "policy", "set", "archive", "im", "--domain", "bob@im", names=("bob@im",))
    site.fails(2, "policy", "explain", "bob", names=("bob",))
    assert json.loads(site.ok("policy", "show", "--json")) == []


def status(site, code):
    done = site.run("status", "--json")
    assert done.returncode == code, done
    whole = json.loads(done.stdout)
    assert whole["status"] == ("ok", "warning", "critical")[code], whole
    return whole["checks"]


@both_stores("pause and resume, seen by status and kept in the store")
def _(site):
    checks = status(site, 0)
    assert {"contacts", "archive", "certificate"} <= {c["check"] for c in checks}, checks
    site.ok("pause", "bob@im.corp.example", "--contacts")
    site.ok("pause", "--server", "exchange", "--archive")
    paused = [c["text"] for c in status(site, 1) if c["check"] == "pause"]
    assert len(paused) == 2 and "bob@im.corp.example" in paused[0] and "exchange" in paused[1], paused
    site.fails(2, "resume", "bob@im.corp.example", "--archive", names=("bob@im.corp.example", "imex status"))
    site.ok("resume", "bob@im.corp.example")
    site.ok("resume", "--server", "exchange", "--dry-run")
    site.ok("resume", "--server", "exchange")
    status(site, 0)
    site.ok("pause")
    assert len([c for c in status(site, 1) if c["check"] == "pause"]) == 2
    site.ok("resume")
    site.fails(2, "pause", "--server", "elsewhere", names=("elsewhere",))
    site.fails(2, "pause", "bob", names=("bob",))
    site.fails(2, "pause", "bob@im.corp.example", "--server", "exchange")


@tap.test("status: no key, no store, a broken store: exit 2 and what to do")
def _():
    site = Site()
    assert site.init("--domain", "x.example").returncode == 0
    shutil.rmtree(os.path.join(site.state, "keys"))
    broken = [c for c in status(site, 2) if c["level"] == "critical"]
    assert len(broken) == 1 and broken[0]["check"] == "certificate", broken
    database = os.path.join(site.state, "imex.db")
    for name in os.listdir(site.state):
        os.unlink(os.path.join(site.state, name)) if name.startswith("imex.db") else None
    site.fails(2, "status", names=(database, "imex init"))
    assert not os.path.exists(database)
    with open(database, "wb") as noise:
        noise.write(b"Z" * 8192)
    site.fails(2, "status", names=(database,))
    site.close()


@both_stores("store upgrade: current, and a schema from the future")
def _(site):
    assert "current" in site.ok("store", "upgrade", "--dry-run")
    assert "current" in site.ok("store", "upgrade")
    site.sql("INSERT INTO schema_version VALUES (9999, '9999_future', 1)")
    site.fails(2, "store", "upgrade", names=("9999", "later"))
    site.fails(2, "status", names=("9999",))
    site.fails(2, "policy", "set", "archive", "im", "--global", names=("9999",))


with pgcluster.Cluster() as cluster:
    tap.main()
