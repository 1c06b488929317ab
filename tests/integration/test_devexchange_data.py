#!/usr/bin/python3
"""--data FILE of the stand-in Exchange: what a client was told holds after a restart and after a kill."""
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests", "lib"))

import tap
from devexchange import NS, Devexchange, codes, program

ANN = "ann@corp.example:secret"
FOLDER = tempfile.mkdtemp(prefix="devx-data-")
KILLS = 20 if os.environ.get("IMEX_LONG") else 2
SEED = int(os.environ.get("IMEX_SEED") or random.SystemRandom().randrange(1 << 32))

CONTACT = ("<m:CreateItem><m:Items><t:Contact><t:Body BodyType=\"HTML\">&lt;b&gt;%s&lt;/b&gt;</t:Body>"
           "<t:Categories><t:String>one</t:String><t:String>two</t:String></t:Categories>"
           '<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="c11ff724-aa03-4555-9952-8fa248a11c3e" '
           'PropertyName="numbers" PropertyType="IntegerArray"/><t:Values><t:Value>1</t:Value><t:Value>-2</t:Value>'
           "</t:Values></t:ExtendedProperty><t:DisplayName>%s</t:DisplayName><t:EmailAddresses>"
           '<t:Entry Key="EmailAddress2" Name="N&lt;">b@c.d</t:Entry></t:EmailAddresses>'
           "</t:Contact></m:Items></m:CreateItem>")
PHOTO = ('<m:CreateAttachment><m:ParentItemId Id="%s"/><m:Attachments><t:FileAttachment><t:Name>ContactPicture.jpg'
         "</t:Name><t:IsContactPhoto>true</t:IsContactPhoto><t:Content>/9j/4AAQSkZJRg==</t:Content>"
         "</t:FileAttachment></m:Attachments></m:CreateAttachment>")
MESSAGE = ('<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:FolderId Id="%s"/>'
           "</m:SavedItemFolderId><m:Items><t:Message><t:Subject>kept ✓</t:Subject><t:Attachments><t:FileAttachment>"
           "<t:Name>empty</t:Name><t:Content/></t:FileAttachment></t:Attachments><t:ToRecipients><t:Mailbox>"
           "<t:EmailAddress>x@y.z</t:EmailAddress></t:Mailbox></t:ToRecipients></t:Message></m:Items></m:CreateItem>")
WITHIN = ('<m:CreateAttachment><m:ParentItemId Id="%s"/><m:Attachments><t:ItemAttachment><t:Name>within</t:Name><t:Message>'
          "<t:Subject>in</t:Subject><t:Attachments><t:FileAttachment><t:Name>deep</t:Name><t:Content>AAE=</t:Content>"
          "</t:FileAttachment><t:ItemAttachment><t:Contact><t:DisplayName>Deep ✓</t:DisplayName></t:Contact>"
          "</t:ItemAttachment></t:Attachments></t:Message></t:ItemAttachment></m:Attachments></m:CreateAttachment>")
SYNC = ("<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>"
        '<t:DistinguishedFolderId Id="contacts"/></m:SyncFolderId>%s<m:MaxChangesReturned>512</m:MaxChangesReturned>'
        "</m:SyncFolderItems>")

USER_PHOTO = "<m:GetUserPhoto><m:Email>ann@corp.example</m:Email><m:SizeRequested>HR48x48</m:SizeRequested></m:GetUserPhoto>"


def path(name):
    return os.path.join(FOLDER, name)


def server(name, *more):
    return Devexchange("--data", path(name), "--user", ANN, *more)


def ok(dx, body):
    status, root = dx.soap(body, user=ANN)
    assert status == 200 and set(codes(root)) == {"NoError"}, (status, codes(root))
    return root


def item_id(root):
    found = root.find(".//t:ItemId", NS)
    return found.get("Id"), found.get("ChangeKey")


def get(item):
    return ("<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape><t:AdditionalProperties>"
            '<t:ExtendedFieldURI PropertySetId="c11ff724-aa03-4555-9952-8fa248a11c3e" PropertyName="numbers" '
            'PropertyType="IntegerArray"/></t:AdditionalProperties></m:ItemShape><m:ItemIds>'
            '<t:ItemId Id="%s"/></m:ItemIds></m:GetItem>' % item)


def get_attachments(ids):
    return ("<m:GetAttachment><m:AttachmentIds>%s</m:AttachmentIds></m:GetAttachment>"
            % "".join('<t:AttachmentId Id="%s"/>' % i for i in ids))


def update(item, key):
    return ('<m:UpdateItem ConflictResolution="NeverOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="%s" '
            'ChangeKey="%s"/><t:Updates><t:SetItemField><t:FieldURI FieldURI="contacts:JobTitle"/><t:Contact>'
            "<t:JobTitle>new</t:JobTitle></t:Contact></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges>"
            "</m:UpdateItem>" % (item, key))


def sync(dx, state=None):
    """The new state, and the changes as (kind, id)."""
    root = ok(dx, SYNC % ("<m:SyncState>%s</m:SyncState>" % state if state else ""))
    changes = [(c.tag.rpartition("}")[2], c.find(".//t:ItemId", NS).get("Id")) for c in root.find(".//m:Changes", NS)]
    return root.find(".//m:SyncState", NS).text, changes


