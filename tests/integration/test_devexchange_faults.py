#!/usr/bin/python3
"""Faults on command: each kind strikes, by a rule of the control endpoint and by one of the start-up option, and what it
does is seen from outside."""
import base64
import http.client
import json
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests", "lib"))

import tap
import tlsrecords
from devexchange import NS, Devexchange, codes, envelope

CONTACT = ("<m:CreateItem><m:Items>%s</m:Items></m:CreateItem>" % ("<t:Contact><t:DisplayName>a</t:DisplayName></t:Contact>"
                                                                  * 3))
UPDATE = ('<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="%s"/>'
          '<t:Updates><t:SetItemField><t:FieldURI FieldURI="contacts:JobTitle"/><t:Contact><t:JobTitle>x</t:JobTitle>'
          "</t:Contact></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>")
GET = ("<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds>"
       '<t:ItemId Id="%s"/></m:ItemIds></m:GetItem>')
SYNC = ('<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>'
        '<t:DistinguishedFolderId Id="contacts"/></m:SyncFolderId>%s<m:MaxChangesReturned>512'
        "</m:MaxChangesReturned></m:SyncFolderItems>")
PULL = ('<m:Subscribe><m:PullSubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id="contacts"/></t:FolderIds>'
        "<t:EventTypes><t:EventType>CreatedEvent</t:EventType></t:EventTypes><t:Timeout>10</t:Timeout>"
        "</m:PullSubscriptionRequest></m:Subscribe>")
EVENTS = ("<m:GetEvents><m:SubscriptionId>%s</m:SubscriptionId><m:Watermark>%s</m:Watermark></m:GetEvents>")


class User:
    """One mailbox of the server, and its owner's requests."""

    def __init__(self, dx, name):
        self.dx, self.smtp = dx, name + "@corp.example"
        self.login = self.smtp + ":secret"

    def post(self, body, headers=None):
        """(status, headers, text), or the exception that took its place."""
        try:
            return self.dx.post(envelope(body).encode(), user=self.login, headers=headers)
        except (OSError, http.client.HTTPException) as e:
            return e

    def ask(self, body, **more):
        return self.dx.soap(body, user=self.login, **more)[1]

    def code(self, body):
        return codes(self.ask(body))[0]

    def one(self, body, path, **more):
        found = self.ask(body, **more).find(".//" + path, NS)
        assert found is not None, body
        return found

    def count(self):
        box = next(m for m in self.dx.control("GET", "mailboxes") if m["smtp"] == self.smtp)
        return box["items"].get("contacts", 0)

    def records(self, body):
        """The answer as the records of TLS show it."""
        data = envelope(body).encode()
        head = ("POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n"
                "Authorization: Basic %s\r\nConnection: close\r\n\r\n"
                % (len(data), base64.b64encode(self.login.encode()).decode()))
        return tlsrecords.exchange(self.dx.ready["port"], self.dx.ca, head.encode() + data)


def well_formed(data):
    from lxml import etree
    try:
        etree.fromstring(data)
        return True
    except etree.XMLSyntaxError:
        return False


def refused(status, headers=()):
    def see(user):
        got = user.post(CONTACT)
        assert got[0] == status and user.count() == 0, (got, user.count())
        for name, value in headers:
            assert got[1][name] == value, (name, got[1][name])
    return see


def fault(code, *more):
    def see(user):
        got = user.post(CONTACT)
        assert got[0] == 500 and b"<e:ResponseCode" in got[2] and code.encode() in got[2], got
        assert all(m in got[2] for m in more) and user.count() == 0, got
    return see


def see_message(user):
    status, root = user.dx.soap(CONTACT, user=user.login)
    assert status == 200 and codes(root) == ["ErrorMailboxStoreUnavailable"] and user.count() == 0, codes(root)


def see_reset_before(user):
    texts, end = user.records(CONTACT)
    assert texts == [] and end in ("reset", "cut") and user.count() == 0, (texts, end)


def see_lost_answer(user):
    texts, end = user.records(CONTACT)
    assert texts == [] and end in ("reset", "cut") and user.count() == 3, (texts, end)


