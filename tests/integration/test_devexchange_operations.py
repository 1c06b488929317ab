#!/usr/bin/python3
"""The stand-in Exchange operation by operation, with good and with bad input: attachments, photos, the contact store,
notifications, limits. That every answer is valid is checked by the schema when each server ends."""
import base64
import email
import http.client
import os
import sys
import time
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


# --- the Unified Contact Store

def group_id(value):
    return '<m:GroupId Id="%s"/>' % value if value else ""


def contact_id(value):
    return '<m:ContactId Id="%s"/>' % value


def op(name, *children):
    return "<m:%s>%s</m:%s>" % (name, "".join(children), name)


def new_contact(address, group=None, name=None):
    return op("AddNewImContactToGroup", "<m:ImAddress>%s</m:ImAddress>" % address,
              name and "<m:DisplayName>%s</m:DisplayName>" % name or "", group_id(group))


def new_tel(tel, sip, number, group=None):
    return op("AddNewTelUriContactToGroup", "<m:TelUriAddress>%s</m:TelUriAddress>" % tel,
              "<m:ImContactSipUriAddress>%s</m:ImContactSipUriAddress>" % sip,
              "<m:ImTelephoneNumber>%s</m:ImTelephoneNumber>" % number, group_id(group))


def new_group(name):
    return op("AddImGroup", "<m:DisplayName>%s</m:DisplayName>" % name)


def new_dg(smtp, name):
    return op("AddDistributionGroupToImList", "<m:SmtpAddress>%s</m:SmtpAddress>" % smtp,
              "<m:DisplayName>%s</m:DisplayName>" % name)


def made_group(root):
    return root.find(".//t:ExchangeStoreId", NS).get("Id")


def made_contact(root):
    return root.find(".//t:SourceId", NS).get("Id")


DEFAULTS = {"IPM.DistList.MOC.Favorites", "IPM.DistList.MOC.OtherContacts", "IPM.DistList.MOC.Tagged"}
CHANGES = ('<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>'
           '<t:DistinguishedFolderId Id="%s"/></m:SyncFolderId>%s<m:MaxChangesReturned>512</m:MaxChangesReturned>'
           "</m:SyncFolderItems>")


class List:
    """The list as GetImItemList shows it."""

    def __init__(self, owner, more=""):
        root = owner.ok(op("GetImItemList", more))
        self.groups, self.members, self.types, self.smtp = {}, {}, {}, {}
        for g in root.iterfind(".//t:ImGroup", NS):
            name = g.find("t:DisplayName", NS).text
            self.groups[name] = g.find("t:ExchangeStoreId", NS).get("Id")
            self.types[name] = g.find("t:GroupType", NS).text
            self.members[name] = [i.get("Id") for i in g.iterfind("t:MemberCorrelationKey/t:ItemId", NS)]
            self.smtp[name] = getattr(g.find("t:SmtpAddress", NS), "text", None)
        self.personas = {p.find(".//t:SourceId", NS).get("Id"): p for p in root.iterfind(".//t:Persona", NS)}

    def addresses(self):
        return sorted(getattr(p.find("t:ImAddress", NS), "text", None) or "" for p in self.personas.values())


def changes(owner, folder, state=None):
    """(kinds and ids of what changed, the new state)"""
    root = owner.ok(CHANGES % (folder, "<m:SyncState>%s</m:SyncState>" % state if state else ""))
    return ({(c.tag.rpartition("}")[2], c.find(".//t:ItemId", NS).get("Id")) for c in root.find(".//m:Changes", NS)},
            root.find(".//m:SyncState", NS).text)


@tap.test("the contact store: default groups, and each operation does what it says, seen in the list and the folders")
def _():
    with world("--group", "sales@corp.example") as dx:
        ann = Owner(dx)
        empty = List(ann)
        assert set(empty.types.values()) == DEFAULTS and len(empty.types) == 3 and empty.personas == {}
        friends = made_group(ann.ok(new_group("R&amp;D &lt;Ü&gt;")))
        _, people = changes(ann, "quickcontacts")
        _, groups = changes(ann, "imcontactlist")
        tony = made_contact(ann.ok(new_contact("tony@corp.example", friends, "Tony S")))
        eve = made_contact(ann.ok(new_contact("sip:eve@corp.example")))
        both = List(ann)
        assert both.members["R&D <Ü>"] == [tony] and both.members["Other Contacts"] == [eve]
        assert set(both.personas) == {tony, eve} and both.addresses() == ["sip:eve@corp.example", "tony@corp.example"]
        persona = both.personas[tony]
        assert [persona.find("t:" + n, NS).text for n in ("PersonaType", "DisplayName")] == ["Person", "Tony S"]
        assert [persona.find(".//t:" + n, NS).text for n in ("IsQuickContact", "IsHidden")] == ["true", "false"]
        # The same things in the folders: contacts by id, and the groups that changed.
        assert changes(ann, "quickcontacts", people)[0] == {("Create", tony), ("Create", eve)}
        assert changes(ann, "imcontactlist", groups)[0] == {
            ("Update", friends), ("Update", both.groups["Other Contacts"])}
        seen = ann.get(tony)
        assert seen.find(".//t:Entry[@Key='ImAddress1']", NS).text == "tony@corp.example"
        assert seen.find(".//t:Contact/t:DisplayName", NS).text == "Tony S"
        listed = ann.get(friends, "<t:BaseShape>Default</t:BaseShape><t:AdditionalProperties>"
                                  '<t:FieldURI FieldURI="distributionlist:Members"/></t:AdditionalProperties>')
        assert listed.find(".//t:DistributionList/t:DisplayName", NS).text == "R&D <Ü>"
        assert [m.text for m in listed.iterfind(".//t:Member//t:EmailAddress", NS)] == ["tony@corp.example"]

        ann.ok(op("AddImContactToGroup", contact_id(tony), group_id(empty.groups["Favorites"])))
        ann.ok(op("AddImContactToGroup", contact_id(tony)))
        again = List(ann)
        assert again.members["Favorites"] == [tony] and again.members["Other Contacts"] == [eve, tony]
        ann.ok(op("SetImGroup", group_id(friends), "<m:NewDisplayName>Work</m:NewDisplayName>"))
        assert List(ann).groups["Work"] == friends
        for group in (friends, again.groups["Favorites"]):
            ann.ok(op("RemoveImContactFromGroup", contact_id(tony), group_id(group)))
        assert set(List(ann).personas) == {tony, eve}
        ann.ok(op("RemoveContactFromImList", contact_id(eve)))
        assert List(ann).members["Other Contacts"] == [tony] and ann.code(get(eve)) == "ErrorItemNotFound"
        _, people = changes(ann, "quickcontacts")
        ann.ok(op("RemoveImContactFromGroup", contact_id(tony), group_id(again.groups["Other Contacts"])))
        assert List(ann).personas == {} and changes(ann, "quickcontacts", people)[0] == {("Delete", tony)}

        sales = made_group(ann.ok(new_dg("sales@corp.example", "Sales team")))
        shown = List(ann)
        assert shown.types["Sales team"] == "IPM.DistList.MOC.DG" and shown.smtp["Sales team"] == "sales@corp.example"
        assert shown.groups["Sales team"] == sales
        ann.ok(op("RemoveDistributionGroupFromImList", group_id(sales)))
        zoe = made_contact(ann.ok(new_contact("zoe@corp.example", friends)))
        ann.ok(op("RemoveImGroup", group_id(friends)))
        last = List(ann)
        assert set(last.types.values()) == DEFAULTS and last.personas == {}, "who was in no other group leaves"
        assert ann.code(get(zoe)) == "ErrorItemNotFound"
        for flag in ("true", "false"):
            ann.ok(op("SetImListMigrationCompleted",
                      "<m:ImListMigrationCompleted>%s</m:ImListMigrationCompleted>" % flag))
            assert dx.control("GET", "mailboxes")[0]["migrated"] == (flag == "true")


