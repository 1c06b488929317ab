#!/usr/bin/python3
"""A day in the life of an archive: many users and messages, random faults, three kills, a server's crash.

In the end each message is in each mailbox it belongs to exactly once, as another client reads them, and
the export holds what was captured. `check` plays a tenth of it; IMEX_LONG=1 all (200 users, 20,000
messages). IMEX_TEST_SEED repeats a run.
"""
import base64
import collections
import hashlib
import hmac
import json
import os
import random
import re
import signal
import socket
import sqlite3
import time

import prosodygen
import tap
from archivesite import ArchiveSite
from pgcluster import Cluster

LONG = bool(os.environ.get("IMEX_LONG"))
USERS, MESSAGES = (200, 20000) if LONG else (20, 2000)
SEED = int(os.environ.get("IMEX_TEST_SEED", random.randrange(1 << 30)))
NAMES = ["user%04d" % (n + 1) for n in range(USERS)]
FAULTS = [("lost-answer", 0.1), ("busy", 0.05), ("reset-before", 0.05), ("truncate", 0.03)]
TOKEN = re.compile("#([0-9a-f]{8}-[0-9]+)#")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def people_of_rooms(database):
    """{(room, host): members who can be known}: where a room hides addresses, those who spoke (Prosody
    keeps an occupant id with messages, none with joins)."""
    rooms, hidden = collections.defaultdict(set), {}
    for host, room, key, kind, value in database.execute(
            'SELECT host, "user", key, type, value FROM prosody WHERE store = \'config\''):
        if kind == "string":
            rooms[room, host].add(key)
        elif json.loads(value)["whois"] != "anyone":
            hidden[room, host] = json.loads(value)["occupant_id_salt"].encode()
    for (room, host), salt in hidden.items():
        said = "".join(value for value, in database.execute(
            'SELECT value FROM prosodyarchive WHERE "user" = ? AND host = ?', (room, host)))
        rooms[room, host] = {member for member in rooms[room, host] if base64.b64encode(
            hmac.new(member.encode(), salt, hashlib.sha256).digest()).decode() in said}
    return rooms


def mark_texts(path):
    """Gives each text its own word; tells which owner must get which of them."""
    wanted = collections.defaultdict(set)
    database = sqlite3.connect(path)
    rooms = people_of_rooms(database)
    for number, host, user, store, value in database.execute(
            'SELECT sort_id, host, "user", store, value FROM prosodyarchive').fetchall():
        found = re.search(r"\bid=['\"]([^'\"]+)['\"]", value[:value.index(">")])
        plain = "<body>" in value and not re.search("jabber:x:oob|<encrypted|<retract|<apply-to", value)
        if not found or not plain:
            continue
        owners = rooms[user, host] if store == "muc_log" else {"%s@%s" % (user, host)}
        for owner in owners:
            wanted[owner.split("@")[0]].add(found.group(1))
        database.execute("UPDATE prosodyarchive SET value = ? WHERE sort_id = ?",
                         (value.replace("<body>", "<body>#%s# " % found.group(1), 1), number))
    database.commit()
    database.close()
    return wanted


class Day(ArchiveSite):
    timeout = 600 if LONG else 120

    def __init__(self, store, seed):
        self.chance = random.Random(seed)
        super().__init__(store=store, users=NAMES, extra="[archive]\nfolder = purges\n",
                         server=("--listen", "127.0.0.1:%d" % free_port(), "--data", os.path.join("/tmp", "imexday%d.db" % os.getpid())))
        self.data = self.exchange.arguments[self.exchange.arguments.index("--data") + 1]
        os.unlink(self.prosody)
        facts = prosodygen.make(prosodygen.Database(self.prosody), users=USERS, conversations=MESSAGES // 10,
                                messages=(5, 15), rooms=USERS // 10, seed=seed)
        self.facts = facts
        self.wanted = mark_texts(self.prosody)

    def close(self):
        try:
            super().close()
        finally:
            for end in "", "-wal", "-shm":
                if os.path.exists(self.data + end):
                    os.unlink(self.data + end)

    def faulty(self):
        for kind, probability in FAULTS:
            self.exchange.fault(strikes=0, kind=kind, operation="CreateItem", count=-1, probability=probability,
                                seed=self.chance.randrange(1 << 30))

    def free_leases(self):
        """What a killed process held."""
        self.sql("UPDATE lease SET until_utc_us = 0, holder = NULL")

    def kill_during(self, *words):
        process = self.start(*words)
        time.sleep(self.chance.uniform(0.3, 1.5))
        under_way = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.free_leases()
        return under_way

    def crash_server_during(self, *words):
        process = self.start(*words)
        time.sleep(self.chance.uniform(0.3, 1.5))
        self.exchange.stop(signal.SIGKILL)
        time.sleep(0.2)
        self.exchange.start()
        process.communicate(timeout=1800 if LONG else 300)

    def finish(self):
        self.exchange.clear_faults()
        for _ in range(40):
            self.free_leases()
            self.sql("UPDATE delivery SET next_try_utc_us = 0 WHERE state = 'planned'")
            self.sql("UPDATE delivery SET sweep_utc_us = 1 WHERE sweep_utc_us IS NOT NULL")
            self.run("archive", "deliver")
            if not json.loads(self.ok("queue", "list", "--json")):
                return
            time.sleep(0.3)
        raise AssertionError("not settled: %s" % json.loads(self.ok("queue", "list", "--json"))[:3])

    def check_mailboxes(self):
        for user in NAMES:
            found = collections.Counter()
            for item in self.items(user, "purges"):
                found.update(set(TOKEN.findall(item.body)))
            doubled = {token for token, times in found.items() if times > 1}
            # A correction's old text stands in the same item as its new one.
            assert not doubled, (user, "doubled", list(doubled)[:5])
            assert set(found) == self.wanted[user], (
                user, "lost", list(self.wanted[user] - set(found))[:5], "strange", list(set(found) - self.wanted[user])[:5])

    def check_export(self):
        out = self.path("export")
        self.ok("export", "--format", "jsonl", "--out", out)
        with open(os.path.join(out, "messages.jsonl"), encoding="utf-8") as f:
            events = [json.loads(line) for line in f]
        captured = {r["what"]: r["value"] for r in json.loads(self.ok("archive", "status", "--json"))}
        assert len(events) == int(captured["messages captured"]) == self.facts["messages"], (
            len(events), captured, self.facts)
        exported = {token for event in events for token in TOKEN.findall(event.get("text") or "")}
        assert exported == set().union(*self.wanted.values())


def live(store, seed):
    tap.comment("IMEX_TEST_SEED=%d" % seed)
    with Day(store, seed) as day:
        day.ok("policy", "set", "archive", "im", "--domain", "im.example")
        kills = [day.kill_during("archive", "backfill", "--since", "2025-01-01")]
        day.ok("archive", "backfill", "--since", "2025-01-01")
        day.faulty()
        kills += [day.kill_during("archive", "deliver") for _ in range(2)]
        day.crash_server_during("archive", "deliver")
        day.finish()
        day.check_mailboxes()
        day.check_export()
        tap.comment("%d messages, %d of 3 kills with work under way" % (day.facts["messages"], sum(kills)))


@tap.test("a day in the life, on SQLite")
def _():
    live(None, SEED)


@tap.test("a day in the life, on PostgreSQL")
def _():
    with Cluster() as cluster:
        cluster.create_database("day")
        live(cluster.url_of("day"), SEED + 1)


tap.main()
