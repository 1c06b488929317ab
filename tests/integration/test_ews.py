#!/usr/bin/python3
"""The Exchange client against the stand-in Exchange: both dialects, messages, faults, lost answers."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap
from devexchange import Devexchange
from ewstool import EwsTool

ANN = "ann@corp.example"
BOB = "bob@corp.example"
MINUTE = 60 * 1000000


class Stand:
    """A stand-in server and a client for ann's mailbox."""

    def __init__(self, *arguments, tool=()):
        self.server = Devexchange("--user", ANN + ":secret", "--user", BOB + ":other", *arguments)
        self.ews = self.client(*tool)

    def client(self, *extra, user=ANN, password="secret", mailbox=ANN):
        return EwsTool("--url", self.server.ews, "--ca", self.server.ca, "--user", user, "--password", password,
                       "--mailbox", mailbox, *extra)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.ews.__exit__(*exc)
        self.server.__exit__(*exc)


def contact(key, name=None, groups=(), tel_uri=None):
    return {"key": key, "name": name, "groups": sorted(groups), "tel_uri": tel_uri}


def lines(answer):
    """Changes without what differs from run to run: {key or id: contact or kind}."""
    return {c["contact"]["key"] if c["kind"] == "upsert" else c["id"]: c.get("contact") or c["kind"]
            for c in answer.get("changes", [])}


def whole(ews, dialect):
    answer = ews.ok("changes", dialect=dialect)
    assert answer["full"]
    return lines(answer), answer["state"]


CARL = contact("carl@im.example", "Carl & <Co>", ["Friends", "Bücher 📚"])
DORA = contact("dora@im.example", None)
CALL = contact("tel:+49301234567", "Taxi", ["Friends"], "tel:+49301234567")


def life_of_a_list(ews, dialect):
    """Create, read, change, read the changes, delete, in either dialect."""
    ids = {}
    for one in (CARL, DORA, CALL):
        ids[one["key"]] = ews.ok("create", dialect=dialect, contact=one, op_uuid="op-" + one["key"])["ref"][0]
    listed, state = whole(ews, dialect)
    assert listed == {c["key"]: with_name_of(dialect, c) for c in (CARL, DORA, CALL)}, listed
    again = ews.ok("changes", dialect=dialect, state=state)
    assert not again["full"] and again["changes"] == [], again
    after = contact(CARL["key"], "Karl", ["Work", "Bücher 📚"])
    ews.ok("update", dialect=dialect, id=ids[CARL["key"]], before=CARL, after=after)
    ews.ok("update", dialect=dialect, id=ids[CARL["key"]], before=CARL, after=after)  # repeating is harmless
    answer = ews.ok("changes", dialect=dialect, state=again["state"])
    assert lines(answer)[CARL["key"]] == after, answer
    alone = contact(CARL["key"], "Karl")
    ews.ok("update", dialect=dialect, id=ids[CARL["key"]], before=after, after=alone)
    answer = ews.ok("changes", dialect=dialect, state=answer["state"])
    assert lines(answer)[CARL["key"]] == alone, answer
    ews.ok("delete", dialect=dialect, id=ids[DORA["key"]])
    ews.ok("delete", dialect=dialect, id=ids[DORA["key"]])
    answer = ews.ok("changes", dialect=dialect, state=answer["state"])
    if dialect == "folder":
        assert lines(answer) == {ids[DORA["key"]]: "delete"}, answer
    listed, _ = whole(ews, dialect)
    assert set(listed) == {CARL["key"], CALL["key"]}, listed
    found = ews.ok("find", dialect=dialect, address="SIP:Carl@IM.example")["found"]
    assert [f["id"] for f in found] == [ids[CARL["key"]]], found
    assert ews.ok("find", dialect=dialect, address="nobody@im.example")["found"] == []


def with_name_of(dialect, c):
    """The contact store has no name for a telephone contact."""
    return dict(c, name=None) if dialect == "ucs" and c["tel_uri"] else c


@tap.test("dialect ucs: a contact list lives")
def _():
    with Stand() as stand:
        assert stand.ews.ok("dialect")["dialect"] == "ucs"
        life_of_a_list(stand.ews, "ucs")
        stand.ews.ok("migrated", dialect="ucs", completed=True)
        assert stand.server.control("GET", "mailboxes")[0]["migrated"]