def see_silence(user):
    begun = time.monotonic()
    see_lost_answer(user)
    assert time.monotonic() - begun >= 0.3


def see_late_effect(user):
    texts, end = user.records(CONTACT)
    assert texts == [] and end in ("reset", "cut") and user.count() == 0, (texts, end, user.count())
    deadline = time.monotonic() + 60
    while user.count() < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert user.count() == 3


def body_of(texts):
    head, _, body = b"".join(texts).partition(b"\r\n\r\n")
    return head, body


def see_reset_within(user):
    texts, end = user.records(CONTACT)
    head, body = body_of(texts)
    length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
    assert 0 < len(body) < length and end in ("reset", "cut") and user.count() == 3, (len(body), length, end)


def see_reset_after(user):
    texts, end = user.records(CONTACT)
    head, body = body_of(texts)
    assert len(body) == int(re.search(rb"Content-Length: (\d+)", head).group(1)) and well_formed(body)
    assert end in ("reset", "cut") and user.count() == 3, end
    whole, end = user.records(CONTACT)  # without the fault the connection is closed in good order
    assert end == "closed", end


def see_truncate(user):
    got = user.post(CONTACT)
    assert got[0] == 200 and len(got[2]) == int(got[1]["Content-Length"]) and not well_formed(got[2]), got
    assert not got[2].rstrip().endswith(b"Envelope>") and user.count() == 3


def see_malformed(user):
    got = user.post(CONTACT)
    assert got[2].rstrip().endswith(b"Envelope>") and not well_formed(got[2]) and user.count() == 3, got


def see_illegal_char(user):
    texts, end = user.records(CONTACT)
    whole = b"".join(texts)
    assert end == "closed" and b"&#x" in whole and b"&#x1F;" not in whole, whole
    # Half the reference ends one record and chunk; the other half begins the next.
    cut = [i for i, text in enumerate(texts) if text.rstrip(b"\r\n").endswith(b"&#x")]
    assert len(cut) == 1, texts
    rest = re.match(rb"(?:[0-9a-f]+\r\n)?1F;", b"".join(texts[cut[0] + 1:]))
    assert rest, texts[cut[0] + 1:]
    joined = re.sub(rb"\r\n[0-9a-f]+\r\n", b"", body_of(texts)[1])
    assert b"&#x1F;</" in joined and user.count() == 3, joined


def see_content_type(user):
    got = user.post(CONTACT)
    assert got[1]["Content-Type"] == "text/html; charset=utf-8" and well_formed(got[2]), got
    assert user.count() == 3


def see_oversize(user):
    got = user.post(CONTACT)
    assert len(got[2]) > 3000000 and well_formed(got[2]) and user.count() == 3


def see_drip(user):
    texts, _ = user.records(CONTACT)
    _, body = body_of(texts)
    pieces = [int(size, 16) for size in re.findall(rb"(?:^|\r\n)([0-9a-f]+)\r\n", body)]
    assert len(pieces) > 5 and max(pieces) <= 100 and user.count() == 3, pieces
    assert len(texts) >= len(pieces) - 1, (len(texts), len(pieces))


def see_delay(user):
    begun = time.monotonic()
    got = user.post(CONTACT)
    assert time.monotonic() - begun >= 0.3 and well_formed(got[2]) and user.count() == 3


def see_bad_item(user):
    assert codes(user.ask(CONTACT)) == ["NoError", "ErrorItemSave", "NoError"] and user.count() == 2


def see_batch_stopped(user):
    root = user.ask(CONTACT)
    assert codes(root) == ["NoError"] + ["ErrorBatchProcessingStopped"] * 2 and user.count() == 1, codes(root)
    assert [m.get("ResponseClass") for m in root.iterfind(".//m:CreateItemResponseMessage", NS)] == [
        "Success", "Warning", "Warning"]


def see_conflict(user):
    made = user.one(CONTACT, "t:ItemId")
    assert user.code(UPDATE % made.get("Id")) == "ErrorIrresolvableConflict"
    assert user.code(UPDATE % made.get("Id")) == "NoError"


