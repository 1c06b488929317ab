#!/usr/bin/python3
"""The stand-in Exchange itself: its schema against the shared one, tokens against a recorded vector,
and the contact store."""
import base64
import glob
import json
import os
import re
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request

import jwt
from cryptography import x509

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests", "lib"))

import tap
from devexchange import NS, Devexchange, codes, envelope, schema

ANN = "ann@corp.example:secret"
RECORD = tempfile.mkdtemp(prefix="devx-record-")
DX = Devexchange("--user", ANN, "--user", "bob@corp.example:geheim", "--record", RECORD)

CONTACT = ("<m:CreateItem><m:Items><t:Contact><t:DisplayName>%s</t:DisplayName></t:Contact></m:Items>"
           "</m:CreateItem>")
SYNC = ('<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>'
        '<t:DistinguishedFolderId Id="%s"/></m:SyncFolderId>%s<m:MaxChangesReturned>%d</m:MaxChangesReturned>'
        "</m:SyncFolderItems>")


def ok(body, **more):
    status, root = DX.soap(body, user=ANN, **more)
    assert status == 200 and codes(root) and set(codes(root)) == {"NoError"}, (status, codes(root))
    return root


def code(body, **more):
    return codes(DX.soap(body, user=ANN, **more)[1])[0]


def get_item(item_id, shape="IdOnly"):
    return ("<m:GetItem><m:ItemShape><t:BaseShape>%s</t:BaseShape></m:ItemShape><m:ItemIds>"
            '<t:ItemId Id="%s"/></m:ItemIds></m:GetItem>' % (shape, item_id))


@tap.test("what the shared schema refuses is refused with line and position, what it takes is taken")
def _():
    shared = tap.shared_data()
    if shared is None:
        tap.skip("no shared data")
    files = sorted(glob.glob(os.path.join(shared, "ews-schema", "examples", "*-req.xml")))
    spoken = 0
    for path in files:
        with open(path, "rb") as f:
            data = f.read()
        name = os.path.basename(path)
        if re.match("UploadItems|ExportItems|Subscribe-push|FindPeople|GetPersona", name):
            continue
        status, _, answer = DX.post(data, user=ANN)
        refused = b"ErrorSchemaValidation" in answer
        assert refused == name.startswith("NEG-"), (name, status, answer[-600:])
        if refused:
            assert b"<t:LineNumber>" in answer and b"<t:LinePosition>" in answer, answer
        spoken += 1
    assert spoken > 35, spoken


@tap.test("a request that is changed anywhere is judged as the shared schema judges it")
def _():
    if schema() is None:
        tap.skip("no shared data")
    from lxml import etree
    base = os.path.join(tap.shared_data(), "ews-schema", "examples")
    compared = 0
    for name in ("CreateItem-contact", "CreateItem-transcript", "UpdateItem", "FindItem", "SyncFolderItems",
                 "GetItem", "FindFolder", "AddNewImContactToGroup", "ResolveNames"):
        tree = etree.parse(os.path.join(base, name + "-req.xml"))
        count = len(list(tree.getroot().find("{*}Body").iter("*")))
        for at in range(2, count):
            for how in ("drop", "double", "swap", "rename"):
                copy = etree.fromstring(etree.tostring(tree))
                node = list(copy.find("{*}Body").iter("*"))[at]
                parent, position = node.getparent(), node.getparent().index(node)
                if how == "drop":
                    parent.remove(node)
                elif how == "double":
                    parent.insert(position, etree.fromstring(etree.tostring(node)))
                elif how == "swap" and position > 0:
                    parent.insert(position - 1, node)
                else:
                    node.tag = node.tag + "X"
                valid = schema().validate(copy)
                _, _, answer = DX.post(etree.tostring(copy), user=ANN)
                assert (b"ErrorSchemaValidation" not in answer) == valid, (
                    name, how, at, schema().error_log.last_error, answer[-700:])
                compared += 1
    tap.comment("%d changed requests" % compared)
    assert compared > 400, compared


