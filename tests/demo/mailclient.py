#!/usr/bin/python3
"""A user's mail client, as small as it can be: shows and edits the IM contact list in a mailbox.

It signs in with the user's own name and password and shares nothing with imex. The server's URL,
its CA and the password come from the environment: EWS_URL, EWS_CA, EWS_USER, EWS_PASSWORD.

    mailclient.py list
    mailclient.py add ADDRESS NAME GROUP
    mailclient.py rename ADDRESS NEW-NAME
    mailclient.py move ADDRESS FROM-GROUP TO-GROUP
    mailclient.py rename-group OLD NEW
"""
import base64
import os
import ssl
import sys
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

M = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
T = "{http://schemas.microsoft.com/exchange/services/2006/types}"
ENVELOPE = """<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">
<s:Header><t:RequestServerVersion Version="Exchange2013"/></s:Header><s:Body>%s</s:Body></s:Envelope>"""


def call(body):
    login = "%s:%s" % (os.environ["EWS_USER"], os.environ["EWS_PASSWORD"])
    request = urllib.request.Request(os.environ["EWS_URL"], (ENVELOPE % body).encode(), {
        "Content-Type": "text/xml; charset=utf-8",
        "Authorization": "Basic " + base64.b64encode(login.encode()).decode()})
    tls = ssl.create_default_context(cafile=os.environ["EWS_CA"])
    try:
        with urllib.request.urlopen(request, context=tls, timeout=30) as answer:
            text = answer.read()
    except urllib.error.HTTPError as refused:
        sys.exit("mailclient: the server answered %d: %s" % (refused.code, refused.read()[:300]))
    tree = ET.fromstring(text)
    for code in tree.iter(M + "ResponseCode"):
        if code.text != "NoError":
            sys.exit("mailclient: the server refused: %s" % code.text)
    return tree


class ContactList:
    """What GetImItemList shows."""

    def __init__(self):
        tree = call("<m:GetImItemList/>")
        self.groups, self.people, self.members = {}, {}, {}
        for group in tree.iter(T + "ImGroup"):
            name = group.findtext(T + "DisplayName")
            self.groups[name] = group.find(T + "ExchangeStoreId").get("Id")
            self.members[name] = [i.get("Id") for i in group.findall(T + "MemberCorrelationKey/" + T + "ItemId")]
        for persona in tree.iter(T + "Persona"):
            source = [a for a in persona.iter(T + "Attribution") if a.findtext(T + "IsQuickContact") == "true"]
            if source:
                address = (persona.findtext(T + "ImAddress") or "").lower()
                address = address[4:] if address.startswith("sip:") else address
                self.people[address] = (source[0].find(T + "SourceId").get("Id"), persona.findtext(T + "DisplayName"))

    def groups_of(self, item):
        return sorted(n for n, members in self.members.items() if item in members)


def item_id(tag, identity):
    return "<m:%s Id=%s/>" % (tag, quoteattr(identity))


def show(contacts):
    for address, (item, name) in sorted(contacts.people.items()):
        print("%-28s %-26s %s" % (address, name or "-", ", ".join(contacts.groups_of(item)) or "-"))


def add(contacts, address, name, group):
    if group not in contacts.groups:
        call("<m:AddImGroup><m:DisplayName>%s</m:DisplayName></m:AddImGroup>" % escape(group))
        contacts = ContactList()
    call("<m:AddNewImContactToGroup><m:ImAddress>%s</m:ImAddress><m:DisplayName>%s</m:DisplayName>%s"
         "</m:AddNewImContactToGroup>" % (escape(address), escape(name), item_id("GroupId", contacts.groups[group])))


def rename(contacts, address, name):
    call('<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id=%s/><t:Updates>'
         '<t:SetItemField><t:FieldURI FieldURI="contacts:DisplayName"/><t:Contact><t:DisplayName>%s</t:DisplayName>'
         '</t:Contact></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>'
         % (quoteattr(contacts.people[address][0]), escape(name)))


def move(contacts, address, old, new):
    item = contacts.people[address][0]
    if new not in contacts.groups:
        call("<m:AddImGroup><m:DisplayName>%s</m:DisplayName></m:AddImGroup>" % escape(new))
        contacts = ContactList()
    call("<m:AddImContactToGroup>%s%s</m:AddImContactToGroup>"
         % (item_id("ContactId", item), item_id("GroupId", contacts.groups[new])))
    call("<m:RemoveImContactFromGroup>%s%s</m:RemoveImContactFromGroup>"
         % (item_id("ContactId", item), item_id("GroupId", contacts.groups[old])))


def rename_group(contacts, old, new):
    call("<m:SetImGroup>%s<m:NewDisplayName>%s</m:NewDisplayName></m:SetImGroup>"
         % (item_id("GroupId", contacts.groups[old]), escape(new)))


COMMANDS = {"list": (show, 0), "add": (add, 3), "rename": (rename, 2), "move": (move, 3), "rename-group": (rename_group, 2)}

if __name__ == "__main__":
    words = sys.argv[1:]
    if not words or words[0] not in COMMANDS or len(words) - 1 != COMMANDS[words[0]][1]:
        sys.exit(__doc__)
    COMMANDS[words[0]][0](ContactList(), *words[1:])
