#!/usr/bin/python3
"""What breaks in the field, through the archive. "Row N" in the title of a test, or above a unit test, names the line of
the list of failure modes (facts/failure-cases.md beside the source tree) that it shows; the first test here counts that
each row that concerns messages has one."""
import atexit
import glob
import json
import os
import re
import time

import tap
from archivesite import ArchiveSite
from devexchange import NS

# Rows of the list that concern messages: their capture, their items and the requests that carry these.
ROWS = {
    1: "sync state refused", 2: "refused for ever", 3: "large sync state", 4: "same state again", 6: "one bad item",
    7: "an item fails in a batch", 8: "strange items in the folder", 10: "busy", 11: "back-off told oddly",
    14: "503 for long", 15: "reset within an answer", 16: "busy inside", 24: "mailbox moves",
    32: "control characters in answers", 33: "control characters sent", 35: "escaping", 37: "UTF-8", 39: "time zones",
    47: "create stored, answer lost", 48: "state lost", 50: "same id twice", 51: "paging while items move",
    52: "bad paging", 53: "id changes on move", 54: "memory", 57: "no draft", 60: "elements missing",
    61: "unknown codes", 62: "item without properties", 63: "message not archived", 64: "same message twice in the source",
    65: "nothing is archived", 66: "chat states", 67: "source epoch changes", 68: "same second, no id",
    69: "connection closed after a large post",
}
TESTS = os.path.join(os.environ["srcdir"], "tests")
NAMED = re.compile(r"\brows? ([0-9]+(?:(?:, | and |, and )[0-9]+)*)\b", re.I)
FOLDER = '<t:DistinguishedFolderId Id="conversationhistory"/>'


@tap.test("each row that concerns messages has a test that names it")
def _():
    named = {}
    for path in glob.glob(TESTS + "/**/test_*.*", recursive=True):
        # What the tests of contacts show is another matter.
        if "sync_" in os.path.basename(path) or not path.endswith((".py", ".c")):
            continue
        with open(path, encoding="utf-8") as f:
            for found in NAMED.finditer(f.read()):
                for number in re.findall("[0-9]+", found.group(1)):
                    named.setdefault(int(number), set()).add(os.path.basename(path))
    for row, name in ROWS.items():
        tap.comment("row %d (%s): %s" % (row, name, ", ".join(sorted(named.get(row, {"NONE"})))))
    assert set(ROWS) <= set(named), sorted(set(ROWS) - set(named))


class Talks(ArchiveSite):
    """Alice and Bob have one talk after the other, each over when it is captured; each is to arrive once."""

    def __init__(self, **keywords):
        super().__init__(**keywords)
        self.number = 0
        self.start = int(time.time()) - 5 * 86400
        self.ok("policy", "set", "archive", "im", "--domain", "im.example")
        self.ok("archive", "deliver")

    def talk(self, text="", people=("alice", "bob")):
        self.number += 1
        self.say(people[0] + "@im.example", people[1] + "@im.example", "talk #%d# %s" % (self.number, text),
                 at=self.start + 1200 * self.number)

    def settle(self):
        for _ in range(20):
            self.sql("UPDATE delivery SET next_try_utc_us = 0 WHERE state = 'planned'")
            if self.run("archive", "deliver").returncode == 0:
                return
            time.sleep(0.2)
        raise AssertionError(self.ok("queue", "list"))

    def assert_once(self):
        for user in "alice", "bob":
            found = [int(re.search("#([0-9]+)#", i.body).group(1)) for i in self.items(user) if "talk #" in (i.body or "")]
            assert sorted(found) == list(range(1, self.number + 1)), (user, sorted(found))

    def unanswered(self):
        with self.exchange.striking(kind="lost-answer", operation="CreateItem", count=1):
            self.run("archive", "deliver", "--no-wait")


_shared = []


def shared():
    """One installation for the tests that leave it as they found it."""
    if not _shared:
        _shared.append(Talks())
        atexit.register(lambda: [site.exchange.stop() for site in _shared])
    return _shared[0]


