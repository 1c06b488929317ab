#!/usr/bin/python3
"""The life of contact lists: policies take effect, states say why, people come and go."""
import json
import os
import time

import tap
from syncsite import IM, MAIL, SyncSite

ALICE = "alice@" + IM
PATIENCE_S = 60


def fill(site, user="alice", names=("carol", "dave")):
    for name in names:
        site.rosters.set("%s@%s" % (user, IM), "%s@%s" % (name, IM), name=name.title(), groups=["Friends"])


def policy(site, name, value, *scope):
    site.check(site.imex("policy", "set", name, value, *(scope or ("--global",))))


def rows(site, *words, codes=(0, 3)):
    done = site.imex("contacts", "status", "--json", *words)
    assert done.returncode in codes, done
    return {row["user"].split("@")[0]: row for row in json.loads(done.stdout)}


def row(site, user="alice"):
    return rows(site, "%s@%s" % (user, IM))[user]


def state(site, user="alice"):
    found = row(site, user)
    return found["state"], found["reason"]


def assert_tried_again(site, user="alice"):
    """Needs attention, and says when it is looked at again."""
    found = row(site, user)
    assert found["state"] == "needs attention" and found["reason"] and found["until"], found
    assert found["until"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()), found
    shown = site.imex("status").stdout
    assert "waits for a person, next try " + found["until"].rstrip("Z") in shown, shown


def explained(site, user="alice"):
    lines = json.loads(site.check(site.imex("contacts", "explain", "%s@%s" % (user, IM), "--json")))
    return {line["what"]: (line["value"], line["decided_by"]) for line in lines}


@tap.test("nothing is done until a policy allows it; the delay is waited for, and holds for the first move only")
def _():
    with SyncSite(["alice", "bob"]) as site:
        fill(site)
        fill(site, "bob")
        assert state(site) == ("not allowed", "schedule.not_allowed")
        site.once()
        assert site.mailbox("alice") == {}
        policy(site, "contacts.delay", "2")
        policy(site, "contacts", "allowed", "--domain", IM)
        policy(site, "contacts.delay", "0", "--user", "bob@" + IM)
        site.once()
        assert site.mailbox("alice") == {} and len(site.mailbox("bob")) == 2
        assert site.sql("SELECT owner FROM mailbox") == [("bob@" + IM,)]
        waiting = rows(site, "--all")["alice"]
        assert waiting["state"] == "waiting" and waiting["until"] > time.strftime("%Y-%m-%dT"), waiting
        why = explained(site)
        assert why["verdict"] == ("waiting", "policy contacts.delay after contacts, domain " + IM), why
        assert why["contacts.delay"][0] == "2" and why["contacts.delay"][1].startswith("policy, global since 20"), why
        done = site.imex("migrate", "--user", ALICE)
        assert done.returncode == 1 and "contacts.waiting" in done.stdout and "contacts.delay 0" in done.stderr, done
        # Two days pass.
        site.sql("UPDATE policy SET changed_utc_us = changed_utc_us - 172800000000 WHERE name = 'contacts'")
        site.once()
        site.assert_same("alice")
        assert state(site) == ("in the mailbox", None)
        policy(site, "contacts.delay", "180")
        fill(site, names=["eve"])
        site.once()
        assert len(site.mailbox("alice")) == 3
        done = site.imex("policy", "set", "contacts.delay", "181", "--global")
        assert done.returncode == 2 and "0..180" in done.stderr, done


@tap.test("dialect, direction and conflict rule of the narrowest scope are what passes do")
def _():
    users = ["alice", "bob", "carl", "dora"]
    with SyncSite(users, "auto") as site:
        for user in users:
            fill(site, user)
        site.allow()
        policy(site, "contacts.dialect", "ucs", "--domain", IM)
        policy(site, "contacts.dialect", "folder", "--user", "bob@" + IM)
        site.migrate("--all")
        dialects = {user: r["dialect"] for user, r in rows(site).items()}
        assert dialects == {"alice": "ucs", "bob": "folder", "carl": "ucs", "dora": "ucs"}, dialects
        site.dialect = "ucs"
        policy(site, "contacts.direction", "to-mailbox", "--domain", IM)
        policy(site, "contacts.direction", "to-im", "--user", "carl@" + IM)
        for user in ("alice", "carl"):
            site.rosters.set("%s@%s" % (user, IM), "new@" + IM, name="New")
            site.mail_add(user, "late@" + MAIL, "Late")
        site.once()
        assert "late@" + IM not in site.roster("alice") and "new@" + MAIL in site.mailbox("alice")
        assert "late@" + IM in site.roster("carl") and "new@" + MAIL not in site.mailbox("carl")
        policy(site, "contacts.direction", "both", "--domain", IM)
        policy(site, "contacts.direction", "both", "--user", "carl@" + IM)
        policy(site, "contacts.conflict", "im", "--domain", IM)
        policy(site, "contacts.conflict", "mailbox", "--user", "dora@" + IM)
        site.once()
        for user in ("alice", "dora"):
            site.rosters.set("%s@%s" % (user, IM), "carol@" + IM, name="By IM", groups=["Friends"])
            site.mail_rename(user, "carol@" + MAIL, "By mailbox")
        site.once()
        site.settle()
        assert site.roster("alice")["carol@" + IM][0] == site.mailbox("alice")["carol@" + MAIL][0] == "By IM"
        assert site.roster("dora")["carol@" + IM][0] == site.mailbox("dora")["carol@" + MAIL][0] == "By mailbox"