@tap.test("the contact store: people with a telephone only")
def _():
    with world() as dx:
        ann = Owner(dx)
        group = made_group(ann.ok(new_group("G")))
        taxi = made_contact(ann.ok(new_tel("tel:+15625550100", "sip:taxi@corp.example", "+15625550100", group)))
        shown = List(ann)
        persona = shown.personas[taxi]
        assert shown.members["G"] == [taxi] and persona.find("t:ImAddress", NS) is None
        assert persona.find("t:DisplayName", NS).text is None
        assert persona.find("t:DisplayNameFirstLast", NS).text == "+15625550100"
        assert persona.find("t:OtherTelephones//t:Number", NS).text == "+15625550100"
        assert ann.get(taxi).find(".//t:Entry[@Key='OtherTelephone']", NS).text == "+15625550100"
        assert made_contact(ann.ok(new_tel("tel:1", "sip:x@corp.example", "1"))) in List(ann).members["Other Contacts"]
        before = len(List(ann).personas)
        assert ann.code(new_tel("tel:1", "sip:x@corp.example", "1", taxi)) == "ErrorItemNotFound"
        for bad in (new_tel("", "sip:x", "1"), new_tel("tel:1", "", "1"), new_tel("tel:1", "sip:x", ""),
                    op("AddNewTelUriContactToGroup", "<m:TelUriAddress>tel:1</m:TelUriAddress>")):
            assert ann.code(bad) == "ErrorSchemaValidation", bad
        assert len(List(ann).personas) == before


@tap.test("the contact store: limits, each with its own code, and room again after a removal")
def _():
    with world("--max-im-groups", "5", "--max-im-contacts", "3") as dx:
        ann = Owner(dx)
        ids = [made_contact(ann.ok(new_contact("c%d@corp.example" % n))) for n in range(3)]
        assert ann.code(new_contact("more@corp.example")) == "ErrorImContactLimitReached"
        assert ann.code(new_tel("tel:1", "sip:x@corp.example", "1")) == "ErrorImContactLimitReached"
        assert len(List(ann).personas) == 3
        ann.ok(op("RemoveContactFromImList", contact_id(ids[0])))
        ann.ok(new_contact("more@corp.example"))
        ann.ok(new_group("one"))
        two = made_group(ann.ok(new_dg("dg@corp.example", "two")))
        assert ann.code(new_group("three")) == "ErrorImGroupLimitReached"
        assert ann.code(new_dg("other@corp.example", "three")) == "ErrorImGroupLimitReached"
        ann.ok(op("RemoveDistributionGroupFromImList", group_id(two)))
        ann.ok(new_group("three"))
    with world() as dx:
        ann = Owner(dx)
        for n in range(61):
            ann.ok(new_group("g%d" % n))
        assert ann.code(new_group("more")) == "ErrorImGroupLimitReached", "64 by default, the three among them"