def spoilt(name, strikes=1, before=None, **fault):
    """A delivery that the fault spoils loses nothing and doubles nothing."""
    @tap.test(name)
    def _():
        site = shared()
        site.talk()
        if before is not None:
            before(site)
        with site.exchange.striking(strikes=strikes, count=strikes, **fault):
            done = site.run("archive", "deliver")
            assert done.returncode in (0, 3) and len(done.stderr) < 2000, done
        site.settle()
        site.assert_once()


spoilt("row 1: a folder's state that the server refuses ends in a full reading, without doubles", kind="sync-state",
       operation="SyncFolderItems", before=Talks.unanswered)
spoilt("row 15: a reading that is reset within its answer", kind="reset-within", operation="SyncFolderItems",
       before=Talks.unanswered)
spoilt("row 15: a create that is reset within its answer is looked up", kind="reset-within", operation="CreateItem")
spoilt("row 15: a create that is reset before it was read", kind="reset-before", operation="CreateItem")
spoilt("row 14: 503 for a while", kind="http", status=503, operation="CreateItem")
spoilt("row 60: a reading that is cut off is an error, never an empty folder", kind="truncate",
       operation="SyncFolderItems", before=Talks.unanswered)
spoilt("row 60: a reading that is not well-formed is an error, never an empty folder", kind="malformed",
       operation="SyncFolderItems", before=Talks.unanswered)
spoilt("row 61: a code that nobody knows is tried again", kind="message", code="ErrorNewAndUnknown", operation="CreateItem")
spoilt("rows 6 and 7: an item that fails in a batch for a passing reason is tried again alone", kind="bad-item", item=0,
       code="ErrorInternalServerTransientError", operation="CreateItem")
spoilt("row 62: a change without an item behind it is passed over", kind="ghost-item", operation="SyncFolderItems",
       before=Talks.unanswered)


@tap.test("rows 32 and 34: a control character anywhere among the folder's items, in our own id too")
def _():
    site = shared()
    created = site.exchange.counters()["operation.CreateItem"]
    for _ in range(4):
        site.talk()
        site.unanswered()
        with site.exchange.striking(kind="illegal-char", operation="SyncFolderItems", count=1):
            site.run("archive", "deliver")
        site.settle()
    site.assert_once()
    assert site.exchange.counters()["operation.CreateItem"] == created + 8, "an item was sent twice"


@tap.test("row 2: a state that is refused for ever costs a full reading each time, and neither hangs nor doubles")
def _():
    site = shared()
    site.talk()
    site.unanswered()
    site.exchange.fault(strikes=2, kind="sync-state", operation="SyncFolderItems", count=-1)
    site.settle()
    site.talk()
    site.settle()
    site.exchange.clear_faults()
    site.assert_once()


@tap.test("row 4: the same state over and over is no endless loop, and doubles nothing")
def _():
    site = shared()
    site.talk()
    site.unanswered()
    with site.exchange.striking(kind="same-state", operation="SyncFolderItems", count=1):
        site.run("archive", "deliver")
    site.settle()
    site.assert_once()


@tap.test("row 8: what others keep in the folder, of whatever kind, is left alone")
def _():
    site = shared()
    for item in ("<t:Message><t:Subject>mine</t:Subject></t:Message>",
                 "<t:Message><t:ItemClass>IPM.Note.SMIME</t:ItemClass></t:Message>",
                 "<t:Message><t:ItemClass>IPM.Note.Microsoft.Conversation</t:ItemClass><t:Subject>his</t:Subject></t:Message>"):
        _, root = site.exchange.soap('<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>%s</m:SavedItemFolderId>'
                                     "<m:Items>%s</m:Items></m:CreateItem>" % (FOLDER, item), user="bob@corp.example:pw-bob")
        tap.comment("%s: %s" % (item[:20], root.findtext(".//m:ResponseCode", namespaces=NS)))
    before = len(site.items("bob"))
    site.talk()
    site.unanswered()
    with site.exchange.striking(kind="sync-state", operation="SyncFolderItems", count=1):
        site.run("archive", "deliver")
    site.settle()
    site.assert_once()
    assert len(site.items("bob")) == before + 1


