#!/usr/bin/python3
"""The stand-in Exchange operation by operation, with good and with bad input: attachments, photos, the contact store,
notifications, limits. That every answer is valid is checked by the schema when each server ends."""
import base64
import email
import os
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests", "lib"))

import tap
from devexchange import NS, Devexchange, codes

ANN, BOB = "ann@corp.example", "bob@corp.example"
ALL = "<t:BaseShape>AllProperties</t:BaseShape>"


class Owner:
    """Whose mailbox it is, asking for one thing at a time."""

    def __init__(self, dx, smtp=ANN):
        self.dx, self.smtp = dx, smtp

    def ask(self, body, **more):
        return self.dx.soap(body, user=self.smtp + ":secret", **more)[1]

    def ok(self, body, **more):
        root = self.ask(body, **more)
        assert codes(root) and set(codes(root)) == {"NoError"}, (body, codes(root))
        return root

    def codes(self, body, **more):
        return codes(self.ask(body, **more))

    def code(self, body, **more):
        found = self.codes(body, **more)
        assert len(found) == 1, found
        return found[0]

    def text(self, body, path):
        found = self.ok(body).find(".//" + path, NS)
        return found.text if found is not None else None

    def create(self, element, folder="drafts"):
        """The t:ItemId of what was made."""
        return self.ok('<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:DistinguishedFolderId Id="%s"/>'
                       "</m:SavedItemFolderId><m:Items>%s</m:Items></m:CreateItem>" % (folder, element)).find(
                           ".//t:ItemId", NS)

    def get(self, item, shape=ALL):
        return self.ask(get(item, shape))


def get(item, shape=ALL):
    return ('<m:GetItem><m:ItemShape>%s</m:ItemShape><m:ItemIds><t:ItemId Id="%s"/></m:ItemIds></m:GetItem>'
            % (shape, item))


def world(*arguments):
    return Devexchange("--user", ANN + ":secret", "--user", BOB + ":secret", *arguments)


def b64(data):
    return base64.b64encode(data).decode()


# --- attachments

def attach(item, attachment):
    return ('<m:CreateAttachment><m:ParentItemId Id="%s"/><m:Attachments>%s</m:Attachments></m:CreateAttachment>'
            % (item, attachment))


def file(name, data, more=""):
    return "<t:FileAttachment><t:Name>%s</t:Name>%s<t:Content>%s</t:Content></t:FileAttachment>" % (name, more, b64(data))


def fetch(*ids, shape=""):
    return ("<m:GetAttachment>%s<m:AttachmentIds>%s</m:AttachmentIds></m:GetAttachment>"
            % (shape and "<m:AttachmentShape>%s</m:AttachmentShape>" % shape,
               "".join('<t:AttachmentId Id="%s"/>' % i for i in ids)))


def detach(*ids):
    return fetch(*ids).replace("GetAttachment", "DeleteAttachment")


ATTACHED = ("<t:ItemAttachment><t:Name>inner</t:Name><t:Message><t:ItemClass>IPM.Note</t:ItemClass><t:Subject>Inner &amp; ü"
            '</t:Subject><t:Body BodyType="Text">inside</t:Body><t:Attachments><t:ItemAttachment><t:Name>deep</t:Name>'
            "<t:Contact><t:DisplayName>Deep Down</t:DisplayName><t:ImAddresses><t:Entry Key=\"ImAddress1\">deep@im</t:Entry>"
            "</t:ImAddresses></t:Contact></t:ItemAttachment>%s</t:Attachments></t:Message></t:ItemAttachment>"
            % file("deep.bin", b"\x00\xff"))


