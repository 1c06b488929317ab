#!/usr/bin/python3
"""The archive end to end: messages of a real Prosody database, through imex, into mailboxes and out as files.

exchangelib reads what was delivered, Python's email and mailbox packages read what was exported.
"""
import datetime
import email
import email.policy
import hashlib
import json
import mailbox
import os
import re
import shutil
import stat
import tempfile
import time

import tap
from archivesite import ArchiveSite
from pgcluster import Cluster

UTC = datetime.timezone.utc
ONE_TO_ONE = "Conversation between alice and bob"


def by_subject(items):
    return {item.subject: item for item in items}


def check_item(item):
    assert item.item_class == "IPM.Note.Microsoft.Conversation", item.item_class
    assert item.is_read and not item.is_draft, (item.is_read, item.is_draft)
    assert item.datetime_sent <= item.datetime_received, (item.datetime_sent, item.datetime_received)


@tap.test("row 57: a conversation arrives in both mailboxes, whole, read and no draft")
def _():
    with ArchiveSite() as site:
        site.capture()
        site.ok("archive", "deliver")
        for user in "alice", "bob":
            items = site.items(user)
            assert [i.subject for i in items].count(ONE_TO_ONE) == 1, [i.subject for i in items]
            for item in items:
                check_item(item)
        item = by_subject(site.items("alice"))[ONE_TO_ONE]
        assert item.sender.email_address == "alice@corp.example", item.sender
        assert [r.email_address for r in item.to_recipients] == ["bob@corp.example"], item.to_recipients
        assert item.datetime_sent == datetime.datetime(2026, 11, 22, 22, 12, 42, tzinfo=UTC), item.datetime_sent
        assert item.datetime_received == datetime.datetime(2026, 11, 22, 22, 20, 22, tzinfo=UTC)
        assert "Hi Bob, is the build green?" in item.body, item.body
        assert "Not *yet*, 10 minutes" in item.body and "\U0001f44d" in item.body
        assert "wrong window" not in item.body, "what was taken back is hidden from the users"
        assert item.conversation_topic == ONE_TO_ONE, item.conversation_topic
        assert [i.subject for i in site.items("carol")] == ["Conversation between alice and carol"]


@tap.test("delivering again delivers nothing, and a deleted item does not come back")
def _():
    with ArchiveSite() as site:
        site.capture()
        site.ok("archive", "deliver")
        for item in site.items("carol"):
            item.delete()
        site.ok("archive", "deliver")
        site.ok("archive", "backfill", "--since", "2026-01-01")
        site.ok("archive", "deliver")
        assert site.items("carol") == []
        assert len(site.items("bob")) == 2


@tap.test("into Purges goes everything, what was taken back marked")
def _():
    with ArchiveSite(extra="[archive]\nfolder = purges\n") as site:
        site.capture()
        site.ok("archive", "deliver")
        assert site.items("bob") == []
        body = site.items("bob", "purges")[0].body
        assert "wrong window" in body and "Taken back" in body, body


@tap.test("nobody is archived before a policy names him, and nothing old without being asked")
def _():
    with ArchiveSite() as site:
        site.ok("archive", "backfill", "--since", "2026-01-01")
        site.ok("archive", "deliver")
        assert json.loads(site.ok("archive", "status", "--json"))[0]["value"] == "0"
        site.ok("policy", "set", "archive", "im", "--user", "carol@im.example")
        site.ok("archive", "deliver")
        site.ok("archive", "backfill", "--since", "2026-01-01", "--dry-run")
        assert site.items("carol") == [] and site.items("alice") == []
        site.ok("archive", "backfill", "--since", "2026-01-01")
        site.ok("archive", "deliver")
        assert len(site.items("carol")) == 1
        assert site.items("alice") == [], "the other side of the talk has no policy"
        assert "archived into Conversation History" in site.ok("archive", "explain", "carol@im.example")
        assert "policy archive is none" in site.ok("archive", "explain", "alice@im.example")


