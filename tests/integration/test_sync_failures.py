"""What breaks in the field, through the whole synchronisation of contacts. "Row N" names the line of the
list of failure modes (facts/failure-cases.md beside the source tree) that a test shows; what concerns one
request alone is shown by test_ews.py, what concerns reading XML by the unit tests of wire and ews."""
import os
import re
import sqlite3
import time

import tap
from devexchange import T
from syncsite import SyncSite

ALICE = "alice@im.example"


def site_with(count=6, dialect="folder", *arguments, **keywords):
    """A site whose list of so many contacts was moved."""
    site = SyncSite(["alice"], dialect, arguments=arguments, **keywords)
    for n in range(count):
        site.rosters.set(ALICE, "c%d@im.example" % n, name="Contact %d" % n, groups=["Team"])
    site.allow()
    site.migrate("--all")
    return site


def edit_both(site):
    site.rosters.set(ALICE, "c0@im.example", name="Zéro", groups=["Team", "Neu & alt"])
    site.mail_rename("alice", "c1@corp.example", "Eins <1> 👍")


def assert_both(site, count):
    site.settle()
    site.assert_same("alice")
    assert len(site.mailbox("alice")) == count
    assert site.mailbox("alice")["c0@corp.example"] == ("Zéro", {"Team", "Neu & alt"})
    assert site.roster("alice")["c1@im.example"][0] == "Eins <1> 👍"


def spoilt(name, **fault):
    """A pass that a fault spoils loses nothing, and the next one brings both sides together."""
    @tap.test(name)
    def _():
        with site_with() as site:
            edit_both(site)
            with site.dx.striking(strikes=1, count=1, **fault):
                done = site.run("imexd", "--once")
                assert done.returncode in (0, 1), done
            assert_both(site, 6)


@tap.test("rows 1 and 2: a sync state that is refused, once or always, ends in a full read without doubles")
def _():
    with site_with() as site:
        edit_both(site)
        site.mail_remove("alice", "c5@corp.example")
        with site.dx.striking(kind="sync-state", count=1):
            site.once()
        assert_both(site, 5)
        with site.dx.striking(strikes=2, kind="sync-state", count=-1):
            site.once()
            site.once()
        assert_both(site, 5)


@tap.test("row 4: the same sync state over and over is no endless loop, and changes nothing")
def _():
    with site_with() as site:
        edit_both(site)
        with site.dx.striking(kind="same-state", count=-1):
            site.run("imexd", "--once")
        assert len(site.mailbox("alice")) == len(site.roster("alice")) == 6
        assert_both(site, 6)


@tap.test("rows 6, 7 and 62: one item that fails, or has no properties, blocks nobody else")
def _():
    with site_with() as site:
        for n in range(6, 10):
            site.rosters.set(ALICE, "c%d@im.example" % n, name="Contact %d" % n)
        with site.dx.striking(kind="bad-item", operation="CreateItem", item=2, code="ErrorInternalServerError", count=1):
            site.run("imexd", "--once")
        assert len(site.mailbox("alice")) >= 9
        edit_both(site)
        site.check(site.imex("contacts", "sync", ALICE))
        assert_both(site, 10)
        with site.dx.striking(kind="ghost-item", count=1):
            site.mail_rename("alice", "c2@corp.example", "Zwei")
            site.run("imexd", "--once")
        site.settle()
        site.assert_same("alice")


@tap.test("rows 8 and 9: what is no contact in the contacts folder is left alone")
def _():
    with site_with() as site:
        site.soap("alice", '<m:CreateItem><m:SavedItemFolderId><t:DistinguishedFolderId Id="contacts"/></m:SavedItemFolderId>'
                  "<m:Items><t:DistributionList><t:DisplayName>People</t:DisplayName></t:DistributionList></m:Items>"
                  "</m:CreateItem>")
        site.soap("alice", '<m:CreateItem><m:SavedItemFolderId><t:DistinguishedFolderId Id="contacts"/></m:SavedItemFolderId>'
                  "<m:Items><t:Contact><t:DisplayName>No IM address</t:DisplayName></t:Contact></m:Items></m:CreateItem>")
        edit_both(site)
        site.once()
        assert_both(site, 6)


@tap.test("rows 10, 11, 13 and 16: a busy server is left alone for the time that it names, and nothing is lost")
def _():
    with site_with() as site:
        edit_both(site)
        with site.dx.striking(kind="busy", back_off_ms=1500, count=1):
            done = site.run("imexd", "--once")
            assert done.returncode != 0 and "busy" in done.stderr, done
        time.sleep(1.6)
        assert_both(site, 6)