@tap.test("requests that are no XML, no SOAP, or have a DOCTYPE are refused")
def _():
    for data in (b"", b"no xml", b"<a>", b"<a/>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
                 envelope("<m:NoSuchOperation/>").encode(), envelope("").encode(),
                 b"<a>" * 200 + b"</a>" * 200):
        status, _, answer = DX.post(data, user=ANN)
        assert status == 500 and b"ErrorSchemaValidation" in answer, (status, answer)
    assert code("<m:GetImItemList/>", version="Exchange2010") == "ErrorIncorrectSchemaVersion"
    assert code("<m:GetImItemList/>", version="Exchange2099") == "ErrorInvalidServerVersion"


@tap.test("ids, change keys and sync states that are not ours have the right codes")
def _():
    made = ok(CONTACT % "ids").find(".//t:ItemId", NS)
    assert code(get_item("AAMk")) == "ErrorInvalidIdMalformed"
    assert code(get_item("")) == "ErrorInvalidIdEmpty"
    raw = bytearray(base64.b64decode(made.get("Id")))
    raw[23] ^= 1
    assert code(get_item(base64.b64encode(bytes(raw)).decode())) == "ErrorInvalidIdMalformed"
    assert code(SYNC % ("contacts", "<m:SyncState>AAAA</m:SyncState>", 9)) == "ErrorInvalidSyncStateData"
    state = ok(SYNC % ("contacts", "", 9)).find(".//m:SyncState", NS).text
    assert code(SYNC % ("inbox", "<m:SyncState>%s</m:SyncState>" % state, 9)) == "ErrorInvalidSyncStateData"
    update = ('<m:UpdateItem ConflictResolution="%s"><m:ItemChanges><t:ItemChange><t:ItemId Id="%s"%s/>'
              '<t:Updates><t:SetItemField><t:FieldURI FieldURI="contacts:JobTitle"/><t:Contact><t:JobTitle>x'
              "</t:JobTitle></t:Contact></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges>"
              "</m:UpdateItem>")
    assert code(update % ("AutoResolve", made.get("Id"), "")) == "ErrorChangeKeyRequiredForWriteOperations"
    assert code(update % ("AutoResolve", made.get("Id"), ' ChangeKey="zz"')) == "ErrorInvalidChangeKey"
    key = ' ChangeKey="%s"' % made.get("ChangeKey")
    assert code(update % ("NeverOverwrite", made.get("Id"), key)) == "NoError"
    assert code(update % ("NeverOverwrite", made.get("Id"), key)) == "ErrorIrresolvableConflict"
    assert code(update % ("AlwaysOverwrite", made.get("Id"), "")) == "NoError"
    ok('<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="%s"/></m:ItemIds></m:DeleteItem>'
       % made.get("Id"))
    assert code(get_item(made.get("Id"))) == "ErrorItemNotFound"


@tap.test("another user's mailbox stays closed")
def _():
    folder = ('<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>'
              '<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>bob@corp.example'
              "</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:FolderIds></m:GetFolder>")
    assert code(folder) == "ErrorFolderNotFound"
    _, root = DX.soap(CONTACT % "bobs", user="bob@corp.example:geheim")
    assert code(get_item(root.find(".//t:ItemId", NS).get("Id"))) == "ErrorAccessDenied"
    assert code(folder, impersonate="bob@corp.example") == "ErrorImpersonateUserDenied"


@tap.test("the contact store: groups, contacts, limits, and the same items in the folders")
def _():
    with Devexchange("--user", ANN, "--max-im-groups", "6", "--max-im-contacts", "5") as dx:
        contact_store(dx)


