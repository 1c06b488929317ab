#!/usr/bin/python3
"""The command line's frame: help, wrong use, the configuration's errors, exit codes."""
import os
import subprocess
import tempfile

import tap

IMEX = os.path.join(os.environ["builddir"], "imex")


def run(*words, config=None):
    environment = dict(os.environ)
    environment.pop("IMEX_CONFIG", None)
    if config is not None:
        environment["IMEX_CONFIG"] = config
    return subprocess.run([IMEX, *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)


def command_names():
    overview = run("--help")
    assert overview.returncode == 0 and overview.stderr == "", overview
    return [l.split()[0] for l in overview.stdout.splitlines() if l.startswith("  ") and l.split()]


@tap.test("--help lists the commands, and each explains itself")
def _():
    names = command_names()
    assert names
    for name in names:
        shown = run(name, "--help")
        assert shown.returncode == 0, (name, shown)
        assert "Usage:" in shown.stdout and name in shown.stdout, (name, shown.stdout)


@tap.test("wrong use is exit 2 and one line that says how to get help")
def _():
    for words in ([], ["nonsense"], ["--nonsense"], ["--config"]):
        shown = run(*words)
        assert shown.returncode == 2, (words, shown)
        assert "imex" in shown.stderr, (words, shown)
    for name in command_names():
        shown = run(name, "--no-such-option")
        assert shown.returncode == 2, (name, shown)
        assert "Traceback" not in shown.stderr and shown.stderr.strip(), (name, shown)


@tap.test("a missing and a broken configuration file are named, with the next step")
def _():
    shown = run("status", config="/nonexistent/imex.conf")
    assert shown.returncode == 2, shown
    assert "/nonexistent/imex.conf" in shown.stderr and "imex init" in shown.stderr, shown.stderr
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as broken:
        broken.write("[sync]\nintervall = 5m\n")
        broken.flush()
        shown = run("status", config=broken.name)
        assert shown.returncode == 2, shown
        assert "intervall" in shown.stderr and "did you mean interval" in shown.stderr, shown.stderr
        assert shown.stderr.count("\n") == 1, shown.stderr


@tap.test("--version says what runs")
def _():
    shown = run("--version")
    assert shown.returncode == 0 and shown.stdout.startswith("imex "), shown


tap.main()
