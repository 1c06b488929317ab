#!/usr/bin/python3
"""imex migrate: plans that are approved and carried out, other sources, odd contacts, no contacts, kills."""
import json
import os
import signal
import time

import prosodygen
import tap
from syncsite import IM, MAIL, SyncSite

PATIENCE_S = 60


def fill(site, user, names, **more):
    for name in names:
        site.rosters.set("%s@%s" % (user, IM), "%s@%s" % (name, IM), name=name.title(), groups=["Friends"], **more)


def plan_of(site, *words, code=0):
    path = os.path.join(site.state, "plan.json")
    site.migrate("--plan-out", path, *words, code=code)
    with open(path) as f:
        return path, json.load(f)


def write_plan(path, plan):
    with open(path, "w") as f:
        json.dump(plan, f)


def states(report):
    with open(report) as f:
        return {u["user"].split("@")[0]: u for u in json.load(f)["users"]}


@tap.test("a plan is written, nothing is touched; carried out it does just that")
def _():
    with SyncSite(["alice", "bob"]) as site:
        site.allow()
        fill(site, "alice", ["carol", "dave"])
        path, plan = plan_of(site, "--all")
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert site.mailbox("alice") == {} and site.sql("SELECT count(*) FROM mailbox") == [(0,)]
        users = {u["user"]: u for u in plan["users"]}
        steps = users["alice@" + IM]["steps"]
        assert [(s["contact"], s["mailbox"], s["im"], s["mailbox_after"]["name"]) for s in steps] == [
            ("carol@" + IM, "create", "keep", "Carol"), ("dave@" + IM, "create", "keep", "Dave")], steps
        assert users["bob@" + IM]["steps"] == []
        report = os.path.join(site.state, "report.json")
        out = site.migrate("--plan", path, "--report", report)
        site.assert_same("alice")
        assert "2 of 2 users migrated, with 2 contacts" in out, out
        assert {u: (s["state"], s["contacts"]) for u, s in states(report).items()} == {
            "alice": ("migrated", 2), "bob": ("migrated", 0)}
        assert site.sql("SELECT name FROM property WHERE name LIKE 'migrate.plan.%'") == []


@tap.test("a plan is refused as a whole when anything changed since, on either side or in the file")
def _():
    changes = {
        "added": lambda site: fill(site, "alice", ["eve"]),
        "removed": lambda site: site.rosters.remove("alice@" + IM, "dave@" + IM),
        "renamed": lambda site: site.rosters.set("alice@" + IM, "dave@" + IM, name="David", groups=["Friends"]),
        "mailbox": lambda site: site.mail_add("alice", "dave@" + MAIL, "Dave"),
        "policy": lambda site: site.check(site.imex("policy", "set", "contacts", "not-allowed", "--user", "alice@" + IM)),
    }
    with SyncSite(["alice", "bob"]) as site:
        site.allow()
        fill(site, "bob", ["carol"])
        for name, change in changes.items():
            for contact in site.roster("alice"):
                site.rosters.remove("alice@" + IM, contact)
            fill(site, "alice", ["carol", "dave"])
            path, plan = plan_of(site, "--all")
            change(site)
            done = site.imex("migrate", "--quiet", "--plan", path)
            assert done.returncode == 1 and "nothing was written" in done.stderr and "alice" in done.stderr, (name, done)
            assert site.mailbox("bob") == {} and set(site.mailbox("alice")) <= {"dave@" + MAIL}, name
        # Whole users may be taken out; nothing else may be changed.
        plan["users"] = [u for u in plan["users"] if u["user"].startswith("bob")]
        write_plan(path, plan)
        site.migrate("--plan", path)
        assert set(site.mailbox("bob")) == {"carol@" + MAIL}
        plan["users"][0]["steps"][0]["mailbox_after"]["name"] = "Mallory"
        write_plan(path, plan)
        done = site.imex("migrate", "--plan", path)
        assert done.returncode == 2 and "changed by hand" in done.stderr and "bob" in done.stderr, done
        for text in ("", "[]", "{}", '{"format": "imex-migration-plan-1", "users": [{}]}', "\0"):
            with open(path, "w") as f:
                f.write(text)
            done = site.imex("migrate", "--plan", path)
            assert done.returncode == 2 and path in done.stderr, (text, done)
        assert site.imex("migrate", "--plan", path + "x").returncode == 2
        assert site.imex("migrate", "--plan", path, "--all").returncode == 2


@tap.test("a plan whose execution was killed is gone on with, and then only with what was approved")
def _():
    with SyncSite(["alice"], workers=1) as site:
        site.allow()
        fill(site, "alice", ["u%03d" % i for i in range(120)])
        path, _plan = plan_of(site, "--all")
        with site.dx.striking(kind="delay", operation="CreateItem", delay_ms=10000, skip=1) as fault:
            process = site.popen("imex", "migrate", "--quiet", "--plan", path)
            end = time.monotonic() + PATIENCE_S
            while site.dx.struck(fault) == 0:
                assert process.poll() is None and time.monotonic() < end, process.communicate()
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert 0 < len(site.mailbox("alice")) < 120
        fill(site, "alice", ["late"])
        done = site.imex("migrate", "--quiet", "--plan", path)
        assert done.returncode == 1 and "plan cannot be carried out" in done.stderr, done
        site.rosters.remove("alice@" + IM, "late@" + IM)
        site.migrate("--plan", path, "--resume")
        site.assert_same("alice")