def text(dx, body):
    from lxml import etree
    return etree.tostring(ok(dx, body))


@tap.test("after a restart every item, id, change key and sync state is what it was")
def _():
    with server("kept") as dx:
        contact, key = item_id(ok(dx, CONTACT % ("note", "Ann &amp; &lt;Bob>")))
        gone = item_id(ok(dx, CONTACT % ("gone", "Gone")))[0]
        ok(dx, PHOTO % contact)
        folder = ok(dx, '<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderId>'
                        "<m:Folders><t:Folder><t:DisplayName>Deeper</t:DisplayName></t:Folder></m:Folders>"
                        "</m:CreateFolder>").find(".//t:FolderId", NS).get("Id")
        message = item_id(ok(dx, MESSAGE % folder))[0]
        ids = [ok(dx, WITHIN % message).find(".//t:AttachmentId", NS).get("Id")]
        ids += [a.get("Id") for a in ok(dx, get_attachments(ids)).iterfind(".//t:Message//t:AttachmentId", NS)]
        assert len(ids) == 3, ids
        ok(dx, "<m:AddImGroup><m:DisplayName>Friends</m:DisplayName></m:AddImGroup>")
        ok(dx, "<m:AddNewImContactToGroup><m:ImAddress>sip:c@d.e</m:ImAddress></m:AddNewImContactToGroup>")
        ok(dx, "<m:SetImListMigrationCompleted><m:ImListMigrationCompleted>true</m:ImListMigrationCompleted>"
               "</m:SetImListMigrationCompleted>")
        early, _ = sync(dx)
        ok(dx, '<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="%s"/></m:ItemIds></m:DeleteItem>' % gone)
        late, changes = sync(dx, early)
        assert changes == [("Delete", gone)], changes
        asked = [get(contact), get(message), get_attachments(ids), "<m:GetImItemList/>", USER_PHOTO,
                 '<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape>'
                 "</m:SyncFolderHierarchy>"]
        assert item_id(ok(dx, get(contact)))[1] != key
        key = item_id(ok(dx, get(contact)))[1]
        dx.control("POST", "groups", {"smtp": "sales@corp.example"})
        dx.control("POST", "mailboxes", {"smtp": "late@corp.example", "name": "Late", "alias": "l@corp.example"})
        dx.control("POST", "mailboxes", {"smtp": "ann@corp.example", "photo": "/9j/4AAQ"})
        boxes = dx.control("GET", "mailboxes")
        before = [text(dx, body) for body in asked]
    with server("kept") as dx:
        after = [text(dx, body) for body in asked]
        for was, now in zip(before, after):
            assert was == now, (was, now)
        assert dx.control("GET", "mailboxes") == boxes
        assert sync(dx, late)[1] == [] and sync(dx, early)[1] == [("Delete", gone)]
        ok(dx, update(contact, key))
        assert codes(dx.soap(update(contact, key), user=ANN)[1]) == ["ErrorIrresolvableConflict"]
        assert sync(dx, late)[1] == [("Update", contact)]
        new = item_id(ok(dx, CONTACT % ("new", "New")))[0]
        assert new not in (contact, gone, message)
        ok(dx, "<m:ResolveNames ReturnFullContactData=\"false\"><m:UnresolvedEntry>sales@</m:UnresolvedEntry>"
               "</m:ResolveNames>")
    with server("kept") as dx:
        assert sorted(sync(dx, late)[1]) == sorted([("Update", contact), ("Create", new)])
        ok(dx, '<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds><t:FolderId Id="%s"/></m:FolderIds>'
               "</m:DeleteFolder>" % folder)
    with server("kept") as dx:
        assert codes(dx.soap(get(message), user=ANN)[1]) == ["ErrorItemNotFound"]
    assert oct(os.stat(path("kept")).st_mode & 0o777) == "0o600"


@tap.test("a mailbox that moved stays where it is: its sync states stay void, new ones hold")
def _():
    with server("moved") as dx:
        before, _ = sync(dx)
        with dx.striking(kind="mailbox-move", delay_ms=1):
            assert codes(dx.soap(SYNC % "", user=ANN)[1]) == ["ErrorMailboxMoveInProgress"]
        time.sleep(0.01)
        after, _ = sync(dx)
    with server("moved") as dx:
        assert codes(dx.soap(SYNC % ("<m:SyncState>%s</m:SyncState>" % before), user=ANN)[1]) == ["ErrorInvalidSyncStateData"]
        assert sync(dx, after)[1] == []