spoilt("row 15: a connection that is reset within an answer", kind="reset-within", operation="SyncFolderItems")
spoilt("row 60: an answer that is cut off is an error, never an empty list", kind="truncate", operation="SyncFolderItems")
spoilt("row 60: an answer that is not well-formed is an error", kind="malformed", operation="SyncFolderItems")
spoilt("row 61: a code that nobody knows is tried again later", kind="message", code="ErrorNewAndUnknown",
       operation="SyncFolderItems")
spoilt("row 14: 503 for a while", kind="http", status=503, operation="SyncFolderItems")
spoilt("rows 44 and 69: an update without an answer is looked for before it is repeated", kind="lost-answer",
       operation="UpdateItem")


@tap.test("row 24: a mailbox that moves to another back end keeps its list")
def _():
    with site_with() as site:
        edit_both(site)
        with site.dx.striking(kind="mailbox-move", delay_ms=300, count=1):
            site.run("imexd", "--once")
        time.sleep(0.4)
        assert_both(site, 6)


@tap.test("rows 32 and 34: a control character in one name harms nobody")
def _():
    with site_with() as site:
        site.mail_rename("alice", "c2@corp.example", "Zwei")
        with site.dx.striking(kind="illegal-char", operation="SyncFolderItems", count=1):
            site.run("imexd", "--once")
        edit_both(site)
        site.settle()
        assert len(site.mailbox("alice")) == len(site.roster("alice")) == 6


@tap.test("rows 33, 35 and 37: every name travels as it is, characters that XML cannot hold aside")
def _():
    names = ["Zoë & <Söhne>", "e\u0301tienne", "👩‍💻 Dana", "דוד כהן", '"quoted" \'n\' ]]>', "tab\there", "nul\u0001bell"]
    with SyncSite(["alice"]) as site:
        for n, name in enumerate(names):
            site.rosters.set(ALICE, "n%d@im.example" % n, name=name, groups=["G & <H>"])
        site.allow()
        site.migrate("--all")
        shown = site.mailbox("alice")
        for n, name in enumerate(names):
            assert shown["n%d@corp.example" % n][0] == re.sub("[\u0001]", "", name) or "\u0001" in name, (name, shown)
            assert shown["n%d@corp.example" % n][1] == {"G & <H>"}
        site.settle()


@tap.test("rows 42 and 45: what is emptied on one side is emptied on the other")
def _():
    with site_with() as site:
        site.mail_regroup("alice", "c0@corp.example", [])
        site.rosters.set(ALICE, "c1@im.example", name="Contact 1", groups=[])
        site.once()
        site.settle()
        site.assert_same("alice")
        assert site.roster("alice")["c0@im.example"][1] == set() == site.mailbox("alice")["c1@corp.example"][1]


@tap.test("row 47: creates that were carried out and never answered do not double")
def _():
    for dialect, operation in (("folder", "CreateItem"), ("ucs", "AddNewImContactToGroup")):
        with site_with(2, dialect, settle="1s") as site:
            for n in range(2, 8):
                site.rosters.set(ALICE, "c%d@im.example" % n, name="Contact %d" % n)
            with site.dx.striking(kind="lost-answer", operation=operation, count=1):
                site.run("imexd", "--once")
            time.sleep(1.1)
            site.settle(8)
            site.assert_same("alice")
            assert len(site.mailbox("alice")) == 8


@tap.test("row 48: a state that was lost, or a list that is moved again, doubles nothing")
def _():
    for dialect in ("folder", "ucs"):
        with site_with(6, dialect) as site:
            for name in os.listdir(site.state):
                if name.startswith("imex.db"):
                    os.unlink(os.path.join(site.state, name))
            os.unlink(site.config)
            site.check(site.imex("init", "--state-dir", site.state, "--store", site.store, "--domain", "im.example",
                                 "--server", site.dx.ews, "--source", "prosody+sqlite://" + site.prosody))
            site.configure()
            site.give()
            site.allow()
            # The unified contact store has no trace of who wrote it: that it is ours, a person says.
            site.migrate("--all", *(["--adopt"] if dialect == "ucs" else []))
            site.settle()
            site.assert_same("alice")
            assert len(site.mailbox("alice")) == 6


@tap.test("a contact that is deleted before a reading told it is gone on both sides, and the others stay")
def _():
    for dialect in ("folder", "grommunio", "ucs"):
        with site_with(6, dialect) as site:
            for name in ("new", "stays"):
                site.rosters.set(ALICE, name + "@im.example", name=name, groups=["Team"])
            site.once()
            site.mail_remove("alice", "new@corp.example")
            site.settle()
            site.assert_same("alice")
            assert "new@im.example" not in site.roster("alice") and len(site.roster("alice")) == 7


