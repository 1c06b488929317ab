#!/usr/bin/python3
"""Groups of every kind in dialect ucs, and what each becomes on the IM side; contacts that are only a number."""
import json
import re

import tap
from devexchange import NS, T
from syncsite import IM, MAIL, SyncSite

ALICE = "alice@" + IM
CLASS = "IPM.DistList.MOC."


def objects(site):
    """{(kind, name): (id, {members' item ids})} of the mailbox."""
    root = site.soap("alice", "<m:GetImItemList/>")
    return {(g.findtext("t:GroupType", namespaces=NS).replace(CLASS, ""), g.findtext("t:DisplayName", namespaces=NS)):
            (g.find("t:ExchangeStoreId", NS).get("Id"),
             {m.get("Id") for m in g.iterfind("t:MemberCorrelationKey/t:ItemId", NS)}) for g in root.iter("{%s}ImGroup" % T)}


def join(site, user, group):
    site.soap("alice", '<m:AddImContactToGroup><m:ContactId Id="%s"/><m:GroupId Id="%s"/></m:AddImContactToGroup>'
              % (site.item_of("alice", user + "@" + MAIL)[0], objects(site)[group][0]))


def fill(site):
    for name, groups in (("bob", ["Friends"]), ("carol", ["Friends"]), ("dave", []), ("eve", [])):
        site.rosters.set(ALICE, "%s@%s" % (name, IM), name=name.title(), groups=groups)
    site.allow()
    site.migrate("--all")
    site.settle()


def groups_of(site, name):
    return site.roster("alice")["%s@%s" % (name, IM)][1]


def shown(site):
    listed = json.loads(site.check(site.imex("contacts", "groups", ALICE, "--json")))
    return {(g["group"], g["kind"], g["address"], g["IM side"], g["mailbox"]) for g in listed}


@tap.test("favorites and tagged contacts are groups to the IM side, both ways, and never made anew or renamed")
def _():
    with SyncSite(["alice"], "ucs") as site:
        fill(site)
        before = objects(site)
        join(site, "carol", ("Favorites", "Favorites"))
        join(site, "dave", ("Tagged", "Tagged"))
        site.once()
        assert groups_of(site, "carol") == {"Friends", "Favorites"} and groups_of(site, "dave") == {"Tagged"}
        site.rosters.set(ALICE, "carol@" + IM, name="Carol", groups=["Friends"])
        site.rosters.set(ALICE, "bob@" + IM, name="Bob", groups=["Friends", "Favorites"])
        site.rosters.set(ALICE, "eve@" + IM, name="Eve", groups=["Tagged"])
        site.once()
        site.settle()
        after = objects(site)
        ids = {n: site.item_of("alice", n + "@" + MAIL)[0] for n in ("bob", "carol", "dave", "eve")}
        assert after[("Favorites", "Favorites")] == (before[("Favorites", "Favorites")][0], {ids["bob"]}), after
        assert after[("Tagged", "Tagged")][1] == {ids["dave"], ids["eve"]}, after
        assert {k for k, _ in after} == {k for k, _ in before}, after
        # All members go to one other group: that is no new name for a group of the server's own.
        for name in ("dave", "eve"):
            site.rosters.set(ALICE, "%s@%s" % (name, IM), name=name.title(), groups=["Watched"])
        site.once()
        site.settle()
        moved = objects(site)
        assert moved[("Tagged", "Tagged")] == (before[("Tagged", "Tagged")][0], set()), moved
        assert moved[("UserGroup", "Watched")][1] == {ids["dave"], ids["eve"]}, moved
        assert "operation.SetImGroup" not in site.dx.counters()


