#!/usr/bin/python3
"""The table at the end of the demonstration: counted at the ends themselves, not asked of imex,
but for what only imex knows.

    summary.py ROSTERS READY-FILE USER...

EWS_CA and the users' passwords (secret-USER) as mailclient.py has them.
"""
import json
import os
import sqlite3
import ssl
import subprocess
import sys
import urllib.request

import imclient
import mailclient


def mailbox(user, url):
    os.environ.update(EWS_URL=url, EWS_USER=user + "@corp.example", EWS_PASSWORD="secret-" + user)
    contacts = mailclient.ContactList()
    used = {g for item, _ in contacts.people.values() for g in contacts.groups_of(item) if g != "Other Contacts"}
    return len(contacts.people), len(used)


def roster(database, user):
    items = [v for k, v in imclient.rows(database, user).items() if k]
    return len(items), len({g for item in items for g in item.get("groups") or {}})


def counters(ready):
    request = urllib.request.Request(ready["control"] + "/counters", headers={"X-Control-Secret": ready["secret"]})
    tls = ssl.create_default_context(cafile=os.environ["EWS_CA"])
    with urllib.request.urlopen(request, context=tls, timeout=30) as answer:
        return json.load(answer)


def imex(*words):
    return json.loads(subprocess.run(["imex", *words, "--json"], check=True, capture_output=True, text=True).stdout)


def main(rosters, ready_file, *users):
    with open(ready_file, encoding="utf-8") as f:
        ready = json.load(f)
    database = sqlite3.connect(rosters)
    archive = {row["what"]: row["value"] for row in imex("archive", "status")}
    line = "%-18s %10s %10s %10s %10s"
    print(line % ("", "IM side", "", "mailbox", ""))
    print(line % ("user", "contacts", "groups", "contacts", "groups"))
    same = True
    for user in users:
        ours, theirs = roster(database, user), mailbox(user, ready["ews"])
        same = same and ours == theirs
        print(line % ((user + "@im.example",) + ours + theirs))
    print()
    counted = counters(ready)
    print("conversations      %10s" % archive["conversations finished"])
    print("items delivered    %10s" % archive["deliveries confirmed"])
    print("tokens accepted    %10s" % counted.get("token.accepted", 0))
    print("tokens refused     %10s" % counted.get("token.refused", 0))
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