@tap.test("a configuration that is wrong needs attention, says when it is looked at again, and mends")
def _():
    with SyncSite(["alice"]) as site:
        fill(site)
        site.allow()
        site.migrate("--all")
        with open(site.password, "w") as f:
            f.write("wrong\n")
        assert site.run("imexd", "--once").returncode == 2
        assert_tried_again(site)
        with open(site.password, "w") as f:
            f.write("service\n")
        site.once()
        assert state(site) == ("in the mailbox", None)


@tap.test("newest: of two changes to one field the later one stands, whichever side made it")
def _():
    with SyncSite(["alice"], write="none") as site:
        fill(site)
        site.allow()
        policy(site, "contacts.conflict", "newest")
        site.migrate("--all")
        # Seen in the mailbox while the IM side was not to be written, then changed there, too.
        site.mail_rename("alice", "carol@" + MAIL, "Early mailbox")
        site.once()
        site.rosters.set(ALICE, "carol@" + IM, name="Late IM", groups=["Friends"])
        site.configure(write="sql-offline")
        site.once()
        # Seen on the IM side while the mailbox took nothing, then changed there, too.
        site.settle()
        site.dx.fault(kind="message", code="ErrorQuotaExceeded", operation="UpdateItem", count=-1)
        site.rosters.set(ALICE, "dave@" + IM, name="Early IM", groups=["Friends"])
        assert site.run("imexd", "--once").returncode == 1
        site.dx.clear_faults()
        site.mail_rename("alice", "dave@" + MAIL, "Late mailbox")
        site.once()
        site.settle()
        site.assert_same("alice")
        assert {n for n, _ in site.roster("alice").values()} == {"Late IM", "Late mailbox"}, site.roster("alice")
        listed = json.loads(site.check(site.imex("contacts", "conflicts", ALICE, "--json")))
        assert {(c["IM side"], c["mailbox"], c["taken"]) for c in listed} == {
            ("Late IM", "Early mailbox", "IM side"), ("Early IM", "Late mailbox", "mailbox")}, listed


@tap.test("a list that was rolled back is pinned whatever policies say; drift is named; unpin lets them decide")
def _():
    with SyncSite(["alice", "bob"]) as site:
        fill(site)
        policy(site, "contacts", "allowed", "--domain", IM)
        site.once()
        policy(site, "contacts", "not-allowed", "--domain", IM)
        found = row(site)
        assert (found["state"], found["drift"]) == ("not allowed", "policy=no, store=mailbox"), found
        assert (found["policy"], found["store"], found["flag"]) == ("not-allowed", "mailbox", "completed"), found
        fill(site, names=["eve"])
        site.once()
        assert len(site.mailbox("alice")) == 2
        policy(site, "contacts", "allowed", "--domain", IM)
        site.once()
        assert len(site.mailbox("alice")) == 3
        site.check(site.imex("contacts", "rollback", ALICE))
        policy(site, "contacts", "allowed", "--user", ALICE)
        fill(site, names=["late"])
        site.once()
        found = row(site)
        assert (found["state"], found["drift"]) == ("rolled back", "policy=yes, store=im (pinned)"), found
        assert (found["store"], found["flag"]) == ("im", "not completed"), found
        done = site.imex("migrate", "--user", ALICE)
        assert done.returncode == 1 and "unpin" in done.stderr and len(site.mailbox("alice")) == 3, done
        site.check(site.imex("contacts", "unpin", ALICE, "--dry-run"))
        assert state(site)[0] == "rolled back"
        assert "waiting" in site.check(site.imex("contacts", "unpin", ALICE))
        site.once()
        site.assert_same("alice")
        assert len(site.mailbox("alice")) == 4 and state(site) == ("in the mailbox", None)
        done = site.imex("contacts", "unpin", ALICE)
        assert done.returncode == 2 and "in the mailbox" in done.stderr, done


