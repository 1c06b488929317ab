#!/usr/bin/python3
"""Killed at each named step of capture, planning and delivery, and of taking what is posted: then it goes on against a
server that does the work and loses its first answer. Each text is in each mailbox that it belongs to exactly once."""
import collections
import glob
import http.client
import json
import os
import re
import signal
import subprocess
import time

import tap
from archivesite import ArchiveSite
from ingestsite import IngestSite, ago, event, leave_root
from installation import IMEX
from pgcluster import Cluster

SOURCES = os.path.join(os.environ["srcdir"], "src", "sync")
# How the command that is killed is brought to the step: the fault of the command before it, if it needs one.
LOST, NEVER, LATE = {"kind": "lost-answer"}, {"kind": "reset-before"}, {"kind": "late-effect", "delay_ms": 2500}
STEPS = {
    "capture.read": None, "capture.committed": None,
    "segment.taken": None, "segment.page_taken": None, "segment.over": None, "segment.page_closed": None,
    "plan.rendered": None, "plan.delivery": None, "plan.delivery:2": None, "plan.kept": None, "plan.segment": None,
    "plan.page": None,
    "settle.done": None, "deliver.marked": None, "deliver.answered": None, "deliver.recorded": None,
    "deliver.marked:2": None, "deliver.answered:2": None,
    "settle.found": LOST, "settle.recorded": LOST, "settle.again": NEVER, "settle.twin": LATE,
}
POSTED = ("ingest.stored", "ingest.committed")

leave_root()


def base(step):
    return step.split(":")[0]


def free_leases(site):
    """What a killed process held."""
    site.sql("UPDATE lease SET until_utc_us = 0, holder = NULL")


def killed_at(site, step, *words):
    environment = dict(os.environ, IMEX_CONFIG=site.config, IMEX_KILL_AT=step)
    done = subprocess.run([IMEX, *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == -signal.SIGKILL, ("was not killed at " + step, done)
    free_leases(site)


def again(site):
    site.sql("UPDATE delivery SET next_try_utc_us = 0 WHERE state = 'planned'")
    return site.run("archive", "deliver")


def finish(site, what):
    for _ in range(10):
        if again(site).returncode == 0:
            return
    raise AssertionError((what, site.ok("queue", "list")))


def approach(site, step, fault):
    """What has to have happened so that the step is reached."""
    if fault is None:
        return
    site.exchange.fault(operation="CreateItem", count=1, **fault)
    site.run("archive", "deliver", *([] if fault is LATE else ["--no-wait"]))
    site.exchange.clear_faults()
    if fault is LATE:
        # It was sent again after the look-up found nothing; now the first request comes to its end.
        deadline = time.monotonic() + 60
        while len(site.items("alice")) + len(site.items("bob")) == site.count:
            assert time.monotonic() < deadline, "the fault made no twin"
            time.sleep(0.2)
        site.sql("UPDATE delivery SET sweep_utc_us = 1 WHERE sweep_utc_us IS NOT NULL")


def play(site, step, fault, number):
    """Two conversations of their own: of alice and bob, and of alice and carol, who has the local archive."""
    at = int(time.time()) - 90000 + number * 1800
    for to in "bob", "carol":
        site.say("alice@im.example", to + "@im.example", "text #%s#" % step.replace(":", "-"), at=at)
    site.count += 3
    approach(site, step, fault)
    killed_at(site, step, "archive", "deliver")
    site.exchange.fault(strikes=0, operation="CreateItem", count=1, **LOST)
    finish(site, step)
    site.exchange.clear_faults()


def texts(site, user):
    found = collections.Counter()
    for item in site.items(user):
        found.update(re.findall("#(.*?)#", item.text_body))
    return found


def check(site):
    once = collections.Counter(step.replace(":", "-") for step in STEPS)
    assert texts(site, "bob") == once, texts(site, "bob")
    assert texts(site, "alice") == once + once, texts(site, "alice")
    assert texts(site, "carol") == {}
    out = site.path("export")
    site.ok("export", "--format", "jsonl", "--out", out)
    with open(os.path.join(out, "messages.jsonl"), encoding="utf-8") as f:
        exported = collections.Counter(re.findall("#(.*?)#", f.read()))
    assert exported == once + once, exported
    said = {row["what"]: row["value"] for row in json.loads(site.ok("archive", "explain", "carol@im.example", "--json"))}
    assert said["in the local archive"] == str(len(STEPS)), said


def play_all(store):
    with ArchiveSite(store=store) as site:
        site.count = 0
        site.ok("policy", "set", "archive", "im", "--domain", "im.example")
        site.ok("policy", "set", "archive.route", "local", "--user", "carol@im.example")
        site.ok("archive", "deliver")
        for number, (step, fault) in enumerate(STEPS.items()):
            play(site, step, fault, number)
        check(site)


@tap.test("every named step of the sources is killed at here")
def _():
    named = set()
    for path in glob.glob(os.path.join(SOURCES, "*.c")):
        with open(path, encoding="utf-8") as f:
            named.update(re.findall(r'step_reached\("([^"]+)"\)', f.read()))
    assert named == {base(step) for step in (*STEPS, *POSTED)}, named ^ {base(step) for step in (*STEPS, *POSTED)}


@tap.test("killed at each step of capture, planning and delivery, on SQLite: one item each")
def _():
    play_all(None)


@tap.test("killed at each step of capture, planning and delivery, on PostgreSQL: one item each")
def _():
    with Cluster() as cluster:
        cluster.create_database("steps")
        play_all(cluster.url_of("steps"))



def post_all(store):
    with IngestSite(store=store) as site:
        for number, step in enumerate(POSTED):
            # Each talk is over when it is posted, and later than the one before.
            posted = [event("%s-%d" % (step, n), "alice@im.example", "bob@im.example", "text #%s-%d#" % (step, n),
                            ago(7200 - 3000 * number)) for n in range(3)]
            site.stop_daemon()
            os.environ["IMEX_KILL_AT"] = step
            site.start_daemon()
            del os.environ["IMEX_KILL_AT"]
            try:
                raise AssertionError(("was answered", site.post(posted)))
            except (OSError, http.client.HTTPException):
                assert site.process.wait(timeout=60) == -signal.SIGKILL, site.log()
            free_leases(site)
            site.start_daemon()
            status, _, answer = site.post(posted)
            assert (status, answer["stored"], answer["repeated"]) == (200, *((3, 0), (0, 3))[number]), (step, answer)
        wanted = collections.Counter("%s-%d" % (step, n) for step in POSTED for n in range(3))
        for user in "alice", "bob":
            site.until(lambda user=user: len(texts(site, user)) == len(wanted), "the items are delivered")
            assert texts(site, user) == wanted, texts(site, user)


@tap.test("imexd killed before and after what was posted is on disk, without an answer: posted again, it is there once")
def _():
    post_all(None)
    with Cluster() as cluster:
        post_all(cluster.url)


tap.main()
