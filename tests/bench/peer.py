#!/usr/bin/python3
"""The peer of the measurements: exchangelib doing what imex does, in a process of its own.

    peer.py URL CA migrate FILE     FILE: JSON {"owner address": [[address, name, [group...]], ...]}
    peer.py URL CA deliver FOLDER   every *.eml in FOLDER, into user0001's Conversation History
    peer.py URL CA export FOLDER    every item of the Conversation Histories of the mailboxes that are
                                    named, one to a line, on standard input, into a file of FOLDER

PEER_LOGIN is "name:password" of an impersonator. It cannot write IM addresses, so that its contacts bear an e-mail address in their place. Both print JSON: n, wall_s, cpu_s; what starts exchangelib is not counted.
"""
import glob
import json
import os
import sys
import time

URL, CA, WHAT, PATH = sys.argv[1:]
os.environ["REQUESTS_CA_BUNDLE"] = CA

from exchangelib import BASIC, IMPERSONATION, Account, Build, Configuration, Contact, Credentials, Message, Version
from exchangelib.indexed_properties import EmailAddress

LOGIN = os.environ.get("PEER_LOGIN", "service@corp.example:service").split(":")
CONFIG = Configuration(service_endpoint=URL, credentials=Credentials(*LOGIN),
                       auth_type=BASIC, version=Version(Build(15, 1, 2507)))


def account(address):
    return Account(primary_smtp_address=address, config=CONFIG, autodiscover=False, access_type=IMPERSONATION)


def migrate():
    with open(PATH) as f:
        lists = json.load(f)
    moved = 0
    for owner, contacts in lists.items():
        box = account(owner)
        box.bulk_create(folder=box.contacts, chunk_size=100, items=[
            Contact(folder=box.contacts, display_name=name, categories=groups or None,
                    email_addresses=[EmailAddress(label="EmailAddress1", email=address)])
            for address, name, groups in contacts])
        read = list(box.contacts.sync_items(only_fields=["display_name", "categories", "email_addresses"],
                                            max_changes_returned=512))
        assert len(read) == len(contacts), (owner, len(read))
        moved += len(read)
    return moved


def deliver():
    box = account("user0001@corp.example")
    folder = box.conversation_history
    messages = []
    for path in sorted(glob.glob(os.path.join(PATH, "**", "*.eml"), recursive=True)):
        with open(path, "rb") as f:
            messages.append(Message(folder=folder, mime_content=f.read(), is_read=True))
    return len(box.bulk_create(folder=folder, items=messages, chunk_size=100))


def export():
    written = 0
    for address in sys.stdin.read().split():
        for item in account(address).conversation_history.all().only("mime_content"):
            with open(os.path.join(PATH, "%06d.eml" % written), "wb") as f:
                f.write(item.mime_content)
            written += 1
    return written


wall, cpu = time.perf_counter(), time.process_time()
n = {"migrate": migrate, "deliver": deliver, "export": export}[WHAT]()
print(json.dumps({"n": n, "wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}))