@tap.test("rows 10, 11 and 13: a busy server is left alone for the time that it names, and then gets everything")
def _():
    site = shared()
    site.talk()
    with site.exchange.striking(kind="busy", operation="CreateItem", mailbox="alice@corp.example", back_off_ms=3600000, count=1):
        site.run("archive", "deliver")
    waiting, = json.loads(site.ok("queue", "list", "--json"))
    assert waiting["reason"] == "ews.busy" and waiting["tries"] == "1", waiting
    created = site.exchange.counters()["operation.CreateItem"]
    site.run("archive", "deliver", "--no-wait")
    assert site.exchange.counters()["operation.CreateItem"] == created, "it was asked again before its time"
    site.settle()
    site.assert_once()


@tap.test("the server that had all these faults ends cleanly, and answered by the schema")
def _():
    _shared.pop().close()


@tap.test("row 48: a state that was lost altogether doubles nothing")
def _():
    with ArchiveSite() as site:
        site.keep_store()
        site.capture()
        site.ok("archive", "deliver")
        before = {user: len(site.items(user)) for user in ("alice", "bob", "carol")}
        site.restore_store()
        site.capture()
        said = site.ok("archive", "deliver")
        assert "0 delivered, %d found delivered" % sum(before.values()) in said, said
        assert {user: len(site.items(user)) for user in before} == before


@tap.test("rows 33, 35 and 37: any text that the source may hold arrives as it is, what XML cannot hold aside")
def _():
    texts = ["Zoë & <Söhne> ]]> \"quoted\"", "e\u0301tienne", "👩‍💻 and 🏳️‍🌈", "דוד כהן \u202egnp.exe", "tab\there", "From here",
             "noncharacter \ufffe", "&#x1F; &amp;amp;", "x" * 5000]
    with Talks() as site:
        for text in texts:
            site.talk(text)
        site.ok("archive", "deliver")
        site.assert_once()
        for user in "alice", "bob":
            bodies = {int(re.search("#([0-9]+)#", i.text_body).group(1)): i.text_body for i in site.items(user)}
            for number, text in enumerate(texts, 1):
                shown = text.replace("\ufffe", "\ufffd")
                assert re.sub(r"\s", "", shown) in re.sub(r"[\s\u2066-\u2069]", "", bodies[number]), (text, bodies[number])
        # And back: an item whose answer holds a control character is exported all the same.
        with site.exchange.striking(kind="illegal-char", operation="GetItem", count=1):
            out = site.path("back")
            site.run("export", "--from", "mailbox", "--user", "bob@im.example", "--format", "eml", "--out", out)
        assert len(os.listdir(os.path.join(out, "messages"))) >= len(texts) - 1


@tap.test("row 65: a source that archives nothing any more is told when [source] silence has passed")
def _():
    with ArchiveSite() as site:
        site.capture()
        site.ok("archive", "deliver")

        def level():
            checks = json.loads(site.run("status", "--json").stdout)["checks"]
            return [(c["level"], c["text"]) for c in checks if c["check"] == "silence"]
        assert level() == [], "nobody asked for it"
        with open(site.config) as f:
            text = f.read()
        with open(site.config, "w") as f:
            f.write(re.sub(r"(\[source [^]]*\]\n)", r"\1silence = 1h\n", text))
        site.sql("UPDATE source_cursor SET newest_utc_us = 1, started_utc_us = 1")
        (what, said), = level()
        assert what == "warning" and "no new message" in said, said
        site.say("alice@im.example", "bob@im.example", "still here")
        site.run("archive", "deliver")
        (what, said), = level()
        assert what == "ok", said


tap.main()