@tap.test("one odd contact and one user without a mailbox are reported and skipped; the batch goes on")
def _():
    with SyncSite(["alice", "bob"]) as site:
        site.rosters.insert("prosody", ("host", "user", "store", "key", "type", "value"),
                            [(IM, "nobox", "accounts", "stored_key", "string", "x")])
        site.allow("alice", "bob", "nobox")
        fill(site, "alice", ["carol"])
        fill(site, "bob", ["carol"])
        fill(site, "nobox", ["carol"])
        site.rosters.set("alice@" + IM, "far@elsewhere.example", name="Far")
        site.rosters.insert("prosody", ("host", "user", "store", "key", "type", "value"),
                            [(IM, "alice", "blocklist", "spam@x.example", "boolean", "true"),
                             (IM, "alice", "blocklist", "worse@x.example", "boolean", "true"),
                             (IM, "alice", "privacy", "default", "string", "strict"),
                             (IM, "alice", "privacy", "lists", "json", json.dumps({"strict": {
                                 "name": "strict", "items": [
                                     {"type": "jid", "value": "eve@x.example", "action": "deny", "order": 1},
                                     {"action": "allow", "order": 2}]}})),
                             (IM, "bob", "privacy", "lists", "json", "no json")])
        report = os.path.join(site.state, "report.json")
        done = site.imex("migrate", "--quiet", "--all", "--report", report)
        assert done.returncode == 3, done
        assert ("2 of 3 users migrated, with 2 contacts; refused: 1 contacts; not moved: 4 privacy levels"
                in done.stdout), done.stdout
        # Each is told once: whoever reads the output need not read a log.
        lines = done.stderr.splitlines()
        assert sum("nobox@" + IM in line for line in lines) == 1, lines
        assert sum("far@elsewhere.example" in line for line in lines) == 1, lines
        users = states(report)
        assert [r["contact"] for r in users["alice"]["refused"]] == ["far@elsewhere.example"], users["alice"]
        assert users["alice"]["privacy_levels_not_moved"] == 4 and users["alice"]["state"] == "migrated"
        assert (users["alice"]["contacts"], users["alice"]["moved"]) == (2, 1), users["alice"]
        assert users["bob"]["state"] == "migrated" and users["nobox"]["reason"] == "ews.no_mailbox", users
        assert set(site.mailbox("alice")) == set(site.mailbox("bob")) == {"carol@" + MAIL}


@tap.test("--from: another source's lists are put into mailboxes; the users' own IM server then gets them, nothing is deleted")
def _():
    for by_name in (True, False):
        with SyncSite(["alice"], "ucs") as site:
            site.allow()
            old = os.path.join(site.folder, "old.sqlite")
            other = prosodygen.Database(old)
            other.create()
            other.insert("prosody", ("host", "user", "store", "key", "type", "value"),
                         [(IM, "alice", "accounts", "stored_key", "string", "x")])
            for name in ("carol", "olga"):
                other.set("alice@" + IM, "%s@%s" % (name, IM), name=name.title(), groups=["Old"])
            site.give()
            fill(site, "alice", ["carol", "dave"])
            source = "prosody+sqlite://" + old
            if by_name:
                with open(site.config, "a") as f:
                    f.write("[source old]\nurl = %s\n" % source)
                source = "old"
            plan = json.loads(site.migrate("--user", "alice@" + IM, "--from", source, "--dry-run", "--json"))[0]
            assert (plan["contacts"], plan["create"]) == ("2", "2"), plan
            site.migrate("--user", "alice@" + IM, "--from", source)
            assert set(site.mailbox("alice")) == {"carol@" + MAIL, "olga@" + MAIL}
            assert set(site.roster("alice")) == {"carol@" + IM, "dave@" + IM}
            again = json.loads(site.migrate("--all", "--dry-run", "--json"))[0]
            assert (again["create"], again["link"], again["IM side"]) == ("1", "1", "2"), again
            site.once()
            site.settle()
            site.assert_same("alice")
            assert set(site.roster("alice")) == {n + "@" + IM for n in ("carol", "dave", "olga")}
            assert site.roster("alice")["carol@" + IM][1] == {"Friends", "Old"}
            # A second time, when everything is in step: what the old source lacks stays.
            site.migrate("--user", "alice@" + IM, "--from", source)
            site.once()
            site.settle()
            assert set(site.roster("alice")) == {n + "@" + IM for n in ("carol", "dave", "olga")}
            assert len(site.mailbox("alice")) == 3
            done = site.imex("migrate", "--user", "alice@" + IM, "--from", "nowhere")
            assert done.returncode == 2 and "nowhere" in done.stderr + done.stdout, done


tap.main()
