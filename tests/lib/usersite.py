"""An installation whose only source is a Prosody database with some accounts."""
import json
import os
import sqlite3

from installation import Site

PROSODY = """
CREATE TABLE prosody (host TEXT NOT NULL, user TEXT NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL,
    type TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE prosodyarchive (sort_id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, user TEXT NOT NULL,
    store TEXT NOT NULL, key TEXT NOT NULL, "when" INTEGER NOT NULL, "with" TEXT NOT NULL, type TEXT NOT NULL,
    value TEXT NOT NULL);
"""


def make_site(users, *words):
    site = Site()
    path = os.path.join(site.folder, "prosody.sqlite")
    database = sqlite3.connect(path)
    database.executescript(PROSODY)
    for user in users:
        local, host = user.split("@")
        database.execute("INSERT INTO prosody VALUES (?, ?, 'accounts', 'created', 'number', '1')", (host, local))
    database.commit()
    database.close()
    done = site.init("--domain", "im.corp.example", "--sip-domain", "corp.example", "--source",
                     "prosody+sqlite://" + path, "--server", "https://mail.corp.example/EWS/Exchange.asmx", *words)
    assert done.returncode == 0, done
    return site


def users(site):
    return {row["user"]: row for row in json.loads(site.ok("user", "list", "--json"))}