def synced(user, state=""):
    return user.ask(SYNC % ("<m:SyncState>%s</m:SyncState>" % state if state else ""))


def see_sync_state(user):
    state = synced(user).find(".//m:SyncState", NS).text
    assert codes(synced(user, state)) == ["ErrorInvalidSyncStateData"]
    assert codes(synced(user, state)) == ["NoError"]


def see_ghost_item(user):
    ghost = synced(user).find(".//t:ItemId", NS).get("Id")
    assert user.code(GET % ghost) == "ErrorItemNotFound"


def see_same_state(user):
    first = synced(user).find(".//m:SyncState", NS).text
    user.ask(CONTACT)
    again = synced(user, first)
    assert again.find(".//m:SyncState", NS).text == first
    assert again.find(".//m:IncludesLastItemInRange", NS).text == "false" and again.find(".//t:Create", NS) is None
    assert len(synced(user, first).findall(".//t:Create", NS)) == 3


def see_subscription(user):
    made = user.ask(PULL)
    ask = EVENTS % (made.find(".//m:SubscriptionId", NS).text, made.find(".//m:Watermark", NS).text)
    assert user.code(ask) == "ErrorSubscriptionNotFound"
    assert user.code(ask) == "ErrorSubscriptionNotFound", "the subscription is back"
    again = user.ask(PULL)
    assert user.code(EVENTS % (again.find(".//m:SubscriptionId", NS).text,
                               again.find(".//m:Watermark", NS).text)) == "NoError"


def see_move(user):
    affinity = {"X-PreferServerAffinity": "true"}
    made = user.ask(PULL, headers=affinity)
    old = EVENTS % (made.find(".//m:SubscriptionId", NS).text, made.find(".//m:Watermark", NS).text)
    state = synced(user).find(".//m:SyncState", NS).text
    cookie = user.post(PULL, headers=affinity)[1]["Set-Cookie"].split(";")[0]
    assert b"ErrorMailboxMoveInProgress" in user.post(CONTACT)[2]
    while b"ErrorMailboxMoveInProgress" in user.post(CONTACT, headers={"Cookie": cookie})[2]:
        time.sleep(0.05)
    # The old back end refuses to write and knows no subscription; it reads on.
    got = user.post(CONTACT, headers={"Cookie": cookie})
    assert got[0] == 500 and got[2] == b"" and user.count() == 0, got
    assert codes(user.ask(old, headers={"Cookie": cookie})) == ["ErrorProxyRequestNotAllowed"]
    assert codes(user.ask(SYNC % "", headers={"Cookie": cookie})) == ["NoError"]
    # Without the cookie the new one is found: what hung on the old one is gone, the mailbox is whole.
    assert user.code(old) == "ErrorSubscriptionNotFound"
    assert codes(synced(user, state)) == ["ErrorInvalidSyncStateData"]
    assert user.code(CONTACT) == "NoError" and user.count() == 3
    fresh = user.post(PULL, headers=affinity)[1]["Set-Cookie"].split(";")[0]
    assert fresh != cookie and user.post(CONTACT, headers={"Cookie": fresh})[0] == 200


def metadata(dx):
    import urllib.request
    with urllib.request.urlopen(dx.ready["metadata"], context=dx.context, timeout=60) as answer:
        return json.load(answer)["keys"][0]["keyinfo"]["x5t"]


def see_certificate_roll(user):
    before = metadata(user.dx)
    assert user.code(CONTACT) == "NoError" and user.count() == 3
    assert metadata(user.dx) != before


