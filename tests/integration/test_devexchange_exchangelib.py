#!/usr/bin/python3
"""The stand-in Exchange as a client sees it that was written elsewhere: exchangelib, through its public
API, over TLS with a private CA, version and authentication guessed as it does by default."""
import datetime
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests", "lib"))

import tap
from devexchange import NS, Devexchange

DX = Devexchange("--user", "ann@corp.example:secret", "--user", "bob@corp.example:geheim",
                 "--impersonator", "bob@corp.example", "--heartbeat", "300")
os.environ["REQUESTS_CA_BUNDLE"] = DX.ca

import exchangelib  # noqa: E402  (reads the CA from the environment)
from exchangelib import (Account, Body, Build, Configuration, Contact, Credentials, DELEGATE,  # noqa: E402
                         DistributionList, EWSDateTime, EWSTimeZone, ExtendedProperty, FileAttachment,
                         HTMLBody, IMPERSONATION, ItemAttachment, Mailbox, Message, Q)
from exchangelib.errors import (ErrorDeleteDistinguishedFolder, ErrorFolderExists,  # noqa: E402
                                ErrorFolderNotFound, ErrorImpersonateUserDenied,
                                ErrorIrresolvableConflict, ErrorInvalidSyncStateData, ErrorItemNotFound, ErrorItemSave,
                                ErrorNonExistentMailbox, ErrorSubscriptionNotFound, TransportError, UnauthorizedError)
from exchangelib.folders import Contacts, Messages  # noqa: E402
from exchangelib.indexed_properties import EmailAddress, PhoneNumber, PhysicalAddress  # noqa: E402
from exchangelib.properties import Member  # noqa: E402
from exchangelib.items import HARD_DELETE, MOVE_TO_DELETED_ITEMS, SOFT_DELETE  # noqa: E402
from exchangelib.protocol import BaseProtocol  # noqa: E402
from exchangelib.services import GetStreamingEvents  # noqa: E402

UTC = EWSTimeZone("UTC")
asserted = 0


def equal(got, want):
    global asserted
    asserted += 1
    assert got == want, "%r is not %r" % (got, want)


def true(got):
    equal(bool(got), True)


def raises(kind, function, *arguments, **keywords):
    global asserted
    asserted += 1
    try:
        function(*arguments, **keywords)
    except kind as e:
        return e
    raise AssertionError("%s was not raised" % kind.__name__)


def account(address, password, access=DELEGATE, user=None):
    config = Configuration(service_endpoint=DX.ews, credentials=Credentials(user or address, password))
    return Account(address, config=config, autodiscover=False, access_type=access, default_timezone=UTC)


ANN = account("ann@corp.example", "secret")


def gone(item_id):
    """Whether GetItem answers that there is no such item."""
    return isinstance(next(iter(ANN.fetch([Message(id=item_id)], only_fields=["subject"]))),
                      ErrorItemNotFound)


class OperationId(ExtendedProperty):
    property_set_id = "d2a4d0a6-4b3c-4f3e-9a54-6f1f0f6a2b11"
    property_name = "operation-id"
    property_type = "String"


class Title(ExtendedProperty):
    property_tag = 0x3A45
    property_type = "String"


class Scores(ExtendedProperty):
    distinguished_property_set_id = "PublicStrings"
    property_name = "scores"
    property_type = "IntegerArray"


class MessageFlags(ExtendedProperty):
    property_tag = 0x0E07
    property_type = "Integer"


class SubmitTime(ExtendedProperty):
    property_tag = 0x0039
    property_type = "SystemTime"


for kind in (Contact, Message):
    kind.register("operation_id", OperationId)
Contact.register("title", Title)
Contact.register("scores", Scores)
Message.register("flags", MessageFlags)
Message.register("submit_time", SubmitTime)