@tap.test("the contact store: bad input has the documented code and changes nothing")
def _():
    with world("--group", "sales@corp.example") as dx:
        ann, bob = Owner(dx), Owner(dx, BOB)
        group = made_group(ann.ok(new_group("Work")))
        tony = made_contact(ann.ok(new_contact("tony@corp.example", group)))
        sales = made_group(ann.ok(new_dg("sales@corp.example", "Sales")))
        theirs = made_group(bob.ok(new_group("Theirs")))
        their_contact = made_contact(bob.ok(new_contact("x@corp.example")))
        plain = ann.create("<t:Contact><t:DisplayName>plain</t:DisplayName></t:Contact>", "contacts").get("Id")
        defaults = List(ann).groups
        was = (List(ann).groups, List(ann).members, set(List(ann).personas))
        rename = "<m:NewDisplayName>%s</m:NewDisplayName>"
        for code, bodies in {
            "ErrorImGroupDisplayNameAlreadyExists": (
                new_group("wORK"), new_group("Favorites"), new_dg("sales@corp.example", "Work"),
                op("SetImGroup", group_id(group), rename % "Other Contacts")),
            "ErrorInvalidImGroupId": (
                op("SetImGroup", group_id(tony), rename % "x"), op("SetImGroup", group_id(plain), rename % "x"),
                op("SetImGroup", group_id(defaults["Favorites"]), rename % "x"),
                op("RemoveImGroup", group_id(defaults["Tagged"])), op("RemoveImGroup", group_id(sales)),
                op("RemoveImGroup", group_id(tony)), new_contact("x@corp.example", tony),
                new_contact("x@corp.example", sales), op("AddImContactToGroup", contact_id(tony), group_id(sales)),
                op("AddImContactToGroup", contact_id(tony), group_id(plain)),
                op("RemoveImContactFromGroup", contact_id(tony), group_id(tony))),
            "ErrorInvalidImContactId": (
                op("AddImContactToGroup", contact_id(group), group_id(group)),
                op("AddImContactToGroup", contact_id(plain), group_id(group)),
                op("RemoveImContactFromGroup", contact_id(plain), group_id(group))),
            "ErrorUnableToRemoveImContactFromGroup": (
                op("RemoveImContactFromGroup", contact_id(tony), group_id(defaults["Favorites"])),),
            "ErrorItemNotFound": (
                op("RemoveContactFromImList", contact_id(plain)), op("RemoveContactFromImList", contact_id(group)),
                op("RemoveDistributionGroupFromImList", group_id(group)),
                op("RemoveDistributionGroupFromImList", group_id(tony))),
            "ErrorInvalidImDistributionGroupSmtpAddress": (
                new_dg("unknown@corp.example", "x"), new_dg("no address", "x"), new_dg("@", "x")),
            "ErrorInvalidIdMalformed": (
                op("RemoveImGroup", group_id("AAMk")), op("RemoveContactFromImList", contact_id("AAMk"))),
            "ErrorAccessDenied": (
                op("RemoveImGroup", group_id(theirs)), op("RemoveContactFromImList", contact_id(their_contact)),
                op("AddImContactToGroup", contact_id(tony), group_id(theirs))),
            "ErrorSchemaValidation": (
                new_group(""), op("AddImGroup"), new_contact(""), new_dg("", "x"), new_dg("sales@corp.example", ""),
                op("AddDistributionGroupToImList", "<m:SmtpAddress>sales@corp.example</m:SmtpAddress>"),
                op("SetImGroup", group_id(group)), op("SetImGroup", group_id(group), rename % ""),
                op("SetImListMigrationCompleted", "<m:ImListMigrationCompleted>maybe</m:ImListMigrationCompleted>"),
                op("RemoveImContactFromGroup", contact_id(tony)), op("GetImItems", group_id(group))),
        }.items():
            for body in bodies:
                assert ann.code(body) == code, (body, ann.code(body), code)
        now = List(ann)
        assert (now.groups, now.members, set(now.personas)) == was
        # Adding twice is no error and adds nothing.
        ann.ok(op("AddImContactToGroup", contact_id(tony), group_id(group)))
        assert List(ann).members["Work"] == [tony]
    with world("--no-ucs") as dx:
        assert Owner(dx).code("<m:GetImItemList/>") == "ErrorInvalidOperation"


@tap.test("the contact store: single things, extended properties, and what plain folder operations do to it")
def _():
    with world() as dx:
        ann = Owner(dx)
        group = made_group(ann.ok(new_group("Work")))
        tony = made_contact(ann.ok(new_contact("tony@corp.example", group, "Tony")))
        eve = made_contact(ann.ok(new_contact("eve@corp.example", group, "Eve")))
        ids = lambda tag, *values: "<m:%s>%s</m:%s>" % (tag, "".join('<t:ItemId Id="%s"/>' % v for v in values), tag)
        want = "<m:ExtendedProperties><t:ExtendedProperty PropertyTag=\"0x3001\" PropertyType=\"String\"/>" \
               "<t:ExtendedProperty PropertyTag=\"0x3A45\" PropertyType=\"String\"/></m:ExtendedProperties>"
        root = ann.ok(op("GetImItems", ids("ContactIds", tony, group), ids("GroupIds", group, tony), want))
        assert [p.find(".//t:SourceId", NS).get("Id") for p in root.iterfind(".//t:Persona", NS)] == [tony]
        assert [g.find("t:ExchangeStoreId", NS).get("Id") for g in root.iterfind(".//t:ImGroup", NS)] == [group]
        values = [v.text for v in root.iterfind(".//t:ExtendedPropertyAttributedValue/t:Value/t:Value", NS)]
        assert values == ["Tony"], values
        assert [v.text for v in root.iterfind(".//t:ImGroup//t:ExtendedProperty/t:Value", NS)] == ["Work"]
        assert ann.ok(op("GetImItems")).find(".//t:Persona", NS) is None
        # A field changed by UpdateItem shows in the list.
        ann.ok('<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="%s"/><t:Updates>'
               '<t:SetItemField><t:FieldURI FieldURI="contacts:DisplayName"/><t:Contact><t:DisplayName>Anthony'
               "</t:DisplayName></t:Contact></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>" % tony)
        assert List(ann).personas[tony].find("t:DisplayName", NS).text == "Anthony"
        # A contact made there by CreateItem is of the list, in no group; a distribution list is not a persona.
        lone = ann.create('<t:Contact><t:DisplayName>Lone</t:DisplayName><t:ImAddresses><t:Entry Key="ImAddress1">lone@im'
                          "</t:Entry></t:ImAddresses></t:Contact>", "quickcontacts").get("Id")
        ann.create("<t:DistributionList><t:DisplayName>no group</t:DisplayName></t:DistributionList>", "quickcontacts")
        ann.create("<t:DistributionList><t:DisplayName>no group</t:DisplayName></t:DistributionList>", "imcontactlist")
        shown = List(ann)
        assert set(shown.personas) == {tony, eve, lone} and set(shown.types.values()) == DEFAULTS | {
            "IPM.DistList.MOC.UserGroup"}, shown.types
        assert sorted(sum(shown.members.values(), [])) == sorted([tony, eve])
        # One deleted by DeleteItem is gone from its groups too.
        ann.ok('<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="%s"/></m:ItemIds></m:DeleteItem>' % eve)
        assert List(ann).members["Work"] == [tony]
        assert ann.code(op("RemoveContactFromImList", contact_id(eve))) == "ErrorItemNotFound"
        assert ann.code(op("AddImContactToGroup", contact_id(eve), group_id(group))) == "ErrorInvalidImContactId"