def contact_store(dx):
    def ok(body):
        root = dx.soap(body, user=ANN)[1]
        assert codes(root) == ["NoError"], codes(root)
        return root

    def code(body):
        return codes(dx.soap(body, user=ANN)[1])[0]

    add = "<m:AddImGroup><m:DisplayName>%s</m:DisplayName></m:AddImGroup>"
    group = ok(add % "Work &amp; play").find(".//t:ExchangeStoreId", NS).get("Id")
    assert code(add % "work &amp; PLAY") == "ErrorImGroupDisplayNameAlreadyExists"
    ok(add % "two"), ok(add % "three")
    assert code(add % "four") == "ErrorImGroupLimitReached"
    new = ("<m:AddNewImContactToGroup><m:ImAddress>%s</m:ImAddress><m:DisplayName>N</m:DisplayName>%s"
           "</m:AddNewImContactToGroup>")
    into = '<m:GroupId Id="%s"/>' % group
    person = ok(new % ("tony@corp.example", into)).find(".//t:SourceId", NS).get("Id")
    for n in range(4):
        ok(new % ("p%d@corp.example" % n, ""))
    assert code(new % ("more@corp.example", "")) == "ErrorImContactLimitReached"
    assert code(new % ("x@corp.example", '<m:GroupId Id="%s"/>' % person)) == "ErrorInvalidImGroupId"
    listing = ok("<m:GetImItemList/>")
    keys = {g.find("t:DisplayName", NS).text: [i.get("Id") for i in g.iterfind(".//t:ItemId", NS)]
            for g in listing.iterfind(".//t:ImGroup", NS)}
    assert keys["Work & play"] == [person] and len(keys["Other Contacts"]) == 4, keys
    assert len(ok(SYNC % ("quickcontacts", "", 512)).findall(".//t:Create", NS)) == 5
    leave = '<m:RemoveImContactFromGroup><m:ContactId Id="%s"/><m:GroupId Id="%s"/></m:RemoveImContactFromGroup>'
    ok(leave % (person, group))
    assert code(leave % (person, group)) == "ErrorInvalidImContactId"
    assert code(get_item(person)) == "ErrorItemNotFound"


