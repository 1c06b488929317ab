#!/usr/bin/python3
"""Conversations: capture, delivery and export, beside exchangelib and wrk in the same run.

Every server here is one devexchange on this machine. IMEX_BENCH_SCALE=0.1 does a tenth of the work.
"""
import base64
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

import measure
import prosodygen
from archivesite import ArchiveSite
from devexchange import Devexchange
from installation import IMEX

SCALE = float(os.environ.get("IMEX_BENCH_SCALE", "1"))
FAST = "[server exchange]\nmax_requests_per_s = 100000\nmax_connections = 4\n"
SECONDS = 5


def run(site, *words):
    return measure.run([IMEX, *words], env=dict(os.environ, IMEX_CONFIG=site.config))


def installation(users, talks, lines, server=()):
    """Conversations of two people, of so many messages each."""
    site = ArchiveSite(users=["user%04d" % n for n in range(1, users + 1)], extra=FAST, server=server)
    os.unlink(site.prosody)
    prosodygen.make(prosodygen.Database(site.prosody), users=users, contacts=0, conversations=talks,
                    messages=(lines, lines), rooms=0, seed=1)
    site.ok("policy", "set", "archive", "im", "--domain", "im.example")
    return site


def count(text, pattern):
    return int(re.search(pattern, text).group(1))


def peer(dx, what, folder, login="service@corp.example:service", names=""):
    done = json.loads(subprocess.run(
        ["/usr/bin/python3", os.path.join(HERE, "peer.py"), dx.ews, dx.ca, what, folder], input=names,
        stdout=subprocess.PIPE, text=True, check=True, env=dict(os.environ, PEER_LOGIN=login)).stdout)
    return "exchangelib", done["n"], done["wall_s"], done["cpu_s"]


def exchangelib(folder):
    """The same messages, put into one mailbox by bulk_create."""
    with Devexchange("--user", "service@corp.example:service", "--impersonator", "service@corp.example",
                     "--mailbox", "user0001@corp.example") as dx:
        return peer(dx, "deliver", folder)


def wrk(folder, ews, connections):
    """Items a second when one of imex's own CreateItem requests is posted again and again."""
    path = max(glob.glob(os.path.join(folder, "*CreateItem*request*")), key=os.path.getsize)
    with open(path) as f:
        body = f.read()
    script = os.path.join(folder, "post.lua")
    with open(script, "w") as f:
        f.write('wrk.method = "POST"\nwrk.body = [==[%s]==]\n'
                'wrk.headers["Content-Type"] = "text/xml; charset=utf-8"\n'
                'wrk.headers["Authorization"] = "Basic %s"\n'
                % (body, base64.b64encode(b"svc@corp.example:secret").decode()))
    out = subprocess.run(["wrk", "-t1", "-c%d" % connections, "-d%ds" % SECONDS, "-s", script, ews],
                         capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        sys.exit("bench: some answers were errors: " + out)
    return body.count("<t:MimeContent") * float(re.search(r"Requests/sec:\s+([0-9.]+)", out).group(1))


def plan_and_send(talks, lines):
    """The two stages of a delivery: what is rendered and recorded first, and what the sending costs alone."""
    with installation(2, talks, lines) as site:
        run(site, "archive", "backfill", "--since", "2026-01-01")
        # For somebody without a mailbox everything is planned and nothing sent.
        plan = run(site, "archive", "deliver", "--user", "nobody@im.example")
        return plan, run(site, "queue", "flush")


def two_mailboxes(table):
    """Many conversations of the same two people, as a peer would upload them; two connections at work."""
    talks, lines, boxes = int(1000 * SCALE), 20, 2
    items = boxes * talks
    with installation(boxes, talks, lines) as site:
        run(site, "archive", "backfill", "--since", "2026-01-01")
        deliver = run(site, "archive", "deliver")
        folder = os.path.join(site.folder, "export")
        run(site, "export", "--since", "2026-01-01", "--format", "eml", "--out", folder)
        other = exchangelib(folder)
    plan, send = plan_and_send(talks, lines)
    assert count(send.stdout, r"(\d+) delivered") == items, send.stdout
    table.row("deliver: segment, render, record and send, %d messages an item" % lines, items, deliver, other)
    table.row("  of that, all but sending", items, plan)
    table.row("  of that, sending what is rendered", items, send, other)
    with tempfile.TemporaryDirectory() as folder, installation(boxes, 100, lines, ("--record", folder)) as site:
        run(site, "archive", "backfill", "--since", "2026-01-01")
        run(site, "archive", "deliver")
        best = wrk(folder, site.exchange.ews, boxes)
    for name, cost in ("delivers", deliver), ("sends what is rendered at", send):
        print("wrk posts %.0f items/s of the same bytes over %d connections; imex %s %.0f/s, %.2f of that"
              % (best, boxes, name, items / cost.wall_s, items / cost.wall_s / best))


def many_mailboxes(table):
    users, talks, lines = 200, int(5000 * SCALE), 10
    with installation(users, talks, lines) as site:
        capture = run(site, "archive", "backfill", "--since", "2026-01-01")
        messages = count(capture.stdout, r"(\d+) messages taken")
        deliver = run(site, "archive", "deliver")
        export = run(site, "export", "--since", "2026-01-01", "--format", "eml", "--from", "mailbox", "--out",
                     os.path.join(site.folder, "export"))
        found = len(glob.glob(os.path.join(site.folder, "export", "**", "*.eml"), recursive=True))
        with tempfile.TemporaryDirectory() as folder:
            read = peer(site.exchange, "export", folder, "svc@corp.example:secret",
                        "\n".join("user%04d@corp.example" % n for n in range(1, users + 1)))
    table.row("capture: messages, both sides' copies, on SQLite", messages, capture)
    table.row("deliver: items of %d messages into %d mailboxes" % (lines, users), 2 * talks, deliver)
    table.row("export: items read back from the mailboxes", found, export, read)
    print("peak resident memory: capture %.0f, deliver %.0f, export %.0f MiB"
          % (capture.rss_mib, deliver.rss_mib, export.rss_mib))


print("load before: %.1f %.1f %.1f" % os.getloadavg())
table_of_all = measure.Table()
many_mailboxes(table_of_all)
two_mailboxes(table_of_all)
table_of_all.print()
print("load after: %.1f %.1f %.1f" % os.getloadavg())