@tap.test("a way back that was killed is known as one, no pass works against it, and it can be ended")
def _():
    with SyncSite(["alice"]) as site:
        fill(site)
        site.allow()
        site.migrate("--all")
        with site.dx.striking(kind="delay", operation="SyncFolderItems", delay_ms=8000) as fault:
            process = site.popen("imex", "contacts", "rollback", ALICE)
            end = time.monotonic() + PATIENCE_S
            while site.dx.struck(fault) == 0:
                assert process.poll() is None and time.monotonic() < end, process.communicate()
                time.sleep(0.05)
            process.kill()
            process.communicate()
        assert state(site) == ("rolling back", "contacts.rolling_back")
        fill(site, names=["eve"])
        done = site.run("imexd", "--once")
        assert done.returncode == 0 and len(site.mailbox("alice")) == 2, done
        assert site.imex("migrate", "--user", ALICE).returncode == 1
        site.check(site.imex("contacts", "rollback", ALICE))
        assert state(site)[0] == "rolled back" and "eve@" + IM in site.roster("alice")


@tap.test("a mailbox in which another IM server keeps contacts is taken over as it is, when that is said")
def _():
    with SyncSite(["alice", "bob"], "ucs") as site:
        fill(site, names=["carol", "stale"])
        site.mail_add("alice", "carol@" + MAIL, "Carol of Outlook", ["Team"])
        site.mail_add("alice", "zoe@" + MAIL, "Zoe", ["Team"])
        policy(site, "contacts", "allowed", "--domain", IM)
        before = site.mailbox("alice")
        done = site.run("imexd", "--once")
        assert done.returncode == 3 and "--adopt" in done.stderr, done
        assert site.mailbox("alice") == before and set(site.roster("alice")) == {"carol@" + IM, "stale@" + IM}
        assert state(site) == ("not eligible", "contacts.occupied")
        assert state(site, "bob") == ("in the mailbox", None)
        done = site.imex("migrate", "--user", ALICE)
        assert done.returncode == 1 and site.mailbox("alice") == before, done
        plan = json.loads(site.migrate("--user", ALICE, "--adopt", "--dry-run", "--json"))[0]
        assert (plan["create"], plan["link"], plan["kept"]) == ("0", "1", "1"), plan
        assert state(site) == ("not eligible", "contacts.occupied")
        site.migrate("--user", ALICE, "--adopt")
        assert site.mailbox("alice") == before
        assert site.roster("alice") == {"carol@" + IM: ("Carol of Outlook", {"Friends", "Team"}),
                                        "zoe@" + IM: ("Zoe", {"Team"}), "stale@" + IM: ("Stale", {"Friends"})}
        for _ in range(2):
            site.once()
        assert {a for a in site.mailbox("alice")} == set(before), site.mailbox("alice")
        found = row(site)
        assert (found["state"], found["kept"]) == ("in the mailbox", "1"), found
        assert "adopted" in explained(site)
        # What comes after is kept in step as ever.
        site.rosters.set(ALICE, "new@" + IM, name="New")
        site.mail_add("alice", "late@" + MAIL, "Late")
        site.once()
        site.settle()
        assert set(site.mailbox("alice")) == set(before) | {"new@" + MAIL, "late@" + MAIL}
        assert "late@" + IM in site.roster("alice") and "stale@" + IM in site.roster("alice")


@tap.test("contacts.adopt allowed lets imexd take lists over")
def _():
    with SyncSite(["alice"], "ucs") as site:
        site.mail_add("alice", "zoe@" + MAIL, "Zoe", ["Team"])
        site.allow()
        policy(site, "contacts.adopt", "allowed", "--domain", IM)
        site.once()
        assert site.roster("alice") == {"zoe@" + IM: ("Zoe", {"Team"})}
        assert state(site) == ("in the mailbox", None)


@tap.test("joiner: found and moved by himself; without a mailbox not eligible, until he has one")
def _():
    with SyncSite(["alice"]) as site:
        policy(site, "contacts", "allowed", "--domain", IM)
        site.once()
        for user in ("bob", "nobox"):
            fill(site, user)
        site.dx.control("POST", "mailboxes", {"smtp": "bob@" + MAIL})
        done = site.run("imexd", "--once")
        assert done.returncode == 3, done
        site.assert_same("bob")
        assert state(site, "bob") == ("in the mailbox", None)
        assert state(site, "nobox") == ("not eligible", "ews.no_mailbox")
        site.dx.control("POST", "mailboxes", {"smtp": "nobox@" + MAIL})
        site.once()
        site.assert_same("nobox")
        counted = json.loads(site.check(site.imex("contacts", "status", "--all", "--counts", "--json")))
        assert counted == [{"domain": IM, "server": "exchange", "state": "in the mailbox", "users": "3"}], counted


