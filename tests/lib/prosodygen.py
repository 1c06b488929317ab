#!/usr/bin/python3
"""Prosody databases for tests: from a dump, generated from a seed, and changed as Prosody changes them.

    prosodygen.py load DUMP.sql DATABASE
    prosodygen.py make DATABASE [--users N] [--contacts M] [--conversations K] [--messages A-B]
                       [--rooms R] [--external E] [--seed S] [--domain D] [--start TIME]
    prosodygen.py roster DATABASE OWNER
    prosodygen.py set DATABASE OWNER JID [--name NAME] [--group GROUP]...
    prosodygen.py remove DATABASE OWNER JID
    prosodygen.py say DATABASE FROM TO TEXT [--at TIME]

DATABASE is an SQLite file or a URL: sqlite:///FILE or postgresql://..., "prosody+" before it or not. For
PostgreSQL, psql is used. `make` prints as JSON what is in the database, the seed included; the same
options give the same rows on both engines.

From Python: db = prosodygen.Database(url); facts = prosodygen.make(db, users=200, seed=7);
db.set("alice@im.example", "bob@im.example", name="Bob", groups=["Friends"]); db.say(...)
"""
import argparse
import base64
import datetime
import glob
import hashlib
import hmac
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from xml.sax.saxutils import escape, quoteattr

SCHEMA = """
CREATE TABLE "prosody" ("host" TEXT NOT NULL, "user" TEXT NOT NULL, "store" TEXT NOT NULL,
  "key" TEXT NOT NULL, "type" TEXT NOT NULL, "value" TEXT NOT NULL);
CREATE TABLE "prosodyarchive" ("sort_id" %(serial)s, "host" TEXT NOT NULL, "user" TEXT NOT NULL,
  "store" TEXT NOT NULL, "key" TEXT NOT NULL, "when" INTEGER NOT NULL, "with" TEXT NOT NULL,
  "type" TEXT NOT NULL, "value" TEXT NOT NULL);
CREATE INDEX "prosody_index" ON "prosody" ("host", "user", "store", "key");
CREATE UNIQUE INDEX "prosodyarchive_index" ON "prosodyarchive" ("host", "user", "store", "key");
CREATE INDEX "prosodyarchive_with_when" ON "prosodyarchive" ("host", "user", "store", "with", "when");
CREATE INDEX "prosodyarchive_when" ON "prosodyarchive" ("host", "user", "store", "when");
CREATE INDEX "prosodyarchive_sort" ON "prosodyarchive" ("host", "user", "store", "sort_id");
"""

NAMES = ["Alice Liddell", "Bob Builder", "Carol Ünïcode", "Дмитрий Орлов", "Ελένη Παππά", "李小龙", "山田 花子",
         "김민수", "محمد علي", "דוד כהן", "प्रिया शर्मा", "สมชาย ใจดี", "Nguyễn Thị Ánh", "Zoë O'Brien",
         "Łukasz Żółć", "Ólafur Þórsson", "İpek Çelik", "Մարիամ", "ქეთევან", "Robert \"Bobby\" <Tables>",
         "Ann & Ben", "👩‍💻 Dana", "e\u0301tienne", "አበበ"]
GROUPS = ["Colleagues", "Friends", "Ops / On-call", "Друзья", "同事", "משפחה", "أصدقاء", "Ünïcode; Ltd.", "R&D",
          "家族", "Projekt „Grün“", "🎉 Party"]
WORDS = ["hello", "is the build green?", "not *yet*", "<sigh> & sorry", "ça va ?", "Привет, как дела", "你好吗",
         "こんにちは", "안녕하세요", "مرحبا", "שלום", "नमस्ते", "สวัสดี", "ok 👍", "😀😀", "see https://example.org/x?a=1&b=2",
         "line one\nline two", "\"quoted\"", "5 < 6 > 4", "tab\there", "naïve café", "🇮🇸🏳️‍🌈"]
WEIGHTS = [("chat", 80), ("correction", 5), ("reaction", 5), ("retraction", 2), ("file", 4), ("encrypted", 4)]


def _literal(value):
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def _psql():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/psql"))
    return found[-1] if found else shutil.which("psql") or "psql"


def split(jid):
    user, _, host = jid.partition("@")
    return user, host