@tap.test("distribution groups, empty groups and Other Contacts are kept where the IM side cannot hold them")
def _():
    with SyncSite(["alice"], "ucs") as site:
        fill(site)
        site.soap("alice", "<m:AddDistributionGroupToImList><m:SmtpAddress>sales@corp.example</m:SmtpAddress>"
                  "<m:DisplayName>Sales team</m:DisplayName></m:AddDistributionGroupToImList>")
        site.soap("alice", "<m:AddImGroup><m:DisplayName>Empty</m:DisplayName></m:AddImGroup>")
        site.once()
        assert {g for _, groups in site.roster("alice").values() for g in groups} == {"Friends"}
        assert shown(site) == {
            ("Sales team", "distribution", "sales@corp.example", "0", "0"), ("Empty", "user", None, "0", "0"),
            ("Friends", "user", None, "2", "2"), ("Other Contacts", "other", None, "0", "0"),
            ("Favorites", "favorites", None, "0", "0"), ("Tagged", "tagged", None, "0", "0")}, shown(site)
        # The IM side fills the empty group, which is the same one, and empties it again.
        empty = objects(site)[("UserGroup", "Empty")][0]
        site.rosters.set(ALICE, "eve@" + IM, name="Eve", groups=["Empty"])
        site.once()
        site.settle()
        assert objects(site)[("UserGroup", "Empty")] == (empty, {site.item_of("alice", "eve@" + MAIL)[0]})
        site.rosters.set(ALICE, "eve@" + IM, name="Eve", groups=[])
        site.once()
        site.settle()
        assert objects(site)[("UserGroup", "Empty")] == (empty, set()) and "eve@" + MAIL in site.mailbox("alice")
        assert ("Empty", "user", None, "0", "0") in shown(site)
        # Gone from the mailbox, gone from the state.
        found = objects(site)
        site.soap("alice", '<m:RemoveDistributionGroupFromImList><m:GroupId Id="%s"/></m:RemoveDistributionGroupFromImList>'
                  % found[("DG", "Sales team")][0])
        site.soap("alice", '<m:RemoveImGroup><m:GroupId Id="%s"/></m:RemoveImGroup>' % empty)
        site.once()
        assert {g for g, *_ in shown(site)} == {"Friends", "Other Contacts", "Favorites", "Tagged"}, shown(site)
        site.assert_same("alice")


@tap.test("a group of the IM side that the mailbox cannot have under that name is told, and nobody is lost")
def _():
    with SyncSite(["alice"], "ucs") as site:
        fill(site)
        site.soap("alice", "<m:AddDistributionGroupToImList><m:SmtpAddress>sales@corp.example</m:SmtpAddress>"
                  "<m:DisplayName>Sales team</m:DisplayName></m:AddDistributionGroupToImList>")
        site.once()
        site.rosters.set(ALICE, "frank@" + IM, name="Frank", groups=["Sales team"])
        site.rosters.set(ALICE, "gina@" + IM, name="Gina", groups=["Friends"])
        done = site.run("imexd", "--once")
        assert "frank@" + IM in done.stderr and "Sales team" in done.stderr, done
        assert "gina@" + MAIL in site.mailbox("alice")
        assert groups_of(site, "frank") == {"Sales team"} and set(site.roster("alice")) >= {"bob@" + IM, "eve@" + IM}
        # Under another name he moves.
        site.rosters.set(ALICE, "frank@" + IM, name="Frank", groups=["Sellers"])
        site.check(site.imex("contacts", "sync", ALICE))
        assert site.mailbox("alice")["frank@" + MAIL][1] == {"Sellers"}
        assert site.imex("contacts", "groups", "nobody@" + IM).returncode == 2
        assert site.imex("contacts", "groups").returncode == 2


@tap.test("a contact that is only a number stays in the mailbox, is shown, and is never deleted for want of a place")
def _():
    with SyncSite(["alice"], "ucs") as site:
        fill(site)
        friends = objects(site)[("UserGroup", "Friends")][0]
        site.soap("alice", "<m:AddNewTelUriContactToGroup><m:TelUriAddress>tel:+15625550100</m:TelUriAddress>"
                  "<m:ImContactSipUriAddress>sip:+15625550100@corp.example;user=phone</m:ImContactSipUriAddress>"
                  "<m:ImTelephoneNumber>+15625550100</m:ImTelephoneNumber>"
                  '<m:GroupId Id="%s"/></m:AddNewTelUriContactToGroup>' % friends)
        for _ in range(2):
            site.once()
            assert not any(re.search("562", jid) for jid in site.roster("alice")), site.roster("alice")
            assert len(objects(site)[("UserGroup", "Friends")][1]) == 3
        listed = json.loads(site.check(site.imex("contacts", "show", ALICE, "--json")))
        assert [(c["contact"], c["state"]) for c in listed if c["state"] != "same"] == [
            ("tel:+15625550100", "mailbox only")], listed
        exported = json.loads(site.check(site.imex("contacts", "export", ALICE)))
        assert "tel:+15625550100" in json.dumps(exported), exported


tap.main()