@tap.test("killed at any moment, the file has all that was answered, and nothing by halves")
def _():
    tap.comment("seed %d" % SEED)
    choose = random.Random(SEED)
    told, state = [], None
    for run in range(KILLS):
        dx = server("killed")
        started = [threading.Thread(target=creator, args=(dx, told)) for _ in range(3)]
        for thread in started:
            thread.start()
        enough = len(told) + choose.randrange(5, 60)
        while len(told) < enough:
            time.sleep(0.002)
        dx.stop(signal.SIGKILL)
        for thread in started:
            thread.join()
        shutil.rmtree(dx.folder)
        with server("killed") as dx:
            state, changes = sync(dx, state)
            assert all(kind == "Create" for kind, _ in changes), changes
            everything = {item for _, item in sync_all(dx)}
            assert set(told) <= everything, "lost"
            # At most one request of each thread was carried out but not answered.
            assert len(everything) <= len(told) + 3 * (run + 1), (len(everything), len(told))
            for item in choose.sample(told, 5):
                root = ok(dx, get(item))
                assert len(root.findall(".//t:ExtendedProperty//t:Value", NS)) == 2


def creator(dx, told):
    while True:
        try:
            told.append(item_id(ok(dx, CONTACT % ("x" * 5000, "Any")))[0])
        except Exception:  # the server is gone
            return


def sync_all(dx):
    state, all_changes = None, []
    while True:
        state, changes = sync(dx, state)
        if not changes:
            return all_changes
        all_changes += changes


@tap.test("what was generated is kept and not made a second time")
def _():
    arguments = ("--mailboxes", "3", "--contacts", "20", "--messages", "3", "--seed", "7", "--password", "pw")
    with server("made", *arguments) as dx:
        boxes = dx.control("GET", "mailboxes")
    with server("made", *arguments) as dx:
        assert dx.control("GET", "mailboxes") == boxes
        assert dx.soap("<m:GetImItemList/>", user="user0002@corp.example:pw")[0] == 200


def refused(name, *more):
    """What the server says when it does not take the file; the file stays as it is."""
    with open(path(name), "rb") as f:
        before = f.read()
    run = subprocess.run([program(), "--data", path(name), "--user", ANN, *more], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=60)
    with open(path(name), "rb") as f:
        assert f.read() == before, "the file was changed"
    said = run.stdout.decode(errors="replace")
    assert run.returncode == 1 and path(name) in said and said.count("\n") == 1, (run.returncode, said)
    return said


@tap.test("a file that is damaged, another program's or another profile's is refused in one sentence")
def _():
    with server("good", "--mailboxes", "2", "--contacts", "300") as dx:
        ok(dx, CONTACT % ("x", "X"))
    with open(path("good"), "rb") as f:
        whole = f.read()
    for name, data in (("noise", os.urandom(20000)), ("text", b"not a database\n" * 100),
                       ("cut", whole[:len(whole) // 2 // 4096 * 4096]),
                       ("holed", whole[:40960] + b"\xa5" * 8192 + whole[49152:])):
        with open(path(name), "wb") as f:
            f.write(data)
        said = refused(name)
        assert "is no data file" in said or "is damaged" in said, said
    other = sqlite3.connect(path("other"))
    other.execute("CREATE TABLE mine (x)")
    other.commit()
    other.close()
    assert "another program" in refused("other")
    assert "profile" in refused("good", "--profile", "grommunio")
    shutil.copy(path("good"), path("odd"))
    odd = sqlite3.connect(path("odd"))
    odd.execute("UPDATE item SET state = zeroblob(length(state) - 3) WHERE rowid = 5")
    odd.commit()
    odd.close()
    assert "is damaged" in refused("odd")
    with open(path("shape"), "wb"):
        pass
    with server("shape") as dx:  # an empty file is a new one
        assert "another process" in refused_while_open("shape"), "two at once"
        ok(dx, CONTACT % ("x", "X"))


def refused_while_open(name):
    run = subprocess.run([program(), "--data", path(name), "--user", ANN], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=60)
    assert run.returncode == 1, run.stdout
    return run.stdout.decode()


@tap.test("a file that cannot be made or written is an error, never a promise")
def _():
    run = subprocess.run([program(), "--data", path("nowhere/x"), "--user", ANN], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=60)
    assert run.returncode == 1 and b"cannot be opened" in run.stdout, run.stdout
    # A limit on the size of files stands for a full disk.
    wrapper = path("limited")
    with open(wrapper, "w") as f:
        f.write('#!/bin/sh\ntrap "" XFSZ\nulimit -f 4000\nexec "%s" "$@"\n' % program())
    os.chmod(wrapper, 0o700)
    told = []
    before, os.environ["DEVEXCHANGE"] = os.environ.get("DEVEXCHANGE"), wrapper
    try:
        dx = Devexchange("--data", path("full"), "--user", ANN)
    finally:
        del os.environ["DEVEXCHANGE"]
        if before:
            os.environ["DEVEXCHANGE"] = before
    for _ in range(2000):
        try:
            told.append(item_id(ok(dx, CONTACT % ("y" * 60000, "Full")))[0])
        except Exception:  # it ended rather than answer
            break
    assert dx.process.wait(timeout=60) == 1 and "cannot write" in dx.output(), dx.output()
    dx.stop()
    shutil.rmtree(dx.folder)
    with server("full") as dx:
        assert told and {item for _, item in sync_all(dx)} >= set(told)


@tap.test("nothing is left behind")
def _():
    shutil.rmtree(FOLDER)


tap.main()
