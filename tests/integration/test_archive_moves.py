#!/usr/bin/python3
"""Items and mailboxes that are moved while deliveries are under way, and stores that are restored: exactly once wherever
the mail server can tell, and where it cannot, the record says so."""
import json
import re
import subprocess
import time

import tap
from archivesite import ArchiveSite
from exchangelib import Message
from exchangelib.folders import Messages
from pgcluster import Cluster

ALL = {"alice": 3, "bob": 2, "carol": 1}
CAROL = "carol@corp.example"


def everywhere(site, user):
    """Our items in any folder of the mailbox, those in Recoverable Items included, by their Message-ID."""
    account = site.referee_account(user)
    folders = [f for f in account.root.walk() if f.folder_class in (None, "IPF.Note") or isinstance(f, Messages)]
    folders += [account.recoverable_items_deletions, account.recoverable_items_purges]
    found = []
    for folder in {f.id: f for f in folders}.values():
        found += [i.message_id for i in folder.all() if isinstance(i, Message) and i.subject.startswith("Conversation ")]
    account.protocol.close()
    return found


def to_subfolder(site, item):
    account = site.referee_account("carol")
    folder = Messages(parent=account.inbox, name="Projects")
    folder.save()
    item.move(folder)


def copy_and_move(site, item):
    account = site.referee_account("carol")
    item.copy(account.inbox)
    item.move(account.sent)


# What an owner does with an item -> how many there are of it afterwards, anywhere.
ACTS = {
    "moves it to the inbox": (lambda site, item: item.move(site.referee_account("carol").inbox), 1),
    "moves it to a folder of her own": (to_subfolder, 1),
    "moves it to Deleted Items": (lambda site, item: item.move_to_trash(), 1),
    "deletes it": (lambda site, item: item.soft_delete(), 1),
    "copies it and moves it": (copy_and_move, 2),
}


def unanswered(site):
    """Carol's item is made, and its answer is lost; nobody has looked for it yet."""
    with site.exchange.striking(kind="lost-answer", operation="CreateItem", mailbox=CAROL, count=1):
        site.run("archive", "deliver", "--no-wait")


def history_of(site, user):
    row, = json.loads(site.ok("queue", "list", "--state", "confirmed", "--user", user + "@im.example", "--json"))
    return [step["what"] for step in json.loads(site.ok("queue", "show", row["delivery"], "--json"))]


@tap.test("row 53: an item that its owner moves or deletes before we know of it is found, and not sent again")
def _():
    for what, (act, count) in ACTS.items():
        with ArchiveSite() as site:
            site.capture()
            unanswered(site)
            item, = site.items("carol")
            act(site, item)
            said = site.ok("archive", "deliver")
            assert "0 delivered, 1 found delivered" in said, (what, said)
            assert len(everywhere(site, "carol")) == count and site.items("carol") == [], (what, everywhere(site, "carol"))
            assert "delivery.found" in history_of(site, "carol") and "delivery.again" not in history_of(site, "carol")


def check_again(site, reason):
    site.ok("archive", "deliver")
    row, = json.loads(site.ok("queue", "list", "--state", "confirmed", "--user", "carol@im.example", "--json"))
    steps = json.loads(site.ok("queue", "show", row["delivery"], "--json"))
    assert any(step["what"] == "delivery.again" and step["detail"] == reason for step in steps), steps
    assert len(site.items("carol")) == 1


@tap.test("an item that is nowhere any more is sent again, and the record says how far it was looked for")
def _():
    with ArchiveSite() as site:
        site.capture()
        unanswered(site)
        item, = site.items("carol")
        item.soft_delete()
        account = site.referee_account("carol")
        for gone in account.recoverable_items_deletions.all():
            gone.delete()
        for gone in account.recoverable_items_purges.all():
            gone.delete()
        assert everywhere(site, "carol") == [], "the server keeps it"
        check_again(site, "deliver.not_found")
    with ArchiveSite() as site:
        site.capture()
        unanswered(site)
        site.items("carol")[0].move(site.referee_account("carol").inbox)
        with site.exchange.striking(kind="message", code="ErrorAccessDenied", operation="FindFolder", mailbox=CAROL,
                                    count=1):
            check_again(site, "deliver.not_searched")