class Database:
    """One of Prosody's databases. Every verb is one transaction."""

    def __init__(self, url):
        url = url[len("prosody+"):] if url.startswith("prosody+") else url
        self.postgresql = url.startswith("postgresql:")
        self.target = url if self.postgresql else url[len("sqlite://"):] if url.startswith("sqlite://") else url
        self.url = "prosody+postgresql" + url[len("postgresql"):] if self.postgresql else \
            "prosody+sqlite://" + os.path.abspath(self.target)

    def script(self, sql):
        if self.postgresql:
            run = subprocess.run([_psql(), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", self.target, "-f", "-"],
                                 input=sql, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                 env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGCLIENTENCODING": "UTF8"})
            if run.returncode != 0:
                raise RuntimeError("psql: " + run.stderr.strip())
            return
        connection = sqlite3.connect(self.target)
        try:
            connection.executescript(sql if "BEGIN TRANSACTION" in sql else "BEGIN IMMEDIATE;\n" + sql + "\nCOMMIT;")
        finally:
            connection.close()

    def rows(self, sql):
        """Rows as lists of values."""
        if self.postgresql:
            run = subprocess.run([_psql(), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.target, "-c",
                                  "SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM (%s) t" % sql],
                                 text=True, check=True, stdout=subprocess.PIPE,
                                 env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGCLIENTENCODING": "UTF8"})
            return [list(row.values()) for row in json.loads(run.stdout)]
        connection = sqlite3.connect(self.target)
        try:
            return [list(row) for row in connection.execute(sql)]
        finally:
            connection.close()

    def create(self):
        serial = "BIGSERIAL PRIMARY KEY" if self.postgresql else "INTEGER PRIMARY KEY AUTOINCREMENT"
        self.script(SCHEMA % {"serial": serial})

    def insert(self, table, columns, rows, size=500):
        names = ", ".join('"%s"' % c for c in columns)
        parts = []
        for at in range(0, len(rows), size):
            values = ",\n".join("(" + ", ".join(_literal(v) for v in row) + ")" for row in rows[at:at + size])
            parts.append('INSERT INTO "%s" (%s) VALUES\n%s;' % (table, names, values))
        if parts:
            self.script("\n".join(parts))

    # Rosters

    def _roster_row(self, owner, key):
        user, host = split(owner)
        found = self.rows('SELECT value FROM prosody WHERE host = %s AND "user" = %s AND store = \'roster\' '
                          "AND key = %s" % (_literal(host), _literal(user), _literal(key)))
        return json.loads(found[-1][0]) if found else None

    def _replace(self, owner, rows):
        user, host = split(owner)
        script = []
        for key, value in rows:
            script.append('DELETE FROM prosody WHERE host = %s AND "user" = %s AND store = \'roster\' AND key = %s;'
                          % (_literal(host), _literal(user), _literal(key)))
            if value is not None:
                script.append('INSERT INTO prosody (host, "user", store, key, type, value) VALUES '
                              "(%s, %s, 'roster', %s, 'json', %s);" % (
                                  _literal(host), _literal(user), _literal(key),
                                  _literal(json.dumps(value, ensure_ascii=False, separators=(",", ":")))))
        self.script("\n".join(script))

    def _bumped(self, owner):
        meta = self._roster_row(owner, "") or {"__hash": [False, {"pending": {}, "version": 0}]}
        meta["__hash"][1]["version"] = meta["__hash"][1].get("version", 0) + 1
        return meta

    def set(self, owner, jid, name=None, groups=None, bump=True):
        """Adds or changes a contact as a client would through Prosody; None leaves what is there."""
        item = self._roster_row(owner, jid) or {"subscription": "none", "groups": {}}
        if name is not None:
            item["name"] = name
        if groups is not None:
            item["groups"] = {g: True for g in groups}
        self._replace(owner, [(jid, item)] + ([("", self._bumped(owner))] if bump else []))

    def remove(self, owner, jid, bump=True):
        self._replace(owner, [(jid, None)] + ([("", self._bumped(owner))] if bump else []))

    def version(self, owner):
        meta = self._roster_row(owner, "")
        return meta["__hash"][1]["version"] if meta else None

    def roster(self, owner):
        """{jid: {"name": ..., "groups": [...], "subscription": ...}}"""
        user, host = split(owner)
        out = {}
        for key, value in self.rows('SELECT key, value FROM prosody WHERE host = %s AND "user" = %s AND '
                                    "store = 'roster' AND key <> ''" % (_literal(host), _literal(user))):
            item = json.loads(value)
            out[key] = {"name": item.get("name"), "groups": sorted(item.get("groups") or {}),
                        "subscription": item.get("subscription")}
        return out

    def owners(self):
        return sorted("%s@%s" % (u, h) for u, h in self.rows(
            "SELECT DISTINCT \"user\", host FROM prosody WHERE store IN ('roster', 'accounts') AND \"user\" <> ''"))

    # Messages

    def say(self, sender, to, text, at=None, stanza_id=None):
        """A message between two users; each of them who has an account gets a row."""
        at = int(at if at is not None else datetime.datetime.now(datetime.timezone.utc).timestamp())
        stanza_id = stanza_id or hashlib.sha256(("%s %s %s %d" % (sender, to, text, at)).encode()).hexdigest()[:24]
        stanza = chat(sender, to, stanza_id, "<body>%s</body>" % escape(text), origin=True)
        known = set(self.owners())
        rows = []
        for owner, other in ((sender, to), (to, sender)):
            if owner in known:
                user, host = split(owner)
                rows.append((host, user, "archive", _uuid("%s/%s" % (owner, stanza_id)), at, other, "xml", stanza))
        self.insert("prosodyarchive", ARCHIVE, rows)
        return stanza_id


ARCHIVE = ("host", "user", "store", "key", "when", "with", "type", "value")
KEYVALUE = ("host", "user", "store", "key", "type", "value")


def _uuid(text):
    digest = hashlib.sha256(text.encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], "4" + digest[13:16], "8" + digest[17:20], digest[20:32]))


def chat(sender, to, stanza_id, inner, origin=False, kind="chat"):
    extra = "<origin-id id=%s xmlns='urn:xmpp:sid:0'/>" % quoteattr(stanza_id) if origin else ""
    return "<message to=%s from=%s type='%s' id=%s>%s%s</message>" % (
        quoteattr(to), quoteattr(sender + "/desk"), kind, quoteattr(stanza_id), inner, extra)


def _event(rng, kind, stanza_id, last):
    """The inside of a stanza."""
    if kind == "correction" and last:
        return "<body>%s</body><replace id=%s xmlns='urn:xmpp:message-correct:0'/>" % (
            escape(rng.choice(WORDS)), quoteattr(last))
    if kind == "reaction" and last:
        return "<reactions id=%s xmlns='urn:xmpp:reactions:0'><reaction>%s</reaction></reactions>" % (
            quoteattr(last), rng.choice(["👍", "❤️", "😂"]))
    if kind == "retraction" and last:
        return ("<apply-to id=%s xmlns='urn:xmpp:fasten:0'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>"
                "<body>This person attempted to retract a previous message</body>" % quoteattr(last))
    if kind == "file":
        url = "https://up.example/%s/%s" % (stanza_id, rng.choice(["log.txt", "Bild%20%C3%BC.png", "отчёт.pdf"]))
        return "<body>%s</body><x xmlns='jabber:x:oob'><url>%s</url></x>" % (escape(url), escape(url))
    if kind == "encrypted":
        return ("<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>AAAA</payload></encrypted>"
                "<body>I sent you an OMEMO encrypted message</body>")
    text = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 6)))
    return "<body>%s</body>" % escape(text)


