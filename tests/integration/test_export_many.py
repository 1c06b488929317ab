#!/usr/bin/python3
"""Exports of many conversations: an index in pages, memory that does not grow, kills that lose nothing.

`check` exports 3,000 conversations, IMEX_LONG=1 100,000, which take under 64 MiB in a build without
sanitizers. IMEX_TEST_SEED repeats a run.
"""
import hashlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import time

import tap
from archivesite import ArchiveSite
from installation import IMEX

LONG = bool(os.environ.get("IMEX_LONG"))
MANY = 100000 if LONG else 3000
SEED = int(os.environ.get("IMEX_TEST_SEED", random.randrange(1 << 30)))
START = 1795433520000000
LIMIT_MIB = 64


def segment_id(number):
    return hashlib.sha256(b"%d" % number).hexdigest()[:32]


class Full(ArchiveSite):
    """An archive with that many closed conversations of three messages, a minute apart."""

    def __init__(self, many):
        super().__init__(users=())
        database = sqlite3.connect(os.path.join(self.state, "imex.db"))
        numbers = range(1, many + 1)
        with database:
            database.executemany(
                "INSERT INTO conversation (id, key, is_room, last_seq, taken_seq, first_utc_us, last_utc_us)"
                " VALUES (?, ?, 0, 3, 3, ?, ?)",
                ((n, "pair a%d@im.example b@im.example" % n, START + n * 60000000, START + n * 60000000 + 3)
                 for n in numbers))
            database.executemany(
                "INSERT INTO message (conversation_id, seq, kind, source, owner, source_key, peer, is_room, sender, body,"
                " sent_utc_us, source_order, captured_utc_us) VALUES (?, ?, 'chat', 'test', 'b@im.example', ?, ?, 0, ?,"
                " ?, ?, ?, 0)",
                ((n, seq, "%d-%d" % (n, seq), "a%d@im.example" % n, "a%d@im.example" % n,
                  "line %d of talk %d\nFrom here on \u0645\u0631\u062d\u0628\u0627" % (seq, n), START + n * 60000000 + seq, seq)
                 for n in numbers for seq in (1, 2, 3)))
            database.executemany(
                "INSERT INTO segment (conversation_id, id, root_id, state, messages, first_utc_us, last_utc_us,"
                " opened_utc_us, closed_utc_us) VALUES (?, ?, ?, 'idle', 3, ?, ?, 0, 1)",
                ((n, segment_id(n), segment_id(n), START + n * 60000000, START + n * 60000000 + 3) for n in numbers))
            database.executemany(
                "INSERT INTO segment_member (conversation_id, seq, segment_id) VALUES (?, ?, ?)",
                ((n, seq, segment_id(n)) for n in numbers for seq in (1, 2, 3)))
        database.close()

    def export(self, form, out):
        """Peak memory in MiB of the export, which must be whole."""
        process = subprocess.Popen([IMEX, "export", "--format", form, "--out", out, "--quiet"], stdin=subprocess.DEVNULL,
                                   env=dict(os.environ, IMEX_CONFIG=self.config), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        assert status == 0, status
        return usage.ru_maxrss / 1024


def sanitized():
    with open(IMEX, "rb") as f:
        return b"__asan_init" in f.read()


def manifest(out):
    with open(os.path.join(out, "MANIFEST.sha256")) as f:
        return f.read()


@tap.test("row 54: an index of many conversations is made of pages; each conversation is linked once")
def _():
    with Full(MANY) as site:
        out = site.path("html")
        peak = site.export("html", out)
        tap.comment("html: %d conversations, %.1f MiB at most" % (MANY, peak))
        assert sanitized() or peak < LIMIT_MIB, peak
        with open(os.path.join(out, "index.html"), encoding="utf-8") as f:
            contents = f.read()
        pages = re.findall(r'href="(index/\d+\.html)"', contents)
        assert len(pages) == MANY // 1000 and "%d conversations" % MANY in contents, contents[-2000:]
        linked = []
        for number, page in enumerate(pages):
            with open(os.path.join(out, page), encoding="utf-8") as f:
                text = f.read()
            assert 'href="../index.html"' in text and "Page %d of %d" % (number + 1, len(pages)) in text
            linked += re.findall(r'href="\.\./conversations/([0-9a-f]+)\.html"', text)
        assert linked == [segment_id(n) for n in range(1, MANY + 1)], "in the order of time"
        done = subprocess.run(["sha256sum", "--quiet", "-c", "MANIFEST.sha256"], cwd=out, capture_output=True)
        assert done.returncode == 0 and len(manifest(out).splitlines()) == MANY + len(pages) + 1, done


@tap.test("mbox and jsonl of many conversations are whole, and read by others")
def _():
    with Full(MANY) as site:
        for form, name in ("mbox", "messages.mbox"), ("jsonl", "messages.jsonl"):
            out = site.path(form)
            peak = site.export(form, out)
            tap.comment("%s: %d conversations, %.1f MiB at most" % (form, MANY, peak))
            assert sanitized() or peak < LIMIT_MIB, peak
            with open(os.path.join(out, name), "rb") as f:
                data = f.read()
            if form == "jsonl":
                assert data.count(b"\n") == 3 * MANY
                continue
            assert len(re.findall(rb"^From imex ", data, re.M)) == len(re.findall(rb"^From ", data, re.M)) == MANY
            import mailbox
            assert len(mailbox.mbox(os.path.join(out, name), create=False)) == MANY


@tap.test("an export that was killed goes on, and is the same as one that was not")
def _():
    tap.comment("IMEX_TEST_SEED=%d" % SEED)
    chance = random.Random(SEED)
    with Full(1500) as site:
        for form in "mbox", "html":
            whole, killed = site.path("whole-" + form), site.path("killed-" + form)
            site.export(form, whole)
            kills = 0
            for _ in range(4):
                process = site.start("export", "--format", form, "--out", killed)
                time.sleep(chance.uniform(0.1, 0.5))
                if process.poll() is None:
                    kills += 1
                process.send_signal(signal.SIGKILL)
                process.communicate()
                if os.path.exists(os.path.join(killed, "MANIFEST.sha256")):
                    break
            if not os.path.exists(os.path.join(killed, "MANIFEST.sha256")):
                site.export(form, killed)
            tap.comment("%s: %d kills with work under way" % (form, kills))
            assert manifest(killed) == manifest(whole), form
            shutil.rmtree(killed)


tap.main()
