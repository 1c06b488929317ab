#!/usr/bin/python3
"""Who is whom, from the command line: the users of a real source, the map, what was pinned."""
import json
import os
import sqlite3

import tap
from usersite import make_site, users


def pin(site, number, owner, smtp):
    """What the first write to a mailbox leaves behind."""
    site.sql("INSERT INTO lease (mailbox_id, owner, server, smtp, due_utc_us) VALUES (%d, '%s', 'exchange', '%s', 0)"
             % (number, owner, smtp))
    site.sql("INSERT INTO mailbox (mailbox_id, owner, smtp, sip, server, pinned_utc_us) VALUES "
             "(%d, '%s', '%s', '%s', 'exchange', 1)" % (number, owner, smtp, owner.replace("@im.", "@")))


@tap.test("list shows the source's users, their mailboxes and policies")
def _():
    site = make_site(["bob@im.corp.example", "eve@other.example"], "--rule", "{local}@{sip_domain}")
    site.ok("policy", "set", "contacts", "allowed", "--user", "bob@im.corp.example")
    shown = users(site)
    assert sorted(shown) == ["bob@im.corp.example", "eve@other.example"], shown
    bob = shown["bob@im.corp.example"]
    assert (bob["mailbox"], bob["server"], bob["state"]) == ("bob@corp.example", "exchange", "mapped"), bob
    assert (bob["contacts"], bob["archive"]) == ("allowed", "none"), bob
    assert shown["eve@other.example"]["state"] == "unmapped", shown
    site.close()


@tap.test("check lists unmapped and doubly mapped users and says so by its exit code")
def _():
    site = make_site(["bob@im.corp.example", "al@im.corp.example"])
    assert "2 users" in site.ok("user", "check")
    assert json.loads(site.ok("user", "check", "--json")) == []
    with open(site.config, "a") as config:
        config.write("[domain b.example]\nserver = exchange\n")
    text = open(site.config).read().replace("map = same", "map = rule\nrule = {local}@corp.example")
    open(site.config, "w").write(text)
    prosody = sqlite3.connect(os.path.join(site.folder, "prosody.sqlite"))
    prosody.executemany("INSERT INTO prosody VALUES (?, ?, 'accounts', 'created', 'number', '1')",
                        [("b.example", "bob"), ("c.example", "zoe")])
    prosody.commit()
    prosody.close()
    done = site.run("user", "check", "--json")
    assert done.returncode == 1 and done.stderr == "", done
    found = [(row["problem"], row["about"]) for row in json.loads(done.stdout)]
    assert len(found) == 2 and found[0] == ("unmapped", "zoe@c.example"), found
    assert found[1][0] == "duplicate" and "bob@b.example" in found[1][1] and "bob@im.corp.example" in found[1][1]
    site.close()


@tap.test("a malformed map file is named with its line")
def _():
    site = make_site(["bob@im.corp.example"])
    path = os.path.join(site.folder, "map")
    with open(site.config, "a") as config:
        config.write("[users]\nfile = map\n")
    for text, names in (("# ok\nbob@im.corp.example bob@corp.example extra\n", (path, "line 2", "extra")),
                        ("bob@im.corp.example x@corp.example\n\nbob@im.corp.example y@corp.example\n",
                         (path, "line 3", "line 1")),
                        ("\0\0", (path, "text file"))):
        open(path, "w").write(text)
        for words in (("list",), ("check",), ("show", "bob@im.corp.example")):
            site.fails(2, "user", *words, names=names)
    os.unlink(path)
    site.fails(2, "user", "list", names=(path, "No such file"))
    site.close()


@tap.test("an unreadable source is an error, not an empty list")
def _():
    site = make_site(["bob@im.corp.example"])
    path = os.path.join(site.folder, "prosody.sqlite")
    open(path, "wb").write(b"Z" * 4096)
    for words in ("list", "check"):
        done = site.run("user", words)
        assert done.returncode in (1, 2) and done.stdout == "" and "prosody.sqlite" in done.stderr, done
    os.unlink(path)
    done = site.run("user", "list")
    assert done.returncode == 2 and "prosody.sqlite" in done.stderr and not os.path.exists(path), done
    site.close()


@tap.test("a changed mapping is found, and goes on only after remap --confirm")
def _():
    site = make_site(["bob@im.corp.example"], "--rule", "{local}@{sip_domain}")
    pin(site, 7, "bob@im.corp.example", "bob@corp.example")
    assert users(site)["bob@im.corp.example"]["state"] == "pinned"
    site.ok("user", "check")
    text = open(site.config).read().replace("rule = {local}@", "rule = x{local}@")
    open(site.config, "w").write(text)
    assert users(site)["bob@im.corp.example"]["state"] == "remapped"
    done = site.run("user", "check")
    assert done.returncode == 1 and "xbob@corp.example" in done.stdout, done
    site.fails(2, "user", "remap", "bob@im.corp.example", names=("--confirm",))
    site.ok("user", "remap", "bob@im.corp.example", "--dry-run")
    assert users(site)["bob@im.corp.example"]["state"] == "remapped"
    assert "xbob@corp.example" in site.ok("user", "remap", "bob@im.corp.example", "--confirm")
    assert users(site)["bob@im.corp.example"]["state"] == "pinned"
    rows = json.loads(site.ok("user", "show", "bob@im.corp.example", "--json"))
    assert [(row["what"], row["mailbox"], row["confirmed"]) for row in rows] == [
        ("map", "xbob@corp.example", None), ("pinned", "xbob@corp.example", "no")], rows
    site.fails(1, "user", "remap", "al@im.corp.example", "--confirm", names=("al@im.corp.example",))
    site.fails(1, "user", "show", "zoe@c.example", names=("zoe@c.example", "[domain NAME]"))
    site.fails(2, "user", "show", "bob", names=("bob",))
    site.close()


tap.main()