@tap.test("the version and the way to log on are found out")
def _():
    equal(ANN.version.build >= Build(15, 2), True)
    equal(ANN.protocol.auth_type, "basic")
    bad = Configuration(service_endpoint=DX.ews, credentials=Credentials("ann@corp.example", "wrong"),
                        auth_type="basic", max_connections=1)
    raises(UnauthorizedError, lambda: Account("ann@corp.example", config=bad, autodiscover=False,
                                              access_type=DELEGATE).inbox.total_count)


@tap.test("over TLS only, and with a CA that the client does not know not at all")
def _():
    equal(DX.ews.startswith("https://localhost:"), True)
    mine = os.environ.pop("REQUESTS_CA_BUNDLE")
    try:
        stranger = Configuration(service_endpoint=DX.ews, credentials=Credentials("bob@corp.example", "geheim"),
                                 auth_type="basic", version=ANN.version, max_connections=1)
        raises(TransportError, lambda: Account("bob@corp.example", config=stranger, autodiscover=False,
                                               access_type=DELEGATE).inbox.total_count)
    finally:
        os.environ["REQUESTS_CA_BUNDLE"] = mine
    stranger = account("bob@corp.example", "geheim")
    stranger.protocol.close()


@tap.test("the folder tree is there with its default folders")
def _():
    names = {f.name for f in ANN.root.walk()}
    for name in ("Inbox", "Contacts", "Sent Items", "Deleted Items", "Conversation History", "Purges"):
        true(name in names)
    equal(ANN.contacts.folder_class, "IPF.Contact")
    equal(ANN.inbox.parent.name, "Top of Information Store")
    true(isinstance(ANN.contacts, Contacts))
    true(isinstance(ANN.inbox, Messages))
    true(ANN.recoverable_items_purges.id)
    true(ANN.archive_root.id)
    equal(ANN.root / "Top of Information Store" / "Contacts", ANN.contacts)


@tap.test("folders are made, renamed, moved, emptied and deleted")
def _():
    projects = Messages(parent=ANN.inbox, name="Projects")
    projects.save()
    true(projects.id)
    raises(ErrorFolderExists, Messages(parent=ANN.inbox, name="projects").save)
    projects.name = "Work"
    projects.save(update_fields=["name"])
    projects.refresh()
    equal(projects.name, "Work")
    inner = Messages(parent=projects, name="Inner")
    inner.save()
    equal(projects.child_folder_count, 0)
    projects.refresh()
    equal(projects.child_folder_count, 1)
    inner.move(ANN.drafts)
    equal(inner.parent, ANN.drafts)
    for n in range(3):
        Message(account=ANN, folder=projects, subject="m%d" % n).save()
    projects.refresh()
    equal(projects.total_count, 3)
    projects.empty()
    projects.refresh()
    equal(projects.total_count, 0)
    ghost = Messages(root=ANN.root, id=projects.id, changekey=projects.changekey)
    projects.delete()
    raises(ErrorFolderNotFound, ghost.refresh)
    raises(ErrorDeleteDistinguishedFolder, ANN.inbox.delete)


FULL = dict(
    given_name="Ada", middle_name="King", surname="Lovelace", nickname="Countess", initials="AKL",
    generation="I", display_name="Ada Lovelace", company_name="Analytical Engines", department="Math",
    job_title="Programmer", manager="Charles", assistant_name="Luigi", spouse_name="William",
    office="12", profession="Mathematician", mileage="10", business_homepage="https://ada.example/",
    children=["Byron", "Anne"], companies=["Engines", "Royal Society"], body="line 1\nzweite Zeile: ä",
    birthday=datetime.date(1815, 12, 10), wedding_anniversary=datetime.date(1835, 7, 8),
    categories=["Friends", "Größe"], importance="High", sensitivity="Private")


