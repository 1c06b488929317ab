#!/usr/bin/python3
"""Delivered items as two other clients read them, exchangelib and plain SOAP, and Python's email their MIME: sender,
recipients, times, body, read flag, and how a talk's segments are threaded."""
import base64
import datetime
import email
import email.policy
import time

import tap
from archivesite import ArchiveSite
from devexchange import NS

UTC = datetime.timezone.utc
# A talk that was over long ago, whatever day it is.
START = int(time.time()) // 86400 * 86400 - 10 * 86400 + 36000
TOPIC = "Conversation between alice and bob"
BODY_TYPES = "HTML", "Text"
FIELDS = ("item:ParentFolderId", "item:ItemClass", "item:Subject", "item:Body", "item:MimeContent", "item:DateTimeSent",
          "item:DateTimeReceived", "item:InReplyTo", "item:IsDraft", "item:HasAttachments", "item:ConversationId",
          "message:IsRead", "message:From", "message:Sender", "message:ToRecipients", "message:CcRecipients",
          "message:InternetMessageId", "message:References", "message:ConversationIndex", "message:ConversationTopic")


class Plain:
    """The second client: SOAP written down by hand, read with lxml."""

    def __init__(self, site, user):
        self.exchange = site.exchange
        self.login = "%s@corp.example:pw-%s" % (user, user)

    def ask(self, body):
        status, root = self.exchange.soap(body, user=self.login)
        assert status == 200, status
        return root

    def ids(self, folder):
        root = self.ask('<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>'
                        '<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:DateTimeSent"/></t:FieldOrder>'
                        '</m:SortOrder><m:ParentFolderIds><t:DistinguishedFolderId Id="%s"/></m:ParentFolderIds></m:FindItem>'
                        % folder)
        return [e.get("Id") for e in root.iterfind(".//t:ItemId", NS)]

    def items(self, folder="conversationhistory", body_type="HTML"):
        shape = ('<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:BodyType>%s</t:BodyType><t:AdditionalProperties>%s'
                 '<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="imex-delivery" '
                 'PropertyType="String"/></t:AdditionalProperties></m:ItemShape>'
                 % (body_type, "".join('<t:FieldURI FieldURI="%s"/>' % field for field in FIELDS)))
        root = self.ask("<m:GetItem>%s<m:ItemIds>%s</m:ItemIds></m:GetItem>"
                        % (shape, "".join('<t:ItemId Id="%s"/>' % i for i in self.ids(folder))))
        return root.findall(".//t:Message", NS)


def text(item, path):
    return item.findtext(path, namespaces=NS)


def at(seconds):
    return datetime.datetime.fromtimestamp(START + seconds, UTC)


def talk(site, lines, first="bob", second="alice"):
    """Lines a minute apart; who begins is not who comes first in the alphabet."""
    for n in range(lines):
        pair = (first, second) if n % 2 == 0 else (second, first)
        site.say("%s@im.example" % pair[0], "%s@im.example" % pair[1], "line %d: Grüße 👍 <&>" % n, at=START + 60 * n)


def check_plain(item, first_s, last_s, lines):
    def mailboxes(field):
        return [e.text for e in item.iterfind("t:%s/t:Mailbox/t:EmailAddress" % field, NS)]
    people = {"bob@corp.example", "alice@corp.example"}
    sender = mailboxes("From")
    assert mailboxes("Sender") == sender and len(sender) == 1, sender
    assert {*sender, *mailboxes("ToRecipients")} == people and mailboxes("CcRecipients") == [], sender
    assert text(item, "t:ItemClass") == "IPM.Note.Microsoft.Conversation"
    assert (text(item, "t:IsRead"), text(item, "t:IsDraft"), text(item, "t:HasAttachments")) == ("true", "false", "false")
    assert text(item, "t:DateTimeSent") == at(first_s).strftime("%Y-%m-%dT%H:%M:%SZ"), text(item, "t:DateTimeSent")
    assert text(item, "t:DateTimeReceived") == at(last_s).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len(text(item, "t:ExtendedProperty/t:Value")) == 36
    for n in lines:
        assert "line %d: Grüße 👍" % n in text(item, "t:Body"), text(item, "t:Body")
    return sender[0]


def check_mime(data, sender, first_s, lines):
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert message["From"].addresses[0].addr_spec == sender
    assert message["Date"].datetime == at(first_s), message["Date"]
    for kind in "plain", "html":
        body = message.get_body((kind,))
        for n in lines if body is not None else ():
            assert "line %d: Grüße 👍" % n in body.get_content()
    assert message.get_body(("html",)) is not None
    return message