# kind -> the rest of its rule, and who sees what it does. A rule strikes CreateItem unless it says otherwise.
SEEN = [
    ("http", {"status": 400}, refused(400)),
    ("http", {"status": 401}, refused(401)),
    ("http", {"status": 403}, refused(403)),
    ("http", {"status": 429, "retry_after_s": 7}, refused(429, [("Retry-After", "7")])),
    ("http", {"status": 500}, refused(500)),
    ("http", {"status": 503, "retry_after_s": 120}, refused(503, [("Retry-After", "120")])),
    ("busy", {"back_off_ms": 0}, fault("ErrorServerBusy", b'"BackOffMilliseconds">0<')),
    ("busy", {"back_off_ms": 297749}, fault("ErrorServerBusy", b'"BackOffMilliseconds">297749<')),
    ("busy", {}, fault("ErrorServerBusy")),
    ("code", {"code": "ErrorMailboxMoveInProgress"}, fault("ErrorMailboxMoveInProgress")),
    ("code", {"code": "ErrorMailboxStoreUnavailable"}, fault("ErrorMailboxStoreUnavailable")),
    ("message", {"code": "ErrorMailboxStoreUnavailable"}, see_message),
    ("reset-before", {}, see_reset_before),
    ("lost-answer", {}, see_lost_answer),
    ("silence", {"delay_ms": 300}, see_silence),
    ("late-effect", {"delay_ms": 700}, see_late_effect),
    ("reset-within", {}, see_reset_within),
    ("reset-after", {}, see_reset_after),
    ("truncate", {}, see_truncate),
    ("malformed", {}, see_malformed),
    ("illegal-char", {}, see_illegal_char),
    ("content-type", {}, see_content_type),
    ("oversize", {"bytes": 3000000}, see_oversize),
    ("drip", {"bytes": 100, "delay_ms": 1}, see_drip),
    ("delay", {"delay_ms": 300}, see_delay),
    ("bad-item", {"item": 1, "code": "ErrorItemSave"}, see_bad_item),
    ("batch-stopped", {"item": 1}, see_batch_stopped),
    ("conflict", {"operation": "UpdateItem"}, see_conflict),
    ("sync-state", {"operation": "SyncFolderItems"}, see_sync_state),
    ("ghost-item", {"operation": "SyncFolderItems"}, see_ghost_item),
    ("same-state", {"operation": "SyncFolderItems"}, see_same_state),
    ("subscription", {"operation": "GetEvents"}, see_subscription),
    ("mailbox-move", {"delay_ms": 300}, see_move),
    ("certificate-roll", {}, see_certificate_roll),
]


def rules():
    """(name of a mailbox of its own, rule, who sees)"""
    for number, (kind, more, see) in enumerate(SEEN):
        name = "u%02d" % number
        yield name, dict({"operation": "CreateItem"}, kind=kind, mailbox=name + "@corp.example", **more), see


def users():
    return [word for name, _, _ in rules() for word in ("--user", name + "@corp.example:secret")]


@tap.test("each fault strikes by a rule of the control endpoint, and does what it says")
def _():
    with Devexchange(*users(), "--user", "other@corp.example:secret") as dx:
        other = User(dx, "other")
        for name, rule, see in rules():
            with dx.striking(**rule):
                assert other.code(CONTACT) == "NoError", "the rule of %s struck another mailbox" % rule["mailbox"]
                see(User(dx, name))
        tap.comment("%d rules of %d kinds" % (len(SEEN), len({kind for kind, _, _ in SEEN})))


@tap.test("each fault strikes by a rule of the start-up option")
def _():
    options = [word for _, rule, _ in rules()
               for word in ("--fault", ",".join("%s=%s" % pair for pair in rule.items()))]
    with Devexchange(*users(), *options) as dx:
        for name, _, see in rules():
            see(User(dx, name))
        listed = dx.control("GET", "faults")
        assert [f["kind"] for f in listed] == [kind for kind, _, _ in SEEN]
        assert [f["struck"] for f in listed] == [1] * len(SEEN), listed
        assert [f["left"] for f in listed] == [0] * len(SEEN), listed


@tap.test("every kind of fault has its test")
def _():
    source = os.path.join(os.environ.get("srcdir", "."), "tests", "devexchange", "fault.c")
    with open(source) as f:
        kinds = set(re.findall(r'\[FAULT_\w+\] = "([a-z-]+)"', f.read())) - {"none"}
    # The clock is seen by a token: test_devexchange.py.
    assert kinds - {kind for kind, _, _ in SEEN} == {"clock-skew"}, kinds ^ {kind for kind, _, _ in SEEN}


