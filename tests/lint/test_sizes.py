#!/usr/bin/python3
"""Files and functions stay small enough to be read."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import source
import tap

FILE_LINES, HEADER_LINES, FUNCTION_LINES, FUNCTION_P95 = 800, 250, 120, 60


def functions(paths):
    """(lines, path, name) of every function, longest first."""
    out = subprocess.run(
        ["ctags", "--languages=C", "--langmap=C:.c", "--kinds-C=f", "--fields=+ne", "-f", "-", "-L", "-"],
        input="\n".join(os.path.join(source.SRC, p) for p in paths),
        stdout=subprocess.PIPE, check=True, text=True).stdout
    found = []
    for line in out.splitlines():
        if line.startswith("!"):
            continue
        cells = line.split("\t")
        fields = dict(c.split(":", 1) for c in cells[3:] if ":" in c)
        if "end" in fields:
            found.append((int(fields["end"]) - int(fields["line"]) + 1, os.path.relpath(cells[1], source.SRC), cells[0]))
    return sorted(found, reverse=True)


@tap.test("no source file is over %d lines, no header over %d" % (FILE_LINES, HEADER_LINES))
def _():
    wrong = []
    for path in source.files(".c", ".h"):
        lines = source.read(path).count("\n")
        limit = HEADER_LINES if path.endswith(".h") else FILE_LINES
        if lines > limit and not path.startswith("tests/unit"):
            wrong.append("%s: %d lines" % (path, lines))
    assert not wrong, "\n".join(wrong)


@tap.test("no function is over %d lines, and 95 %% are under %d" % (FUNCTION_LINES, FUNCTION_P95))
def _():
    found = functions(source.files(".c"))
    assert len(found) > 100, "ctags found only %d functions" % len(found)
    wrong = ["%s: %s is %d lines" % (p, n, l) for l, p, n in found if l > FUNCTION_LINES]
    assert not wrong, "\n".join(wrong)
    p95 = found[len(found) // 20][0]
    tap.comment("%d functions, median %d, 95th percentile %d, longest %d lines" % (
        len(found), found[len(found) // 2][0], p95, found[0][0]))
    assert p95 < FUNCTION_P95, p95


tap.main()