@tap.test("files: made with the item and after it, read, deleted; the item's change key moves each time")
def _():
    with world() as dx:
        ann = Owner(dx)
        data = bytes(range(256)) * 5
        item = ann.create("<t:Message><t:Subject>s</t:Subject><t:Attachments>%s</t:Attachments></t:Message>" % file(
            "first", data, "<t:ContentType>x/y</t:ContentType><t:ContentId>c1</t:ContentId><t:IsInline>true</t:IsInline>"))
        shown = ann.get(item.get("Id"))
        assert shown.find(".//t:HasAttachments", NS).text == "false", "an inline file counts"
        made = ann.ok(attach(item.get("Id"), file("a &amp; b.txt", b"two") + file("empty", b""))).findall(
            ".//t:AttachmentId", NS)
        assert made[1].get("RootItemId") == item.get("Id")
        keys = [item.get("ChangeKey"), made[0].get("RootItemChangeKey"), made[1].get("RootItemChangeKey")]
        assert len(set(keys)) == 3, keys
        shown = ann.get(item.get("Id"))
        assert shown.find(".//t:ItemId", NS).get("ChangeKey") == keys[2]
        listed = shown.findall(".//t:FileAttachment", NS)
        assert [a.find("t:Name", NS).text for a in listed] == ["first", "a & b.txt", "empty"]
        assert [a.find("t:Size", NS).text for a in listed] == ["1280", "3", "0"]
        assert all(a.find("t:Content", NS) is None for a in listed)
        assert shown.find(".//t:HasAttachments", NS).text == "true"
        ids = [a.find("t:AttachmentId", NS).get("Id") for a in listed]
        whole = ann.ok(fetch(*ids))
        assert [base64.b64decode(c.text or "") for c in whole.findall(".//t:Content", NS)] == [data, b"two", b""]
        first = whole.find(".//t:FileAttachment", NS)
        assert [first.find("t:" + n, NS).text for n in ("ContentType", "ContentId", "IsInline")] == ["x/y", "c1", "true"]
        gone = ann.ok(detach(ids[1])).find(".//m:RootItemId", NS)
        assert gone.get("RootItemId") == item.get("Id") and gone.get("RootItemChangeKey") not in keys
        assert ann.codes(fetch(ids[0], ids[1])) == ["NoError", "ErrorItemNotFound"]
        assert ann.codes(detach(ids[1], ids[2])) == ["ErrorItemNotFound", "NoError"]


@tap.test("items attached to items, at any depth: made, read with their own fields, copied, deleted")
def _():
    with world() as dx:
        ann = Owner(dx)
        item = ann.create("<t:Message><t:Subject>outer</t:Subject><t:Attachments>%s</t:Attachments></t:Message>" % ATTACHED)
        listed = ann.get(item.get("Id")).findall(".//t:ItemAttachment", NS)
        assert [a.find("t:Name", NS).text for a in listed] == ["inner"] and listed[0].find("t:Message", NS) is None
        inner = listed[0].find("t:AttachmentId", NS).get("Id")
        whole = ann.ok(fetch(inner, shape="<t:IncludeMimeContent>true</t:IncludeMimeContent>"
                                          "<t:BodyType>Text</t:BodyType>")).find(".//t:ItemAttachment/t:Message", NS)
        assert whole.find("t:Subject", NS).text == "Inner & ü" and whole.find("t:Body", NS).text == "inside"
        assert whole.find("t:ItemId", NS).get("Id") == inner and whole.find("t:ParentFolderId", NS) is None
        mime = email.message_from_bytes(base64.b64decode(whole.find("t:MimeContent", NS).text))
        assert "message/rfc822" in {p.get_content_type() for p in mime.walk()}, mime.as_string()
        deep = {a.find("t:Name", NS).text: a.find("t:AttachmentId", NS).get("Id")
                for a in whole.find("t:Attachments", NS)}
        contact = ann.ok(fetch(deep["deep"])).find(".//t:ItemAttachment/t:Contact", NS)
        assert contact.find("t:DisplayName", NS).text == "Deep Down"
        assert contact.find(".//t:Entry[@Key='ImAddress1']", NS).text == "deep@im"
        assert ann.text(fetch(deep["deep.bin"]), "t:Content") == b64(b"\x00\xff")
        copy = ann.ok('<m:CopyItem><m:ToFolderId><t:DistinguishedFolderId Id="inbox"/></m:ToFolderId><m:ItemIds>'
                      '<t:ItemId Id="%s"/></m:ItemIds></m:CopyItem>' % item.get("Id")).find(".//t:ItemId", NS).get("Id")
        ann.ok(detach(deep["deep"]))
        assert ann.code(fetch(deep["deep"])) == "ErrorItemNotFound" and ann.code(fetch(deep["deep.bin"])) == "NoError"
        made = ann.ok(attach(item.get("Id"), ATTACHED)).find(".//t:ItemAttachment/t:AttachmentId", NS)
        assert made.get("RootItemId") == item.get("Id")
        ann.ok(detach(inner))
        assert ann.code(fetch(deep["deep.bin"])) == "ErrorItemNotFound", "deleted with what it hung on"
        theirs = ann.get(copy).find(".//t:ItemAttachment/t:AttachmentId", NS).get("Id")
        inside = ann.ok(fetch(theirs)).findall(".//t:Message/t:Attachments/*/t:AttachmentId", NS)
        assert len(inside) == 2 and ann.codes(fetch(*[a.get("Id") for a in inside])) == ["NoError"] * 2