@tap.test("dialect ucs: groups live")
def _():
    with Stand("--group", "sales@corp.example") as stand:
        ews = stand.ews
        one = contact("eve@im.example", "Eve", ["Alpha"])
        ews.ok("create", dialect="ucs", contact=one)
        ews.ok("group-create", dialect="ucs", name="Empty")
        ews.ok("group-create", dialect="ucs", name="Empty")
        ews.ok("group-create", dialect="ucs", name="Sales", kind="distribution", smtp="sales@corp.example")
        ews.ok("group-rename", dialect="ucs", name="Alpha", to="Beta")
        answer = ews.ok("changes", dialect="ucs")
        names = {g["name"] for g in answer["groups"] if g["kind"] == "user"}
        assert names == {"Beta", "Empty"}, answer["groups"]
        assert [g["smtp"] for g in answer["groups"] if g["kind"] == "distribution"] == ["sales@corp.example"]
        assert lines(answer)["eve@im.example"]["groups"] == ["Beta"]
        ews.ok("group-delete", dialect="ucs", name="Beta")
        ews.ok("group-delete", dialect="ucs", name="Beta")
        ews.ok("group-delete", dialect="ucs", name="Sales", kind="distribution", smtp="sales@corp.example")
        answer = ews.ok("changes", dialect="ucs")
        assert lines(answer)["eve@im.example"]["groups"] == [], answer
        assert not [g for g in answer["groups"] if g["kind"] == "distribution"]
        ews.fails("ews.not_found", "group-rename", dialect="ucs", name="Beta", to="x")


@tap.test("dialect ucs: the server's limits are told, per contact")
def _():
    with Stand("--max-im-contacts", "2", "--max-im-groups", "5") as stand:
        answer = stand.ews.call("create-many", dialect="ucs",
                                contacts=[contact("c%d@im.example" % i) for i in range(4)])
        assert [isinstance(o, str) or o for o in answer["outcomes"]] == \
            [True, True, ["ews.limit", "item"], ["ews.limit", "item"]], answer
        made = [stand.ews.call("group-create", dialect="ucs", name="G%d" % i) for i in range(6)]
        assert made[0]["ok"] and {m["reason"] for m in made if not m["ok"]} == {"ews.limit"}, made


@tap.test("dialect folder: a contact list lives, and there is no other dialect")
def _():
    with Stand("--no-ucs") as stand:
        assert stand.ews.ok("dialect")["dialect"] == "folder"
        life_of_a_list(stand.ews, "folder")


@tap.test("dialect folder with the habits of grommunio")
def _():
    with Stand("--profile", "grommunio") as stand:
        assert stand.ews.ok("dialect")["dialect"] == "folder"
        life_of_a_list(stand.ews, "folder")
        # A garbage state is taken for none, silently: what is known comes as new.
        answer = stand.ews.ok("changes", dialect="folder", state="folder1:Z2FyYmFnZQ==")
        assert not answer["full"] and all(c["created"] for c in answer["changes"]) and answer["changes"], answer


@tap.test("dialect folder: a refused state leads to a full read")
def _():
    with Stand("--no-ucs") as stand:
        stand.ews.ok("create", dialect="folder", contact=CARL, op_uuid="u")
        answer = stand.ews.ok("changes", dialect="folder", state="folder1:Z2FyYmFnZQ==")
        assert answer["full"] and answer["restarted"] and list(lines(answer)) == [CARL["key"]], answer
        stand.server.fault(kind="sync-state", count=1)
        answer = stand.ews.ok("changes", dialect="folder", state=answer["state"])
        assert answer["full"] and stand.server.struck() == 1, answer


@tap.test("dialect folder: others' contacts are left alone, others' edits survive")
def _():
    with Stand("--no-ucs") as stand:
        made = stand.ews.ok("create", dialect="folder", contact=CARL, op_uuid="u")["ref"][0]
        stand.server.soap("""<m:CreateItem><m:SavedItemFolderId><t:DistinguishedFolderId Id="contacts"/>
            </m:SavedItemFolderId><m:Items><t:Contact><t:DisplayName>Plumber</t:DisplayName></t:Contact></m:Items>
            </m:CreateItem>""", user=ANN + ":secret")
        assert list(whole(stand.ews, "folder")[0]) == [CARL["key"]]
        stand.server.soap("""<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange>
            <t:ItemId Id="%s"/><t:Updates><t:SetItemField><t:FieldURI FieldURI="contacts:DisplayName"/><t:Contact>
            <t:DisplayName>Charles</t:DisplayName></t:Contact></t:SetItemField><t:SetItemField>
            <t:FieldURI FieldURI="item:Categories"/><t:Contact><t:Categories><t:String>Friends</t:String>
            <t:String>Bücher 📚</t:String><t:String>Mine</t:String></t:Categories></t:Contact></t:SetItemField>
            </t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>""" % made, user=ANN + ":secret")
        # The name was changed there: our change of it would bury that one.
        stand.ews.fails("ews.conflict", "update", dialect="folder", id=made, before=CARL,
                        after=contact(CARL["key"], "Karl", CARL["groups"]))
        # Groups are sets: the one added there stays.
        stand.ews.ok("update", dialect="folder", id=made, before=CARL,
                     after=contact(CARL["key"], CARL["name"], ["Friends"]))
        listed, _ = whole(stand.ews, "folder")
        assert listed[CARL["key"]] == contact(CARL["key"], "Charles", ["Friends", "Mine"]), listed