TALKS = 120  # of alice and bob: three requests for each of them
ALICE = "alice@corp.example"


def site_with_talks(store=None):
    site = ArchiveSite(store=store)
    site.ok("policy", "set", "archive", "im", "--domain", "im.example")
    site.ok("archive", "deliver")
    for n in range(TALKS):
        site.say("alice@im.example", "bob@im.example", "talk #%d#" % n, at=int(time.time()) - 1200 * (n + 2))
    return site


def until_delivered(site):
    for _ in range(20):
        site.sql("UPDATE delivery SET next_try_utc_us = 0 WHERE state = 'planned'")
        if site.run("archive", "deliver").returncode == 0:
            return
        time.sleep(0.2)
    raise AssertionError(site.ok("queue", "list"))


def assert_once(site, *users):
    for user in users:
        found = sorted(re.search("#([0-9]+)#", i.body).group(1) for i in site.items(user))
        assert found == sorted(str(n) for n in range(TALKS)), (user, len(found), len(set(found)))


@tap.test("row 24: a mailbox that moves in the middle of its deliveries has each item once")
def _():
    with Cluster() as cluster:
        for store, skip in (None, 0), (cluster.url, 1):
            with site_with_talks(store) as site:
                with site.exchange.striking(kind="mailbox-move", operation="CreateItem", mailbox=ALICE, skip=skip,
                                            count=1, delay_ms=300):
                    site.run("archive", "deliver")
                until_delivered(site)
                assert_once(site, "alice", "bob")


@tap.test("row 24: a mailbox that moves before a lost answer was looked up has each item once")
def _():
    with site_with_talks() as site:
        # The first reading comes before anything is sent, the second is the look-up. The move voids the states of the
        # mailbox's folders, so that all of the folder is read.
        with site.exchange.striking(kind="lost-answer", operation="CreateItem", mailbox=ALICE, skip=1, count=1), \
                site.exchange.striking(kind="mailbox-move", operation="SyncFolderItems", mailbox=ALICE, skip=1, count=1,
                                       delay_ms=300):
            until_delivered(site)
        assert_once(site, "alice", "bob")


@tap.test("a store that was restored from a backup sends nothing again, not even what owners moved or deleted meanwhile")
def _():
    with ArchiveSite() as site:
        site.capture()
        site.exchange.fault(kind="busy", operation="CreateItem", count=100)
        site.run("archive", "deliver")
        site.exchange.clear_faults()
        site.sql("UPDATE delivery SET attempts = 0, state = 'planned', first_sent_utc_us = NULL, sent_utc_us = NULL")
        site.keep_store()
        until_delivered(site)
        items = site.items("alice")
        items[0].move(site.referee_account("alice").inbox)
        items[1].soft_delete()
        site.restore_store()
        site.sql("UPDATE delivery SET next_try_utc_us = 0")
        said = site.ok("archive", "deliver")
        assert "0 delivered, 6 found delivered" in said, said
        assert len(everywhere(site, "alice")) == 3 and len(site.items("alice")) == 1


@tap.test("a PostgreSQL store that was restored from a backup looks before it writes")
def _():
    with Cluster() as cluster:
        with ArchiveSite(store=cluster.url) as site:
            site.capture()
            kept = subprocess.run(["pg_dump", "--clean", "--if-exists", cluster.url], check=True, capture_output=True,
                                  text=True).stdout
            site.ok("archive", "deliver")
            subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", cluster.url], input=kept, check=True, text=True,
                           stdout=subprocess.DEVNULL)
            said = site.ok("archive", "deliver")
            assert "0 delivered, 6 found delivered" in said, said
            assert {user: len(site.items(user)) for user in ALL} == ALL


tap.main()