@tap.test("a message within a MIME message is an attached item, and is one again in the MIME made anew")
def _():
    inner = (b"From: tony@corp.example\r\nSubject: =?utf-8?q?Inn=C3=A9r?=\r\nContent-Type: text/plain\r\n\r\nwithin\r\n")
    mime = (b"From: ann@corp.example\r\nSubject: outer\r\nMIME-Version: 1.0\r\n"
            b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n'
            b"Content-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--b--\r\n")
    with world() as dx:
        ann = Owner(dx)
        item = ann.create("<t:Message><t:MimeContent>%s</t:MimeContent></t:Message>" % b64(mime)).get("Id")
        shown = ann.get(item, "<t:BaseShape>AllProperties</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>")
        one = shown.find(".//t:ItemAttachment", NS)
        assert one.find("t:Name", NS).text == "Innér"
        assert ann.text(fetch(one.find("t:AttachmentId", NS).get("Id")), "t:Message/t:Subject") == "Innér"
        again = email.message_from_bytes(base64.b64decode(shown.find(".//t:MimeContent", NS).text))
        parts = [p for p in again.walk() if p.get_content_type() == "message/rfc822"]
        assert len(parts) == 1 and b"within" in parts[0].as_bytes(), again.as_string()


@tap.test("attachments that cannot be: each refused with its code, the item unchanged")
def _():
    with world() as dx:
        ann = Owner(dx)
        item = ann.create("<t:Message><t:Subject>s</t:Subject></t:Message>")
        wrong = ann.create("<t:Contact><t:DisplayName>c</t:DisplayName></t:Contact>", "contacts").get("Id")
        assert ann.code(attach(item.get("Id"), "<t:ItemAttachment><t:Name>x</t:Name></t:ItemAttachment>")) == \
            "ErrorMissingItemForCreateItemAttachment"
        assert ann.code(attach(item.get("Id"), "<t:ItemAttachment><t:Task><t:Subject>x</t:Subject></t:Task></t:ItemAttachment>"
                               )) == "ErrorMissingItemForCreateItemAttachment"
        assert ann.code(attach(item.get("Id"), "<t:ItemAttachment><t:Contact><t:ItemClass>IPM.Note</t:ItemClass></t:Contact>"
                                               "</t:ItemAttachment>")) == "ErrorObjectTypeChanged"
        nested = "<t:Message/>"
        for _ in range(16):
            nested = "<t:Message><t:Attachments><t:ItemAttachment>%s</t:ItemAttachment></t:Attachments></t:Message>" % nested
        nested = "<t:ItemAttachment>%s</t:ItemAttachment>" % nested
        assert ann.code(attach(item.get("Id"), nested)) == "ErrorAttachmentNestLevelLimitExceeded"
        assert ann.codes(attach(item.get("Id") + "x", file("f", b"x"))) == ["ErrorInvalidIdMalformed"]
        large = file("large", bytes(36 << 20))
        assert ann.codes(attach(item.get("Id"), large + file("small", b""))) == [
            "ErrorAttachmentSizeLimitExceeded", "NoError"]
        for bad in (wrong, "", "AAMk", item.get("Id")):
            assert ann.codes(fetch(bad)) == ["ErrorInvalidAttachmentId"], bad
            assert ann.codes(detach(bad)) == ["ErrorInvalidAttachmentId"], bad
        theirs = ann.get(item.get("Id")).find(".//t:AttachmentId", NS).get("Id")
        assert Owner(dx, BOB).code(fetch(theirs)) == "ErrorItemNotFound"
        assert Owner(dx, BOB).code(attach(item.get("Id"), file("f", b"x"))) == "ErrorAccessDenied"