@tap.test("each participant's item has sender, recipients, times, text, the read flag and our property, to both clients")
def _():
    with ArchiveSite() as site:
        site.ok("policy", "set", "archive", "im", "--domain", "im.example")
        site.ok("archive", "deliver")
        talk(site, 6)
        site.ok("archive", "deliver")
        for user in "alice", "bob":
            for body_type in BODY_TYPES:
                item, = Plain(site, user).items(body_type=body_type)
                assert check_plain(item, 0, 300, range(6)) == "bob@corp.example", "who spoke first is the sender"
                assert ("<html" in text(item, "t:Body").lower()) == (body_type == "HTML")
            assert text(item, "t:Subject") == "Conversation between bob and alice"
            message = check_mime(base64.b64decode(text(item, "t:MimeContent")), "bob@corp.example", 0, range(6))
            assert "&lt;&amp;&gt;" in message.get_body(("html",)).get_content()
            other, = site.items(user)
            assert other.sender.email_address == other.author.email_address == "bob@corp.example"
            assert [r.email_address for r in other.to_recipients] == ["alice@corp.example"] and not other.cc_recipients
            assert (other.datetime_sent, other.datetime_received) == (at(0), at(300))
            assert other.is_read and not other.is_draft and not other.has_attachments
            assert "line 5: Grüße 👍 <&>" in other.text_body, other.text_body
            assert other.message_id == text(item, "t:InternetMessageId") and other.references is None
            assert not text(item, "t:InReplyTo") and not text(item, "t:References")


def header_block(index):
    """The part of a conversation index that all items of one conversation share ([MS-OXOMSG] 2.2.1.3)."""
    data = base64.b64decode(index) if isinstance(index, str) else index
    assert data[0] == 1 and len(data) in (22, 27), data
    return data[:22]


def check_thread(items, late):
    """Items of one talk, by the time of their sending, as plain SOAP tells them."""
    ids = [text(item, "t:InternetMessageId") for item in items]
    indices = [text(item, "t:ConversationIndex") for item in items]
    assert len(set(ids)) == len(items), ids
    assert len({header_block(index) for index in indices}) == 1, indices
    assert [len(base64.b64decode(index)) for index in indices] == [22] + [27] * (len(items) - 1), "one root"
    assert len({item.find("t:ConversationId", NS).get("Id") for item in items}) == 1, "one conversation to the server"
    assert {text(item, "t:ConversationTopic") for item in items} == {TOPIC}, "one to clients that go by the topic"
    for n, item in enumerate(items[1:], 1):
        reply_to, references = text(item, "t:InReplyTo"), text(item, "t:References").split()
        assert references[0] == ids[0] and references[-1] == reply_to, (n, reply_to, references)
        assert reply_to == (ids[0] if n == late else ids[n - 1]), (n, reply_to, ids)


@tap.test("the continuations of a talk are threaded with its first segment, what came late too, to both clients")
def _():
    with ArchiveSite(extra="[archive]\nmax_messages = 5\n") as site:
        site.ok("policy", "set", "archive", "im", "--domain", "im.example")
        site.ok("archive", "deliver")
        talk(site, 13)
        site.ok("archive", "deliver")
        # One message of the beginning comes after everything is closed and delivered.
        site.say("alice@im.example", "bob@im.example", "came late", at=START - 30)
        site.ok("archive", "deliver")
        site.sql("UPDATE segment SET opened_utc_us = opened_utc_us - 3600000000 WHERE state = 'open'")
        site.ok("archive", "deliver")
        for user in "alice", "bob":
            late, *items = Plain(site, user).items()
            assert [text(i, "t:DateTimeSent") for i in items] == [
                at(s).strftime("%Y-%m-%dT%H:%M:%SZ") for s in (0, 300, 600)]
            assert text(late, "t:Subject").endswith(" (late messages)") and "came late" in text(late, "t:Body")
            check_thread([*items, late], late=3)
            read = site.items(user)
            assert len({i.conversation_id.id for i in read}) == 1 and {i.conversation_topic for i in read} == {TOPIC}
            assert len({header_block(i.conversation_index) for i in read}) == 1
            by_id = {i.message_id: i for i in read}
            assert sum(i.in_reply_to in by_id for i in read) == 3, [i.in_reply_to for i in read]
            assert all(set(i.references.split()) <= set(by_id) for i in read if i.references)
        # Another talk of the same two is another thread to whoever goes by index or reply.
        talk_later = START + 86400
        site.say("bob@im.example", "alice@im.example", "the next day", at=talk_later)
        site.ok("archive", "deliver")
        *before, new = Plain(site, "alice").items()
        assert "the next day" in text(new, "t:Body") and not text(new, "t:InReplyTo")
        assert header_block(text(new, "t:ConversationIndex")) != header_block(text(before[0], "t:ConversationIndex"))


@tap.test("a room's talk is read alike in its members' mailboxes, and in Purges")
def _():
    with ArchiveSite(extra="[archive]\nfolder = both\n") as site:
        site.capture()
        site.ok("archive", "deliver")
        for user in "alice", "bob":
            for folder in "conversationhistory", "recoverableitemspurges":
                rooms = [i for i in Plain(site, user).items(folder) if text(i, "t:Subject") == "Conversation in Ops room"]
                assert len(rooms) == 1 and text(rooms[0], "t:IsRead") == "true"
                to = [e.text for e in rooms[0].iterfind("t:ToRecipients/t:Mailbox/t:EmailAddress", NS)]
                assert any(address.startswith("ops@") for address in to), to
                assert "Morning all" in text(rooms[0], "t:Body")


tap.main()
