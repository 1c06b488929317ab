"""SIGKILL to imex migrate and imexd --once at random moments, with answers lost, then starting again:
both sides end alike, nobody is lost, nobody is there twice. On each store and in each dialect, five runs
are killed; fifty with IMEX_LONG, at least thirty of them with work under way in the journal.
IMEX_SEED repeats a run."""
import json
import os
import random
import signal
import subprocess
import time

import pgcluster
import tap
from syncsite import SyncSite

KILLS = 50 if os.environ.get("IMEX_LONG") else 5
UNDER_WAY = KILLS * 3 // 5
CONTACTS = 120
CHANGES = {"folder": ("CreateItem", "UpdateItem"), "ucs": ("AddNewImContactToGroup", "AddImContactToGroup")}


def kill_at(site, words, after_s):
    """True when the program was killed before its end."""
    process = site.popen(*words)
    try:
        process.wait(timeout=after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def edit(site, rng, number):
    """A new contact, so that there is always one to create, and changes of twenty."""
    site.rosters.set("alice@im.example", "n%03d@im.example" % number, name="N%d" % number, groups=["A"])
    for i in range(20):
        who = rng.randrange(CONTACTS)
        site.rosters.set("alice@im.example", "c%03d@im.example" % who, name="Name %d-%d" % (number, i),
                         groups=rng.sample(["A", "B", "C"], rng.randrange(3)))


def kill_until_enough(site, rng):
    """Kills until enough runs were killed, and enough of them at work; the first half are migrations.
    Returns how many contacts were added meanwhile."""
    killed = under_way = added = 0
    whole = 1.5
    for number in range(8 * KILLS):
        enough = killed >= KILLS and under_way >= UNDER_WAY
        if enough and site.dx.struck() > 0:
            break
        if number % 3 == 0:
            site.dx.fault(strikes=0, kind="lost-answer", operation=CHANGES[site.dialect][0] if enough else
                          rng.choice(CHANGES[site.dialect]), count=1)
        words = ("imex", "migrate", "--all", "--quiet") if killed < KILLS // 2 else ("imexd", "--once")
        begun = time.monotonic()
        if kill_at(site, words, rng.uniform(0.05, whole)):
            killed += 1
            busy = site.sql("SELECT count(*) FROM journal")[0][0] > 0
            under_way += busy
            whole *= 1.5 if enough else 1 if busy else 1.2  # perhaps a slow machine: it had not begun
        else:
            whole = max(0.5, time.monotonic() - begun)
        edit(site, rng, number)
        added += 1
    tap.comment("%d runs were killed, %d of them with work under way; %d answers were lost"
                % (killed, under_way, site.dx.struck()))
    assert killed >= KILLS and under_way >= UNDER_WAY and site.dx.struck() > 0
    site.dx.clear_faults()
    return added


def run(dialect, store=None):
    seed = int(os.environ.get("IMEX_SEED", random.randrange(10**9)))
    tap.comment("%s: seed %d" % (dialect, seed))
    rng = random.Random(seed)
    with SyncSite(["alice"], dialect, store=store, settle="1s") as site:
        for i in range(CONTACTS):
            site.rosters.set("alice@im.example", "c%03d@im.example" % i, name="C%d" % i, groups=["A"])
        site.allow()
        added = kill_until_enough(site, rng)
        done = site.run("imexd", "--once")
        for _ in range(6):
            if done.returncode == 0 and "contacts: 0 changes written to mailboxes, 0 to the IM" in done.stdout:
                break
            done = site.run("imexd", "--once")
        site.assert_same("alice")
        assert len(site.mailbox("alice")) == CONTACTS + added
        assert site.sql("SELECT count(*) FROM journal")[0][0] == 0
        newest = json.loads(site.check(site.imex("contacts", "history", "alice@im.example", "--json")))[0]["version"]
        changed = site.check(site.imex("contacts", "diff", "alice@im.example", newest, "--json"))
        assert json.loads(changed) == [], "the newest version is not the list: " + changed


def on_postgresql(dialect):
    with pgcluster.Cluster() as cluster:
        cluster.create_database("crash")
        run(dialect, cluster.url_of("crash"))


for d in CHANGES:
    tap.test("%s on SQLite: killed at any moment and started again, the lists end alike" % d)(lambda d=d: run(d))
    tap.test("%s on PostgreSQL: killed at any moment and started again, the lists end alike" % d)(
        lambda d=d: on_postgresql(d))
tap.main()
