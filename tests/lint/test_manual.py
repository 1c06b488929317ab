#!/usr/bin/python3
"""The manual pages against the tables of the programs, both ways, and against mandoc."""
import os
import re
import shutil
import subprocess

import tap

SRC = os.environ["srcdir"]
IMEX = os.path.join(os.environ["builddir"], "imex")


def page(name):
    with open(os.path.join(SRC, "doc", name), encoding="utf-8") as file:
        return file.read()


def table(option):
    done = subprocess.run([IMEX, option], capture_output=True, text=True, timeout=60, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) > 2, done.stdout
    return rows


def plain(text):
    """The words of a piece of mdoc without its macros, dashes as they are typed."""
    text = re.sub(r'^\.\\".*$', "", text, flags=re.M)
    words = re.sub(r"^\.(?=[A-Z])", "", text, flags=re.M)
    words = re.sub(r"\b(?:Cm|Pq|Ic|Fl|Ar|Li|Op|Xr|Oo|Oc|Ns|Ql|Sx) ", "", words)
    return re.sub(r"\s+", " ", words.replace("\\-", "-").replace("\\(en", "-"))


def described_settings():
    """(section, name) -> the text of its item, its heading included."""
    found, section = {}, None
    body = page("imex.conf.5").split(".Sh SECTIONS")[1].split("\n.Sh ")[0]
    for part in re.split(r"^(?=\.(?:Ss|It) )", body, flags=re.M):
        if part.startswith(".Ss"):
            section = re.match(r"\.Ss \[(.*)\]", part).group(1)
        elif part.startswith(".It"):
            name = re.match(r"\.It Ic (\S+)", part).group(1)
            assert (section, name) not in found, (section, name)
            found[section, name] = part
    return found


@tap.test("imex.conf(5) describes every setting, and no other")
def _():
    described = set(described_settings())
    known = {(row[0], row[1]) for row in table("--list-settings")}
    assert known - described == set(), "not described: %s" % sorted(known - described)
    assert described - known == set(), "described, but gone: %s" % sorted(described - known)


@tap.test("imex.conf(5) gives the kind, the default, the values and the range of each")
def _():
    described = described_settings()
    for section, name, kind, default, values in table("--list-settings"):
        text = described[section, name]
        heading = plain(text.splitlines()[0])
        assert "%s %s" % (name, kind) in heading, (name, kind, heading)
        stated = re.search(r"^Default:\n\.Cm (.*) \.$", text, flags=re.M)
        assert (stated.group(1) if stated else "") == default, (section, name, default, stated)
        if kind == "choice":
            assert heading.endswith("choice: " + values.replace("|", " , ")), (name, values, heading)
        elif kind in ("int", "duration"):
            assert heading.endswith("%s: %s" % (kind, values)), (name, values, heading)


def described_commands():
    """"policy set" -> the text of its item, its heading included."""
    found = {}
    body = page("imex.1").split(".Sh COMMANDS")[1].split("\n.Sh ")[0]
    for part in re.split(r"^(?=\.It Nm )|^(?=\.Ss )", body, flags=re.M):
        match = re.match(r"\.It Nm imex ([a-z -]+)", part)
        if match:
            name = match.group(1).strip()
            assert name not in found, name
            found[name] = part
    return found


@tap.test("imex(1) describes every command, and no other")
def _():
    described = set(described_commands())
    known = {row[0] for row in table("--list-commands")}
    assert known - described == set(), "not described: %s" % sorted(known - described)
    assert described - known == set(), "described, but gone: %s" % sorted(described - known)


COMMON = {"--json", "--dry-run", "--quiet"}


@tap.test("imex(1) names every option of each command, and no other")
def _():
    described = described_commands()
    for name, _, options in table("--list-commands"):
        known = set(filter(None, options.split(","))) - COMMON
        stated = set("--" + word for word in re.findall(r"\bFl -([a-z][a-z0-9-]*)", described[name]))
        assert known - stated == set(), (name, "not described", sorted(known - stated))
        assert stated - known - COMMON == set(), (name, "described, but gone", sorted(stated - known - COMMON))


