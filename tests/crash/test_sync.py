"""SIGKILL to imex migrate and imexd --once at random moments, with answers lost, then starting again:
both sides end alike, nobody is lost, nobody is there twice. Five kills; fifty with IMEX_LONG."""
import os
import random
import signal
import time

import tap
from syncsite import SyncSite

KILLS = 50 if os.environ.get("IMEX_LONG") else 5
CONTACTS = 120


def kill_at(site, words, after_s):
    """True when the program was killed before its end."""
    process = site.popen(*words)
    try:
        process.wait(timeout=after_s)
    except Exception:
        process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def edit(site, rng, number):
    for i in range(20):
        who = rng.randrange(CONTACTS)
        site.rosters.set("alice@im.example", "c%03d@im.example" % who, name="Name %d-%d" % (number, i),
                         groups=rng.sample(["A", "B", "C"], rng.randrange(3)))


def run(dialect):
    seed = int(os.environ.get("IMEX_SEED", random.randrange(10**9)))
    tap.comment("%s: seed %d" % (dialect, seed))
    rng = random.Random(seed)
    killed = underway = 0
    with SyncSite(["alice"], dialect, settle="1s") as site:
        for i in range(CONTACTS):
            site.rosters.set("alice@im.example", "c%03d@im.example" % i, name="C%d" % i, groups=["A"])
        site.allow()
        whole = None
        for number in range(KILLS):
            if number % 3 == 0:
                site.dx.fault(kind="lost-answer", operation="CreateItem" if dialect == "folder"
                              else "AddNewImContactToGroup", count=1)
            words = ("imex", "migrate", "--all", "--quiet") if number < KILLS // 2 else ("imexd", "--once")
            begun = time.monotonic()
            killed += kill_at(site, words, rng.uniform(0.05, whole or 1.5))
            whole = whole or max(0.5, time.monotonic() - begun)
            underway += site.sql("SELECT count(*) FROM journal")[0][0] > 0
            edit(site, rng, number)
        site.dx.clear_faults()
        done = site.run("imexd", "--once")
        for _ in range(6):
            if done.returncode == 0 and "contacts: 0 changes written to mailboxes, 0 to the IM" in done.stdout:
                break
            done = site.run("imexd", "--once")
        site.assert_same("alice")
        assert len(site.mailbox("alice")) == CONTACTS
        assert site.sql("SELECT count(*) FROM journal") == [(0,)]
    tap.comment("%d of %d runs were killed, %d of them with work under way" % (killed, KILLS, underway))
    assert killed > 0


tap.test("folder: killed at any moment and started again, the lists end alike")(lambda: run("folder"))
tap.test("ucs: killed at any moment and started again, the lists end alike")(lambda: run("ucs"))
tap.main()