def make_contact(**more):
    values = dict(FULL)
    values.update(more)
    contact = Contact(account=ANN, folder=ANN.contacts, **values)
    contact.email_addresses = [EmailAddress(label="EmailAddress1", email="ada@corp.example"),
                               EmailAddress(label="EmailAddress3", email="ada3@corp.example")]
    contact.phone_numbers = [PhoneNumber(label="MobilePhone", phone_number="+44 7 5678"),
                             PhoneNumber(label="BusinessPhone", phone_number="+44 20 1234"),
                             PhoneNumber(label="TtyTddPhone", phone_number="99")]
    contact.physical_addresses = [PhysicalAddress(label="Home", street="1 Way", city="London",
                                                  country="UK", zipcode="W1", state="L"),
                                  PhysicalAddress(label="Business", city="Paris")]
    contact.im_addresses = [exchangelib.indexed_properties.ImAddress(label="ImAddress1", im_address="ada@im"),
                            exchangelib.indexed_properties.ImAddress(label="ImAddress2", im_address="a2@im")] \
        if hasattr(exchangelib.indexed_properties, "ImAddress") else None
    contact.save()
    return contact


@tap.test("every field of a contact is kept")
def _():
    saved = make_contact()
    got = ANN.contacts.get(id=saved.id, changekey=saved.changekey)
    for name, value in FULL.items():
        if name == "birthday" or name == "wedding_anniversary":
            equal(getattr(got, name), value)
        else:
            equal(getattr(got, name), value)
    equal({e.label: e.email for e in got.email_addresses},
          {"EmailAddress1": "ada@corp.example", "EmailAddress3": "ada3@corp.example"})
    equal({p.label: p.phone_number for p in got.phone_numbers if p.phone_number},
          {"MobilePhone": "+44 7 5678", "BusinessPhone": "+44 20 1234", "TtyTddPhone": "99"})
    home = next(a for a in got.physical_addresses if a.label == "Home")
    equal((home.street, home.city, home.state, home.country, home.zipcode),
          ("1 Way", "London", "L", "UK", "W1"))
    equal(got.file_as, "Lovelace, Ada King")
    equal(got.complete_name.full_name, "Ada Lovelace")
    equal(got.item_class, "IPM.Contact")
    equal(got.has_picture, False)
    saved.delete()


@tap.test("single properties change, change keys guard against lost updates")
def _():
    saved = make_contact()
    stale = ANN.contacts.get(id=saved.id, changekey=saved.changekey)
    saved.job_title = "Countess"
    saved.save(update_fields=["job_title"])
    true(saved.changekey != stale.changekey)
    got = ANN.contacts.get(id=saved.id)
    equal((got.job_title, got.company_name), ("Countess", "Analytical Engines"))
    stale.job_title = "Poet"
    raises(ErrorIrresolvableConflict, stale.save, update_fields=["job_title"],
           conflict_resolution="NeverOverwrite")
    raises(ErrorIrresolvableConflict, stale.save, update_fields=["job_title"])
    stale.department = "Poetry"
    stale.job_title = None
    stale.save(update_fields=["department"])
    got = ANN.contacts.get(id=saved.id)
    equal((got.job_title, got.department), ("Countess", "Poetry"))
    got.nickname = None
    got.phone_numbers = [PhoneNumber(label="MobilePhone", phone_number="1")]
    got.save(update_fields=["nickname", "phone_numbers"])
    got = ANN.contacts.get(id=saved.id)
    equal(got.nickname, None)
    equal({p.label: p.phone_number for p in got.phone_numbers if p.phone_number}, {"MobilePhone": "1"})
    got.delete()
    true(gone(saved.id))


@tap.test("extended properties by tag, by GUID and name, by set and name, with lists")
def _():
    saved = make_contact(operation_id="6d1f", title="Dr", scores=[3, 1, 2])
    got = ANN.contacts.get(id=saved.id)
    equal((got.operation_id, got.title, got.scores), ("6d1f", "Dr", [3, 1, 2]))
    equal([c.id for c in ANN.contacts.filter(operation_id="6d1f")], [saved.id])
    equal(ANN.contacts.filter(operation_id="none").count(), 0)
    equal(ANN.contacts.filter(operation_id__exists=True).count(), 1)
    got.title = "Prof"
    got.operation_id = None
    got.save(update_fields=["title", "operation_id"])
    got = ANN.contacts.get(id=saved.id)
    equal((got.operation_id, got.title), (None, "Prof"))
    got.delete()