# --- strictness

FOLDER_IDS = "<m:FolderIds>%s</m:FolderIds>"
ID_ONLY = "<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>"
FOLDER_ID_ONLY = "<m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>"
# Each operation with a place for the id of a folder, or of an item.
OF_FOLDERS = {
    "GetFolder": "<m:GetFolder>" + FOLDER_ID_ONLY + FOLDER_IDS + "</m:GetFolder>",
    "FindFolder": '<m:FindFolder Traversal="Shallow">' + FOLDER_ID_ONLY + "<m:ParentFolderIds>%s</m:ParentFolderIds></m:FindFolder>",
    "FindItem": '<m:FindItem Traversal="Shallow">' + ID_ONLY + "<m:ParentFolderIds>%s</m:ParentFolderIds></m:FindItem>",
    "CreateFolder": "<m:CreateFolder><m:ParentFolderId>%s</m:ParentFolderId><m:Folders><t:Folder><t:DisplayName>q</t:DisplayName>"
                    "</t:Folder></m:Folders></m:CreateFolder>",
    "CreateItem": '<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>%s</m:SavedItemFolderId><m:Items><t:Message/>'
                  "</m:Items></m:CreateItem>",
    "SyncFolderItems": "<m:SyncFolderItems>" + ID_ONLY + "<m:SyncFolderId>%s</m:SyncFolderId><m:MaxChangesReturned>1"
                       "</m:MaxChangesReturned></m:SyncFolderItems>",
    "SyncFolderHierarchy": "<m:SyncFolderHierarchy>" + FOLDER_ID_ONLY + "<m:SyncFolderId>%s</m:SyncFolderId></m:SyncFolderHierarchy>",
    "DeleteFolder": '<m:DeleteFolder DeleteType="HardDelete">' + FOLDER_IDS + "</m:DeleteFolder>",
    "EmptyFolder": '<m:EmptyFolder DeleteType="HardDelete" DeleteSubFolders="false">' + FOLDER_IDS + "</m:EmptyFolder>",
    "UpdateFolder": "<m:UpdateFolder><m:FolderChanges><t:FolderChange>%s<t:Updates><t:SetFolderField><t:FieldURI "
                    'FieldURI="folder:DisplayName"/><t:Folder><t:DisplayName>z</t:DisplayName></t:Folder></t:SetFolderField>'
                    "</t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>",
    "MoveFolder": '<m:MoveFolder><m:ToFolderId><t:DistinguishedFolderId Id="drafts"/></m:ToFolderId>' + FOLDER_IDS
                  + "</m:MoveFolder>",
    "Subscribe": "<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds>%s</t:FolderIds><t:EventTypes><t:EventType>"
                 "CreatedEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>",
}
ITEM_IDS = "<m:ItemIds>%s</m:ItemIds>"
OF_ITEMS = {
    "GetItem": "<m:GetItem>" + ID_ONLY + ITEM_IDS + "</m:GetItem>",
    "UpdateItem": '<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange>%s<t:Updates><t:SetItemField>'
                  '<t:FieldURI FieldURI="contacts:JobTitle"/><t:Contact><t:JobTitle>x</t:JobTitle></t:Contact></t:SetItemField>'
                  "</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>",
    "DeleteItem": '<m:DeleteItem DeleteType="HardDelete">' + ITEM_IDS + "</m:DeleteItem>",
    "MoveItem": '<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="inbox"/></m:ToFolderId>' + ITEM_IDS + "</m:MoveItem>",
    "CopyItem": '<m:CopyItem><m:ToFolderId><t:DistinguishedFolderId Id="inbox"/></m:ToFolderId>' + ITEM_IDS + "</m:CopyItem>",
    "ExpandDL": "<m:ExpandDL><m:Mailbox>%s</m:Mailbox></m:ExpandDL>",
}


@tap.test("ids that lead nowhere, are no ids, or are another kind's: the right code from every operation")
def _():
    with world() as dx:
        ann, bob = Owner(dx), Owner(dx, BOB)
        item = ann.create(CONTACT, "contacts").get("Id")
        gone = ann.create(CONTACT, "contacts").get("Id")
        ann.ok(delete(gone))
        folder = ann.ok(OF_FOLDERS["CreateFolder"] % '<t:DistinguishedFolderId Id="inbox"/>').find(".//t:FolderId", NS).get("Id")
        lost = ann.ok((OF_FOLDERS["CreateFolder"] % '<t:DistinguishedFolderId Id="drafts"/>')).find(".//t:FolderId", NS).get("Id")
        ann.ok(OF_FOLDERS["DeleteFolder"] % ('<t:FolderId Id="%s"/>' % lost))
        theirs = bob.create(CONTACT, "contacts").get("Id")
        missing = {"SyncFolderItems": "ErrorSyncFolderNotFound", "SyncFolderHierarchy": "ErrorSyncFolderNotFound",
                   "CreateFolder": "ErrorParentFolderNotFound"}
        for name, body in OF_FOLDERS.items():
            for given, key, code in ((lost, "", missing.get(name, "ErrorFolderNotFound")), ("AAMk", "", "ErrorInvalidIdMalformed"),
                                     ("", "", "ErrorInvalidIdEmpty"), (item, "", "ErrorCannotUseItemIdForFolderId"),
                                     (folder, "zz", "ErrorInvalidChangeKey")):
                key = key and ' ChangeKey="%s"' % key
                got = ann.codes(body % ('<t:FolderId Id="%s"%s/>' % (given, key)))
                assert got == [code], (name, given, got, code)
        for name, body in OF_ITEMS.items():
            for given, key, code in ((gone, "", "ErrorItemNotFound"), ("AAMk", "", "ErrorInvalidIdMalformed"),
                                     ("", "", "ErrorInvalidIdEmpty"), (folder, "", "ErrorCannotUseFolderIdForItemId"),
                                     (item, "zz", "ErrorInvalidChangeKey"), (theirs, "", "ErrorAccessDenied")):
                key = key and ' ChangeKey="%s"' % key
                got = ann.codes(body % ('<t:ItemId Id="%s"%s/>' % (given, key)))
                assert got == [code], (name, given, got, code)
        assert ann.codes(OF_ITEMS["GetItem"] % ('<t:ItemId Id="%s"/><t:ItemId Id="%s"/><t:ItemId Id="%s"/>' % (
            gone, item, "AAMk"))) == ["ErrorItemNotFound", "NoError", "ErrorInvalidIdMalformed"], "each by itself"