@tap.test("photos: a contact's is an attachment and shows in HasPicture, a user's comes by GetUserPhoto and by GET")
def _():
    photo = b"\xff\xd8\xff\xe0 photo " + bytes(range(200))
    with world() as dx:
        ann = Owner(dx)
        contact = ann.create("<t:Contact><t:DisplayName>c</t:DisplayName></t:Contact>", "contacts").get("Id")
        has = "<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI=\"contacts:HasPicture\"/>" \
              "</t:AdditionalProperties>"
        assert ann.get(contact, has).find(".//t:HasPicture", NS).text == "false"
        made = ann.ok(attach(contact, file("ContactPicture.jpg", photo).replace(
            "<t:Content>", "<t:IsContactPhoto>true</t:IsContactPhoto><t:Content>"))).find(".//t:AttachmentId", NS).get("Id")
        assert ann.get(contact, has).find(".//t:HasPicture", NS).text == "true"
        whole = ann.ok(fetch(made))
        assert whole.find(".//t:IsContactPhoto", NS).text == "true"
        assert base64.b64decode(whole.find(".//t:Content", NS).text) == photo
        # Editing a field does not touch it.
        ann.ok('<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="%s"/>'
               '<t:Updates><t:SetItemField><t:FieldURI FieldURI="contacts:JobTitle"/><t:Contact><t:JobTitle>x</t:JobTitle>'
               "</t:Contact></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>" % contact)
        assert base64.b64decode(ann.text(fetch(made), "t:Content")) == photo
        ann.ok(detach(made))
        assert ann.get(contact, has).find(".//t:HasPicture", NS).text == "false"

        ask = "<m:GetUserPhoto><m:Email>%s</m:Email><m:SizeRequested>%s</m:SizeRequested></m:GetUserPhoto>"
        assert ann.code(ask % (BOB, "HR96x96")) == "ErrorItemNotFound"
        assert ann.code(ask % ("nobody@corp.example", "HR96x96")) == "ErrorItemNotFound"
        assert ann.code(ask % (BOB, "HR7x7")) == "ErrorSchemaValidation"
        dx.control("POST", "mailboxes", {"smtp": BOB, "photo": b64(photo)})
        answer = ann.ok(ask % (BOB, "HR648x648"))
        assert answer.find(".//m:HasChanged", NS).text == "true"
        assert base64.b64decode(answer.find(".//m:PictureData", NS).text) == photo

        def plain(user, address, **headers):
            request = urllib.request.Request(
                dx.ews + "/s/GetUserPhoto?size=HR96x96&email=" + address,
                headers=dict(headers, Authorization="Basic " + b64(user.encode())))
            try:
                with urllib.request.urlopen(request, context=dx.context, timeout=60) as got:
                    return got.status, got.headers, got.read()
            except urllib.error.HTTPError as got:
                return got.code, got.headers, got.read()

        status, headers, data = plain(ANN + ":secret", BOB)
        assert (status, headers["Content-Type"], data) == (200, "image/jpeg", photo)
        assert plain(ANN + ":secret", BOB, **{"If-None-Match": headers["ETag"]})[::2] == (304, b"")
        assert plain(ANN + ":secret", ANN)[0] == 404 and plain(ANN + ":wrong", BOB)[0] == 401


tap.main()
