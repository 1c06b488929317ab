#!/usr/bin/python3
"""Many mailboxes, and one large folder, in the stand-in Exchange: everything is there and can be reached.
With IMEX_LONG in full size: 10,000 mailboxes, 100,000 contacts. Times are printed, not judged."""
import base64
import collections
import os
import sys
import time
import unicodedata

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests", "lib"))

import tap
from devexchange import NS, Devexchange, codes, program

LONG = bool(os.environ.get("IMEX_LONG"))
MAILBOXES = 10000 if LONG else 300
CONTACTS = 100000 if LONG else 2500
FIRST = "user0001@corp.example:pw"
CONTACTS_FOLDER = '<m:ParentFolderIds><t:DistinguishedFolderId Id="contacts"/></m:ParentFolderIds>'


def start(*arguments):
    began = time.monotonic()
    dx = Devexchange("--seed", "4711", "--password", "pw", *arguments)
    tap.comment("%s: ready after %.2f s, %d MiB resident"
                % (" ".join(arguments), time.monotonic() - began, resident_mib(dx)))
    return dx


def resident_mib(dx):
    with open("/proc/%d/status" % dx.process.pid) as f:
        return next(int(line.split()[1]) // 1024 for line in f if line.startswith("VmRSS"))


def ok(dx, body, user=FIRST):
    status, root = dx.soap(body, user=user)
    assert status == 200 and set(codes(root)) == {"NoError"}, (status, codes(root))
    return root


def timed(what, call, times=20):
    began = time.monotonic()
    for _ in range(times):
        call()
    tap.comment("%s: %.2f ms on a connection of its own" % (what, (time.monotonic() - began) * 1000 / times))


def find(view, shape="IdOnly", more=""):
    return ('<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>%s</t:BaseShape></m:ItemShape>%s%s%s'
            "</m:FindItem>" % (shape, view, more, CONTACTS_FOLDER))


def get_folder(name):
    return ("<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds>"
            '<t:DistinguishedFolderId Id="%s"/></m:FolderIds></m:GetFolder>' % name)


def total(root):
    return int(root.find(".//m:RootFolder", NS).get("TotalItemsInView"))


@tap.test("each of many mailboxes answers, has what was asked for, and is found in the directory")
def _():
    with start("--mailboxes", str(MAILBOXES), "--contacts", "10", "--messages", "2") as dx:
        for number in sorted({1, 2, MAILBOXES // 2, MAILBOXES - 1, MAILBOXES}):
            user = "user%04d@corp.example" % number
            counts = [int(ok(dx, get_folder(f), user + ":pw").find(".//t:TotalCount", NS).text)
                      for f in ("contacts", "inbox")]
            assert counts == [11, 2], (user, counts)
            root = ok(dx, '<m:ResolveNames ReturnFullContactData="false"><m:UnresolvedEntry>%s</m:UnresolvedEntry>'
                          "</m:ResolveNames>" % user)
            assert root.find(".//t:EmailAddress", NS).text == user
            root = ok(dx, "<m:GetUserPhoto><m:Email>%s</m:Email><m:SizeRequested>HR48x48</m:SizeRequested>"
                          "</m:GetUserPhoto>" % user)
            assert base64.b64decode(root.find(".//m:PictureData", NS).text).startswith(b"\xff\xd8\xff\xfe")
        boxes = dx.control("GET", "mailboxes")
        assert len(boxes) == MAILBOXES and all(b["items"] == {"contacts": 11, "inbox": 2} for b in boxes)
        last = "user%04d@corp.example:pw" % MAILBOXES
        timed("GetFolder", lambda: ok(dx, get_folder("contacts"), last))
        timed("ResolveNames of the beginning of an address",
              lambda: dx.soap('<m:ResolveNames ReturnFullContactData="false" SearchScope="ActiveDirectory">'
                              "<m:UnresolvedEntry>user%s</m:UnresolvedEntry></m:ResolveNames>"
                              % str(MAILBOXES)[:-1], user=last))
        if LONG:
            # The sanitizers' shadow memory counts too, so this holds for the plain program only.
            tap.comment("%d MiB resident at the end" % resident_mib(dx))


@tap.test("a large folder is counted, read from any place, synchronised and searched in full")
def _():
    lists = CONTACTS // 100 + 1
    with start("--mailboxes", "1", "--contacts", str(CONTACTS)) as dx:
        assert int(ok(dx, get_folder("contacts")).find(".//t:TotalCount", NS).text) == CONTACTS + lists
        for offset, base in ((0, "Beginning"), (CONTACTS // 2, "Beginning"), (CONTACTS - 1, "Beginning"), (3, "End")):
            root = ok(dx, find('<m:IndexedPageItemView MaxEntriesReturned="7" Offset="%d" BasePoint="%s"/>'
                               % (offset, base)))
            assert total(root) == CONTACTS + lists and len(root.findall(".//t:ItemId", NS)) == 7
        root = ok(dx, find('<m:FractionalPageItemView MaxEntriesReturned="5" Numerator="1" Denominator="2"/>'))
        assert len(root.findall(".//t:ItemId", NS)) == 5
        wanted = "contact%05d@corp.example" % (CONTACTS // 3)
        root = ok(dx, find("", "Default", '<m:Restriction><t:IsEqualTo><t:IndexedFieldURI '
                           'FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress1"/><t:FieldURIOrConstant>'
                           '<t:Constant Value="%s"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>' % wanted))
        assert total(root) == 1, total(root)
        item = root.find(".//t:ItemId", NS).get("Id")
        seen, state, pages = set(), "", 0
        while True:
            root = ok(dx, "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>"
                          '<m:SyncFolderId><t:DistinguishedFolderId Id="contacts"/></m:SyncFolderId>%s'
                          "<m:MaxChangesReturned>512</m:MaxChangesReturned></m:SyncFolderItems>" % state)
            seen |= {e.get("Id") for e in root.iterfind(".//t:ItemId", NS)}
            state, pages = "<m:SyncState>%s</m:SyncState>" % root.find(".//m:SyncState", NS).text, pages + 1
            if root.find(".//m:IncludesLastItemInRange", NS).text == "true":
                break
        assert len(seen) == CONTACTS + lists and item in seen, len(seen)
        tap.comment("%d pages of the first synchronisation" % pages)
        timed("GetItem", lambda: ok(dx, "<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape>"
                                        '<m:ItemIds><t:ItemId Id="%s"/></m:ItemIds></m:GetItem>' % item))
        timed("FindItem, a page in the middle", lambda: ok(dx, find(
            '<m:IndexedPageItemView MaxEntriesReturned="10" Offset="%d" BasePoint="Beginning"/>' % (CONTACTS // 2))))
        timed("CreateItem", lambda: ok(dx, "<m:CreateItem><m:Items><t:Contact><t:DisplayName>x</t:DisplayName>"
                                           "</t:Contact></m:Items></m:CreateItem>"))


def everything(dx, user):
    """All contacts and lists of a mailbox, as elements."""
    root = ok(dx, find('<m:IndexedPageItemView MaxEntriesReturned="1000" Offset="0" BasePoint="Beginning"/>'), user)
    ids = "".join('<t:ItemId Id="%s"/>' % e.get("Id") for e in root.iterfind(".//t:ItemId", NS))
    root = ok(dx, "<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape>"
                  "<m:ItemIds>%s</m:ItemIds></m:GetItem>" % ids, user)
    return [item for items in root.iterfind(".//m:Items", NS) for item in items]


@tap.test("generated mailboxes have names in many scripts, long values, photos and distribution lists; a seed repeats them")
def _():
    from lxml import etree
    arguments = ("--mailboxes", "2", "--contacts", "250", "--messages", "3")
    user = "user0002@corp.example:pw"
    made = []
    for _ in range(2):
        with start(*arguments) as dx:
            items = everything(dx, user)
            root = ok(dx, find("", "AllProperties").replace("contacts", "inbox"), user)
            made.append([etree.tostring(i) for i in items + list(root.iter("{%s}Message" % NS["t"]))])
    assert made[0] == made[1], "the same seed made something else"
    kinds = collections.Counter(etree.QName(i).localname for i in items)
    assert kinds == {"Contact": 250, "DistributionList": 3}, kinds
    names = "".join(e.text for i in items for e in i.iterfind("t:DisplayName", NS))
    scripts = {unicodedata.name(c).split()[0] for c in names if c.isalpha()}
    assert {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "CJK", "HANGUL", "DEVANAGARI"} <= scripts, scripts
    assert sum(e.text == "true" for i in items for e in i.iterfind("t:HasPicture", NS)) == 25
    long_names = [e.text for i in items for e in i.iterfind("t:FileAs", NS) if len(e.text) > 200]
    long_notes = [e for i in items for e in i.iterfind("t:Body", NS) if len(e.text or "") == 20000]
    many = [i for i in items if len(i.findall("t:Categories/t:String", NS)) == 20]
    assert len(long_names) == len(long_notes) == len(many) == 5, (len(long_names), len(long_notes), len(many))
    members = [len(i.findall("t:Members/t:Member", NS)) for i in items if i.find("t:Members", NS) is not None]
    assert members == [20, 20, 20], members
    with Devexchange("--seed", "4712", "--password", "pw", *arguments) as dx:
        assert [etree.tostring(i) for i in everything(dx, user)] != made[0][:253]


tap.main()