class _Maker:
    def __init__(self, seed, domain, start):
        self.rng = random.Random(seed)
        self.domain = domain
        self.rooms_host = "rooms." + domain
        self.start = start
        self.rows = []  # (time, tie, row of prosodyarchive)
        self.values = []
        self.kinds = {}
        self.serial = 0

    def next_id(self):
        self.serial += 1
        return "%08x-%d" % (self.rng.getrandbits(32), self.serial)

    def count(self, kind):
        self.kinds[kind] = self.kinds.get(kind, 0) + 1

    def add(self, at, host, user, store, other, stanza):
        key = _uuid("%s %s %d" % (host, user, len(self.rows)))
        self.rows.append((at, len(self.rows), (host, user, store, key, at, other, "xml", stanza)))

    def people(self, users):
        self.users = ["user%04d@%s" % (i + 1, self.domain) for i in range(users)]
        self.names = {u: "%s %d" % (NAMES[i % len(NAMES)], i + 1) for i, u in enumerate(self.users)}
        for jid in self.users:
            user, host = split(jid)
            for key, kind, value in (("iteration_count", "number", "10000"), ("salt", "string", _uuid(jid))):
                self.values.append((host, user, "accounts", key, kind, value))

    def rosters(self, contacts, external):
        total, groups = 0, set()
        for owner in self.users:
            user, host = split(owner)
            others = [u for u in self.users if u != owner]
            chosen = [(u, self.names[u], "both") for u in self.rng.sample(others, min(contacts, len(others)))]
            chosen += [("guest%d@partner.example" % self.rng.randint(1, 9999), "Guest %d" % i, "none")
                       for i in range(external)]
            for jid, name, subscription in dict((c[0], c) for c in chosen).values():
                mine = self.rng.sample(GROUPS, self.rng.choice([0, 1, 1, 1, 2, 3]))
                groups.update((owner, g) for g in mine)
                item = {"subscription": subscription, "groups": {g: True for g in mine}}
                if self.rng.random() > 0.05:
                    item["name"] = name
                self.values.append((host, user, "roster", jid, "json",
                                    json.dumps(item, ensure_ascii=False, separators=(",", ":"))))
                total += 1
            self.values.append((host, user, "roster", "", "json",
                                '{"__hash":[false,{"pending":{},"version":%d}]}' % self.rng.randint(1, 50)))
        return total, len(groups)

    def pick_kind(self, last):
        kind = self.rng.choices([k for k, _ in WEIGHTS], [w for _, w in WEIGHTS])[0]
        return kind if last or kind not in ("correction", "reaction", "retraction") else "chat"

    def conversation(self, number, low, high):
        a, b = self.rng.sample(self.users, 2)
        # Each talk has an hour of its own, so that no idle gap joins two of the same pair.
        at = self.start + number * 3600 + self.rng.randint(0, 60)
        mine = {a: None, b: None}
        thread = self.next_id() if self.rng.random() < 0.3 else None
        for _ in range(self.rng.randint(low, high)):
            sender, to = self.rng.sample((a, b), 2)
            target = mine[to] if self.rng.random() < 0.5 else mine[sender]
            kind = self.pick_kind(mine[sender])
            stanza_id = self.next_id()
            inner = _event(self.rng, kind, stanza_id, target if kind == "reaction" and target else mine[sender])
            if thread:
                inner += "<thread>%s</thread>" % thread
            stanza = chat(sender, to, stanza_id, inner, origin=self.rng.random() < 0.7)
            self.add(at, *reversed(split(a)), "archive", b, stanza)
            self.add(at, *reversed(split(b)), "archive", a, stanza)
            self.count(kind)
            if kind in ("chat", "file"):
                mine[sender] = stanza_id
            at += self.rng.choice([0, 0, 1, 2, 5, 20, 60])
        return tuple(sorted((a, b)))

    def room(self, number, low, high):
        name = "room%d" % (number + 1)
        jid = "%s@%s" % (name, self.rooms_host)
        open_room = number % 2 == 0
        salt = _uuid(jid)
        members = self.rng.sample(self.users, min(len(self.users), self.rng.randint(2, 6)))
        self.values.append((self.rooms_host, "", "persistent", jid, "boolean", "true"))
        config = {"name": "%s №%d" % (self.rng.choice(GROUPS), number + 1), "persistent": True,
                  "occupant_id_salt": salt, "whois": "anyone" if open_room else "moderators"}
        self.values.append((self.rooms_host, name, "config", "_data", "json",
                            json.dumps(config, ensure_ascii=False, separators=(",", ":"))))
        for i, member in enumerate(members):
            self.values.append((self.rooms_host, name, "config", member, "string", "member" if i else "owner"))
        at = self.start + number * 3600
        nick = {m: "%s/%s" % (jid, self.names[m]) for m in members}

        def real(member):
            return "<x xmlns='http://jabber.org/protocol/muc#user'><item jid=%s affiliation='member'/></x>" % \
                quoteattr(member + "/desk") if open_room else ""
        for member in members:
            self.add(at, self.rooms_host, name, "muc_log", "presence",
                     "<presence from=%s>%s</presence>" % (quoteattr(nick[member]), real(member)))
            self.count("join")
        for _ in range(self.rng.randint(low, high)):
            member = self.rng.choice(members)
            occupant = base64.b64encode(hmac.new(member.encode(), salt.encode(), hashlib.sha256).digest()).decode()
            inner = "%s<occupant-id id='%s' xmlns='urn:xmpp:occupant-id:0'/>%s" % (
                _event(self.rng, "chat", "", None), occupant, real(member))
            self.add(at, self.rooms_host, name, "muc_log", "message<groupchat",
                     "<message to=%s from=%s type='groupchat' id=%s>%s</message>" % (
                         quoteattr(jid), quoteattr(nick[member]), quoteattr(self.next_id()), inner))
            self.count("chat")
            at += self.rng.choice([0, 1, 5, 30])
        for member in members:
            self.add(at, self.rooms_host, name, "muc_log", "presence<unavailable",
                     "<presence type='unavailable' from=%s>%s</presence>" % (quoteattr(nick[member]), real(member)))
            self.count("leave")


