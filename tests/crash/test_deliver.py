#!/usr/bin/python3
"""SIGKILL to `imex archive deliver` at random moments, against a server that also loses answers.

However often it is killed: in the end every conversation is in every mailbox it belongs to once. Runs
IMEX_CRASH_RUNS times (5; 50 with IMEX_LONG) on each store; IMEX_TEST_SEED repeats a run.
"""
import collections
import json
import os
import random
import signal
import subprocess
import time

import prosodygen
import tap
from archivesite import ArchiveSite
from pgcluster import Cluster

RUNS = int(os.environ.get("IMEX_CRASH_RUNS", 50 if os.environ.get("IMEX_LONG") else 5))
SEED = int(os.environ.get("IMEX_TEST_SEED", random.randrange(1 << 30)))
KILLS = 4
USERS = ["user%04d" % n for n in range(1, 7)]
BUSY = "('planned', 'sent')"


def make_site(store, seed):
    site = ArchiveSite(store=store, users=USERS)
    os.unlink(site.prosody)
    database = prosodygen.Database(site.prosody)
    prosodygen.make(database, users=len(USERS), conversations=40, messages=(2, 6), rooms=1, seed=seed,
                    domain="im.example")
    with open(site.config, "a") as config:
        config.write("[archive]\nresolve_anonymous = yes\n")
    site.capture()
    return site


def query(site, statement):
    """Rows of the store, each a list of texts."""
    if site.store is None:
        import sqlite3
        database = sqlite3.connect("file:%s/imex.db?mode=ro" % site.state, uri=True, timeout=30)
        try:
            return [[str(value) for value in row] for row in database.execute(statement)]
        finally:
            database.close()
    out = subprocess.run(["psql", "-qXAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", site.store, "-c", statement],
                         check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    return [line.split("\t") for line in out.splitlines()]


def at_work(site):
    return int(query(site, "SELECT COUNT(*) FROM delivery WHERE state IN " + BUSY)[0][0]) > 0


def kill_once(site, chance):
    """Kills the command at a random moment, of its planning or of its sending; gives whether work was under way."""
    process = site.start("archive", "deliver")
    if chance.random() < 0.75:
        while process.poll() is None and not at_work(site):
            time.sleep(0.02)
    time.sleep(chance.uniform(0, 0.5))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return at_work(site)


def free_leases(site):
    """A killed process holds leases; nobody else may work before they end."""
    site.sql("UPDATE lease SET until_utc_us = 0, holder = NULL")


def settle(site):
    """Delivers until nothing is left; what failed for a while is due at once."""
    site.exchange.clear_faults()
    free_leases(site)
    for _ in range(20):
        site.sql("UPDATE delivery SET next_try_utc_us = 0 WHERE state = 'planned'")
        site.run("archive", "deliver")
        if not json.loads(site.ok("queue", "list", "--json")):
            return
        time.sleep(0.5)
    raise AssertionError("not settled: %s" % json.loads(site.ok("queue", "list", "--json"))[:3])


def check(site):
    """What the mailboxes hold, read by another client, is what was to be delivered: each once."""
    site.sql("UPDATE delivery SET sweep_utc_us = 1 WHERE sweep_utc_us IS NOT NULL")
    site.ok("archive", "deliver")
    due = query(site, "SELECT mailbox.smtp, delivery.segment_id FROM delivery"
                      " JOIN mailbox ON mailbox.mailbox_id = delivery.mailbox_id")
    wanted = collections.Counter((smtp, segment) for smtp, segment in due)
    assert len(wanted) > 30 and max(wanted.values()) == 1, wanted
    found = collections.Counter()
    for user in USERS:
        for item in site.items(user):
            found[("%s@corp.example" % user, item.message_id.strip("<>").split(".")[0])] += 1
    assert found == wanted, ("lost", wanted - found, "doubled", found - wanted)


def run(store, seed, busy):
    chance = random.Random(seed)
    with make_site(store, seed) as site:
        site.exchange.fault(kind="lost-answer", operation="CreateItem", count=1)
        site.exchange.fault(strikes=0, kind="lost-answer", operation="CreateItem", count=-1, probability=0.3,
                            delay_ms=150, seed=chance.randrange(1 << 30))
        # Slow enough that there is something left to kill, however fast the machine.
        site.exchange.fault(strikes=0, kind="delay", count=-1, delay_ms=150)
        for _ in range(KILLS):
            free_leases(site)
            busy.append(kill_once(site, chance))
        free_leases(site)
        site.run("archive", "deliver")
        settle(site)
        check(site)


def all_runs(make_store):
    busy = []
    for number in range(RUNS):
        seed = SEED + number
        try:
            run(make_store(number), seed, busy)
        except BaseException:
            tap.comment("IMEX_TEST_SEED=%d IMEX_CRASH_RUNS=1 repeats the run that failed" % seed)
            raise
    tap.comment("seed %d: %d kills, %d of them with work under way" % (SEED, len(busy), sum(busy)))
    assert sum(busy) * 5 >= len(busy) * 2, busy


@tap.test("killed while delivering from an SQLite store: nothing lost, nothing doubled")
def _():
    all_runs(lambda number: None)


@tap.test("killed while delivering from a PostgreSQL store: nothing lost, nothing doubled")
def _():
    with Cluster() as cluster:
        def make_store(number):
            cluster.create_database("run%d" % number)
            return cluster.url_of("run%d" % number)
        all_runs(make_store)


tap.main()