@tap.test("counts, skips, probability with a seed; a rule with nothing to strike at is not used up")
def _():
    with Devexchange("--user", "ann@corp.example:secret") as dx:
        ann = User(dx, "ann")
        made = ann.one(CONTACT, "t:ItemId").get("Id")
        with dx.striking(strikes=2, kind="code", code="ErrorTimeoutExpired", skip=1, count=2):
            got = [ann.code(GET % made) for _ in range(4)]
            assert got == ["NoError", "ErrorTimeoutExpired", "ErrorTimeoutExpired", "NoError"], got
        runs = []
        for _ in range(2):
            dx.fault(kind="code", code="ErrorTimeoutExpired", count=-1, probability=0.5, seed=7)
            runs.append([ann.code(GET % made) for _ in range(20)])
            dx.clear_faults()
        assert runs[0] == runs[1] and len(set(runs[0])) == 2, runs
        with dx.striking(kind="sync-state"):
            state = synced(ann).find(".//m:SyncState", NS).text  # has no state to refuse
            assert codes(synced(ann, state)) == ["ErrorInvalidSyncStateData"]
        with dx.striking(kind="bad-item", operation="GetItem", item=5, code="ErrorItemSave"):
            assert ann.code(GET % made) == "NoError"
            many = GET.replace('<t:ItemId Id="%s"/>', '<t:ItemId Id="%s"/>' % made * 6)
            assert codes(ann.ask(many)) == ["NoError"] * 5 + ["ErrorItemSave"]


@tap.test("a test whose fault did not strike fails, however it ends")
def _():
    def fails(function):
        try:
            function()
        except AssertionError as e:
            assert "struck 0 times" in str(e), e
            return
        raise RuntimeError("a fault that did not strike went unnoticed")

    with Devexchange("--user", "ann@corp.example:secret") as dx:
        dx.fault(kind="busy")
        fails(dx.clear_faults)
        dx.fault(strikes=0, kind="busy")
        dx.clear_faults()

        def block():
            with dx.striking(kind="busy"):
                pass
        fails(block)

    def whole():
        with Devexchange("--user", "ann@corp.example:secret") as dx:
            dx.fault(kind="busy")
    fails(whole)


@tap.test("wrong rules are refused with the reason, by the endpoint and by the option")
def _():
    with Devexchange() as dx:
        for rule in ({}, {"kind": "no-such-fault"}, {"kind": "busy", "operatoin": "GetItem"}, {"kind": "busy", "count": "x"},
                     {"kind": "busy", "probability": "often"}, {"kind": "code", "code": "x" * 200}):
            try:
                dx.control("POST", "faults", rule)
                raise AssertionError("taken: %s" % rule)
            except OSError as e:
                assert "400" in str(e) and b"error" in e.read(), (rule, e)
    for text in ("", "kind", "kind=none-such", "kind=busy,count", "kind=busy,probability=x", "count=1"):
        dx = Devexchange("--fault", text, start=False)
        try:
            dx.start()
            raise RuntimeError("started with --fault " + text)
        except RuntimeError as e:
            assert "did not start: devexchange: --fault" in str(e), e
        finally:
            dx.__exit__(True)


@tap.test("an error message is what the schema wants in the answers of every operation")
def _():
    with open(os.path.join(os.environ.get("srcdir", "."), "tests", "devexchange", "operations.c")) as f:
        operations = re.findall(r'\{"(\w+)", op_', f.read())
    assert len(operations) > 40, operations
    # The operation is told by the element alone; its answer is checked by the schema when the server ends.
    with Devexchange("--user", "ann@corp.example:secret") as dx:
        for operation in operations:
            with dx.striking(kind="message", operation=operation, code="ErrorMailboxStoreUnavailable", back_off_ms=5):
                assert User(dx, "ann").code("<m:%s/>" % operation) == "ErrorMailboxStoreUnavailable"