@tap.test("a schema fault names line and position of the element that is wrong")
def _():
    from devexchange import envelope
    mark = "\N{BLACK RIGHTWARDS ARROWHEAD}"
    wrong = (
        "<m:GetFolder>\n  <m:FolderShape>\n    <%st:BaseShape>Nope</t:BaseShape></m:FolderShape></m:GetFolder>",
        "<m:GetItem>" + ID_ONLY + "\n\n <%sm:Bogus a='1'\n  b='2'/></m:GetItem>",
        "<m:SyncFolderItems>" + ID_ONLY + '<m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId>'
        "<%sm:MaxChangesReturned>513</m:MaxChangesReturned></m:SyncFolderItems>",
        "<!-- \u00fc\u20ac -->\n<!-- \u00fc --><%sm:DeleteItem\n   x='y'><m:ItemIds><t:ItemId Id='x'/></m:ItemIds></m:DeleteItem>",
        "<m:CreateItem><m:Items><t:Contact><t:DisplayName>a</t:DisplayName>\n\t<%st:Subject>after</t:Subject></t:Contact></m:Items>"
        "</m:CreateItem>",
    )
    with world() as dx:
        for body in wrong:
            text = envelope(body % mark)
            before = text[:text.index(mark)].split("\n")
            status, _, data = dx.post(text.replace(mark, "").encode(), user=ANN + ":secret")
            from lxml import etree
            root = etree.fromstring(data)
            place = [int(root.find(".//t:" + n, NS).text) for n in ("LineNumber", "LinePosition")]
            assert status == 500 and place == [len(before), len(before[-1]) + 1], (body, place, data[-400:])
            assert root.find(".//t:Violation", NS).text


@tap.test("limits: 512 changes, so many entries in a search, so many bytes")
def _():
    with world("--find-limit", "50") as dx:
        ann = Owner(dx)
        ann.ok("<m:CreateItem><m:Items>%s</m:Items></m:CreateItem>" % ("<t:Contact/>" * 600))
        pages = []
        state = ""
        while True:
            root = ann.ok(CHANGES % ("contacts", state and "<m:SyncState>%s</m:SyncState>" % state))
            pages.append(len(root.findall(".//t:Create", NS)))
            state = root.find(".//m:SyncState", NS).text
            if root.find(".//m:IncludesLastItemInRange", NS).text == "true":
                break
        assert pages == [512, 88], pages
        for number in ("0", "513", "-1", "many"):
            assert ann.code((CHANGES % ("contacts", "")).replace("512", number)) == "ErrorSchemaValidation", number
        assert ann.code(PLAIN) == "ErrorExceededFindCountLimit"
        paged = PLAIN.replace("<m:ParentFolderIds>", '<m:IndexedPageItemView MaxEntriesReturned="%s" Offset="%s" '
                              'BasePoint="Beginning"/><m:ParentFolderIds>')
        root = ann.ok(paged % (1000, 560)).find(".//m:RootFolder", NS)
        assert len(root.findall(".//t:Contact", NS)) == 40 and root.get("IncludesLastItemInRange") == "true"
        root = ann.ok(paged % (1000, 0)).find(".//m:RootFolder", NS)
        assert len(root.findall(".//t:Contact", NS)) == 50 and root.get("TotalItemsInView") == "600"
        assert ann.code(paged % (0, 0)) in ("ErrorSchemaValidation", "ErrorInvalidIndexedPagingParameters")
        assert ann.code(paged % (5, -1)) in ("ErrorSchemaValidation", "ErrorInvalidIndexedPagingParameters")
        status, _, _ = dx.post(b" " * ((64 << 20) + 1), user=ANN + ":secret")
        assert status == 413, status


@tap.test("conflicts: a stale change key is refused or merged, as the client asked")
def _():
    def update(key, how, field, value):
        return ('<m:UpdateItem ConflictResolution="%s"><m:ItemChanges><t:ItemChange><t:ItemId Id="%s"%s/><t:Updates>'
                '<t:SetItemField><t:FieldURI FieldURI="contacts:%s"/><t:Contact><t:%s>%s</t:%s></t:Contact></t:SetItemField>'
                "</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>" % (
                    how, item, key and ' ChangeKey="%s"' % key, field, field, value, field))
    with world() as dx:
        ann = Owner(dx)
        made = ann.create(CONTACT, "contacts")
        item, first = made.get("Id"), made.get("ChangeKey")
        second = ann.ok(update(first, "NeverOverwrite", "JobTitle", "one")).find(".//t:ItemId", NS).get("ChangeKey")
        assert second != first
        assert ann.code(update(first, "NeverOverwrite", "Department", "x")) == "ErrorIrresolvableConflict"
        assert ann.code(update(first, "AutoResolve", "JobTitle", "x")) == "ErrorIrresolvableConflict"
        merged = ann.ok(update(first, "AutoResolve", "Department", "two"))
        assert merged.find(".//m:ConflictResults/t:Count", NS) is not None
        ann.ok(update(first, "AlwaysOverwrite", "JobTitle", "three"))
        assert ann.code(update("", "AutoResolve", "JobTitle", "x")) == "ErrorChangeKeyRequiredForWriteOperations"
        shown = ann.get(item)
        assert [shown.find(".//t:" + n, NS).text for n in ("JobTitle", "Department")] == ["three", "two"]


# --- notifications

EVERYTHING = ("Copied", "Created", "Deleted", "Modified", "Moved", "NewMail")