@tap.test("an item that becomes unusable stays as it was known, in a reading in full as well")
def _():
    with site_with() as site:
        item = site.item_of("alice", "c3@corp.example")[0]
        path = '<t:IndexedFieldURI FieldURI="contacts:ImAddress" FieldIndex="ImAddress1"/>'
        site.soap("alice", '<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="%s"/>'
                  "<t:Updates><t:SetItemField>%s<t:Contact><t:ImAddresses><t:Entry Key=\"ImAddress1\">sip:@</t:Entry>"
                  "</t:ImAddresses></t:Contact></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
                  % (item, path))
        site.once()
        with site.dx.striking(kind="sync-state", count=1):
            site.once()
        site.once()
        assert "c3@im.example" in site.roster("alice") and len(site.roster("alice")) == 6, site.roster("alice")


@tap.test("ucs: a group that the server does not rename: its members move one by one, and nothing is lost")
def _():
    with site_with(3, "ucs") as site:
        for n in range(3):
            site.rosters.set(ALICE, "c%d@im.example" % n, name="Contact %d" % n, groups=["Crew"])
        with site.dx.striking(kind="code", operation="SetImGroup", code="ErrorImGroupDisplayNameAlreadyExists", count=-1):
            site.once()
        site.settle()
        site.assert_same("alice")
        assert {frozenset(groups) for _, groups in site.roster("alice").values()} == {frozenset({"Crew"})}


@tap.test("row 53: an item that is moved away and back has another id, and is the same contact")
def _():
    with site_with() as site:
        item = site.item_of("alice", "c0@corp.example")[0]
        root = site.soap("alice", '<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="drafts"/></m:ToFolderId><m:ItemIds>'
                         '<t:ItemId Id="%s"/></m:ItemIds></m:MoveItem>' % item)
        moved = next(root.iter("{%s}ItemId" % T)).get("Id")
        site.soap("alice", '<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="contacts"/></m:ToFolderId><m:ItemIds>'
                  '<t:ItemId Id="%s"/></m:ItemIds></m:MoveItem>' % moved)
        edit_both(site)
        site.once()
        assert_both(site, 6)


@tap.test("row 67: another list under the owner's name, with a lower version, deletes nothing")
def _():
    with site_with() as site:
        for n in range(3):
            site.rosters.set(ALICE, "c0@im.example", name="Version %d" % n)
            site.once()
        site.rosters.script("DELETE FROM prosody WHERE \"user\"='alice' AND store='roster';")
        site.rosters.set(ALICE, "other@im.example", name="Other")
        done = site.run("imexd", "--once")
        assert done.returncode == 1 and "older" in done.stderr, done
        assert len(site.mailbox("alice")) == 6


@tap.test("a server that ignores change keys and never refuses a state (grommunio): both sides' edits survive")
def _():
    with site_with(6, "folder", "--profile", "grommunio") as site:
        edit_both(site)
        site.mail_remove("alice", "c5@corp.example")
        site.once()
        assert_both(site, 5)
        site.rosters.set(ALICE, "c2@im.example", name="Two", groups=["Team"])
        site.mail_regroup("alice", "c2@corp.example", ["Team", "Club"])
        site.rosters.remove(ALICE, "c3@im.example")
        site.mail_rename("alice", "c3@corp.example", "Drei")
        site.once()
        site.settle()
        site.assert_same("alice")
        assert site.roster("alice")["c2@im.example"] == ("Two", {"Team", "Club"})
        assert site.roster("alice")["c3@im.example"][0] == "Drei"  # the change wins against the deletion
        # Its states are gone: it tells everything anew, and deletions not at all.
        site.mail_remove("alice", "c4@corp.example")
        state = site.sql("SELECT mail_state FROM contact_status")[0][0]
        assert state.startswith("folder1:")
        with sqlite3.connect(os.path.join(site.state, "imex.db")) as database:
            database.execute("UPDATE contact_status SET mail_state = 'folder1:Z2FyYmFnZQ=='")
        site.once()
        site.settle()
        site.assert_same("alice")
        assert "c4@im.example" not in site.roster("alice")


@tap.test("ucs: what is over the server's limit is refused contact by contact, and told")
def _():
    with SyncSite(["alice"], "ucs", arguments=("--max-im-contacts", "3")) as site:
        for n in range(5):
            site.rosters.set(ALICE, "c%d@im.example" % n, name="Contact %d" % n)
        site.allow()
        done = site.imex("migrate", "--all", "--quiet")
        assert done.returncode == 3, done
        assert re.search(r"alice@corp.example +5 +3 +0 +0 +2 +0 +migrated", done.stdout), done
        assert "ErrorImContactLimitReached" in done.stderr, done
        assert len(site.mailbox("alice")) == 3 and len(site.roster("alice")) == 5
        assert len(site.sql("SELECT key FROM contact_problem WHERE reason = 'ews.limit'")) == 2


tap.main()