@tap.test("a recorded token is taken, every forgery of it refused with its diagnostics")
def _():
    shared = tap.shared_data()
    if shared is None:
        tap.skip("no shared data")
    vector = os.path.join(shared, "oauth-vector")

    def read(name):
        with open(os.path.join(vector, name)) as f:
            return f.read().strip()

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    outer, actor, app = read("outer.jwt"), read("actor.jwt"), read("apponly.jwt")

    def claims(token):
        body = token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))

    def wrap(**change):
        new = claims(outer)
        new.update(change)
        return "%s.%s." % (part({"typ": "JWT", "alg": "none"}),
                           part({k: v for k, v in new.items() if v is not None}))

    realm = claims(actor)["aud"].split("@")[1]
    host = claims(actor)["aud"].split("/")[1].split("@")[0]
    with Devexchange("--mailbox", claims(outer)["smtp"], "--mailbox", "eve@" + realm, "--realm", realm,
                     "--host", host, "--partner-metadata", os.path.join(vector, "metadata.json"),
                     "--fault", "kind=clock-skew,skew_s=0") as dx:
        dx.context.check_hostname = False
        dx.url = dx.url.replace(host, "localhost")
        dx.ews = dx.ews.replace(host, "localhost")
        then = int(claims(actor)["nbf"]) + 60 - int(time.time())
        dx.control("POST", "clock", {"skew_s": then})
        body = envelope('<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>'
                        '<m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>').encode()

        def present(token, data=body):
            return dx.post(data, headers={"Authorization": ("Bearer " + token).strip()})

        status, headers, _ = present("")
        assert status == 401 and 'trusted_issuers="%s"' % claims(actor)["iss"] in headers["WWW-Authenticate"]
        # The clock goes wrong under a good token, by the start-up option and by a rule.
        assert present(outer)[1]["x-ms-diagnostics"].startswith("2000002") and dx.struck() == 1
        dx.control("POST", "clock", {"skew_s": then})
        status, headers, answer = present(outer)
        assert status == 200 and b"NoError" in answer, (status, headers, answer)
        with dx.striking(kind="clock-skew", skew_s=then - 10 * 86400, mailbox=claims(outer)["smtp"]):
            assert present(outer)[1]["x-ms-diagnostics"].startswith("2000002")
        dx.control("POST", "clock", {"skew_s": then})
        status, _, answer = present(app)
        assert status == 500 and b"ErrorImpersonationRequired" in answer, answer
        head, payload, signature = actor.split(".")
        last = "A" if signature[-1] != "A" else "Q"
        forged = {
            "bad signature": (read("actor-bad-sig.jwt"), None),
            "junk signature": (head + "." + payload + ".AAAA", "2000000"),
            "alg none": (part({"typ": "JWT", "alg": "none"}) + "." + payload + ".", "2000001"),
            "alg None": (part({"typ": "JWT", "alg": "None"}) + "." + payload + ".", "2000000"),
            "two segments": (head + "." + payload, "2000001"),
            "padding": (actor + "=", "2000001"),
            "cut": (head + "." + payload + "." + signature[:-2] + last, None),
            "no actor": (wrap(actortoken=None), "2000001"),
            "both actors": (wrap(actort=actor), "2000001"),
            "object": (wrap(actortoken={}), "2000001"),
            "other issuer": (wrap(iss=claims(outer)["iss"].upper()), "2000001"),
            "other audience": (wrap(aud=claims(outer)["aud"].replace(host, "evil." + host)), "2000003"),
            "unknown user": (wrap(smtp="nobody@" + realm), "2000005"),
            "ambiguous user": (wrap(upn="eve@" + realm), "2000005"),
            "prefixed user": (wrap(smtp="smtp:" + claims(outer)["smtp"]), "2000005"),
            "no user": (wrap(smtp=None, sip=None, nameid=None, upn=None), "2000005"),
            "no exp": (wrap(exp=None), "2000001"),
            "wrong exp": (wrap(exp="12x"), "2000001"),
            "nested": (wrap(actortoken=outer), "2000000"),
        }
        for name, (token, number) in forged.items():
            status, headers, _ = present(token)
            assert status == 401 and 'error="invalid_token"' in headers["WWW-Authenticate"], (name, status)
            assert number is None or headers["x-ms-diagnostics"].startswith(number), (
                name, headers["x-ms-diagnostics"])
        dx.control("POST", "partners", {"issuer": claims(actor)["iss"], "enabled": False})
        assert present(outer)[1]["x-ms-diagnostics"].startswith("2000008")
        dx.control("POST", "partners", {"issuer": claims(actor)["iss"], "enabled": True})
        dx.control("POST", "clock", {"skew_s": 0})
        assert present(outer)[1]["x-ms-diagnostics"].startswith("2000002")


def refused(*request):
    """What the control endpoint says against it."""
    try:
        DX.control(*request)
    except urllib.error.HTTPError as answer:
        with answer:
            return json.load(answer)["error"]
    raise AssertionError("%s was accepted" % (request,))


