#!/usr/bin/python3
"""Who may include whom, and which files may include a library's header."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import source
import tap

# Layer -> layers whose headers it may include (its own always). "x.h": that header only.
LAYERS = {
    "core": set(),
    "model": {"core"},
    "wire": {"core"},
    "db": {"core"},
    "oauth": {"core", "model", "wire"},
    "ews": {"core", "model", "wire", "oauth/token.h"},
    "store": {"core", "model", "db"},
    "archive": {"core", "model"},
    "im": {"core", "model", "wire", "db"},
    "sync": {"core", "model", "ews", "store", "archive", "im"},
    "daemon": {"core", "model", "wire", "db", "oauth", "ews", "store", "archive", "im", "sync"},
    "cli": {"core", "model", "wire", "db", "oauth", "ews", "store", "archive", "im", "sync", "daemon"},
}

# A library's headers -> the files that wrap it.
LIBRARIES = {
    r"curl/": r"src/wire/",
    r"libxml/": r"src/wire/",
    r"libpq-fe\.h": r"src/db/",
    r"sqlite3\.h": r"src/db/",
    r"openssl/": r"src/oauth/|src/core/digest\.c",
    r"gmime/": r"archive/",
    r"(microhttpd\.h|gnutls/)": r"src/daemon/listener",
    r"strophe\.h": r"src/im/",
    r"zip\.h": r"src/im/",
    r"(ldap|lber)\.h": r"src/im/directory\.c",
}

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)
OWN = [p for p in source.files(".c", ".h", roots=("src", "ews", "store", "archive"))]


def layer_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "src" else parts[0]


@tap.test("every layer includes only layers below it")
def _():
    wrong = []
    for path in OWN:
        layer = layer_of(path)
        for quoted, _angle in INCLUDE.findall(source.read(path)):
            if "/" not in quoted:
                continue
            target = quoted.split("/")[0]
            if target in LAYERS and target != layer and target not in LAYERS[layer] and quoted not in LAYERS[layer]:
                wrong.append("%s includes %s" % (path, quoted))
    assert not wrong, "\n".join(wrong)


@tap.test("private headers stay in their folder")
def _():
    wrong = []
    for path in OWN:
        for quoted, _angle in INCLUDE.findall(source.read(path)):
            if quoted.endswith("_private.h") and "/" in quoted and quoted.split("/")[0] != layer_of(path):
                wrong.append("%s includes %s" % (path, quoted))
    assert not wrong, "\n".join(wrong)


@tap.test("a library's header is included only by the files that wrap it")
def _():
    wrong = []
    for path in OWN:
        for quoted, angle in INCLUDE.findall(source.read(path)):
            for pattern, allowed in LIBRARIES.items():
                if re.match(pattern, angle or quoted) and not re.match(allowed, path):
                    wrong.append("%s includes %s" % (path, angle or quoted))
    assert not wrong, "\n".join(wrong)


@tap.test("the stand-in server shares no code with imex")
def _():
    wrong = []
    for path in source.files(".c", ".h", roots=("tests/devexchange",)):
        for quoted, _angle in INCLUDE.findall(source.read(path)):
            if quoted.split("/")[0] in LAYERS and "/" in quoted:
                wrong.append("%s includes %s" % (path, quoted))
    assert not wrong, "\n".join(wrong)


tap.main()
