#!/usr/bin/python3
"""Restore, rollback and import that were killed: done again they come to the same end, with nothing lost or doubled."""
import os
import signal
import time

import tap
from syncsite import IM, MAIL, SyncSite

ALICE = "alice@" + IM
PATIENCE_S = 60
FIRST = {"carol@" + IM: ("Carol", {"Friends"}), "dave@" + IM: ("Dave", {"Friends"}), "eve@" + IM: ("Eve", {"Friends"})}
# An operation of each kind that a restore needs, by dialect; and how many of them pass before the kill.
MOMENTS = {"folder": (("SyncFolderItems", 0), ("DeleteItem", 0), ("UpdateItem", 0), ("CreateItem", 0)),
           "ucs": (("SyncFolderItems", 0), ("RemoveContactFromImList", 0), ("UpdateItem", 0), ("AddNewImContactToGroup", 0))}


def wait_for(condition, process):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.002)


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()


def kill_at(site, operation, skip, *words):
    """While the server sits on an answer."""
    with site.dx.striking(kind="delay", operation=operation, delay_ms=10000, skip=skip) as fault:
        process = site.popen("imex", "contacts", *words)
        wait_for(lambda: site.dx.struck(fault) > 0, process)
        kill(process)


def fill(site, contacts):
    for address, (name, groups) in contacts.items():
        site.rosters.set(ALICE, address, name=name, groups=sorted(groups))


def edited(dialect):
    """A list of which version 1 is FIRST, and from which everything has gone another way."""
    site = SyncSite(["alice"], dialect)
    fill(site, FIRST)
    site.allow()
    site.migrate("--all")
    site.mail_add("alice", "zoe@" + MAIL, "Zoë", ["New"])
    site.mail_rename("alice", "dave@" + MAIL, "David")
    site.mail_remove("alice", "eve@" + MAIL)
    site.once()
    site.settle()
    return site


def check_restored(site, moment=None):
    done = site.imex("contacts", "restore", ALICE, "--version", "1")
    assert done.returncode == 0 and site.roster("alice") == FIRST, (moment, done, site.roster("alice"))
    site.assert_same("alice")
    site.settle()
    assert site.roster("alice") == FIRST, site.roster("alice")
    site.assert_same("alice")


for dialect in MOMENTS:
    def restore(dialect=dialect):
        with edited(dialect) as site:
            for operation, skip in MOMENTS[dialect]:
                kill_at(site, operation, skip, "restore", ALICE, "--version", "1")
                check_restored(site, (operation, skip))
                site.check(site.imex("contacts", "restore", ALICE, "--version", "2"))
                site.settle()
            check_restored(site)
    tap.test("%s: a restore that was killed is done again" % dialect)(restore)


def people(prefix, number):
    return {"%s%02d@%s" % (prefix, i, IM): ("%s %d" % (prefix.title(), i), {"Friends"}) for i in range(number)}


@tap.test("a way back that was killed while it wrote to the IM side is gone through to its end")
def _():
    for written in (1, 10, 29):
        with SyncSite(["alice"], write="none") as site:
            fill(site, FIRST)
            site.allow()
            site.migrate("--all")
            more = people("more", 30)
            for address, (name, groups) in more.items():
                site.mail_add("alice", site.mail_address(address), name, sorted(groups))
            site.once()
            assert site.roster("alice") == FIRST
            site.configure(write="sql-offline")
            process = site.popen("imex", "contacts", "rollback", ALICE)
            wait_for(lambda: len(site.roster("alice")) >= 3 + written, process)
            kill(process)
            site.once()
            site.check(site.imex("contacts", "rollback", ALICE))
            assert site.roster("alice") == dict(FIRST, **more), (written, site.roster("alice"))
            assert len(site.mailbox("alice")) == 33
            site.check(site.imex("contacts", "rollback", ALICE))
            site.once()
            assert site.roster("alice") == dict(FIRST, **more)


def imported(site, want):
    """The list as JSON, as `export` writes it, with those people instead."""
    import json
    text = site.check(site.imex("contacts", "export", ALICE))
    found = json.loads(text)
    found["lists"][0]["contacts"] = [{"address": a, "name": n, "groups": sorted(g)} for a, (n, g) in sorted(want.items())]
    path = os.path.join(site.folder, "list.json")
    with open(path, "w") as file:
        json.dump(found, file)
    os.chmod(path, 0o644)
    return path


@tap.test("an import that was killed is done again, whoever is in charge")
def _():
    want = dict(FIRST, **people("more", 60))
    for mailbox in (True, False):
        with SyncSite(["alice"]) as site:
            fill(site, FIRST)
            site.allow()
            if mailbox:
                site.migrate("--all")
            path = imported(site, want)
            if mailbox:
                kill_at(site, "CreateItem", 1, "import", ALICE, path)
                assert 3 < len(site.mailbox("alice"))
            else:
                process = site.popen("imex", "contacts", "import", ALICE, path)
                wait_for(lambda: len(site.roster("alice")) > 20, process)
                kill(process)
            site.check(site.imex("contacts", "import", ALICE, path))
            assert site.roster("alice") == want, site.roster("alice")
            if mailbox:
                site.assert_same("alice")
                site.settle()
                site.assert_same("alice")
            site.check(site.imex("contacts", "import", ALICE, path))
            assert site.roster("alice") == want


tap.main()