def make(db, users=20, contacts=10, conversations=30, messages=(5, 30), rooms=2, external=0, seed=None,
         domain="im.example", start=None):
    """Fills a new database; gives what is in it."""
    seed = int.from_bytes(os.urandom(4), "big") if seed is None else seed
    start = start if start is not None else 1767225600  # 2026-01-01
    maker = _Maker(seed, domain, start)
    maker.people(users)
    total, groups = maker.rosters(contacts, external)
    pairs = {maker.conversation(n, *messages) for n in range(conversations)} if users > 1 else set()
    for n in range(rooms if users > 1 else 0):
        maker.room(n, *messages)
    maker.rows.sort(key=lambda row: row[:2])
    db.create()
    db.insert("prosody", KEYVALUE, maker.values)
    db.insert("prosodyarchive", ARCHIVE, [row for _, _, row in maker.rows])
    return {"seed": seed, "users": users, "owners": maker.users, "contacts": total, "groups": groups,
            "talks": conversations, "pairs": len(pairs), "rooms": rooms, "rows": len(maker.rows),
            "messages": sum(maker.kinds.values()), "kinds": maker.kinds, "url": db.url,
            "first": maker.rows[0][0] if maker.rows else None, "last": maker.rows[-1][0] if maker.rows else None}


def load(db, dump):
    with open(dump, encoding="utf-8") as file:
        db.script(file.read())