@tap.test("leaver: frozen, nothing is deleted, the others go on; he can come back")
def _():
    with SyncSite(["alice", "bob"]) as site:
        fill(site)
        fill(site, "bob")
        site.allow()
        site.migrate("--all")
        gone = site.rosters.rows("SELECT store, key, type, value FROM prosody WHERE \"user\" = 'alice'")
        site.rosters.script("DELETE FROM prosody WHERE \"user\" = 'alice';")
        fill(site, "bob", ["eve"])
        done = site.run("imexd", "--once")
        assert done.returncode == 3 and "source.no_owner" in done.stderr, done
        assert len(site.mailbox("alice")) == 2 and len(site.mailbox("bob")) == 3
        assert state(site) == ("needs attention", "source.no_owner")
        assert_tried_again(site)
        assert "alice" in rows(site, "--all")
        site.rosters.insert("prosody", ("host", "user", "store", "key", "type", "value"),
                            [(IM, "alice") + tuple(r) for r in gone])
        site.once()
        assert state(site) == ("in the mailbox", None)
        site.assert_same("alice")


@tap.test("renamed user: his mailbox is not taken for another's; user remap --from carries everything over")
def _():
    with SyncSite(["alice", "bob"], "ucs") as site:
        fill(site)
        policy(site, "contacts", "allowed", "--user", ALICE)
        site.migrate("--all")
        site.rosters.script("UPDATE prosody SET \"user\" = 'alicia' WHERE \"user\" = 'alice';")
        with open(os.path.join(site.folder, "map"), "w") as f:
            f.write("alicia@%s alice@%s\n" % (IM, MAIL))
        os.chmod(os.path.join(site.folder, "map"), 0o644)
        with open(site.config, "a") as f:
            f.write("[users]\nfile = map\n")
        policy(site, "contacts", "allowed", "--domain", IM)
        before = site.mailbox("alice")
        done = site.run("imexd", "--once")
        assert done.returncode == 3, done
        assert site.mailbox("alice") == before
        assert state(site, "alicia")[0] == "not eligible", row(site, "alicia")
        remap = ("user", "remap", "alicia@" + IM, "--from")
        for old, words in (("bob@" + IM, ("bob",)), ("nobody@" + IM, ("nobody",))):
            done = site.imex(*remap, old, "--confirm")
            assert done.returncode in (1, 2) and all(w in done.stderr for w in words), done
        assert site.imex(*remap, ALICE).returncode == 2
        site.check(site.imex(*remap, ALICE, "--confirm", "--dry-run"))
        assert site.run("imexd", "--once").returncode == 3
        site.check(site.imex(*remap, ALICE, "--confirm"))
        site.rosters.set("alicia@" + IM, "eve@" + IM, name="Eve")
        site.rosters.remove("alicia@" + IM, "dave@" + IM)
        site.once()
        assert set(site.mailbox("alice")) == {"carol@" + MAIL, "eve@" + MAIL}
        assert state(site, "alicia") == ("in the mailbox", None)
        shown = json.loads(site.check(site.imex("policy", "explain", "alicia@" + IM, "contacts", "--json")))
        assert shown[0]["decided_by"] == "user", shown


@tap.test("mailbox disabled: said so, the list stays readable, and all goes on once it is enabled")
def _():
    with SyncSite(["alice"]) as site:
        fill(site)
        site.allow()
        site.migrate("--all")
        site.dx.control("POST", "mailboxes", {"smtp": "alice@" + MAIL, "disabled": True})
        fill(site, names=["eve"])
        assert site.run("imexd", "--once").returncode == 1
        found = row(site)
        assert found["reason"].startswith("ews."), found
        assert_tried_again(site)
        assert "carol@" + IM in site.check(site.imex("contacts", "show", ALICE))
        assert set(site.roster("alice")) == {n + "@" + IM for n in ("carol", "dave", "eve")}
        site.dx.control("POST", "mailboxes", {"smtp": "alice@" + MAIL, "disabled": False})
        site.once()
        site.assert_same("alice")
        assert state(site) == ("in the mailbox", None)