@tap.test("distribution lists keep their members")
def _():
    members = [Member(mailbox=Mailbox(name="Ada", email_address="ada@corp.example", mailbox_type="OneOff")),
               Member(mailbox=Mailbox(name="Bob", email_address="bob@corp.example", mailbox_type="OneOff"))]
    team = DistributionList(account=ANN, folder=ANN.contacts, display_name="Team", members=members)
    team.save()
    got = ANN.contacts.get(id=team.id)
    equal(got.display_name, "Team")
    equal({m.mailbox.email_address for m in got.members}, {"ada@corp.example", "bob@corp.example"})
    equal(got.item_class, "IPM.DistList")
    got.members = members[1:] + [Member(mailbox=Mailbox(name="Eve", email_address="eve@corp.example", mailbox_type="OneOff"))]
    got.display_name = "Crew"
    got.save(update_fields=["display_name", "members"])
    again = ANN.contacts.get(id=team.id)
    equal((again.display_name, sorted(m.mailbox.email_address for m in again.members)),
          ("Crew", ["bob@corp.example", "eve@corp.example"]))
    again.delete()


@tap.test("restrictions, order and paging")
def _():
    for n in range(25):
        Contact(account=ANN, folder=ANN.contacts, display_name="P%02d" % n, given_name="Pat",
                company_name="A" if n % 2 else "B",
                categories=["odd"] if n % 2 else ["even", "all"]).save()
    people = ANN.contacts.filter(given_name="Pat")
    equal(people.count(), 25)
    equal(people.filter(company_name="A").count(), 12)
    equal(ANN.contacts.filter(Q(company_name="B") & Q(given_name="Pat")).count(), 13)
    equal(ANN.contacts.filter(Q(display_name="P01") | Q(display_name="P02")).count(), 2)
    equal(ANN.contacts.filter(~Q(company_name="A"), given_name="Pat").count(), 13)
    equal(ANN.contacts.filter(display_name__startswith="P1").count(), 10)
    equal(ANN.contacts.filter(display_name__icontains="p2").count(), 5)
    equal(ANN.contacts.filter(display_name__contains="p2").count(), 0)
    equal(ANN.contacts.filter(display_name__gt="P20", given_name="Pat").count(), 4)
    equal(ANN.contacts.filter(display_name__range=("P05", "P09")).count(), 5)
    equal(ANN.contacts.filter(categories__contains=["even"]).count(), 13)
    order = [c.display_name for c in people.order_by("-display_name").only("display_name")]
    equal(order, ["P%02d" % n for n in range(24, -1, -1)])
    people = ANN.contacts.filter(given_name="Pat").order_by("company_name", "display_name")
    people.page_size = 4
    equal([c.display_name for c in people][:3], ["P01", "P03", "P05"])
    equal(len({c.id for c in ANN.contacts.filter(given_name="Pat")}), 25)
    equal([c.display_name for c in ANN.contacts.filter(given_name="Pat").order_by("display_name")[5:7]],
          ["P05", "P06"])
    equal(ANN.contacts.filter(given_name="Pat").delete(), [True] * 25)