@tap.test("dialect folder: many contacts, in pages, and an incremental pass that costs what changed")
def _():
    with Stand("--no-ucs") as stand:
        many = [dict(contact("c%04d@im.example" % i, "Contact %d" % i, ["G%d" % (i % 7)]), op_uuid="u%d" % i)
                for i in range(1200)]
        answer = stand.ews.ok("create-many", dialect="folder", contacts=many)
        assert len(set(answer["outcomes"])) == 1200
        before = stand.ews.ok("statistics")
        listed, state = whole(stand.ews, "folder")
        assert len(listed) == 1200 and listed["c0007@im.example"]["groups"] == ["G0"]
        middle = stand.ews.ok("statistics")
        assert middle["requests"] - before["requests"] <= 4, (before, middle)
        one = contact("c0007@im.example", "Contact 7", ["G0"])
        stand.ews.ok("update", dialect="folder", id=answer["outcomes"][7], before=one,
                     after=contact("c0007@im.example", "Seven", ["G0"]))
        start = stand.ews.ok("statistics")
        changed = stand.ews.ok("changes", dialect="folder", state=state)
        end = stand.ews.ok("statistics")
        assert list(lines(changed)) == ["c0007@im.example"], changed
        assert end["requests"] - start["requests"] == 1 and end["received"] - start["received"] < 8192, (start, end)


@tap.test("a create whose answer is lost is found again, by address and by operation")
def _():
    for arguments, dialect in (([], "ucs"), (["--no-ucs"], "folder"), (["--profile", "grommunio"], "folder")):
        with Stand(*arguments) as stand:
            operation = "AddNewImContactToGroup" if dialect == "ucs" else "CreateItem"
            whole(stand.ews, dialect)
            for kind in ("lost-answer", "reset-within", "truncate", "reset-before"):
                one = contact("%s@im.example" % kind, "X", ["G"])
                stand.ews.ok("group-create", dialect=dialect, name="G")
                rule = stand.server.fault(kind=kind, operation=operation, count=1)
                answer = stand.ews.call("create", dialect=dialect, contact=one, op_uuid="op-" + kind)
                assert not answer["ok"] and answer["class"] == "uncertain", (kind, answer)
                assert stand.server.struck(rule) == 1, kind
                by_address = stand.ews.ok("find", dialect=dialect, address=one["key"], op_uuid="op-" + kind)["found"]
                assert len(by_address) == (0 if kind == "reset-before" else 1), (kind, by_address)
                if dialect == "folder":
                    by_operation = stand.ews.ok("find", dialect=dialect, op_uuid="op-" + kind)["found"]
                    assert [f["id"] for f in by_operation] == [f["id"] for f in by_address]
                for f in by_address:
                    assert f["contact"] == one, f


@tap.test("a batch whose answer is lost: each contact is uncertain or unsent, and those made are found")
def _():
    with Stand("--no-ucs", tool=("--batch", "10")) as stand:
        many = [dict(contact("b%d@im.example" % i), op_uuid="u%d" % i) for i in range(30)]
        stand.server.fault(kind="reset-within", operation="CreateItem", skip=1, count=1)
        answer = stand.ews.call("create-many", dialect="folder", contacts=many)
        outcomes = answer["outcomes"]
        assert not answer["ok"] and all(isinstance(o, str) for o in outcomes[:10]), answer
        assert all(isinstance(o, str) or o[1] == "uncertain" for o in outcomes[10:20]), answer
        assert ["http.reset", "uncertain"] in outcomes and outcomes[20:] == [["ews.unsent", "retry"]] * 10, answer
        for i in range(30):
            found = stand.ews.ok("find", dialect="folder", address="b%d@im.example" % i, op_uuid="u%d" % i)["found"]
            assert len(found) == (1 if i < 20 else 0), (i, found)


