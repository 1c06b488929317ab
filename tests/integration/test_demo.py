#!/usr/bin/python3
"""The demonstration holds to its end, twice, and ends in the same table."""
import os
import subprocess

import tap

DEMO = os.path.join(os.environ["srcdir"], "tests", "demo", "demo.sh")


def play():
    run = subprocess.run([DEMO], env=dict(os.environ, IMEX_BUILD=os.environ["builddir"], KEEP="0"),
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=280)
    assert run.returncode == 0, run.stdout[-6000:]
    assert "ERROR: AddressSanitizer" not in run.stdout and "runtime error" not in run.stdout, run.stdout
    table = run.stdout[run.stdout.index("IM side               mailbox"):]
    return run.stdout, [l for l in table.splitlines() if l.startswith(("alice", "bob", "carol", "conversations", "items"))]


tables = []


@tap.test("it shows every step and ends well")
def _():
    text, table = play()
    assert len(table) == 5, table
    for number in range(1, 9):
        assert "\n%d. " % number in text, number
    assert "do not belong together" in text
    tables.append(table)


@tap.test("a second time it ends in the same table")
def _():
    assert play()[1] == tables[0]


tap.main()