@tap.test("as a partner it calls others: PyJWT verifies its tokens, through stage, publish and clear-previous")
def _():
    def claims(token):
        body = token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))

    def published():
        with urllib.request.urlopen(DX.ready["metadata"], context=DX.context, timeout=60) as answer:
            keys = json.load(answer)["keys"]
        return {k["keyinfo"]["x5t"]: x509.load_der_x509_certificate(base64.b64decode(k["keyvalue"]["value"]))
                for k in keys}

    def mint(**more):
        return DX.control("POST", "tokens", dict(audience="id/host@realm", user="bob@corp.example", **more))

    def verified(actor):
        """Its claims, and which key signed them."""
        key = jwt.get_unverified_header(actor)["x5t"]
        signed = jwt.api_jws.decode(actor, published()[key].public_key(), algorithms=["RS256"])
        return json.loads(signed), key

    first = DX.control("GET", "signing")
    assert list(first) == ["current"] and list(published()) == [first["current"]], first
    both = mint()
    issuer = "00000002-0000-0ff1-ce00-000000000000@corp.example"
    alone, key = verified(both["app_only"])
    assert key == first["current"] and list(alone) == ["iss", "aud", "nbf", "exp", "nameid"], alone
    assert alone["iss"] == alone["nameid"] == issuer and alone["aud"] == "id/host@realm", alone
    assert int(alone["exp"]) - int(alone["nbf"]) == 28800 and int(alone["nbf"]) <= time.time(), alone
    outer, tail = claims(both["user"]), both["user"].rsplit(".", 1)[1]
    actor, _ = verified(outer["actortoken"])
    assert tail == "" and outer["iss"] == actor["nameid"] and outer["aud"] == actor["aud"], outer
    assert actor["trustedfordelegation"] == "true", actor
    assert {outer[name] for name in ("nameid", "upn", "smtp", "sip")} == {"bob@corp.example"}, outer
    short, _ = verified(mint(lifetime_s=60)["app_only"])
    assert int(short["exp"]) - int(short["nbf"]) == 60, short

    staged = DX.control("POST", "signing/stage")
    assert staged["current"] == first["current"] and set(published()) == set(staged.values()), staged
    assert verified(mint()["app_only"])[1] == first["current"], "the next key signs before its time"
    assert verified(mint(slot="next")["app_only"])[1] == staged["next"]
    rolled = DX.control("POST", "signing/publish")
    assert rolled == {"current": staged["next"], "previous": first["current"]}, rolled
    assert verified(mint()["app_only"])[1] == staged["next"]
    assert verified(mint(slot="previous")["app_only"])[1] == first["current"]
    assert set(published()) == set(rolled.values())
    assert DX.control("POST", "signing/clear-previous") == {"current": staged["next"]}
    assert list(published()) == [staged["next"]]
    assert list(DX.control("POST", "signing/roll").values()) != [staged["next"]]
    for words in (("POST", "signing/publish"), ("POST", "signing/clear-previous"), ("POST", "signing/nothing"),
                  ("POST", "signing")):
        assert "no such verb" in refused(*words), words
    assert "audience" in refused("POST", "tokens", {})
    assert "no mailbox" in refused("POST", "tokens", {"audience": "a/b@c", "user": "nobody@corp.example"})
    assert "slot" in refused("POST", "tokens", {"audience": "a/b@c", "slot": "next"})


@tap.test("its signing certificates outlive a restart")
def _():
    dx = Devexchange("--mailbox", "bob@corp.example")
    try:
        dx.control("POST", "signing/stage")
        before = dx.control("POST", "signing/publish")
        assert dx.stop() == 0
        dx.start()
        assert dx.control("GET", "signing") == before
    finally:
        dx.__exit__(None)


@tap.test("the same seed makes the same mailboxes")
def _():
    seen = []
    for _ in range(2):
        with Devexchange("--mailboxes", "3", "--contacts", "60", "--messages", "4", "--seed", "9",
                         "--password", "p") as dx:
            _, root = dx.soap(
                '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape>'
                '<m:ParentFolderIds><t:DistinguishedFolderId Id="contacts"/></m:ParentFolderIds></m:FindItem>',
                user="user0003@corp.example:p")
            seen.append([e.text for e in root.iter("{%s}DisplayName" % NS["t"])])
            assert [m["items"] for m in dx.control("GET", "mailboxes")] == [{"contacts": 61, "inbox": 4}] * 3
    assert len(seen[0]) == 61 and seen[0] == seen[1]


@tap.test("requests and answers are recorded, counters count, the server ends cleanly")
def _():
    assert glob.glob(RECORD + "/*-CreateItem.request.xml") and glob.glob(RECORD + "/*.response-500.xml")
    assert DX.counters()["operation.CreateItem"] > 10
    DX.__exit__(None, None, None)


try:
    tap.main()
finally:
    DX.stop()
    shutil.rmtree(RECORD, ignore_errors=True)
