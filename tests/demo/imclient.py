#!/usr/bin/python3
"""A user's IM client and its server, as far as the demonstration needs them: edits the rosters in
a Prosody database (SQLite) the way Prosody does, the roster's version included.

    imclient.py DATABASE create DUMP
    imclient.py DATABASE list USER
    imclient.py DATABASE add USER ADDRESS NAME GROUP
    imclient.py DATABASE rename USER ADDRESS NEW-NAME
    imclient.py DATABASE remove USER ADDRESS
"""
import json
import sqlite3
import sys

HOST = "im.example"


def create(path, dump):
    with open(dump, encoding="utf-8") as text, sqlite3.connect(path) as db:
        db.executescript(text.read())


def rows(db, user):
    found = db.execute('SELECT key, value FROM prosody WHERE host=? AND "user"=? AND store=\'roster\' ORDER BY key',
                       (HOST, user))
    return {key: json.loads(value) for key, value in found}


def put(db, user, key, value):
    db.execute('DELETE FROM prosody WHERE host=? AND "user"=? AND store=\'roster\' AND key=?', (HOST, user, key))
    if value is not None:
        db.execute("INSERT INTO prosody VALUES (?, ?, 'roster', ?, 'json', ?)",
                   (HOST, user, key, json.dumps(value, ensure_ascii=False)))


def edit(path, user, address, change):
    with sqlite3.connect(path) as db:
        roster = rows(db, user)
        put(db, user, address, change(roster.get(address)))
        head = roster.get("") or {"__hash": [False, {"pending": {}, "version": 0}]}
        head["__hash"][1]["version"] += 1
        put(db, user, "", head)


def add(path, user, address, name, group):
    edit(path, user, address, lambda item: {"name": name, "groups": {group: True}, "subscription": "none"})


def rename(path, user, address, name):
    edit(path, user, address, lambda item: dict(item, name=name))


def remove(path, user, address):
    edit(path, user, address, lambda item: None)


def show(path, user):
    with sqlite3.connect(path) as db:
        for address, item in rows(db, user).items():
            if address:
                groups = ", ".join(sorted(item.get("groups") or {})) or "-"
                print("%-28s %-26s %s" % (address, item.get("name", "-"), groups))


COMMANDS = {"create": (create, 1), "list": (show, 1), "add": (add, 4), "rename": (rename, 3), "remove": (remove, 2)}

if __name__ == "__main__":
    words = sys.argv[1:]
    if len(words) < 2 or words[1] not in COMMANDS or len(words) - 2 != COMMANDS[words[1]][1]:
        sys.exit(__doc__)
    COMMANDS[words[1]][0](words[0], *words[2:])