@tap.test("a room that hides addresses reaches its people; they stay nicknames unless that is allowed")
def _():
    for extra, shown in ("", False), ("[archive]\nresolve_anonymous = yes\n", True):
        with ArchiveSite(extra=extra) as site:
            site.capture()
            site.ok("archive", "deliver")
            assert not any("Ops room" in i.subject for i in site.items("carol")), "she was not there"
            for user in "alice", "bob":
                item = by_subject(site.items(user))["Conversation in Ops room"]
                assert "Morning all" in item.body and "joined" not in item.body
                mime = item.mime_content.decode()
                assert ("alice@" in mime + item.body) == shown, (shown, mime)
                assert "Alice" in item.body
            for form in "jsonl", "eml":
                out = site.path(form)
                site.ok("export", "--format", form, "--out", out, "--since", "2026-11-22T22:20:25Z")
                text = ""
                for where, _, names in os.walk(out):
                    for name in names:
                        with open(os.path.join(where, name), encoding="utf-8") as f:
                            text += f.read()
                assert "Morning all" in text and ("alice@im.example" in text or "alice@corp" in text) == shown


def routed(words, extra="", user="bob", store=None):
    """What explain says of a user after these policies, and the site's deliveries."""
    site = ArchiveSite(extra=extra, store=store)
    for name, value in words:
        site.ok("policy", "set", name, value, "--user", user + "@im.example")
    site.capture()
    site.ok("archive", "deliver")
    said = {r["what"]: r["value"] for r in json.loads(
        site.ok("archive", "explain", user + "@im.example", "--json"))}
    return site, said


@tap.test("routes: local and none keep out of the mailbox, auto follows the hold file, both writes two items")
def _():
    site, said = routed([("archive.route", "local")])
    with site:
        assert site.items("bob") == [] and len(site.items("alice")) == 3
        assert said["verdict"] == "archived into the local archive" and said["in the local archive"] == "2", said
        assert said["because"] == "the policy archive.route is local", said
        assert said["policy archive.route"] == "local (user)", said
        done = json.loads(site.ok("export", "--user", "bob@im.example", "--format", "eml", "--out", site.path("bob"), "--json"))
        assert done["total"] == 2, "what is kept for him, a part of a room's talk too: %s" % done
    site, said = routed([("archive.route", "none")])
    with site:
        assert site.items("bob") == [] and said["in the local archive"] == "0", said
        assert said["verdict"] == "not archived" and "archive.route is none" in said["because"], said
        done = site.run("archive", "coverage", "--json")
        rows = {r["user"]: r for r in json.loads(done.stdout)}
        assert done.returncode == 3 and rows["bob@im.example"]["covered"] == "no", rows
        assert "archive.route is none" in rows["bob@im.example"]["trouble"], rows
    site, said = routed([], "[archive]\nfolder = both\n")
    with site:
        assert len(site.items("bob")) == 2 and len(site.items("bob", "purges")) == 2
        assert "wrong window" not in by_subject(site.items("bob"))[ONE_TO_ONE].body
        assert "wrong window" in by_subject(site.items("bob", "purges"))[ONE_TO_ONE].body
    for state, count in ("held", 2), ("free", 0):
        with tempfile.NamedTemporaryFile("w", suffix=".hold") as f:
            f.write("bob@corp.example %s\n" % state)
            f.flush()
            site, said = routed([("archive.route", "auto")], "[archive]\nhold = file\nhold_file = %s\n" % f.name)
            with site:
                assert len(site.items("bob")) == count, (state, said)
                assert said["mailbox on hold"] == state and said["learned"], said
                assert said["in the local archive"] == str(2 - count), said
    site, said = routed([("archive.route", "auto")])
    with site:
        assert site.items("bob") == [] and said["mailbox on hold"] == "unknown", said
        assert said["in the local archive"] == "2", said


@tap.test("on PostgreSQL, too: the local route, no route, the split between inside and outside, an exclusion")
def _():
    cases = [([("archive.route", "local")], "", "2", 3), ([("archive.route", "none")], "", "0", 3),
             ([("archive.who", "external"), ("archive.route", "local")], "", "0", 3),
             ([("archive.route", "local")], "[archive]\nexclude = bob@im.example\n", "0", 2)]
    with Cluster() as cluster:
        for number, (words, extra, local, others) in enumerate(cases):
            cluster.create_database("route%d" % number)
            site, said = routed(words, extra, store=cluster.url_of("route%d" % number))
            with site:
                assert said["in the local archive"] == local and site.items("bob") == [], (words, said)
                assert len(site.items("alice")) == others, (words, len(site.items("alice")))