@tap.test("bulk operations report each item by itself")
def _():
    made = ANN.bulk_create(ANN.contacts, [Contact(display_name="B%d" % n) for n in range(3)])
    equal(len({i.id for i in made}), 3)
    gone = made[1]
    gone_item = next(iter(ANN.fetch([gone])))
    gone_item.delete()
    got = list(ANN.fetch(made))
    equal([isinstance(g, ErrorItemNotFound) for g in got], [False, True, False])
    kept = [Contact(account=ANN, folder=ANN.contacts, id=m.id, changekey=m.changekey) for m in (made[0], gone, made[2])]
    for number, contact in enumerate(kept):
        contact.job_title = "J%d" % number
    results = ANN.bulk_update([(contact, ["job_title"]) for contact in kept], conflict_resolution="AlwaysOverwrite")
    equal([isinstance(r, ErrorItemNotFound) for r in results], [False, True, False])
    equal([c.job_title for c in ANN.fetch([made[0], made[2]])], ["J0", "J2"])
    equal([isinstance(r, ErrorItemNotFound) for r in ANN.bulk_copy(made, ANN.contacts)], [False, True, False])
    equal([isinstance(r, ErrorItemNotFound) for r in ANN.bulk_move(made[:2], ANN.trash)], [False, True])
    results = ANN.bulk_delete(made)
    equal([r is True for r in results], [False, False, True])
    with DX.striking(kind="bad-item", operation="CreateItem", item=1, code="ErrorItemSave"):
        mixed = ANN.bulk_create(ANN.contacts, [Contact(display_name="M%d" % n) for n in range(3)])
    equal([isinstance(m, ErrorItemSave) for m in mixed], [False, True, False])
    equal(sorted(c.display_name for c in ANN.contacts.filter(display_name__startswith="M")), ["M0", "M2"])
    equal(ANN.contacts.filter(display_name__startswith="M").delete(), [True, True])


@tap.test("messages: draft, sent, received, read")
def _():
    bob = account("bob@corp.example", "geheim")
    draft = Message(account=ANN, folder=ANN.drafts, subject="entwurf", body="text",
                    to_recipients=[Mailbox(email_address="bob@corp.example")])
    draft.save()
    got = ANN.drafts.get(id=draft.id)
    equal((got.is_draft, got.subject, got.body), (True, "entwurf", "text"))
    Message(account=ANN, folder=ANN.sent, subject="Grüße", body=HTMLBody("<p>Hallo &amp; Welt</p>"),
            to_recipients=["bob@corp.example"], cc_recipients=["ann@corp.example"]).send_and_save()
    received = bob.inbox.get(subject="Grüße")
    equal(received.sender.email_address, "ann@corp.example")
    equal([r.email_address for r in received.to_recipients], ["bob@corp.example"])
    equal([r.email_address for r in received.cc_recipients], ["ann@corp.example"])
    equal((received.is_draft, received.is_read), (False, False))
    equal(received.text_body.strip(), "Hallo & Welt")
    bob.inbox.refresh()
    equal(bob.inbox.unread_count, 1)
    received.is_read = True
    received.save(update_fields=["is_read"])
    bob.inbox.refresh()
    equal(bob.inbox.unread_count, 0)
    equal(ANN.sent.get(subject="Grüße").is_read, True)
    draft.delete()


