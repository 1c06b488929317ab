#!/usr/bin/python3
"""Every request that the Exchange client can write is valid by the published schema, and it can read every example
answer there and every answer that a real server was seen to give."""
import glob
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import ewsschema
import tap
from devexchange import Devexchange
from ewstool import EwsTool

ANN = "ann@corp.example"


def shared(*parts):
    folder = tap.shared_data()
    if folder is None or not os.path.isdir(os.path.join(folder, *parts)):
        tap.skip("skipped: no shared data")
    return os.path.join(folder, *parts)


def contact(key, name=None, groups=(), tel_uri=None):
    return {"key": key, "name": name, "groups": list(groups), "tel_uri": tel_uri}


def contacts(ews, dialect):
    """Every verb that concerns contacts, with every form of its request."""
    odd = contact("a&b@im.example", "<\"Ä\u0001\u202e&>", ["R&D <x>", "Ü"])
    tel = contact("tel:+491234", "Taxi")
    both = contact("eve@im.example", "Eve", [], "tel:+4955")
    ids = [ews.ok("create", dialect=dialect, contact=c, op_uuid="u<&>")["ref"][0] for c in (odd, tel, both)]
    state = ews.ok("changes", dialect=dialect)["state"]
    ews.ok("changes", dialect=dialect, state=state)
    ews.ok("find", dialect=dialect, address="a&b@im.example", op_uuid="u<&>")
    ews.ok("find", dialect=dialect, op_uuid="u")
    ews.ok("find", dialect=dialect, address="tel:+491234")
    plain = contact("a&b@im.example")
    ews.ok("update", dialect=dialect, id=ids[0], before=dict(odd, name=plain_name(odd)), after=plain)
    ews.ok("update", dialect=dialect, id=ids[0], before=plain, after=contact("a&b@im.example", "N", ["R&D <x>"]))
    if dialect == "folder":
        ews.ok("update", dialect=dialect, id=ids[2], before=both, after=contact("new@im.example", "Eve"))
        ews.ok("update", dialect=dialect, id=ids[2], before=contact("new@im.example", "Eve"),
               after=contact("new@im.example", "Eve", [], "tel:+4956"))
    for one in ids:
        ews.ok("delete", dialect=dialect, id=one)


def plain_name(c):
    return c["name"].replace("\u0001", "\ufffd")


def groups(ews):
    ews.ok("group-create", dialect="ucs", name="A & <B>")
    ews.ok("group-create", dialect="ucs", name="Sales", kind="distribution", smtp="sales@corp.example")
    ews.ok("group-rename", dialect="ucs", name="A & <B>", to="C")
    ews.ok("group-delete", dialect="ucs", name="C")
    ews.ok("group-delete", dialect="ucs", name="Sales", kind="distribution", smtp="sales@corp.example")
    ews.ok("migrated", dialect="ucs", completed=False)
    # An id of our own, for the operations that no verb needs on this server.
    one = ews.ok("create", dialect="ucs", contact=contact("x@im.example", groups=["A"]))["ref"][0]
    ews.call("im-items", id=one)


def messages(ews):
    folder = ews.ok("folder", name="history")["id"]
    mail = "From: a@b.example\r\nSubject: x\r\n\r\nText\r\n"
    sent = ews.ok("send", folder=folder, messages=[
        {"mime": mail, "delivery": "d<&>", "sent": 1793613600000000, "received": 1793613600999999},
        {"mime": mail, "delivery": "e"}])["outcomes"]
    ews.ok("created", folder=folder, since=1000000)
    ews.ok("find-uuid", folder=folder, delivery="d<&>", since=1000000)
    ews.ok("each", folder=folder, since=1000000, until=0)
    ews.ok("each", folder=folder, since=1000000, until=2000000)
    ews.ok("message-changes", folder=folder)
    ews.ok("mime", id=sent[0])
    ews.ok("message-delete", id=sent[0])
    ews.ok("folder-create", name="Made & <new>")


def run_everything(record):
    profiles = ((["--group", "sales@corp.example"], "self"), (["--no-ucs"], "delegate"),
                (["--profile", "grommunio"], "self"),
                (["--impersonator", ANN], "impersonate"))
    for number, (arguments, access) in enumerate(profiles):
        folder = os.path.join(record, str(number))
        with Devexchange("--user", ANN + ":secret", "--record", folder, *arguments) as server, \
                EwsTool("--url", server.ews, "--ca", server.ca, "--user", ANN, "--password", "secret", "--mailbox", ANN,
                        "--access", access) as ews:
            dialect = ews.ok("dialect")["dialect"]
            ews.ok("confirm")
            contacts(ews, dialect)
            if dialect == "ucs" and "--group" in arguments:
                groups(ews)
            messages(ews)
            for name in ("contacts", "purges"):
                ews.call("folder", name=name)