@tap.test("a folder that the server does not have is replaced by the local archive")
def _():
    with ArchiveSite(extra="[archive]\nfolder = purges\n") as site:
        with open(site.config) as f:
            text = f.read()
        with open(site.config, "w") as f:
            f.write(re.sub(r"(\[server [^]]*\]\n)", r"\1product = grommunio\n", text))
        site.capture()
        site.ok("archive", "deliver")
        said = {r["what"]: r["value"] for r in json.loads(site.ok("archive", "explain", "bob@im.example", "--json"))}
        assert said["verdict"] == "archived into the local archive" and "grommunio" in said["because"], said
        assert site.items("bob") == [] and site.items("bob", "purges") == [] and said["in the local archive"] == "2"


@tap.test("the split between inside and outside counts in every target, and an exclusion beats all")
def _():
    with ArchiveSite() as site:
        site.ok("policy", "set", "archive.who", "external", "--global")
        site.capture()
        site.ok("archive", "deliver")
        assert site.items("alice") == [] and site.items("bob") == []
    site, said = routed([("archive.who", "external"), ("archive.route", "local")])
    with site:
        assert said["in the local archive"] == "0", said
        assert len(site.items("alice")) == 3, "the others' policy is not bob's"
    with ArchiveSite(extra="[archive]\nexclude = bob@im.example\n") as site:
        site.capture()
        site.ok("archive", "deliver")
        assert site.items("bob") == []
        subjects = [i.subject for i in site.items("alice")]
        assert ONE_TO_ONE not in subjects and "Conversation between alice and carol" in subjects, subjects
        room = by_subject(site.items("alice"))["Conversation in Ops room"].body
        assert "Left out" in room and "excluded from archiving" in room and "Morning all" in room, room
        out = site.path("jsonl")
        site.ok("export", "--format", "jsonl", "--out", out)
        with open(os.path.join(out, "messages.jsonl")) as f:
            events = [json.loads(line) for line in f]
        assert not any(e.get("sender") == "bob@im.example" and e.get("text") for e in events), events
    site = ArchiveSite(extra="[archive]\nexclude = nobody@\n")
    with site:
        done = site.run("archive", "explain", "bob@im.example")
        assert done.returncode == 2 and "exclude" in done.stderr, done


def faulty(kind, **more):
    """Deliver while that fault strikes CreateItem once; every item is there once afterwards."""
    with ArchiveSite() as site:
        site.capture()
        site.exchange.fault(kind=kind, operation="CreateItem", count=1, **more)
        first = site.run("archive", "deliver")
        struck = site.exchange.struck()
        assert struck == 1, (kind, struck, first)
        site.exchange.clear_faults()
        site.sql("UPDATE delivery SET next_try_utc_us = 0")
        site.ok("archive", "deliver")
        counts = {user: len(site.items(user)) for user in ("alice", "bob", "carol")}
        assert counts == {"alice": 3, "bob": 2, "carol": 1}, (kind, counts, first)
        return first


@tap.test("row 47: a lost answer is looked up and not repeated")
def _():
    done = faulty("lost-answer")
    assert done.returncode in (0, 3), done
    assert "\u0000" not in done.stdout


@tap.test("a busy server, an error page and a broken connection delay and double nothing")
def _():
    faulty("busy")
    faulty("http", status=503)
    faulty("reset-before")
    faulty("truncate")
    faulty("malformed")
    faulty("batch-stopped", item=1)


@tap.test("an effect that comes after the look-up is found by the sweep: the younger twin goes")
def _():
    with ArchiveSite(settle="1s") as site:
        site.capture()
        site.exchange.fault(kind="late-effect", operation="CreateItem", delay_ms=3000, count=1)
        site.run("archive", "deliver")
        time.sleep(3)
        late = {user: len(site.items(user)) for user in ("alice", "bob", "carol")}
        assert sum(late.values()) > 6, "the fault made no twin: %s" % late
        site.sql("UPDATE delivery SET sweep_utc_us = 1 WHERE sweep_utc_us IS NOT NULL")
        site.run("archive", "deliver")
        counts = {user: len(site.items(user)) for user in ("alice", "bob", "carol")}
        assert counts == {"alice": 3, "bob": 2, "carol": 1}, (late, counts)


