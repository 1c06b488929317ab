#!/usr/bin/python3
"""One person under several spellings of his address is one contact, whichever side spells it how."""
import unicodedata

import tap
from syncsite import IM, MAIL, SyncSite

ALICE = "alice@" + IM
JUERGEN = unicodedata.normalize("NFC", "jürgen")
DECOMPOSED = unicodedata.normalize("NFD", JUERGEN)


def both(name):
    def add(function):
        for dialect in ("folder", "ucs"):
            tap.test("%s: %s" % (dialect, name))(lambda d=dialect: function(d))
    return add


def row(site, key, name):
    """A roster's row under a key that the IM server itself would have written otherwise."""
    site.rosters.insert("prosody", ("host", "user", "store", "key", "type", "value"),
                        [(IM, "alice", "roster", key, "json", '{"name":"%s","subscription":"both"}' % name)])


@both("the mailbox spells addresses in other cases and forms: linked, and edits travel both ways")
def _(dialect):
    with SyncSite(["alice"], dialect) as site:
        site.allow()
        site.migrate("--all")
        for key, name in (("carol", "Carol"), (JUERGEN, "Juergen")):
            site.rosters.set(ALICE, "%s@%s" % (key, IM), name=name)
        site.mail_add("alice", "CAROL@Corp.Example", "Carol")
        site.mail_add("alice", "%s@CORP.example" % DECOMPOSED.upper(), "Juergen")
        site.once()
        site.settle()
        assert set(site.roster("alice")) == {"carol@" + IM, "%s@%s" % (JUERGEN, IM)}, site.roster("alice")
        assert len(site.items("alice")) == 2, site.items("alice")
        site.rosters.set(ALICE, "carol@" + IM, name="Caroline")
        address = next(a for _, a, _, _ in site.items("alice") if a.lower() != "carol@" + MAIL)
        site.mail_rename("alice", address, "Jürgen")
        site.once()
        site.settle()
        assert {n for _, _, n, _ in site.items("alice")} == {"Caroline", "Jürgen"}, site.items("alice")
        assert site.roster("alice")["%s@%s" % (JUERGEN, IM)][0] == "Jürgen"
        assert len(site.items("alice")) == 2 and len(site.roster("alice")) == 2


@both("the IM side spells addresses in other cases and forms: one contact in the mailbox")
def _(dialect):
    with SyncSite(["alice"], dialect) as site:
        site.allow()
        site.migrate("--all")
        site.rosters.set(ALICE, "bob@" + IM, name="Bob")
        row(site, "Dave@IM.Example", "Dave")
        row(site, "%s@%s" % (DECOMPOSED, IM), "Juergen")
        site.once()
        site.settle()
        found = {unicodedata.normalize("NFC", a.lower()): n for _, a, n, _ in site.items("alice")}
        assert found == {"bob@" + MAIL: "Bob", "dave@" + MAIL: "Dave", "%s@%s" % (JUERGEN, MAIL): "Juergen"}, found
        assert len(site.items("alice")) == 3
        # The same people added in the mailbox under further spellings are linked.
        if dialect == "folder":
            site.mail_add("alice", "BOB@corp.EXAMPLE", "Bob")
            site.once()
            site.settle()
            assert len(site.roster("alice")) == 3, site.roster("alice")


@both("a spelling that is changed in the mailbox makes nobody new, and takes nobody away")
def _(dialect):
    with SyncSite(["alice"], dialect) as site:
        site.rosters.set(ALICE, "carol@" + IM, name="Carol", groups=["Friends"])
        site.rosters.set(ALICE, "bob@" + IM, name="Bob")
        site.allow()
        site.migrate("--all")
        if dialect == "folder":
            root = '<t:IndexedFieldURI FieldURI="contacts:ImAddress" FieldIndex="ImAddress1"/>'
            ident = site.item_of("alice", "carol@" + MAIL)[0]
            site.soap("alice", '<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange>'
                      '<t:ItemId Id="%s"/><t:Updates><t:SetItemField>%s<t:Contact><t:ImAddresses><t:Entry '
                      'Key="ImAddress1">SIP:Carol@CORP.Example</t:Entry></t:ImAddresses></t:Contact></t:SetItemField>'
                      "</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>" % (ident, root))
        else:
            site.mail_remove("alice", "carol@" + MAIL)
            site.mail_add("alice", "Carol@CORP.Example", "Carol", ["Friends"])
        site.once()
        site.settle()
        assert site.roster("alice") == {"carol@" + IM: ("Carol", {"Friends"}), "bob@" + IM: ("Bob", set())}, site.roster("alice")
        assert len(site.items("alice")) == 2


tap.main()
