#!/usr/bin/python3
"""Telephone numbers, birthdays and photos of the mailbox in the local copy: shown, exported, never written back."""
import base64
import json

import tap
from devexchange import NS, T
from syncsite import IM, MAIL, SyncSite

ALICE = "alice@" + IM
CAROL = "carol@" + MAIL
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8


def set_field(site, field, element):
    """One field of Carol's item, as a mail client changes it; an empty element takes it away."""
    change = ("<t:SetItemField>%s<t:Contact>%s</t:Contact></t:SetItemField>" % (field, element) if element
              else "<t:DeleteItemField>%s</t:DeleteItemField>" % field)
    site.soap("alice", '<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange>'
              '<t:ItemId Id="%s"/><t:Updates>%s</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>'
              % (site.item_of("alice", CAROL)[0], change))


def set_phone(site, key, number):
    set_field(site, '<t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="%s"/>' % key,
              number and '<t:PhoneNumbers><t:Entry Key="%s">%s</t:Entry></t:PhoneNumbers>' % (key, number))


def attached(site):
    """(id, is it a photo) of what is attached to Carol's item."""
    root = site.soap("alice", "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
                     '<t:FieldURI FieldURI="item:Attachments"/></t:AdditionalProperties></m:ItemShape><m:ItemIds>'
                     '<t:ItemId Id="%s"/></m:ItemIds></m:GetItem>' % site.item_of("alice", CAROL)[0])
    return [(a.find("t:AttachmentId", NS).get("Id"), a.findtext("t:IsContactPhoto", namespaces=NS) == "true")
            for a in root.iter("{%s}FileAttachment" % T)]


def set_photo(site, content):
    for ident, _ in attached(site):
        site.soap("alice", '<m:DeleteAttachment><m:AttachmentIds><t:AttachmentId Id="%s"/></m:AttachmentIds>'
                  "</m:DeleteAttachment>" % ident)
    if content:
        site.soap("alice", '<m:CreateAttachment><m:ParentItemId Id="%s"/><m:Attachments><t:FileAttachment><t:Name>'
                  "ContactPicture.jpg</t:Name><t:IsContactPhoto>true</t:IsContactPhoto><t:Content>%s</t:Content>"
                  "</t:FileAttachment></m:Attachments></m:CreateAttachment>"
                  % (site.item_of("alice", CAROL)[0], base64.b64encode(content).decode()))


def moved():
    site = SyncSite(["alice"], "folder")
    for name in ("bob", "carol"):
        site.rosters.set(ALICE, "%s@%s" % (name, IM), name=name.title(), groups=["Friends"])
    site.allow()
    site.migrate("--all")
    site.settle()
    return site


def details(site):
    return json.loads(site.check(site.imex("contacts", "show", ALICE, "--details", "--json")))


def fetched(site):
    return site.dx.counters().get("operation.GetAttachment", 0)


@tap.test("numbers, birthday and photo of a contact are shown and exported, follow changes, and go with it")
def _():
    with moved() as site:
        before = site.roster("alice")
        assert details(site) == []
        set_phone(site, "BusinessPhone", "030 1234")
        set_phone(site, "MobilePhone", "+49 170 1")
        set_phone(site, "OtherTelephone", "ext. 7; door")
        set_field(site, '<t:FieldURI FieldURI="contacts:Birthday"/>', "<t:Birthday>1968-02-29T11:59:00Z</t:Birthday>")
        set_photo(site, JPEG)
        site.once()
        shown = details(site)
        assert [(c["contact"], c["birthday"], c["photo"]) for c in shown] == [
            ("carol@" + IM, "1968-02-29", "image/jpeg, %d bytes" % len(JPEG))], shown
        assert set(shown[0]["telephones"].split(", ")) == {"cell +49 170 1", "work 030 1234", "voice ext. 7; door"}, shown
        assert site.roster("alice") == before and fetched(site) == 1
        listed = json.loads(site.check(site.imex("contacts", "export", ALICE)))["lists"][0]["contacts"]
        carol = next(c for c in listed if c["address"] == "carol@" + IM)
        assert base64.b64decode(carol["photo"]["base64"]) == JPEG and carol["birthday"] == "1968-02-29", carol
        assert {"kind": "cell", "number": "+49 170 1"} in carol["phones"] and "telephone" not in carol, carol
        card = site.check(site.imex("contacts", "export", ALICE, "--format", "vcard")).replace("\n ", "")
        lines = card.split("\n")
        assert "BDAY:19680229" in lines and "TEL;TYPE=cell;VALUE=text:+49 170 1" in lines, lines
        photo = next(line for line in lines if line.startswith("PHOTO:"))
        assert photo == "PHOTO:data:image/jpeg;base64," + base64.b64encode(JPEG).decode()
        # Nothing of it is read again where nothing changed, and it all goes.
        site.once()
        assert fetched(site) == 1
        set_phone(site, "BusinessPhone", "")
        set_photo(site, None)
        site.once()
        assert [(c["telephones"].count(","), c["photo"]) for c in details(site)] == [(1, None)], details(site)
        site.mail_remove("alice", CAROL)
        site.once()
        assert details(site) == [] and site.sql("SELECT count(*) FROM contact_card") == [(0,)]


@tap.test("row 58: a photo stays when a field of its contact is edited, and is read by requests of its own")
def _():
    with moved() as site:
        set_photo(site, JPEG)
        site.once()
        assert fetched(site) == 1
        site.rosters.set(ALICE, "carol@" + IM, name="Caroline", groups=["Friends"])
        site.once()
        site.settle()
        assert site.mailbox("alice")[CAROL][0] == "Caroline"
        assert [is_photo for _, is_photo in attached(site)] == [True]
        assert details(site)[0]["photo"] == "image/jpeg, %d bytes" % len(JPEG)
        counters = site.dx.counters()
        assert not counters.get("operation.CreateAttachment", 0) > 1, counters


@tap.test("row 58: a photo of 10 MB, one that is no picture, and one that cannot be read harm nobody")
def _():
    with moved() as site:
        for content in (JPEG + bytes(10 << 20), b"<svg onload='x'/>" * 10):
            set_photo(site, content)
            site.rosters.set(ALICE, "bob@" + IM, name="Bob %d" % len(content), groups=["Friends"])
            site.once()
            assert all(c["photo"] is None for c in details(site)), details(site)
            site.assert_same("alice")
        set_photo(site, JPEG)
        site.dx.fault(kind="message", code="ErrorInternalServerTransientError", operation="GetAttachment", count=1)
        site.once()
        assert details(site)[0]["photo"] == "not read yet", details(site)
        site.once()
        assert details(site)[0]["photo"] == "image/jpeg, %d bytes" % len(JPEG)
        assert site.imex("contacts", "show", ALICE, "--details", "--version", "1").returncode == 2


tap.main()