@tap.test("an item that the server refuses is kept with the reason, and the others go on")
def _():
    with ArchiveSite() as site:
        site.capture()
        site.exchange.fault(kind="bad-item", item=0, code="ErrorMessageSizeExceeded", operation="CreateItem", count=1)
        done = site.run("archive", "deliver")
        assert done.returncode == 3, done
        failed = json.loads(site.ok("queue", "failures", "--json"))
        assert len(failed) >= 1 and failed[0]["reason"], failed
        site.exchange.clear_faults()
        site.ok("queue", "retry", *[row["delivery"] for row in failed])
        site.ok("archive", "deliver")
        assert {u: len(site.items(u)) for u in ("alice", "bob", "carol")} == {"alice": 3, "bob": 2, "carol": 1}


@tap.test("a held delivery waits until it is released")
def _():
    with ArchiveSite() as site:
        site.capture()
        site.exchange.fault(kind="busy", operation="CreateItem", count=100)
        site.run("archive", "deliver")
        site.exchange.clear_faults()
        waiting = [row["delivery"] for row in json.loads(site.ok("queue", "list", "--json"))]
        assert len(waiting) == 6, waiting
        site.ok("queue", "hold", *waiting)
        site.ok("archive", "deliver")
        assert all(row["state"] == "held" for row in json.loads(site.ok("queue", "list", "--json")))
        site.ok("queue", "release", *waiting)
        site.ok("archive", "deliver")
        assert json.loads(site.ok("queue", "list", "--json")) == []


@tap.test("three commands lead from a Prosody database to a page to read; later ones take what is new")
def _():
    with ArchiveSite() as site:
        site.ok("policy", "set", "archive", "im", "--domain", "im.example")
        site.ok("archive", "deliver", "--since", "2026-01-01")
        assert len(site.items("alice")) == 3
        site.ok("export", "--since", "2026-01-01", "--format", "html", "--out", site.path("pages"))
        assert os.path.exists(site.path("pages/index.html"))
        site.say("alice@im.example", "bob@im.example", "a word more", at=1795433520)
        site.ok("archive", "deliver")
        assert any("a word more" in i.body for i in site.items("bob"))
        site.fails(2, "archive", "deliver", "--since", "last week", names=("last week",))


def run_of(site):
    return json.loads(site.ok("archive", "runs", "--json"))[0]["run"]


@tap.test("a run is undone: only what bears our property and stands in our record, and not again")
def _():
    with ArchiveSite() as site:
        site.capture()
        site.ok("archive", "deliver")
        run = run_of(site)
        # Made by somebody else in the same folder; one of ours moved away, one deleted by its owner.
        site.plain_item("alice", "my own note")
        site.items("bob")[0].move(site.referee_account("bob").inbox)
        site.items("carol")[0].delete()
        rehearsed = json.loads(site.ok("archive", "undo", run, "--dry-run", "--json"))
        assert sum(int(row["removed"]) for row in rehearsed) == 4, rehearsed
        assert len(site.items("alice")) == 4, "a rehearsal removes nothing"
        said = site.ok("archive", "undo", run)
        assert "4 items removed" in said and "2 were moved or deleted" in said, said
        assert [i.subject for i in site.items("alice")] == ["my own note"]
        assert len(list(site.referee_account("bob").inbox.all())) == 1
        site.fails(1, "archive", "undo", run, names=("runs",))
        site.fails(1, "archive", "undo", "20200101T000000-abcdef", names=("imex archive runs",))
        site.fails(2, "archive", "undo", names=("imex archive runs",))
        site.ok("archive", "deliver")
        assert len(site.items("alice")) == 1, "what was undone came back"


@tap.test("a copy of our item under an id that is not in our record is not ours to remove")
def _():
    with ArchiveSite() as site:
        site.capture()
        site.ok("archive", "deliver")
        ids = [row["delivery"] for row in json.loads(site.ok("queue", "list", "--state", "confirmed", "--json"))]
        other = site.plain_item("alice", "in its place")
        site.sql("UPDATE delivery SET item_id = '%s' WHERE uuid = '%s'" % (other, ids[0]))
        done = site.run("archive", "undo", run_of(site), "--json")
        assert done.returncode == 3, done
        assert sum(int(row["foreign"]) for row in json.loads(done.stdout)) == 1, done.stdout
        assert "in its place" in [i.subject for i in site.items("alice")]


