#!/usr/bin/python3
"""Contacts: reading, passes, creating and migrating, beside exchangelib and a bare loop in the same run.

Every server here is one devexchange on this machine. IMEX_BENCH_SCALE=0.1 does a tenth of the work;
words on the command line name the stages to run: reading passes storing creating migrating.
"""
import glob
import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

import measure
import tap
from devexchange import Devexchange
from syncsite import BUILD, SyncSite

SCALE = float(os.environ.get("IMEX_BENCH_SCALE", "1"))
READ, CREATE, STORED, LARGE = (int(n * SCALE) for n in (10000, 2000, 20000, 100000))
USERS, EACH = int(500 * SCALE), 50
USER = "user0001@corp.example"
table = measure.Table()


def generated(contacts):
    return "--mailboxes", "1", "--contacts", str(contacts), "--seed", "1", "--password", "p", "--find-limit", "100000"


def peer_phases():
    """What the shared peer script measures: {phase: {n, seconds, client_cpu_s}}, or None without it."""
    shared = tap.shared_data()
    script = os.path.join(shared, "bench", "exchangelib_bench.py") if shared else ""
    if not os.path.exists(script):
        print("the peer's script is not here: no ratios to exchangelib for reading and creating")
        return None
    with Devexchange("--user", USER + ":p") as dx:
        out = subprocess.run(
            ["/usr/bin/python3", script, "--url", dx.ews, "--email", USER, "--user", USER, "--password", "p",
             "--auth", "basic", "--ca", dx.ca, "--contacts", str(READ), "--updates", "10", "--messages", "0",
             "--page", "512"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(out)["phases"]


def peer(phases, name):
    if phases is None:
        return None
    phase = phases[name]
    return "exchangelib", phase["n"], phase["seconds"], phase["client_cpu_s"]


def reading(phases):
    """The client alone, and the bare loop over the very same requests and answers."""
    with tempfile.TemporaryDirectory() as folder, Devexchange(*generated(READ), "--record", folder) as dx:
        words = [os.path.join(BUILD, "ews_tool"), "--url", dx.ews, "--ca", dx.ca, "--user", USER, "--password", "p",
                 "--mailbox", USER]
        ours = measure.run(words, stdin='{"verb": "count", "dialect": "folder"}\n')
        assert json.loads(ours.stdout)["contacts"] == READ, ours.stdout
        requests = sorted(glob.glob(os.path.join(folder, "*request*")))
        bare = measure.run([os.path.join(BUILD, "bare_read"), dx.ews, dx.ca, USER + ":p", *requests])
    table.row("full read", READ, ours, peer(phases, "sync_full"))
    table.row("full read", READ, ours, ("bare curl + SAX", READ, bare.wall_s, bare.cpu_s))
    print("the bare loop read %s" % bare.stdout.strip())


def grown(count, **keywords):
    """An installation whose one user has a mailbox that is full already."""
    site = SyncSite(["user0001"], absent=["user0001"], write="none", arguments=generated(count), **keywords)
    site.allow()
    return site


def once(site):
    from syncsite import demoted
    return measure.run([os.path.join(BUILD, "imexd"), "--once"], user=demoted(),
                       env=dict(os.environ, IMEX_CONFIG=site.config))


def passes(phases):
    with grown(READ) as site:
        once(site)
        nothing = once(site)
        for number in range(10):
            site.mail_rename("user0001", "contact%05d@corp.example" % (number * 7), "Renamed %d" % number)
        ten = once(site)
    table.row("pass without a change, imexd's start included", 1, nothing)
    table.row("pass with 10 changes in %d" % READ, 10, ten, peer(phases, "sync_incremental"))


def storing(_phases):
    with grown(STORED) as site:
        table.row("first pass: read, stored and compared", STORED, once(site))
    with grown(LARGE) as site:
        large = once(site)
    table.row("first pass: read, stored and compared", LARGE, large)
    print("peak resident memory of imexd over %d contacts: %.0f MiB" % (LARGE, large.rss_mib))


def creating(phases):
    with SyncSite(["alice"]) as site:
        rows = [("im.example", "alice", "roster", "c%05d@im.example" % n, "json",
                 '{"name":"Contact %d","groups":{"Team":true},"subscription":"both"}' % n) for n in range(CREATE)]
        site.rosters.insert("prosody", ("host", "user", "store", "key", "type", "value"), rows)
        site.allow()
        table.row("create, read back and compare", CREATE, migrate(site, "1"), peer(phases, "bulk_create_contacts"))


def migrate(site, jobs):
    from syncsite import demoted
    return measure.run([os.path.join(BUILD, "imex"), "migrate", "--all", "--quiet", "--jobs", jobs], user=demoted(),
                       env=dict(os.environ, IMEX_CONFIG=site.config))


def migrating(_phases):
    rng = random.Random(7)
    users = ["u%04d" % n for n in range(USERS)]
    lists, rows = {}, []
    for user in users:
        for n in range(EACH):
            groups = rng.sample(["Team", "Friends", "Büro"], rng.randrange(3))
            lists.setdefault(user + "@corp.example", []).append(("c%d@corp.example" % n, "Contact %d" % n, groups))
            rows.append(("im.example", user, "roster", "c%d@im.example" % n, "json",
                         json.dumps({"name": "Contact %d" % n, "groups": {g: True for g in groups}})))
    with SyncSite(users, workers=4) as site:
        site.rosters.insert("prosody", ("host", "user", "store", "key", "type", "value"), rows)
        site.check(site.imex("policy", "set", "contacts", "allowed", "--global"))
        ours = migrate(site, "4")
    with tempfile.TemporaryDirectory() as folder, Devexchange(
            "--user", "service@corp.example:service", "--impersonator", "service@corp.example",
            *[w for u in lists for w in ("--mailbox", u)]) as dx:
        path = os.path.join(folder, "lists.json")
        with open(path, "w") as f:
            json.dump(lists, f)
        other = json.loads(subprocess.run(
            ["/usr/bin/python3", os.path.join(HERE, "peer.py"), dx.ews, dx.ca, "migrate", path],
            stdout=subprocess.PIPE, text=True, check=True).stdout)
    table.row("migration of %d users x %d" % (USERS, EACH), USERS * EACH, ours,
              ("exchangelib", other["n"], other["wall_s"], other["cpu_s"]))


STAGES = {"reading": reading, "passes": passes, "storing": storing, "creating": creating, "migrating": migrating}
wanted = sys.argv[1:] or STAGES
phases_of_peer = peer_phases() if set(wanted) & {"reading", "passes", "creating"} else None
for stage in wanted:
    STAGES[stage](phases_of_peer)
table.print()
