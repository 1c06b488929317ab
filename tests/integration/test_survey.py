#!/usr/bin/python3
"""imex survey: what it counts, on both engines, and what it says to bad input."""
import itertools
import json
import os
import shutil
import subprocess
import tempfile

import pgcluster
import prosodygen
import tap

BUILD = os.environ.get("builddir", ".")
SRC = os.environ.get("srcdir", ".")
DIR = tempfile.mkdtemp(prefix="imexsurvey.")
SEED = int(os.environ.get("IMEX_TEST_SEED") or int.from_bytes(os.urandom(3), "big"))
cluster = pgcluster.Cluster()
numbers = itertools.count()


def survey(*args):
    run = subprocess.run([os.path.join(BUILD, "imex"), "survey", *args], capture_output=True, text=True,
                         stdin=subprocess.DEVNULL, env=dict(os.environ, HOME=DIR, LC_ALL="C.UTF-8"))
    return run.returncode, run.stdout, run.stderr


def facts_of(url, *more):
    code, out, err = survey("--source", url, "--json", "--quiet", *more)
    assert code == 0 and err == "", (code, err)
    return json.loads(out)


def databases():
    number = next(numbers)
    yield prosodygen.Database(os.path.join(DIR, "made%d.db" % number))
    yield prosodygen.Database(cluster.create_database("made%d" % number))


def fails(url, code, *words):
    got, out, err = survey("--source", url)
    assert got == code, (got, err)
    assert out == "" and err.startswith("imex: ") and err.count("\n") == 1, (out, err)
    for word in words:
        assert word in err, "%r is not in %r" % (word, err)


@tap.test("the dump of a running Prosody")
def _():
    db = prosodygen.Database(os.path.join(DIR, "dump.db"))
    prosodygen.load(db, os.path.join(SRC, "tests/data/prosody.sql"))
    facts = facts_of(db.url)
    assert (facts["users"], facts["users_without_contacts"]) == (4, 1)
    assert (facts["contacts"], facts["groups"], facts["requests"]) == (8, 3, 1), facts
    assert facts["foreign"] == [{"name": "partner.example", "count": 1, "example": "dave@partner.example"}]
    assert facts["kinds"]["chat"] == 12 and facts["kinds"]["join"] == 4 and facts["kinds"]["retraction"] == 2
    assert facts["conversations"] == 2 and facts["rooms"] == facts["anonymous_rooms"] == 1
    assert (facts["first"], facts["last"]) == ("2026-11-22T22:12:42Z", "2026-11-22T22:20:26Z")
    assert facts["untold_talks"] == 0 and facts["items"] == 6, facts
    code, out, err = survey("--source", db.url)
    assert code == 0 and "one week" in out and "partner.example" in out and "\n\n" in out, (out, err)


@tap.test("a generated database is counted as it was made, on both engines")
def _():
    tap.comment("IMEX_TEST_SEED=%d" % SEED)
    for db in databases():
        made = prosodygen.make(db, users=40, contacts=12, conversations=40, rooms=3, external=2, seed=SEED)
        facts = facts_of(db.url)
        assert facts["users"] == 40 and facts["contacts"] == made["contacts"], facts
        assert facts["groups"] == made["groups"] and facts["conversations"] == made["pairs"]
        assert facts["messages"] == made["messages"] and facts["rows"] == made["rows"]
        for kind, number in made["kinds"].items():
            assert facts["kinds"][kind] == number, (kind, facts["kinds"], made["kinds"])
        assert facts["talked_rooms"] == 3 and facts["problems"] == []


@tap.test("odd rows are told, counted and cost nothing else")
def _():
    for db in databases():
        made = prosodygen.make(db, users=5, contacts=3, conversations=3, rooms=0, seed=1)
        rows = [("im.example", "user0001", "roster", "cut@im.example", "json", '{"name":"SECRET'),
                ("im.example", "user0002", "roster", "not an address@", "json", "{}")]
        db.insert("prosody", prosodygen.KEYVALUE, rows)
        db.insert("prosodyarchive", prosodygen.ARCHIVE, [
            ("im.example", "user0001", "archive", "odd1", 1767225600, "user0002@im.example", "xml", "<message><body>SECRET"),
            ("im.example", "user0001", "archive", "odd2", 1767225600, "user0002@im.example", "json", "{}")])
        code, out, err = survey("--source", db.url, "--json", "--quiet")
        assert code == 3 and "SECRET" not in out + err, (code, out, err)
        facts = json.loads(out)
        assert facts["contacts"] == made["contacts"] and facts["messages"] == made["messages"]
        assert facts["unreadable_contacts"] == 1 and facts["unreadable_rosters"] == 0
        problems = {p["name"]: p for p in facts["problems"]}
        assert set(problems) == {"roster: json.malformed", "roster: address.invalid", "message: xml.truncated",
                                 "message: row.type"}, problems
        assert problems["message: xml.truncated"]["example"] == "user0001@im.example, odd1"
        code, out, err = survey("--source", db.url)
        assert code == 3 and "xml.truncated" in out and "SECRET" not in out + err


@tap.test("an empty Prosody database is counted as empty")
def _():
    for db in databases():
        db.create()
        facts = facts_of(db.url)
        assert facts["users"] == facts["messages"] == facts["items"] == 0 and facts["first"] is None
        code, out, err = survey("--source", db.url)
        assert code == 0 and "There are none here" in out, (out, err)


@tap.test("the database is only read")
def _():
    path = os.path.join(DIR, "still.db")
    db = prosodygen.Database(path)
    prosodygen.make(db, users=3, contacts=1, conversations=1, seed=2)
    with open(path, "rb") as file:
        before = file.read()
    files = sorted(os.listdir(DIR))
    facts_of(db.url)
    with open(path, "rb") as file:
        assert file.read() == before
    assert sorted(os.listdir(DIR)) == files, "it left files beside the database"


@tap.test("wrong use and bad input get one sentence and write nothing")
def _():
    noise = os.path.join(DIR, "noise.db")
    with open(noise, "wb") as file:
        file.write(os.urandom(8192))
    other = prosodygen.Database(os.path.join(DIR, "other.db"))
    other.script("CREATE TABLE prosody (a TEXT);")
    fails("icq://example", 2, "icq", "prosody+sqlite")
    fails("prosody+sqlite://" + os.path.join(DIR, "absent.db"), 2, "absent.db")
    assert not os.path.exists(os.path.join(DIR, "absent.db"))
    fails("prosody+sqlite://" + noise, 2, "noise.db")
    fails(other.url, 2, "prosodyarchive", "other.db")
    fails("prosody+" + cluster.url, 2, "prosodyarchive")
    fails("prosody+postgresql://u:hunter2@127.0.0.1:1/x?connect_timeout=2", 1, "127.0.0.1")
    assert "hunter2" not in survey("--source", "prosody+postgresql://u:hunter2@127.0.0.1:1/x")[2]
    fails("prosody+sqlite://" + DIR, 2)
    code, out, err = survey()
    assert code == 2 and "--source" in err
    code, out, err = survey("--source", "corp")
    assert code == 2, err
    if os.getuid() != 0:
        locked = os.path.join(DIR, "locked.db")
        shutil.copy(os.path.join(DIR, "still.db"), locked)
        os.chmod(locked, 0)
        fails("prosody+sqlite://" + locked, 2, "locked.db")


with cluster:
    try:
        tap.main()
    finally:
        shutil.rmtree(DIR, ignore_errors=True)