@tap.test("a store that was restored from a backup looks before it writes")
def _():
    for when in "before capture", "after capture", "after planning":
        with ArchiveSite() as site:
            site.ok("policy", "set", "archive", "im", "--domain", "im.example")
            if when != "before capture":
                site.ok("archive", "backfill", "--since", "2026-01-01")
            if when == "after planning":
                site.exchange.fault(kind="busy", operation="CreateItem", count=100)
                site.run("archive", "deliver")
                site.exchange.clear_faults()
            site.keep_store()
            site.ok("archive", "backfill", "--since", "2026-01-01")
            site.sql("UPDATE delivery SET next_try_utc_us = 0")
            site.ok("archive", "deliver")
            site.restore_store()
            site.ok("archive", "backfill", "--since", "2026-01-01")
            site.sql("UPDATE delivery SET next_try_utc_us = 0")
            said = site.ok("archive", "deliver")
            assert "0 delivered, 6 found delivered" in said, (when, said)
            counts = {user: len(site.items(user)) for user in ("alice", "bob", "carol")}
            assert counts == {"alice": 3, "bob": 2, "carol": 1}, (when, counts)


@tap.test("the queue: what waits and why, one delivery's history, a flush, how full it is")
def _():
    with ArchiveSite() as site:
        site.capture()
        site.exchange.fault(kind="busy", operation="CreateItem", count=100)
        site.run("archive", "deliver")
        rows = json.loads(site.ok("queue", "list", "--json"))
        # One busy answer pauses the mailbox: what was not in the request has no reason of its own.
        assert len(rows) == 6 and any(row["reason"] == "ews.busy" and row["next_try"] for row in rows), rows
        shown = json.loads(site.ok("queue", "show", rows[0]["delivery"], "--json"))
        assert {"delivery.planned", "delivery.sent", "delivery.again"} <= {row["what"] for row in shown}, shown
        assert "Queue: ok" in site.ok("queue", "list")
        done = site.run("queue", "flush", "--no-such")
        assert done.returncode == 2, done
        site.fails(2, "queue", "flush", "--wait", "soon", names=("soon", "30s"))
        site.fails(1, "queue", "show", "nothing", names=("imex queue list",))
        done = site.run("queue", "flush", "--user", "carol@im.example")
        assert done.returncode == 3, done
        site.exchange.clear_faults()
        site.ok("queue", "flush", "--wait", "30s")
        assert json.loads(site.ok("queue", "list", "--json")) == []
        assert {u: len(site.items(u)) for u in ("alice", "bob", "carol")} == {"alice": 3, "bob": 2, "carol": 1}
        site.fails(2, "queue", "failures", "--since", "yesterday", names=("yesterday",))


@tap.test("a full queue plans nothing more, says so, and goes on when there is room")
def _():
    with ArchiveSite(extra="[archive]\nqueue_max_mb = 1\n") as site:
        site.capture()
        site.exchange.fault(kind="busy", operation="CreateItem", count=100)
        site.run("archive", "deliver")
        for size, level, code in (100, "ok", 0), (600, "warning", 1), (900, "critical", 2), (1024, "full", 2):
            site.sql("UPDATE rendering SET mime = zeroblob(%d * 1024) WHERE segment_id ="
                     " (SELECT segment_id FROM delivery WHERE state = 'planned' ORDER BY uuid LIMIT 1)" % size)
            assert "Queue: " + level in site.ok("queue", "list")
            said = {c["check"]: c for c in json.loads(site.run("status", "--json").stdout)["checks"]}["queue"]
            assert said["level"] == ("ok", "warning", "critical")[code] and "of 1 MiB" in said["text"], said
            assert ("full, further conversations wait captured" in said["text"]) == (level == "full"), said
        site.say("alice@im.example", "bob@im.example", "one more thing", at=int(time.time()) - 3600)
        done = site.run("archive", "deliver")
        assert done.returncode == 3 and "The queue is full" in done.stdout, done
        assert "queue.filling" in done.stderr and "full" in done.stderr, done
        status = {r["what"]: r["value"] for r in json.loads(site.ok("archive", "status", "--json"))}
        assert status["of these, waiting to be planned"] == "1", "it is captured all the same: %s" % status
        assert len(json.loads(site.ok("queue", "list", "--json"))) == 6
        site.sql("UPDATE rendering SET mime = CAST('From: a@b.example' AS BLOB) WHERE LENGTH(mime) >= 1048576")
        site.exchange.clear_faults()
        site.sql("UPDATE delivery SET next_try_utc_us = 0")
        site.ok("archive", "deliver")
        assert any("one more thing" in item.body for item in site.items("bob"))
        assert {c["check"]: c["level"] for c in json.loads(site.run("status", "--json").stdout)["checks"]}["queue"] == "ok"