@tap.test("imex(1) says which commands take --json and --dry-run")
def _():
    described = described_commands()
    for name, _, options in table("--list-commands"):
        for option in ("--json", "--dry-run"):
            assert ("Fl -" + option[2:] in described[name]) == (option in options.split(",")), (name, option)


@tap.test("imex(1) and the command's help give the values of each policy, the default first")
def _():
    manual = re.sub(r" (?:Cm|No) | Ta ", " ", plain(page("imex.1"))).replace("(default) ", "").replace(" , ", ", ")
    shown = subprocess.run([IMEX, "policy", "set", "--help"], capture_output=True, text=True, timeout=60)
    for name, values in table("--list-policies"):
        words = ", ".join(values.split("|"))
        assert re.search(re.escape(name) + " +" + re.escape(words) + r"(?: \.|$| It| El)", manual), (name, words)
        assert re.search(r"^ *%s +%s$" % (re.escape(name), re.escape(words)), shown.stdout, flags=re.M), (name, words)


@tap.test("imexd(8) names every option of imexd, and no other")
def _():
    shown = subprocess.run([os.path.join(os.environ["builddir"], "imexd"), "--help"], capture_output=True, text=True,
                           timeout=60)
    known = set(re.findall(r"^  (?:-\w, )?--([a-z0-9-]+)", shown.stdout, flags=re.M))
    stated = set(re.findall(r"^\.It Fl -([a-z0-9-]+)", page("imexd.8"), flags=re.M))
    assert known and known == stated, sorted(known ^ stated)


@tap.test("imex-ingest(5) describes every member of an event, and no other")
def _():
    with open(os.path.join(SRC, "src", "im", "ingest.c"), encoding="utf-8") as file:
        known = set(re.findall(r'^ +\[MEMBER_\w+\] = \{"(\w+)"', file.read(), flags=re.M))
    members = page("imex-ingest.5").split(".Ss Members")[1].split(".Ss ")[0]
    described = set(re.findall(r"^\.It Li (\w+)", members, flags=re.M))
    assert known and known == described, sorted(known ^ described)


def table_of(name, pattern):
    with open(os.path.join(SRC, "tests", "devexchange", name), encoding="utf-8") as file:
        return set(re.findall(pattern, file.read(), flags=re.M))


@tap.test("devexchange(1) names every option, and no other")
def _():
    known = table_of("main.c", r'\{"([a-z-]+)", (?:0|\'\w\'), 0, G_OPTION')
    described = set()
    for line in re.findall(r"^\.It Fl .*", page("devexchange.1"), flags=re.M):
        described |= set(re.findall(r"(?:Fl |, )-([a-z-]{2,})", line))
    assert len(known) > 25 and known == described, sorted(known ^ described)


@tap.test("devexchange(1) names every operation that it speaks, and none of them as missing")
def _():
    known = table_of("operations.c", r'^ +\{"(\w+)", op_')
    spoken, missing = page("devexchange.1").split(".Sh WHAT IT SPEAKS")[1].split(".Sh CAVEATS")
    described = {word for word in re.findall(r"\b[A-Z]\w+", spoken.split(".Sh ")[0])}
    assert len(known) > 40 and known <= described, sorted(known - described)
    denied = known & set(re.findall(r"\b[A-Z]\w+", missing.split("AddNewImContactToGroup")[0]))
    assert not denied, denied


@tap.test("mandoc finds nothing wrong with the pages")
def _():
    if shutil.which("mandoc") is None:
        tap.skip("mandoc is not installed")
    pages = [name for name in sorted(os.listdir(os.path.join(SRC, "doc"))) if re.search(r"\.[1-8]$", name)]
    assert {"imex.1", "imex.conf.5", "imexd.8"} <= set(pages), pages
    for name in pages:
        done = subprocess.run(["mandoc", "-Tlint", "-Wstyle", os.path.join(SRC, "doc", name)], capture_output=True,
                              text=True, timeout=60)
        # A page that is not installed yet cannot be found by the cross-references of another.
        wrong = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
        assert not wrong, "\n".join(wrong)


tap.main()