@tap.test("--record writes each request as it came and each answer as it left, or says why it did not")
def _():
    with tempfile.TemporaryDirectory(prefix="devx-record-") as folder:
        def recorded():
            names = sorted(os.listdir(folder))
            files = {}
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    files[name.partition("-")[2]] = f.read()
                os.unlink(os.path.join(folder, name))
            return files

        with Devexchange("--user", "ann@corp.example:secret", "--record", folder) as dx:
            ann, sent = User(dx, "ann"), envelope(CONTACT).encode()
            got = ann.post(CONTACT)
            assert recorded() == {"CreateItem.request.xml": sent, "CreateItem.response-200.xml": got[2]}
            for rule, name in (({"kind": "truncate"}, "spoilt-200"), ({"kind": "illegal-char"}, "spoilt-200"),
                               ({"kind": "busy"}, "response-500"), ({"kind": "http", "status": 503}, "plain-503"),
                               ({"kind": "code", "code": "ErrorOfNoServer"}, "spoilt-500"),
                               ({"kind": "drip", "delay_ms": 1}, "response-200")):
                with dx.striking(**rule):
                    got = ann.post(CONTACT)
                files = recorded()
                assert files == {"CreateItem.request.xml": sent, "CreateItem.%s.xml" % name: got[2]}, (rule, files)
            for kind, name in (("lost-answer", "unsent-200"), ("reset-within", "unsent-200"), ("reset-before", None)):
                with dx.striking(kind=kind):
                    assert isinstance(ann.post(CONTACT), Exception)
                files = recorded()
                assert files.pop("CreateItem.request.xml") == sent
                assert list(files) == (["CreateItem.%s.xml" % name] if name else []), files
                assert all(well_formed(data) for data in files.values()), "what was made, not what was sent"
            dx.post(b"no xml", user=ann.login)
            assert set(recorded()) == {"unknown.request.xml", "unknown.response-500.xml"}
            assert dx.post(sent, user="ann@corp.example:wrong")[0] == 401
            assert recorded() == {"unknown.request.xml": sent, "unknown.plain-401.xml": b""}


@tap.test("a mailbox that moved to another address: requests are referred there, autodiscover tells")
def _():
    with Devexchange("--user", "ann@corp.example:secret", "--user", "bob@corp.example:secret") as old, \
            Devexchange("--user", "ann@corp.example:secret") as new:
        ann = User(old, "ann")
        for status in (302, 421):
            with old.striking(kind="mailbox-move", mailbox="ann@corp.example", delay_ms=1, text=new.ews, status=status):
                assert b"ErrorMailboxMoveInProgress" in ann.post(CONTACT)[2]
            connection = http.client.HTTPSConnection("localhost", old.ready["port"], context=old.context)
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                connection.request("POST", "/EWS/Exchange.asmx", envelope(CONTACT).encode(), {
                    "Authorization": "Basic " + base64.b64encode(ann.login.encode()).decode()})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 500:
                    break
            connection.close()
            assert (answer.status, answer.headers["Location"], text) == (status, new.ews, b""), (answer.status, text)
        assert User(new, "ann").code(CONTACT) == "NoError"
        assert User(old, "bob").code(CONTACT) == "NoError"
        assert autodiscover(old, "ann") == (new.ews, new.ews) and autodiscover(old, "bob") == (old.ews, old.ews)


def autodiscover(dx, name):
    import urllib.request
    smtp = name + "@corp.example"
    with urllib.request.urlopen("%s/autodiscover/autodiscover.json/v1.0/%s?Protocol=EWS" % (dx.url, smtp),
                                context=dx.context, timeout=60) as answer:
        url = json.load(answer)["Url"]
    request = urllib.request.Request(
        dx.url + "/autodiscover/autodiscover.xml", method="POST",
        data=("<Autodiscover xmlns='http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006'>"
              "<Request><EMailAddress>%s</EMailAddress></Request></Autodiscover>" % smtp).encode(),
        headers={"Authorization": "Basic " + base64.b64encode(("%s:secret" % smtp).encode()).decode()})
    with urllib.request.urlopen(request, context=dx.context, timeout=60) as answer:
        return url, re.search("<EwsUrl>(.*?)</EwsUrl>", answer.read().decode()).group(1)


tap.main()