@tap.test("a state that the server has forgotten is read anew, and doubles nothing")
def _():
    with ArchiveSite() as site:
        site.capture()
        site.ok("archive", "deliver")
        site.sql("UPDATE folder_state SET state = 'bm90IG9uZQ=='")
        # As if the answers had been lost: the items are looked for among the folder's changes.
        site.sql("UPDATE delivery SET state = 'sent', item_id = NULL, confirmed_utc_us = NULL, sent_utc_us = 1")
        said = site.ok("archive", "deliver")
        assert "0 delivered, 6 found delivered" in said, said


@tap.test("a server without changes is asked for what was created since")
def _():
    with ArchiveSite() as site:
        site.capture()
        site.exchange.fault(kind="bad-item", operation="SyncFolderItems", code="ErrorInvalidOperation", count=-1)
        site.exchange.fault(kind="lost-answer", operation="CreateItem", count=1)
        done = site.run("archive", "deliver")
        site.sql("UPDATE delivery SET next_try_utc_us = 0")
        site.run("archive", "deliver")
        counts = {user: len(site.items(user)) for user in ("alice", "bob", "carol")}
        assert counts == {"alice": 3, "bob": 2, "carol": 1}, (counts, done)


@tap.test("an unreachable server, a wrong password and a wrong mapping each give one sentence")
def _():
    with ArchiveSite() as site:
        site.capture()
        with open(site.path("password"), "w") as f:
            f.write("wrong\n")
        done = site.run("archive", "deliver", "--json")
        rows = json.loads(done.stdout)
        assert done.returncode == 3 and all("\n" not in row["trouble"] for row in rows), done
        with open(site.path("password"), "w") as f:
            f.write("\n")
        done = site.run("archive", "deliver")
        assert done.returncode == 3 and "is no password" in done.stdout, done
        os.unlink(site.path("password"))
        done = site.run("archive", "deliver")
        assert done.returncode == 3 and "cannot be read" in done.stdout, done
        site.write("password", "secret\n")
        site.ok("archive", "deliver")
        assert len(site.items("alice")) == 3


@tap.test("coverage names who is to be archived and is not; gaps names rows that could not be read")
def _():
    with ArchiveSite() as site:
        assert "Nobody" in site.ok("archive", "coverage")
        site.capture()
        site.ok("archive", "deliver")
        covered = {row["user"]: row for row in json.loads(site.ok("archive", "coverage", "--json"))}
        assert covered["alice@im.example"]["covered"] == "yes", covered
        site.sql("UPDATE mailbox SET smtp = 'other@corp.example' WHERE owner = 'bob@im.example'")
        done = site.run("archive", "coverage", "--json")
        covered = {row["user"]: row for row in json.loads(done.stdout)}
        assert done.returncode == 3 and covered["bob@im.example"]["covered"] == "no", done
        assert "user remap" in covered["bob@im.example"]["trouble"]
        assert site.run("archive", "gaps", "--json").stdout.strip() == "[]"
    with ArchiveSite() as site:
        site.damage_message("Carol, ping me when back")
        site.capture()
        done = site.run("archive", "gaps", "--json")
        assert done.returncode == 3 and len(json.loads(done.stdout)) == 1, done
        assert "ping me" not in done.stdout, "a gap holds no message text"
        site.ok("archive", "deliver")
        talks = by_subject(site.items("alice"))
        assert "1 entry of the IM server's own archive" in talks["Conversation between alice and carol"].text_body
        assert "could not be read" not in talks["Conversation in Ops room"].text_body
        site.sql("UPDATE source_gap SET filled_utc_us = 1")
        out = site.path("filled")
        site.ok("export", "--format", "html", "--out", out)
        for where, _, names in os.walk(out):
            for name in names:
                with open(os.path.join(where, name), encoding="utf-8") as f:
                    assert "could not be read" not in f.read(), name


# --- exports


def captured():
    site = ArchiveSite()
    site.capture()
    site.ok("archive", "deliver")
    return site


def check_modes(folder):
    for where, _, names in os.walk(folder):
        assert stat.S_IMODE(os.stat(where).st_mode) == 0o700, where
        for name in names:
            assert stat.S_IMODE(os.stat(os.path.join(where, name)).st_mode) == 0o600, name