@tap.test("in a batch one bad item fails alone, and what was left undone is sent again")
def _():
    with Stand("--no-ucs") as stand:
        many = [dict(contact("b%d@im.example" % i), op_uuid="u%d" % i) for i in range(6)]
        stand.server.fault(kind="bad-item", operation="CreateItem", item=2, code="ErrorItemSave", count=1)
        answer = stand.ews.call("create-many", dialect="folder", contacts=many)
        assert [isinstance(o, str) for o in answer["outcomes"]] == [True, True, False, True, True, True], answer
        assert answer["outcomes"][2] == ["ews.item", "item"]
        stand.server.clear_faults()
        many = [dict(contact("d%d@im.example" % i), op_uuid="d%d" % i) for i in range(6)]
        stand.server.fault(kind="batch-stopped", operation="CreateItem", item=4, count=1)
        answer = stand.ews.ok("create-many", dialect="folder", contacts=many)
        assert len(set(answer["outcomes"])) == 6 and stand.server.struck() == 1, answer
        assert len(whole(stand.ews, "folder")[0]) == 11


@tap.test("a server that loops or breaks its answer is an error, never an empty list")
def _():
    with Stand("--no-ucs") as stand:
        many = [dict(contact("b%d@im.example" % i, "Näme %d" % i), op_uuid="u%d" % i) for i in range(40)]
        stand.ews.ok("create-many", dialect="folder", contacts=many)
        for kind, reason in (("truncate", "xml.truncated"), ("malformed", "xml.malformed"),
                             ("reset-within", "http.reset"), ("content-type", "ews.protocol")):
            rule = stand.server.fault(kind=kind, operation="SyncFolderItems", count=1)
            answer = stand.ews.fails(reason, "changes", dialect="folder")
            assert stand.server.struck(rule) == 1 and "state" not in answer and answer["class"] != "uncertain", answer
        rule = stand.server.fault(kind="illegal-char", operation="SyncFolderItems", count=1)
        assert len(whole(stand.ews, "folder")[0]) == 40 and stand.server.struck(rule) == 1
        assert stand.ews.ok("statistics")["mended"] > 0
        rule = stand.server.fault(kind="drip", operation="SyncFolderItems", bytes=500, delay_ms=1, count=1)
        assert len(whole(stand.ews, "folder")[0]) == 40 and stand.server.struck(rule) == 1
        state = stand.ews.ok("changes", dialect="folder")["state"]
        rule = stand.server.fault(kind="same-state", operation="SyncFolderItems", count=2)
        answer = stand.ews.call("changes", dialect="folder", state=state)
        assert answer["ok"] or answer["reason"] == "ews.protocol", answer
        stand.server.clear_faults()
        rule = stand.server.fault(kind="ghost-item", operation="SyncFolderItems", count=1)
        answer = stand.ews.ok("changes", dialect="folder")
        assert len([c for c in answer["changes"] if c["kind"] == "upsert"]) == 40, answer


@tap.test("a busy server is left alone until it says")
def _():
    with Stand() as stand:
        stand.server.fault(kind="busy", back_off_ms=30000, count=1)
        answer = stand.ews.fails("ews.busy", "dialect")
        assert answer["class"] == "backoff" and answer["retry_at"] > 0
        stand.server.fault(kind="http", status=503, retry_after_s=20, count=1)
        assert stand.ews.fails("ews.busy", "dialect")["class"] == "backoff"
        stand.server.fault(kind="message", operation="GetImItemList", code="ErrorMailboxMoveInProgress", count=1)
        assert stand.ews.fails("ews.moved", "dialect")["class"] == "mailbox"
        stand.server.fault(kind="code", operation="GetImItemList", code="ErrorNotKnownToUs", count=1)
        assert stand.ews.fails("ews.unknown_code", "dialect")["class"] == "retry"


@tap.test("whose mailbox it is: confirmed, another's, an alias, nobody's")
def _():
    with Stand("--impersonator", BOB) as stand:
        info = stand.ews.ok("confirm")["info"]
        assert info["smtp"] == ANN and info["root"], info
        with stand.client(mailbox=BOB) as wrong:
            wrong.fails("ews.wrong_mailbox", "confirm")
        with stand.client("--access", "impersonate", user=BOB, password="other") as acting:
            assert acting.ok("confirm")["info"]["root"] == info["root"]
            assert acting.ok("dialect")["dialect"] == "ucs"
        with stand.client("--access", "impersonate", mailbox=BOB) as forbidden:
            forbidden.fails("ews.impersonation", "confirm")
        with stand.client("--access", "impersonate", user=BOB, password="other", mailbox="x@corp.example") as nobody:
            nobody.fails("ews.no_mailbox", "confirm")
        stand.server.control("POST", "mailboxes", {"smtp": ANN, "alias": "alice@corp.example"})
        with stand.client(mailbox="alice@corp.example") as alias:
            assert ANN in alias.fails("ews.wrong_mailbox", "confirm")["message"]
        with stand.client(password="wrong") as bad:
            bad.fails("ews.unauthorized", "confirm")
            assert bad.ok("statistics")["requests"] == 1