MIME = (b"From: Ann Lee <ann@corp.example>\r\nTo: Tony <tony@corp.example>\r\n"
        b"Subject: =?utf-8?q?Gespr=C3=A4ch?=\r\nDate: Mon, 06 May 2024 09:08:09 +0200\r\n"
        b"Message-ID: <6d1f-1@archive.corp.example>\r\nX-Unknown-Header: gone\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"hello =E2=82=AC\r\n")


@tap.test("MIME is taken apart and made anew")
def _():
    message = Message(account=ANN, folder=ANN.conversation_history, mime_content=MIME,
                      flags=1, is_read=True, operation_id="op-7",
                      submit_time=EWSDateTime(2024, 5, 6, 7, 8, 9, tzinfo=UTC))
    message.save()
    got = ANN.conversation_history.get(id=message.id)
    equal(got.subject, "Gespräch")
    equal(got.item_class, "IPM.Note")
    equal((got.author.name, got.author.email_address), ("Ann Lee", "ann@corp.example"))
    equal([r.email_address for r in got.to_recipients], ["tony@corp.example"])
    equal(got.message_id, "<6d1f-1@archive.corp.example>")
    equal((got.is_draft, got.is_read), (False, True))
    equal(got.datetime_sent, EWSDateTime(2024, 5, 6, 7, 8, 9, tzinfo=UTC))
    equal(got.body.strip(), "hello €")
    equal(got.operation_id, "op-7")
    again = got.mime_content
    true(again != MIME)
    true(b"X-Unknown-Header" not in again)
    true(b"text/html" in again)
    true(b"6d1f-1@archive.corp.example" in again)
    found = ANN.conversation_history.filter(operation_id="op-7", datetime_received__gt=EWSDateTime(
        2020, 1, 1, tzinfo=UTC))
    equal(found.count(), 1)
    got.delete()


@tap.test("attachments and contact photos")
def _():
    message = Message(account=ANN, folder=ANN.drafts, subject="with file")
    message.attach(FileAttachment(name="a.bin", content=bytes(range(256)), content_type="x/y"))
    message.save()
    got = ANN.drafts.get(id=message.id)
    equal([(a.name, a.content, a.size) for a in got.attachments], [("a.bin", bytes(range(256)), 256)])
    equal(got.has_attachments, True)
    got.attach(FileAttachment(name="b.txt", content=b"second"))
    got = ANN.drafts.get(id=message.id)
    equal(sorted(a.name for a in got.attachments), ["a.bin", "b.txt"])
    got.detach([a for a in got.attachments if a.name == "a.bin"])
    got = ANN.drafts.get(id=message.id)
    equal([a.content for a in got.attachments], [b"second"])
    with got.attachments[0].fp as stream:
        equal(stream.read(), b"second")
    got.attach(ItemAttachment(name="within", item=Message(
        subject="Grüße", body="inner", folder=ANN.drafts,
        attachments=[FileAttachment(name="deep.txt", content=b"deep")])))
    got = ANN.drafts.get(id=message.id)
    within = next(a for a in got.attachments if isinstance(a, ItemAttachment))
    equal((within.name, within.item.subject, within.item.body), ("within", "Grüße", "inner"))
    true("Gr=C3=BC=C3=9Fe".encode() in within.item.mime_content or b"=?utf-8?" in within.item.mime_content.lower())
    equal([a.name for a in within.item.attachments], ["deep.txt"])
    got.detach(within)
    got = ANN.drafts.get(id=message.id)
    equal([a.name for a in got.attachments], ["b.txt"])
    got.delete()
    contact = make_contact()
    contact.attach(FileAttachment(name="ContactPicture.jpg", content=b"\xff\xd8jpeg", is_contact_photo=True))
    got = ANN.contacts.get(id=contact.id)
    equal(got.has_picture, True)
    equal([(a.is_contact_photo, a.content) for a in got.attachments], [(True, b"\xff\xd8jpeg")])
    got.delete()


@tap.test("items move, are copied, and are deleted in every way")
def _():
    message = Message(account=ANN, folder=ANN.drafts, subject="wander")
    message.save()
    first = message.id
    message.move(ANN.inbox)
    true(message.id != first)
    true(gone(first))
    equal(ANN.inbox.get(subject="wander").id, message.id)
    message.copy(ANN.junk)
    equal((ANN.inbox.filter(subject="wander").count(), ANN.junk.filter(subject="wander").count()), (1, 1))
    ANN.bulk_delete([message], delete_type=MOVE_TO_DELETED_ITEMS)
    equal(ANN.trash.filter(subject="wander").count(), 1)
    ANN.bulk_delete(list(ANN.trash.filter(subject="wander")), delete_type=SOFT_DELETE)
    equal(ANN.recoverable_items_deletions.filter(subject="wander").count(), 1)
    ANN.bulk_delete(list(ANN.junk.filter(subject="wander")), delete_type=HARD_DELETE)
    equal(ANN.junk.filter(subject="wander").count(), 0)


@tap.test("sync states tell what happened since, in pages")
def _():
    folder = Messages(parent=ANN.inbox, name="sync")
    folder.save()
    items = [Message(account=ANN, folder=folder, subject="s%d" % n) for n in range(7)]
    for item in items:
        item.save()
    first = list(folder.sync_items(max_changes_returned=3))
    equal([c[0] for c in first], ["create"] * 7)
    equal(len({c[1].id for c in first}), 7)
    equal(list(folder.sync_items()), [])
    items[0].subject = "changed"
    items[0].save(update_fields=["subject"])
    items[1].is_read = True
    items[1].save(update_fields=["is_read"])
    removed = items[2].id
    items[2].delete()
    late = Message(account=ANN, folder=folder, subject="late")
    late.save()
    changes = {c[0]: c for c in folder.sync_items()}
    equal(set(changes), {"create", "update", "delete", "read_flag_change"})
    equal(changes["create"][1].id, late.id)
    equal(changes["update"][1].id, items[0].id)
    equal(changes["delete"][1].id, removed)
    equal((changes["read_flag_change"][1][0].id, changes["read_flag_change"][1][1]), (items[1].id, True))
    folder.item_sync_state = "bm90IGEgc3RhdGU="
    raises(ErrorInvalidSyncStateData, lambda: list(folder.sync_items()))
    folder.folder_sync_state = None
    list(ANN.inbox.sync_hierarchy())
    folder.delete()
    changed = list(ANN.inbox.sync_hierarchy())
    equal([c[0] for c in changed], ["delete"])


@tap.test("names are resolved from the directory")
def _():
    found = ANN.protocol.resolve_names(["bob@corp.example"], return_full_contact_data=True)
    equal(found[0][0].email_address, "bob@corp.example")
    equal(found[0][1].display_name, "bob")
    equal(ANN.protocol.resolve_names(["ann"])[0].email_address, "ann@corp.example")


@tap.test("impersonation needs the right to impersonate")
def _():
    other = account("ann@corp.example", "geheim", access=IMPERSONATION, user="bob@corp.example")
    contact = Contact(account=other, folder=other.contacts, display_name="by bob")
    contact.save()
    equal(ANN.contacts.get(display_name="by bob").id, contact.id)
    contact.delete()
    denied = account("bob@corp.example", "secret", access=IMPERSONATION, user="ann@corp.example")
    raises(ErrorImpersonateUserDenied, lambda: denied.inbox.total_count)
    nobody = account("nobody@corp.example", "geheim", access=IMPERSONATION, user="bob@corp.example")
    raises(ErrorNonExistentMailbox, lambda: nobody.inbox.total_count)


@tap.test("pull notifications")
def _():
    subscription, watermark = ANN.inbox.subscribe_to_pull()
    Message(account=ANN, folder=ANN.inbox, subject="pull").save()
    events = []
    for notification in ANN.inbox.get_events(subscription, watermark):
        events += notification.events
    true("CreatedEvent" in [e.ELEMENT_NAME for e in events])
    ANN.inbox.unsubscribe(subscription)
    raises(ErrorSubscriptionNotFound, lambda: list(ANN.inbox.get_events(subscription, watermark)))


@tap.test("streaming notifications arrive while they happen")
def _():
    subscription = ANN.inbox.subscribe_to_streaming()
    made = []

    def make():
        # The stream occupies the only connection of this account.
        _, answer = DX.soap('<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>'
                            '<t:DistinguishedFolderId Id="inbox"/></m:SavedItemFolderId><m:Items><t:Message>'
                            "<t:Subject>stream</t:Subject></t:Message></m:Items></m:CreateItem>",
                            user="ann@corp.example:secret")
        made.append(answer.find(".//t:ItemId", NS).get("Id"))

    timer = threading.Timer(0.5, make)
    timer.start()
    seen = []
    for notification in ANN.inbox.get_streaming_events(
            subscription, connection_timeout=1, max_notifications_returned=1):
        seen += notification.events
    timer.join()
    equal([e.item_id.id for e in seen if e.ELEMENT_NAME == "CreatedEvent"], made)
    ANN.inbox.unsubscribe(subscription)


@tap.test("at least 80 assertions were made and the server ends cleanly")
def _():
    tap.comment("%d assertions" % asserted)
    assert asserted >= 80, asserted
    ANN.protocol.close()
    DX.__exit__(None, None, None)


try:
    tap.main()
finally:
    DX.stop()