def check_manifest(folder):
    with open(os.path.join(folder, "MANIFEST.sha256")) as f:
        listed = dict(reversed(line.rstrip("\n").split("  ", 1)) for line in f)
    for name, digest in listed.items():
        with open(os.path.join(folder, name), "rb") as f:
            assert hashlib.sha256(f.read()).hexdigest() == digest, name
    found = {os.path.relpath(os.path.join(where, name), folder)
             for where, _, names in os.walk(folder) for name in names}
    assert found == set(listed) | {"MANIFEST.sha256"}, found
    return listed


def check_message(message):
    assert not message.defects, message.defects
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text.get_content_charset() == html.get_content_charset() == "utf-8"
    assert "Participants:" in text.get_content() and "<bdi>" in html.get_content()
    assert message["Message-ID"] and message["Date"].datetime and message["From"].addresses
    assert message["Thread-Topic"] == message["Subject"]


@tap.test("eml and maildir are read by Python's email")
def _():
    with captured() as site:
        for form, folder in (("eml", "messages"), ("maildir", "maildir/cur")):
            out = site.path(form)
            site.ok("export", "--format", form, "--out", out)
            check_modes(out)
            assert len(check_manifest(out)) == 3
            subjects = set()
            for name in os.listdir(os.path.join(out, folder)):
                with open(os.path.join(out, folder, name), "rb") as f:
                    data = f.read()
                message = email.message_from_bytes(data, policy=email.policy.default)
                check_message(message)
                subjects.add(message["Subject"])
            assert ONE_TO_ONE in subjects and "Conversation in Ops room" in subjects, subjects
        box = mailbox.Maildir(site.path("maildir/maildir"), create=False)
        assert len(box) == 3


@tap.test("mbox is read by Python's mailbox, and no line is quoted")
def _():
    with captured() as site:
        out = site.path("mbox")
        site.ok("export", "--format", "mbox", "--out", out)
        check_modes(out)
        check_manifest(out)
        path = os.path.join(out, "messages.mbox")
        box = mailbox.mbox(path, factory=lambda f: email.message_from_binary_file(f, policy=email.policy.default),
                           create=False)
        messages = list(box)
        assert len(messages) == 3
        for message in messages:
            check_message(message)
        with open(path) as f:
            assert not re.search("^>+From ", f.read(), re.M)


@tap.test("jsonl has every captured event")
def _():
    with captured() as site:
        out = site.path("jsonl")
        site.ok("export", "--format", "jsonl", "--out", out)
        check_manifest(out)
        with open(os.path.join(out, "messages.jsonl")) as f:
            events = [json.loads(line) for line in f]
        status = {r["what"]: r["value"] for r in json.loads(site.ok("archive", "status", "--json"))}
        assert len(events) == int(status["messages captured"]), (len(events), status)
        kinds = {event["kind"] for event in events}
        assert {"chat", "correction", "retraction", "reaction", "file", "join"} <= kinds, kinds
        assert len({(e["source"], e["source_key"]) for e in events}) == len(events)


def check_page(text):
    assert "<script" not in text.lower() and "http-equiv=\"Content-Security-Policy\"" in text
    for link in re.findall(r'(?:href|src)="([^"]*)"', text):
        assert re.match(r"(https?://|mailto:|xmpp:|conversations/[0-9a-f]+\.html$)", link), link
    assert not re.search(r"<(img|iframe|object|embed|form|link|base)\b", text)


@tap.test("html has an index and a page for each conversation")
def _():
    with captured() as site:
        out = site.path("html")
        said = site.ok("export", "--format", "html", "--out", out)
        assert os.path.join(out, "index.html") in said, said
        check_modes(out)
        assert len(check_manifest(out)) == 4
        with open(os.path.join(out, "index.html")) as f:
            index = f.read()
        check_page(index)
        pages = re.findall(r'href="(conversations/[0-9a-f]+\.html)"', index)
        assert len(pages) == 3
        for page in pages:
            with open(os.path.join(out, page)) as f:
                check_page(f.read())


@tap.test("one user's conversations, one span of time")
def _():
    with captured() as site:
        def total(*words):
            out = site.path("some")
            shutil.rmtree(out, ignore_errors=True)
            return json.loads(site.ok("export", "--format", "eml", "--out", out, "--json", *words))["total"]
        assert total("--user", "carol@im.example") == 1
        assert total("--user", "carol@im.example", "--user", "bob@im.example") == 3
        assert total("--user", "nobody@im.example") == 0
        assert total("--since", "2026-11-22", "--until", "2026-11-22") == 3
        assert total("--until", "2026-11-21") == 0
        assert total("--since", "2026-11-22T22:20:25Z") == 1


