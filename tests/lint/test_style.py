#!/usr/bin/python3
"""The tree is formatted, and holds none of the calls that are too easily used wrongly."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import source
import tap

BANNED = re.compile(r"\b((?:v?sprintf|strcpy|strcat|strncpy|strncat|gets|strtok|atoi|atol|tmpnam|mktemp|system)\s*\("
                    r"|xmlSubstituteEntitiesDefault|XML_PARSE_(?:NOENT|HUGE|DTDLOAD))")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"", re.S)


@tap.test("clang-format would change nothing")
def _():
    paths = [os.path.join(source.SRC, p) for p in source.files(".c", ".h")]
    run = subprocess.run(["clang-format", "--dry-run", "-Werror", "--style=file"] + paths,
                         stderr=subprocess.PIPE, text=True)
    changed = sorted({l.split(":")[0] for l in run.stderr.splitlines() if "error:" in l})
    assert run.returncode == 0, "run clang-format -i on:\n" + "\n".join(os.path.relpath(c, source.SRC) for c in changed)


@tap.test("no banned call")
def _():
    wrong = []
    for path in source.files(".c", ".h", roots=("src", "ews", "store", "archive")):
        text = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), source.read(path))
        for number, line in enumerate(text.splitlines(), 1):
            match = BANNED.search(line)
            if match and not line.lstrip().startswith("#"):
                wrong.append("%s:%d: %s" % (path, number, match.group(1).rstrip('(')))
    assert not wrong, "\n".join(wrong)


@tap.test("SQL of imex's own state stands in store/ and sql/ only")
def _():
    own_tables = set()
    for path in sorted(os.listdir(os.path.join(source.SRC, "sql"))):
        if path.endswith(".sql"):
            own_tables |= set(re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", source.read("sql/" + path), re.I))
    assert own_tables, "no table found in sql/"
    statement = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+(%s)\b" % "|".join(sorted(own_tables)))
    wrong = []
    for path in source.files(".c", ".h", roots=("src", "ews", "archive")):
        for match in statement.finditer(source.read(path)):
            if not path.startswith("src/im/"):
                wrong.append("%s: %s" % (path, match.group(0)))
    assert not wrong, "\n".join(wrong)


tap.main()
