#!/usr/bin/python3
"""What the archive has is counted against what the source holds; what is missing is a record. On both stores."""
import json
import os
import sqlite3

import pgcluster
import tap
from archivesite import ArchiveSite

def count(site, *words, code=0):
    done = site.run("archive", "reconcile", "--since", "2026-01-01", "--json", *words)
    assert done.returncode == code, done
    rows = json.loads(done.stdout)
    assert len(rows) == 1, rows
    return {k: int(v) if v is not None and v.isdigit() else v for k, v in rows[0].items()}


def gaps(site, code):
    done = site.run("archive", "gaps", "--json")
    assert done.returncode == code, done
    return json.loads(done.stdout)


def source_sql(site, statement, *values):
    database = sqlite3.connect(site.prosody)
    with database:
        done = database.execute(statement, values)
    database.close()
    return done.rowcount


def both():
    with pgcluster.Cluster() as cluster:
        for store in None, cluster.url:
            with ArchiveSite(store=store) as site:
                yield site


def status(site):
    """What status says of the source; nothing else is wrong."""
    done = site.run("status", "--json")
    assert done.returncode == ["ok", "warning", "critical"].index(json.loads(done.stdout)["status"]), done
    return next(c for c in json.loads(done.stdout)["checks"] if c["check"] == "source")


@tap.test("row 63: a message that was read past and is not there is a gap, is taken, and the gap is filled")
def _():
    for site in both():
        assert site.run("archive", "reconcile", "--since", "yesterday").returncode != 0
        site.capture()
        whole = count(site)
        assert whole["missing"] == whole["gone"] == whole["unreadable"] == 0, whole
        assert whole["messages"] == whole["archived"] > 10, whole
        assert gaps(site, 0) == []
        where = "WHERE body LIKE '%ping me when back%'"
        site.sql("DELETE FROM message_copy WHERE (conversation_id, seq) IN "
                 "(SELECT conversation_id, seq FROM message %s)" % where)
        site.sql("DELETE FROM message " + where)
        lost = count(site, code=3)
        assert lost["missing"] >= 1 and lost["archived"] + lost["missing"] == whole["archived"], lost
        rows = gaps(site, 0)
        assert {r["reason"] for r in rows} == {"reconcile.missing"} and all(r["filled"] for r in rows), rows
        assert "ping me" not in json.dumps(rows), "a gap holds no message text"
        assert count(site) == whole
        out = site.path("out")
        site.ok("export", "--format", "jsonl", "--out", out)
        with open(os.path.join(out, "messages.jsonl")) as f:
            assert "ping me when back" in f.read()


@tap.test("what the source deleted, what it holds damaged, and what nobody wants are counted apart")
def _():
    with ArchiveSite() as site:
        site.capture()
        whole = count(site)
        assert source_sql(site, "DELETE FROM prosodyarchive WHERE value LIKE '%Not *yet*%'") >= 1
        gone = count(site)
        assert gone["gone"] == whole["archived"] - gone["archived"] >= 1 and gone["missing"] == 0, gone
        site.damage_message("Carol, ping me when back")
        assert count(site)["unreadable"] == 1
        site.ok("policy", "set", "archive", "none", "--domain", "im.example")
        none = count(site)
        assert none["archived"] == 0 and none["unwanted"] == none["messages"] > 0, none


@tap.test("a source that is read too late is warned of at a quarter of its retention, critical at half")
def _():
    for site in both():
        site.capture()
        assert status(site)["level"] == "ok"
        for days, level in (1.7, "ok"), (1.8, "warning"), (3.4, "warning"), (3.6, "critical"):
            site.sql("UPDATE source_cursor SET started_utc_us = 0, end_utc_us = moved_utc_us - %d"
                     % int(days * 86400 * 1e6))
            found = status(site)
            assert found["level"] == level and "7 d" in found["text"], (days, found)
        with open(site.config) as f:
            text = f.read()
        with open(site.config, "w") as f:
            f.write(text.replace("[source ", "[source ", 1).replace("\nurl = prosody", "\nretention = 30d\nurl = prosody"))
        assert status(site)["level"] == "ok"


tap.main()