@tap.test("what the mail server gives back can be exported as well")
def _():
    with captured() as site:
        out = site.path("back")
        site.ok("export", "--from", "mailbox", "--format", "eml", "--out", out)
        assert len(check_manifest(out)) == 6
        for name in os.listdir(os.path.join(out, "messages")):
            with open(os.path.join(out, "messages", name), "rb") as f:
                message = email.message_from_bytes(f.read(), policy=email.policy.default)
            assert message["Subject"].startswith("Conversation "), message["Subject"]
            assert "lice" in message.get_body(("html",)).get_content()
        out = site.path("back-html")
        site.ok("export", "--from", "mailbox", "--user", "bob@im.example", "--format", "html", "--out", out)
        assert len(check_manifest(out)) == 3


@tap.test("an export that was cut short is resumed, another one or a full folder is not touched")
def _():
    with captured() as site:
        out = site.path("cut")
        site.ok("export", "--format", "mbox", "--out", out)
        with open(os.path.join(out, "messages.mbox"), "rb") as f:
            whole = f.read()
        site.fails(2, "export", "--format", "mbox", "--out", out, names=("finished export",))
        # As if killed after the first item was safe, in the middle of writing the second.
        os.unlink(os.path.join(out, "MANIFEST.sha256"))
        other = site.path("journal")
        os.mkdir(other)
        with open(os.path.join(other, "messages.mbox"), "wb") as f:
            f.write(whole[:whole.index(b"\nFrom imex ", 10) + 1 + 99])
        first = whole[:whole.index(b"\nFrom imex ", 10) + 1]
        segment = re.search(rb"X-Imex-Segment: (\w+)", first).group(1).decode()
        with open(os.path.join(other, ".imex-export"), "w") as f:
            f.write("imex-export 1\tmbox\tFrom the archive\n")
            f.write("%s\tmessages.mbox\t-\t%d\t0\t0\t1\tx\ty\n" % (segment, len(first)))
            f.write("cut")
        site.ok("export", "--format", "mbox", "--out", other)
        with open(os.path.join(other, "messages.mbox"), "rb") as f:
            assert f.read() == whole
        shutil.rmtree(other)
        os.mkdir(other)
        with open(os.path.join(other, ".imex-export"), "w") as f:
            f.write("imex-export 1\thtml\tFrom the archive\n")
        site.fails(2, "export", "--format", "mbox", "--out", other, names=("unfinished export",))
        os.unlink(os.path.join(other, ".imex-export"))
        with open(os.path.join(other, "mine.txt"), "w") as f:
            f.write("mine")
        site.fails(2, "export", "--format", "mbox", "--out", other, names=("other files",))
        assert os.listdir(other) == ["mine.txt"]


@tap.test("a bad date, an end before the beginning, an unknown format: one sentence, nothing written")
def _():
    with ArchiveSite() as site:
        out = site.path("none")
        base = ("export", "--format", "eml", "--out", out)
        site.fails(2, *base, "--since", "yesterday", names=("yesterday",))
        site.fails(2, *base, "--until", "2026-13-01", names=("2026-13-01",))
        site.fails(2, *base, "--since", "2026-02-02", "--until", "2026-01-01", names=("before it begins",))
        site.fails(2, "export", "--format", "pst", "--out", out, names=("eml, mbox",))
        site.fails(2, "export", "--format", "eml", names=("--out",))
        site.fails(2, *base, "--from", "moon", names=("moon",))
        site.fails(2, "archive", "backfill", names=("--since",))
        site.fails(2, "archive", "backfill", "--since", "1.1.2026", names=("1.1.2026",))
        site.fails(2, "queue", "list", "--state", "lost", names=("lost",))
        site.fails(1, "queue", "retry", "no-such", names=("no-such",))
        assert not os.path.exists(out)
        assert "Nothing was exported" in site.ok(*base)


@tap.test("row 39: an unknown time zone is refused before anything is written")
def _():
    with ArchiveSite(extra="[archive]\ntime_zone = Mars/Olympus\n") as site:
        site.capture()
        site.fails(2, "archive", "deliver", names=("Mars/Olympus", "Europe/Berlin"))
        assert site.items("alice") == []


tap.main()