@tap.test("mailbox moved: what asks meanwhile waits, then everything is read again and nothing is lost")
def _():
    with SyncSite(["alice"], "ucs") as site:
        fill(site)
        site.allow()
        site.migrate("--all")
        done = site.imex("contacts", "preflight-move", ALICE, "--json")
        assert done.returncode == 0, done
        done = site.imex("contacts", "preflight-move", ALICE, "--to-older", "--json")
        assert done.returncode == 1 and "rollback" in done.stdout, done
        site.dx.fault(kind="mailbox-move", mailbox="alice@" + MAIL, delay_ms=1500)
        fill(site, names=["eve"])
        first = site.run("imexd", "--once")
        assert first.returncode == 1 and state(site)[0] == "needs attention", first
        end = time.monotonic() + PATIENCE_S
        while site.run("imexd", "--once").returncode != 0:
            assert time.monotonic() < end, row(site)
        site.assert_same("alice")
        assert len(site.mailbox("alice")) == 3 and state(site) == ("in the mailbox", None)


@tap.test("mailbox gone: nothing is deleted on the IM side, and the list comes back from its last version")
def _():
    with SyncSite(["alice"]) as site:
        fill(site)
        site.allow()
        site.migrate("--all")
        site.mail_add("alice", "zoe@" + MAIL, "Zoe")
        site.once()
        site.dx.fault(kind="code", code="ErrorNonExistentMailbox", mailbox="alice@" + MAIL, count=-1)
        site.rosters.remove(ALICE, "zoe@" + IM)
        assert site.run("imexd", "--once").returncode == 1
        assert state(site) == ("needs attention", "ews.no_mailbox")
        assert_tried_again(site)
        assert set(site.roster("alice")) == {"carol@" + IM, "dave@" + IM}
        assert site.imex("contacts", "rollback", ALICE).returncode == 1
        assert state(site)[0] == "needs attention"
        site.check(site.imex("contacts", "rollback", ALICE, "--from-snapshot"))
        assert {"carol@" + IM, "dave@" + IM} <= set(site.roster("alice"))
        found = row(site)
        assert (found["state"], found["flag"], found["drift"]) == (
            "rolled back", "completed", "flag=mailbox, store=im"), found
        site.dx.clear_faults()


@tap.test("status without a user map, of a stranger, of nonsense")
def _():
    with SyncSite(["alice"]) as site:
        fill(site)
        site.allow()
        site.migrate("--all")
        assert state(site, "stranger") == ("not allowed", "schedule.not_allowed")
        assert site.imex("contacts", "status", "nonsense").returncode == 2
        assert site.imex("contacts", "explain").returncode == 2
        done = site.imex("contacts", "status", ALICE, "--all")
        assert done.returncode == 2, done
        with open(site.config, "a") as f:
            f.write("[users]\nfile = nowhere\n")
        done = site.imex("contacts", "status", "--json")
        assert "nowhere" in done.stderr and json.loads(done.stdout)[0]["state"] == "in the mailbox", done
        assert explained(site)["mapped to"][0] is None

@tap.test("a person who stands in the roster under both addresses is one: nothing is doubled, lost or undone")
def _():
    for dialect in ("folder", "ucs"):
        with SyncSite(["alice"], dialect) as site:
            site.allow()
            site.migrate("--all")
            site.rosters.set("alice@" + IM, "bob@" + IM, name="Bob", groups=["A"])
            site.rosters.set("alice@" + IM, "bob@" + MAIL, name="Bobby", groups=["B"])
            site.rosters.set("alice@" + IM, "eve@" + MAIL, name="Eve", groups=["A"])
            for _ in range(2):
                site.once()
            wanted = {"bob@" + MAIL: ("Bob", {"A", "B"}), "eve@" + MAIL: ("Eve", {"A"})}
            assert site.mailbox("alice") == wanted, site.mailbox("alice")
            assert set(site.roster("alice")) == {"bob@" + IM, "bob@" + MAIL, "eve@" + MAIL}
            # An edit in the mailbox reaches his entries, whatever they are called, and stays.
            site.mail_rename("alice", "bob@" + MAIL, "Robert")
            site.mail_rename("alice", "eve@" + MAIL, "Eva")
            site.mail_add("alice", "carl@" + IM, "Carl")
            for _ in range(2):
                site.once()
            site.settle()
            roster = site.roster("alice")
            assert {k: v[0] for k, v in roster.items()} == {
                "bob@" + IM: "Robert", "bob@" + MAIL: "Robert", "eve@" + MAIL: "Eva", "carl@" + IM: "Carl"}, roster
            assert site.mailbox("alice")["bob@" + MAIL] == ("Robert", {"A", "B"})
            site.mail_remove("alice", "bob@" + MAIL)
            site.once()
            assert set(site.roster("alice")) == {"eve@" + MAIL, "carl@" + IM}
            site.settle()


tap.main()