def subscribe(kind="Pull", folders=("contacts",), events=EVERYTHING, more="<t:Timeout>10</t:Timeout>", attributes=""):
    return ("<m:Subscribe><m:%sSubscriptionRequest%s>%s<t:EventTypes>%s</t:EventTypes>%s</m:%sSubscriptionRequest>"
            "</m:Subscribe>" % (
                kind, attributes, "<t:FolderIds>%s</t:FolderIds>" % "".join(
                    '<t:DistinguishedFolderId Id="%s"/>' % f for f in folders) if folders else "",
                "".join("<t:EventType>%sEvent</t:EventType>" % e for e in events),
                more if kind == "Pull" else "", kind))


def subscribed(owner, *arguments, **keywords):
    root = owner.ok(subscribe(*arguments, **keywords))
    return root.find(".//m:SubscriptionId", NS).text, getattr(root.find(".//m:Watermark", NS), "text", None)


def get_events(subscription, watermark):
    return ("<m:GetEvents><m:SubscriptionId>%s</m:SubscriptionId><m:Watermark>%s</m:Watermark></m:GetEvents>"
            % (subscription, watermark))


def unsubscribe(subscription):
    return "<m:Unsubscribe><m:SubscriptionId>%s</m:SubscriptionId></m:Unsubscribe>" % subscription


def happened(root):
    """([(event, id, former id)], last watermark, whether there are more)"""
    events, mark = [], None
    for e in root.find(".//m:Notification", NS):
        kind = e.tag.rpartition("}")[2]
        if kind.endswith("Event"):
            ids = [getattr(e.find("t:" + n, NS), "attrib", {}).get("Id") for n in ("ItemId", "OldItemId")]
            events.append((kind[:-5], *ids))
            mark = e.find("t:Watermark", NS).text
    return events, mark, root.find(".//t:MoreEvents", NS).text == "true"


CONTACT = "<t:Contact><t:DisplayName>c</t:DisplayName></t:Contact>"


def to_folder(name, item, folder):
    return ('<m:%s><m:ToFolderId><t:DistinguishedFolderId Id="%s"/></m:ToFolderId><m:ItemIds><t:ItemId Id="%s"/></m:ItemIds>'
            "</m:%s>" % (name, folder, item, name))


def delete(item):
    return '<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="%s"/></m:ItemIds></m:DeleteItem>' % item


def rename(item):
    return ('<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="%s"/><t:Updates>'
            "<t:SetItemField><t:FieldURI FieldURI=\"contacts:DisplayName\"/><t:Contact><t:DisplayName>n</t:DisplayName>"
            "</t:Contact></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>" % item)


@tap.test("pull: every event, in order, page by page; a watermark is good as long as all after it is kept")
def _():
    with world() as dx:
        ann = Owner(dx)
        pull, mark = subscribed(ann)
        deaf, deaf_mark = subscribed(ann, events=("NewMail",))
        assert happened(ann.ok(get_events(pull, mark)))[0] == [("Status", None, None)]
        made = ann.create(CONTACT, "contacts").get("Id")
        ann.ok(rename(made))
        copied = ann.ok(to_folder("CopyItem", made, "contacts")).find(".//t:ItemId", NS).get("Id")
        moved = ann.ok(to_folder("MoveItem", made, "deleteditems")).find(".//t:ItemId", NS).get("Id")
        ann.ok(delete(copied))
        ann.create(CONTACT, "quickcontacts")  # not of this folder
        events, last, more = happened(ann.ok(get_events(pull, mark)))
        assert events == [("Created", made, None), ("Modified", made, None), ("Copied", copied, made),
                          ("Moved", moved, made), ("Deleted", copied, None)] and not more, events
        assert happened(ann.ok(get_events(pull, mark)))[0] == events, "kept until acknowledged"
        assert happened(ann.ok(get_events(pull, last)))[0] == [("Status", None, None)]
        assert ann.code(get_events(pull, mark)) == "ErrorInvalidWatermark", "what was acknowledged is gone"
        assert happened(ann.ok(get_events(deaf, deaf_mark)))[0] == [("Status", None, None)]
        many = [ann.create(CONTACT, "contacts").get("Id") for _ in range(60)]
        got, rounds, more = [], 0, True
        while more:
            events, last, more = happened(ann.ok(get_events(pull, last)))
            got, rounds = got + [e[1] for e in events], rounds + 1
        assert got == many and rounds == 2, (len(got), rounds)
        inbox, mark = subscribed(ann, folders=("inbox",), events=("NewMail", "Created"))
        Owner(dx, BOB).ok('<m:CreateItem MessageDisposition="SendOnly"><m:Items><t:Message><t:Subject>hi</t:Subject>'
                          "<t:ToRecipients><t:Mailbox><t:EmailAddress>%s</t:EmailAddress></t:Mailbox></t:ToRecipients>"
                          "</t:Message></m:Items></m:CreateItem>" % ANN)
        assert {e[0] for e in happened(ann.ok(get_events(inbox, mark)))[0]} == {"Created", "NewMail"}
        whole, mark = subscribed(ann, folders=(), attributes=' SubscribeToAllFolders="true"')
        made = ann.create(CONTACT, "quickcontacts").get("Id")
        assert ("Created", made, None) in happened(ann.ok(get_events(whole, mark)))[0]


@tap.test("a reader too far behind is told so, and a subscription that nobody asks ends")
def _():
    with world("--minute", "300") as dx:
        ann = Owner(dx)
        pull, mark = subscribed(ann, more="<t:Timeout>1440</t:Timeout>")
        batch = ("<m:CreateItem><m:Items>%s</m:Items></m:CreateItem>" % ("<t:Contact/>" * 2501))
        for _ in range(4):
            ann.ok(batch)
        assert ann.code(get_events(pull, mark)) == "ErrorMissedNotificationEvents"
        short, mark = subscribed(ann, more="<t:Timeout>1</t:Timeout>")
        time.sleep(0.4)
        assert ann.code(get_events(short, mark)) == "ErrorSubscriptionNotFound"