def _time(text):
    if text is None:
        return None
    when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int((when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)).timestamp())


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("load")
    verb.add_argument("dump")
    verb.add_argument("database")
    verb = verbs.add_parser("make")
    verb.add_argument("database")
    for name, default in (("users", 20), ("contacts", 10), ("conversations", 30), ("rooms", 2), ("external", 0)):
        verb.add_argument("--" + name, type=int, default=default)
    verb.add_argument("--messages", default="5-30")
    verb.add_argument("--seed", type=int)
    verb.add_argument("--domain", default="im.example")
    verb.add_argument("--start")
    for name in ("roster", "set", "remove"):
        verb = verbs.add_parser(name)
        verb.add_argument("database")
        verb.add_argument("owner")
        if name != "roster":
            verb.add_argument("jid")
    verbs.choices["set"].add_argument("--name")
    verbs.choices["set"].add_argument("--group", action="append")
    verb = verbs.add_parser("say")
    for name in ("database", "sender", "to", "text"):
        verb.add_argument(name)
    verb.add_argument("--at")
    return parser.parse_args()


def main():
    options = _options()
    db = Database(options.database)
    if options.verb == "load":
        load(db, options.dump)
    elif options.verb == "make":
        low, high = options.messages.split("-")
        facts = make(db, options.users, options.contacts, options.conversations, (int(low), int(high)), options.rooms,
                     options.external, options.seed, options.domain, _time(options.start))
        print(json.dumps(facts, ensure_ascii=False, indent=2))
    elif options.verb == "roster":
        print(json.dumps(db.roster(options.owner), ensure_ascii=False, indent=2, sort_keys=True))
    elif options.verb == "set":
        db.set(options.owner, options.jid, options.name, options.group)
    elif options.verb == "remove":
        db.remove(options.owner, options.jid)
    else:
        db.say(options.sender, options.to, options.text, _time(options.at))


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, sqlite3.Error, OSError) as problem:
        sys.exit("prosodygen: %s" % problem)