def mime(i, lines=1):
    return ("From: Ann <ann@corp.example>\r\nTo: bob@corp.example\r\nSubject: Conversation %d\r\n"
            "Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%d@imex.example>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\n" % (i, i)) + ("hello %d\r\n" % i) * lines


SENT = 1793613600 * 1000000  # 2026-11-02T10:00:00Z


@tap.test("messages: made once, listed by time, read back, found by delivery, deleted")
def _():
    for arguments in ([], ["--profile", "grommunio"]):
        with Stand(*arguments) as stand:
            ews = stand.ews
            folder = ews.ok("folder", name="history")["id"]
            assert ews.ok("folder", name="history")["id"] == folder
            state = ews.ok("message-changes", folder=folder)["state"]
            batch = [{"mime": mime(i), "delivery": "d%d" % i, "sent": SENT + i * MINUTE,
                      "received": SENT + i * MINUTE + MINUTE // 2} for i in range(25)]
            ids = ews.ok("send", folder=folder, messages=batch)["outcomes"]
            assert len(set(ids)) == 25
            each = ews.ok("each", folder=folder, since=SENT + 5 * MINUTE, until=SENT + 8 * MINUTE)["messages"]
            assert [m["delivery"] for m in each] == ["d5", "d6", "d7"], each
            assert each[0]["class"] == "IPM.Note.Microsoft.Conversation", each[0]
            assert each[0]["subject"] == "Conversation 5" and each[0]["sent"] == SENT + 5 * MINUTE, each[0]
            assert each[0]["received"] == SENT + 5 * MINUTE + MINUTE // 2, each[0]
            created = ews.ok("created", folder=folder, since=0)["messages"]
            assert {m["delivery"] for m in created} == {"d%d" % i for i in range(25)}, created
            assert ews.ok("find-uuid", folder=folder, delivery="d7", since=0)["found"] == [ids[7]]
            assert ews.ok("find-uuid", folder=folder, delivery="none", since=0)["found"] == []
            text = ews.ok("mime", id=ids[3])["mime"]
            assert "Conversation 3" in text and "hello 3" in text, text
            ews.ok("message-delete", id=ids[3])
            ews.ok("message-delete", id=ids[3])
            ews.fails("ews.not_found", "mime", id=ids[3])
            changes = ews.ok("message-changes", folder=folder, state=state)
            assert not changes["full"] and len({m["delivery"] for m in changes["messages"] if not m["deleted"]}) == 24
            if not arguments:
                assert ews.ok("folder", name="purges")["id"] != folder


@tap.test("a delivery whose answer is lost is found by its id; one that never arrived is not")
def _():
    for arguments in ([], ["--profile", "grommunio"]):
        with Stand(*arguments) as stand:
            folder = stand.ews.ok("folder", name="history")["id"]
            for kind, found in (("lost-answer", 1), ("reset-within", 1), ("reset-before", 0)):
                stand.server.fault(kind=kind, operation="CreateItem", count=1)
                answer = stand.ews.call("send", folder=folder, messages=[{"mime": mime(1), "delivery": kind}])
                assert answer["outcomes"] == [["http.reset", "uncertain"]], (kind, answer)
                answer = stand.ews.ok("find-uuid", folder=folder, delivery=kind, since=0)
                assert len(answer["found"]) == found, (kind, answer)


@tap.test("row 69: large messages go through one after the other, whatever the connection's habits")
def _():
    for arguments in ([], ["--profile", "grommunio"]):
        with Stand(*arguments) as stand:
            folder = stand.ews.ok("folder", name="history")["id"]
            for i in range(4):
                one = [{"mime": mime(i, 9000), "delivery": "L%d" % i}]
                answer = stand.ews.call("send", folder=folder, messages=one)
                if not answer["ok"]:  # looked up, not there, sent again
                    assert answer["class"] == "uncertain" and i == 1, (i, answer)
                    assert stand.ews.ok("find-uuid", folder=folder, delivery="L%d" % i, since=0)["found"] == []
                    stand.ews.ok("send", folder=folder, messages=one)
            created = stand.ews.ok("created", folder=folder, since=0)["messages"]
            assert sorted(m["delivery"] for m in created) == ["L0", "L1", "L2", "L3"], created


tap.main()