@tap.test("subscriptions that cannot be, each with its code")
def _():
    with world() as dx:
        ann, bob = Owner(dx), Owner(dx, BOB)
        pull, mark = subscribed(ann)
        stream, _ = subscribed(ann, "Streaming")
        push = ("<m:Subscribe><m:PushSubscriptionRequest SubscribeToAllFolders=\"true\"><t:EventTypes><t:EventType>CreatedEvent"
                "</t:EventType></t:EventTypes><t:StatusFrequency>5</t:StatusFrequency><t:URL>https://localhost/</t:URL>"
                "</m:PushSubscriptionRequest></m:Subscribe>")
        future = b64(b"x" * 16)
        for body, code in (
                (subscribe(folders=()), "ErrorInvalidSubscriptionRequest"),
                (subscribe(attributes=' SubscribeToAllFolders="true"'), "ErrorInvalidSubscriptionRequest"),
                (subscribe(more="<t:Timeout>0</t:Timeout>"), "ErrorSchemaValidation"),
                (subscribe(more="<t:Timeout>1441</t:Timeout>"), "ErrorSchemaValidation"),
                (subscribe(events=()), "ErrorSchemaValidation"), (subscribe(events=("Bored",)), "ErrorSchemaValidation"),
                (subscribe(more="<t:Watermark>AQAAAA==</t:Watermark><t:Timeout>1</t:Timeout>"), "ErrorInvalidWatermark"),
                (subscribe().replace("<t:Timeout>", "<t:Watermark>%s</t:Watermark><t:Timeout>" % mark), "NoError"),
                (subscribe().replace("<t:Timeout>", "<t:Watermark>%s</t:Watermark><t:Timeout>" % future),
                 "ErrorInvalidWatermark"),
                (subscribe(folders=("nosuchfolder",)), "ErrorSchemaValidation"), (push, "ErrorInvalidOperation"),
                (get_events(stream, mark), "ErrorInvalidPullSubscriptionId"),
                (get_events(pull, future), "ErrorInvalidWatermark"), (get_events(pull, ""), "ErrorSchemaValidation"),
                (get_events("AAAA", mark), "ErrorInvalidSubscription"), (unsubscribe("AAAA"), "ErrorInvalidSubscription"),
                (unsubscribe(pull), "NoError"), (unsubscribe(pull), "ErrorSubscriptionNotFound"),
                (get_events(pull, mark), "ErrorSubscriptionNotFound")):
            assert ann.code(body) == code, (body, ann.code(body), code)
        assert bob.code(unsubscribe(stream)) == "ErrorSubscriptionNotFound"
        assert ann.code(unsubscribe(stream)) == "NoError"


class Stream:
    """One GetStreamingEvents connection, read envelope by envelope as they come."""

    def __init__(self, owner, *subscriptions, minutes=1, headers=None):
        from devexchange import envelope
        self.connection = http.client.HTTPSConnection("localhost", owner.dx.ready["port"], context=owner.dx.context,
                                                      timeout=60)
        body = ("<m:GetStreamingEvents><m:SubscriptionIds>%s</m:SubscriptionIds><m:ConnectionTimeout>%d"
                "</m:ConnectionTimeout></m:GetStreamingEvents>" % (
                    "".join("<t:SubscriptionId>%s</t:SubscriptionId>" % s for s in subscriptions), minutes))
        self.connection.request("POST", "/EWS/Exchange.asmx", envelope(body).encode(), dict(
            headers or {}, Authorization="Basic " + b64((owner.smtp + ":secret").encode())))
        self.answer, self.buffer = self.connection.getresponse(), b""

    def next(self):
        """The next envelope, or None at the end."""
        from lxml import etree
        end = b"</s:Envelope>"
        while end not in self.buffer:
            more = self.answer.read1(65536)
            if not more:
                assert self.buffer == b"", self.buffer
                self.connection.close()
                return None
            self.buffer += more
        one, _, self.buffer = self.buffer.partition(end)
        assert one.startswith(b"<?xml"), one
        return etree.fromstring(one + end)

    def event(self):
        """The next envelope with events as [(subscription, event, id)]; heartbeats before it are counted."""
        self.beats = 0
        while True:
            root = self.next()
            found = [(n.find("t:SubscriptionId", NS).text, e.tag.rpartition("}")[2][:-5], e.find("t:ItemId", NS).get("Id"))
                     for n in root.iterfind(".//m:Notification", NS) for e in n if e.tag.endswith("Event")]
            if found:
                return found
            assert codes(root) == ["NoError"] and status(root) == "OK", codes(root)
            self.beats += 1


def status(root):
    return root.find(".//m:ConnectionStatus", NS).text


@tap.test("streaming: several envelopes on one connection, heartbeats between, until the time is over")
def _():
    with world("--heartbeat", "50", "--minute", "2000") as dx:
        ann = Owner(dx)
        contacts, none = subscribed(ann, "Streaming")
        quick, _ = subscribed(ann, "Streaming", folders=("quickcontacts", "imcontactlist"))
        assert none is None, "a streaming subscription has no watermark"
        stream = Stream(ann, contacts, quick)
        assert stream.answer.headers["Transfer-Encoding"] == "chunked"
        first = stream.next()
        assert codes(first) == ["NoError"] and status(first) == "OK"
        for _ in range(3):
            assert status(stream.next()) == "OK"
        made = ann.create(CONTACT, "contacts").get("Id")
        assert stream.event() == [(contacts, "Created", made)]
        person = made_contact(ann.ok(new_contact("tony@corp.example")))
        seen = stream.event()
        while not any(e[2] == person for e in seen):
            seen += stream.event()
        assert (quick, "Created", person) in seen and {e[0] for e in seen} == {quick}, seen
        last = None
        while True:
            root = stream.next()
            if root is None:
                break
            last = root
        assert status(last) == "Closed"
        # What happens while nobody listens waits for the next connection.
        made = ann.create(CONTACT, "contacts").get("Id")
        again = Stream(ann, contacts)
        assert again.event() == [(contacts, "Created", made)]
        again.connection.close()