@tap.test("every request is valid by the schema")
def _():
    shared("ews-schema")
    with tempfile.TemporaryDirectory(prefix="ews-") as record:
        run_everything(record)
        requests = sorted(glob.glob(os.path.join(record, "*", "*.request.xml")))
        with EwsTool("--replay") as ews:
            all_operations = set(ews.ok("operations")["operations"])
        seen = {re.search(r"\d-(\w+)\.request", r).group(1) for r in requests} - {"unknown"}
        assert seen == all_operations, seen ^ all_operations
        ewsschema.check(requests)
        tap.comment("%d requests of %d operations" % (len(requests), len(seen)))


def replay(ews, path, status=200):
    with open(path, errors="replace") as f:
        text = f.read()
    op = re.search(r"<(?:\w+:)?(\w+?)Response(?:Message)?[ >]", text)
    operation = op.group(1) if op else None
    return operation, text


@tap.test("every example answer of the schema set is read")
def _():
    folder = shared("ews-schema", "examples")
    with EwsTool("--replay") as ews:
        operations = set(ews.ok("operations")["operations"])
        done = 0
        for path in sorted(glob.glob(os.path.join(folder, "*.xml"))):
            name = os.path.basename(path)
            operation, _ = replay(ews, path)
            if name.startswith("Fault-"):
                answer = ews.call("replay", op="GetImItemList", file=path, status=500)
                expected = {"Fault-ServerBusy.xml": "ews.busy", "Fault-SchemaValidation.xml": "ews.request"}[name]
                assert answer["reason"] == expected, (name, answer)
            elif not name.endswith("-rsp.xml") or operation not in operations:
                continue
            else:
                answer = ews.call("replay", op=operation, file=path, status=200)
                if name == "SetImGroup-err-rsp.xml":
                    assert answer["reason"] == "ews.exists", answer
                elif name == "GetItem-mixed-rsp.xml":
                    assert answer["items"] == ["ews.not_found"], answer
                else:
                    assert answer["ok"], (name, answer)
            done += 1
        assert done >= 23, done
        answer = ews.ok("replay", op="GetImItemList", file=os.path.join(folder, "GetImItemList-rsp.xml"), status=200)
        assert answer["personas"] == [["AAMkContactId=", "Tony Smith", "tsmith@contoso.com", None]], answer
        answer = ews.ok("replay", op="SyncFolderItems", status=200,
                        file=os.path.join(folder, "SyncFolderItems-rsp.xml"))
        assert [i[:2] for i in answer["items"]] == [["create", "AAMkContactId="], ["update", "AAMkC2="],
                                                    ["delete", "AAMkC3="]], answer
        tap.comment("%d answers" % done)


def status_of(path):
    headers = path.replace(".response.xml", ".response.headers")
    if not os.path.exists(headers):
        return 200
    with open(headers) as f:
        return int(re.match(r"HTTP/1.1 (\d+)", f.read()).group(1))


@tap.test("every answer that grommunio was seen to give is read, or refused with a reason")
def _():
    folder = shared("traces", "grommunio")
    read = refused = 0
    with EwsTool("--replay") as ews:
        operations = set(ews.ok("operations")["operations"])
        for path in sorted(glob.glob(os.path.join(folder, "*.response.xml"))):
            operation, text = replay(ews, path)
            if operation not in operations:
                operation = "GetImItemList"
            answer = ews.call("replay", op=operation, file=path, status=status_of(path))
            name = os.path.basename(path)
            if answer["ok"]:
                read += 1
                failed = text.count('ResponseClass="Error"')
                fine = "items" in answer or operation == "ResolveNames" or "DeleteItem" in text
                assert failed == 0 or fine or text.count("ResponseClass=") > failed, (name, answer)
            else:
                refused += 1
                assert answer["reason"].split(".")[0] in ("ews", "xml"), (name, answer)
                assert 'ResponseClass="Success"' not in text or operation == "GetImItemList", (name, answer)
        for name, reason in (("112-unsupported-GetImItemList", "ews.unsupported"),
                             ("123-malformed-xml", "ews.transient"),
                             ("129-schema-missing-shape", "ews.request")):
            path = os.path.join(folder, name + ".response.xml")
            answer = ews.call("replay", op="GetImItemList", file=path, status=status_of(path))
            assert answer["reason"] == reason, (name, answer)
        answer = ews.ok("replay", op="SyncFolderItems", status=200,
                        file=os.path.join(folder, "22-syncfolderitems-contacts-update.response.xml"))
        assert [(i[0], i[2]) for i in answer["items"]] == [("update", "Ada Lovelace")], answer
        answer = ews.ok("replay", op="GetItem", status=200,
                        file=os.path.join(folder, "142-getitem-contact-full-additional.response.xml"))
        assert answer["items"][0][1:] == ["DN", "im1"], answer
        answer = ews.ok("replay", op="FindFolder", name="contacts", status=200,
                        file=os.path.join(folder, "11-findfolder-deep.response.xml"))
        assert answer["id"], answer
    assert read >= 30, read
    tap.comment("%d read, %d refused" % (read, refused))


tap.main()
