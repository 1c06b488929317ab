"""imex contacts test and verify: reading both sides anew, and what stands twice."""
import json

import tap
from devexchange import NS, T
from syncsite import SyncSite

ALICE = "alice@im.example"
DIALECTS = ("folder", "ucs")


def both(name):
    def add(function):
        for dialect in DIALECTS:
            tap.test("%s: %s" % (dialect, name))(lambda d=dialect: function(d))
        return function
    return add


def result(site, user, code=0):
    done = site.imex("contacts", "test", user, "--json")
    assert done.returncode == code, done
    row = json.loads(done.stdout)[0]
    assert int(row["ms"]) >= 0
    return row


def findings(site, *words, code=None):
    done = site.imex("contacts", "verify", ALICE, *words, "--json")
    found = [(f["subject"], f["finding"]) for f in json.loads(done.stdout or "[]")]
    assert done.returncode == (code if code is not None else 3 if found else 0), done
    return found


def writes(site):
    counters = site.dx.counters()
    return sum(n for name, n in counters.items() if name.startswith("operation.") and not any(
        read in name for read in (".Get", ".Find", ".Sync", ".Resolve")))


@both("an empty list is a success with 0 contacts; what fails says why")
def _(dialect):
    with SyncSite(["alice"], dialect) as site:
        row = result(site, ALICE)
        assert (row["result"], row["contacts"], row["dialect"], row["message"]) == (
            "success", "0", dialect, "0 contacts"), row
        site.mail_add("alice", "zoe@corp.example", "Zoë", ["New"])
        assert result(site, ALICE)["message"] == "1 contacts"
        assert json.loads(site.check(site.imex("contacts", "status", "--json"))) == []  # nothing was pinned
        row = result(site, "nobody@im.example", 1)
        assert row["result"] == "failure" and row["reason"].startswith("ews."), row
        site.configure(ews="https://127.0.0.1:1/EWS/Exchange.asmx")
        row = result(site, ALICE, 1)
        assert (row["result"], row["reason"], row["contacts"]) == ("failure", "http.unreachable", None), row
        done = site.imex("contacts", "test", ALICE)
        assert done.returncode == 1 and "failure" in done.stdout, done
        for words in ((), ("x y",), (ALICE, ALICE)):
            assert site.imex("contacts", "test", *words).returncode == 2, words


@both("verify finds what is not in step, and writes nothing")
def _(dialect):
    with SyncSite(["alice"], dialect) as site:
        for name in ("Carol", "Dave", "Eve", "Gone"):
            site.rosters.set(ALICE, name.lower() + "@im.example", name=name, groups=["Friends"])
        site.allow()
        site.migrate("--all")
        assert findings(site) == []
        site.rosters.set(ALICE, "carol@im.example", name="Caroline", groups=["Friends"])
        site.rosters.set(ALICE, "new@im.example", name="New")
        site.mail_remove("alice", "dave@corp.example")
        site.mail_add("alice", "zoe@corp.example", "Zoë")
        site.mail_add("alice", "far@elsewhere.example", "Far")
        site.mail_remove("alice", "gone@corp.example")
        site.rosters.remove(ALICE, "gone@im.example")
        roster, before = site.roster("alice"), writes(site)
        wanted = [("1", "contacts of the mailbox have no address on the IM side"),
                  ("carol@im.example", "not the same on both sides"),
                  ("dave@im.example", "on the IM side only"),
                  ("gone@im.example", "gone on both sides since the last pass"),
                  ("new@im.example", "on the IM side only"), ("zoe@im.example", "in the mailbox only")]
        assert sorted(findings(site)) == wanted, findings(site)
        assert sorted(findings(site, "--dry-run", "--dedupe")) == wanted
        assert site.roster("alice") == roster and writes(site) == before
        site.once()
        site.settle()
        assert findings(site) == wanted[:1]
        site.configure(ews="https://127.0.0.1:1/EWS/Exchange.asmx")
        done = site.imex("contacts", "verify", ALICE)
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done
        assert site.imex("contacts", "verify", "nobody@im.example").returncode == 2


def leave(site, address, kind):
    """Out of the group of that class, whatever else the contact is in."""
    groups = site.soap("alice", "<m:GetImItemList/>").iter("{%s}ImGroup" % T)
    ident = next(g.find("t:ExchangeStoreId", NS).get("Id") for g in groups
                 if g.findtext("t:GroupType", namespaces=NS) == "IPM.DistList.MOC." + kind)
    site.soap("alice", '<m:RemoveImContactFromGroup><m:ContactId Id="%s"/><m:GroupId Id="%s"/></m:RemoveImContactFromGroup>'
              % (site.item_of("alice", address)[0], ident))


@tap.test("ucs: what must hold of the groups of a list is looked at, and said where it is broken")
def _():
    with SyncSite(["alice"], "ucs") as site:
        site.rosters.set(ALICE, "carol@im.example", name="Carol", groups=["Friends"])
        site.rosters.set(ALICE, "dave@im.example", name="Dave")
        site.allow()
        site.migrate("--all")
        assert findings(site) == []
        # Whoever joins or leaves his only group leaves or joins Other Contacts.
        site.rosters.set(ALICE, "dave@im.example", name="Dave", groups=["Friends", "Work"])
        site.rosters.set(ALICE, "carol@im.example", name="Carol", groups=[])
        site.once()
        site.settle()
        assert findings(site) == []
        both = ("carol@corp.example", "in Other Contacts and in the group Work")
        site.mail_join("alice", site.item_of("alice", "carol@corp.example")[0], "Work")
        assert both in findings(site)
        site.once()
        site.settle()
        assert findings(site) == [both]
        leave(site, "carol@corp.example", "OtherContacts")
        assert findings(site) == []


@tap.test("folder: --dedupe removes what adds nothing, and only that")
def _():
    with SyncSite(["alice"]) as site:
        site.mail_add("alice", "carol@corp.example", "Carol", ["Friends", "Work"])
        site.allow()
        done = site.imex("contacts", "verify", ALICE, "--dedupe")
        assert done.returncode == 2, done
        site.migrate("--all")
        site.mail_add("alice", "carol@corp.example", "Carol", ["Friends"])
        site.mail_add("alice", "carol@corp.example", "Carol", ["Friends", "Work"])
        site.mail_add("alice", "carol@corp.example", "Carol", ["Choir"])
        site.once()
        assert len(site.items("alice")) == 4
        twin, other = "twice in the mailbox: --dedupe removes it", "twice in the mailbox, and not the same"
        found = findings(site, "--dedupe", "--dry-run")
        assert sorted(found) == [("carol@im.example", other)] + [("carol@im.example", twin)] * 2, found
        assert len(site.items("alice")) == 4
        assert findings(site, "--dedupe", code=3) == [("carol@im.example", other)]
        left = sorted((name, sorted(groups)) for _, _, name, groups in site.items("alice"))
        assert left == [("Carol", ["Choir"]), ("Carol", ["Friends", "Work"])], left
        site.settle()
        assert site.roster("alice") == {"carol@im.example": ("Carol", {"Friends", "Work"})}


tap.main()