@tap.test("streaming: a second connection, Unsubscribe and unknown ids end a stream with their codes")
def _():
    with world("--heartbeat", "50") as dx:
        ann, bob = Owner(dx), Owner(dx, BOB)
        one, _ = subscribed(ann, "Streaming")
        two, _ = subscribed(ann, "Streaming")
        old = Stream(ann, one, two)
        assert status(old.next()) == "OK"
        new = Stream(ann, one)
        assert status(new.next()) == "OK"

        def ended(stream):
            root = stream.next()
            while codes(root) == ["NoError"]:
                root = stream.next()
            assert stream.next() is None
            return codes(root)[0], [i.text for i in root.iterfind(".//m:ErrorSubscriptionIds/t:SubscriptionId", NS)]

        assert ended(old) == ("ErrorNewEventStreamConnectionOpened", [one])
        ann.ok(unsubscribe(one))
        assert ended(new) == ("ErrorSubscriptionNotFound", [one])
        pull, _ = subscribed(ann)
        assert ended(Stream(ann, two, one, pull)) == ("ErrorSubscriptionNotFound", [one, pull])
        assert ended(Stream(bob, two)) == ("ErrorSubscriptionNotFound", [two])
        with dx.striking(kind="subscription", operation="GetStreamingEvents"):
            assert ended(Stream(ann, two)) == ("ErrorSubscriptionNotFound", [two])
        streams = []
        for _ in range(10):
            streams.append(Stream(ann, subscribed(ann, "Streaming")[0]))
            assert status(streams[-1].next()) == "OK"
        assert ended(Stream(ann, subscribed(ann, "Streaming")[0])) == ("ErrorExceededConnectionCount", [])
        assert status(Stream(bob, subscribed(bob, "Streaming")[0]).next()) == "OK"
        theirs, _ = subscribed(bob, "Streaming")
        moving = Stream(bob, theirs)
        with dx.striking(kind="mailbox-move", mailbox=BOB, delay_ms=1):
            assert bob.code(unsubscribe("AAAA")) == "ErrorMailboxMoveInProgress"
        assert ended(moving) == ("ErrorSubscriptionNotFound", [theirs])
        for stream in streams:
            stream.connection.close()


@tap.test("affinity: who prefers it gets the cookie of the mailbox's back end, and may come back with it")
def _():
    with world("--heartbeat", "50") as dx:
        from devexchange import envelope
        ann = Owner(dx)
        prefer = {"X-PreferServerAffinity": "true", "X-AnchorMailbox": ANN}
        _, headers, _ = dx.post(envelope(subscribe("Streaming")).encode(), user=ANN + ":secret", headers=prefer)
        assert headers["Set-Cookie"].startswith("X-BackEndOverrideCookie="), headers["Set-Cookie"]
        cookie = dict(prefer, Cookie=headers["Set-Cookie"].split(";")[0])
        _, headers, _ = dx.post(envelope(subscribe("Streaming")).encode(), user=ANN + ":secret")
        assert headers["Set-Cookie"] is None
        root = ann.ask(subscribe("Streaming"), headers=cookie)
        stream = Stream(ann, root.find(".//m:SubscriptionId", NS).text, headers=cookie)
        assert status(stream.next()) == "OK" and stream.answer.headers["Set-Cookie"].startswith(cookie["Cookie"])
        stream.connection.close()


# --- throttling

def search(name, folder="contacts"):
    return ('<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:Restriction>'
            '<t:IsEqualTo><t:FieldURI FieldURI="contacts:DisplayName"/><t:FieldURIOrConstant><t:Constant Value="%s"/>'
            "</t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds>"
            '<t:DistinguishedFolderId Id="%s"/></m:ParentFolderIds></m:FindItem>' % (name, folder))


PLAIN = ('<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>'
         '<m:ParentFolderIds><t:DistinguishedFolderId Id="contacts"/></m:ParentFolderIds></m:FindItem>')


def crowded(*arguments):
    """200 contacts in each of two mailboxes; a search of one costs 200 ms of the budget."""
    dx = Devexchange("--mailboxes", "2", "--contacts", "200", "--seed", "1", "--password", "secret", "--scan-cost", "1000",
                     *arguments)
    return dx, Owner(dx, "user0001@corp.example"), Owner(dx, "user0002@corp.example")


def cut_off(owner):
    """Searches until the server refuses; the back-off in ms."""
    for count in range(20):
        root = owner.ask(search("nobody"))
        if codes(root) == ["ErrorServerBusy"]:
            assert count >= 3, "refused at search %d" % count
            return int(root.find(".//t:Value[@Name='BackOffMilliseconds']", NS).text)
    raise AssertionError("never refused")


@tap.test("searches that scan a folder are charged: first free, then slow, then refused, for that mailbox alone")
def _():
    dx, ann, bob = crowded("--budget-burst", "300", "--budget-recharge", "3600", "--budget-cutoff", "500")
    with dx:
        for _ in range(20):  # what scans nothing costs nothing
            ann.ok(PLAIN)
            ann.ok(CHANGES % ("contacts", ""))
        assert not {"throttle.delayed", "throttle.refused"} & set(dx.counters())
        back_off = cut_off(ann)
        counters = dx.counters()
        assert counters["throttle.delayed"] >= 2 and counters["throttle.refused"] == 1, counters
        assert back_off > 1000, back_off
        # Everything of that mailbox is refused, sooner asked longer; another one's is not.
        for body in (PLAIN, "<m:GetImItemList/>", search("x")):
            root = ann.ask(body)
            assert codes(root) == ["ErrorServerBusy"], codes(root)
        later = int(ann.ask(PLAIN).find(".//t:Value[@Name='BackOffMilliseconds']", NS).text)
        assert later > back_off - 1000 * 60, (back_off, later)
        bob.ok(search("nobody"))


@tap.test("after the time that the server names it serves again")
def _():
    dx, ann, _ = crowded("--budget-burst", "300", "--budget-recharge", "360000", "--budget-cutoff", "500")
    with dx:
        back_off = cut_off(ann)
        deadline = time.monotonic() + 60
        while ann.code(PLAIN) != "NoError":
            assert time.monotonic() < deadline, "still refused"
            time.sleep(back_off / 1000)


tap.main()
