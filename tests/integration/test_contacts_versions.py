"""Versions of contact lists: kept, compared, served while the mailbox is down."""
import contextlib
import json

import pgcluster
import tap
from syncsite import SyncSite

ALICE = "alice@im.example"


@contextlib.contextmanager
def site_on(store, dialect="folder", **options):
    """A site with a list of three, moved, on an SQLite or a PostgreSQL store."""
    with contextlib.ExitStack() as stack:
        url = None
        if store == "postgresql":
            cluster = stack.enter_context(pgcluster.Cluster())
            cluster.create_database("versions")
            url = cluster.url_of("versions")
        site = stack.enter_context(SyncSite(["alice"], dialect, store=url, **options))
        for name in ("Carol", "Dave", "Eve"):
            site.rosters.set(ALICE, name.lower() + "@im.example", name=name, groups=["Friends"])
        site.allow()
        site.migrate("--all")
        yield site


def both_stores(name, **options):
    def add(function):
        for store in ("sqlite", "postgresql"):
            def run(store=store):
                with site_on(store, **options) as site:
                    function(site)
            tap.test("%s: %s" % (store, name))(run)
        return function
    return add


def rows(site, *words):
    return json.loads(site.check(site.imex("contacts", *words, "--json")))


def history(site):
    return [(int(v["version"]), v["by"], int(v["contacts"]), int(v["added"]), int(v["changed"]), int(v["removed"]))
            for v in rows(site, "history", ALICE)]


def edit(site):
    """A second version: Zoe comes, Dave gets another name, Eve goes."""
    site.mail_add("alice", "zoe@corp.example", "Zoë", ["New"])
    site.rosters.set(ALICE, "dave@im.example", name="David", groups=["Friends"])
    site.mail_remove("alice", "eve@corp.example")
    site.once()
    site.settle()


@both_stores("every change is a version, what did not change is none, and any two can be compared")
def _(site):
    assert history(site) == [(1, "before migration", 3, 3, 0, 0)], history(site)
    site.once()
    site.check(site.imex("contacts", "sync", ALICE))
    assert len(history(site)) == 1
    edit(site)
    assert history(site)[0] == (2, "sync", 3, 1, 1, 1), history(site)
    wanted = [("dave@im.example", "Dave [Friends]", "David [Friends]", "changed"),
              ("eve@im.example", "Eve [Friends]", None, "removed"),
              ("zoe@im.example", None, "Zoë [New]", "added")]
    found = [(c["contact"], c["before"], c["after"], c["change"]) for c in rows(site, "diff", ALICE, "1", "2")]
    assert found == wanted, found
    assert rows(site, "diff", ALICE, "1") == rows(site, "diff", ALICE, "1", "2")
    assert rows(site, "diff", ALICE, "2") == [] == rows(site, "diff", ALICE)
    backwards = {c["change"] for c in rows(site, "diff", ALICE, "2", "1") if c["contact"] == "zoe@im.example"}
    assert backwards == {"removed"}, backwards
    assert [c["contact"] for c in rows(site, "show", ALICE, "--version", "1")] == [
        "carol@im.example", "dave@im.example", "eve@im.example"]
    for words in (("diff", ALICE, "9"), ("diff", ALICE, "x"), ("show", ALICE, "--version", "0"),
                  ("diff", ALICE, "-1"), ("diff", ALICE, "1", "2", "3"), ("history",), ("history", "nobody@im.example")):
        done = site.imex("contacts", *words)
        assert done.returncode == 2 and done.stderr.count("\n") >= 1, (words, done)


@both_stores("while the mailbox is down, the last good list is shown with its age")
def _(site):
    good = rows(site, "status", ALICE)[0]["as of"]
    listed = rows(site, "show", ALICE)
    url = site.values["ews"]
    site.configure(ews="https://127.0.0.1:1/EWS/Exchange.asmx")
    assert site.run("imexd", "--once").returncode == 1
    shown = site.check(site.imex("contacts", "show", ALICE))
    assert "as of %s, " % good in shown and " ago\n" in shown, shown
    assert "to be read only: " in shown and "carol@im.example" in shown, shown
    done = site.imex("contacts", "status", ALICE, "--json")
    assert done.returncode == 3 and json.loads(done.stdout)[0]["as of"] == good, done
    assert rows(site, "show", ALICE) == listed and len(listed) == 3
    site.configure(ews=url)
    site.once()
    shown = site.check(site.imex("contacts", "show", ALICE))
    assert "read only" not in shown and "as of " in shown, shown



@tap.test("the list as it was before it moved is a version, too")
def _():
    with SyncSite(["alice"]) as site:
        for name in ("Carol", "Dave"):
            site.rosters.set(ALICE, name.lower() + "@im.example", name=name, groups=["Friends"])
        site.mail_add("alice", "carol@corp.example", "Karoline", ["Club"])
        site.mail_add("alice", "zoe@corp.example", "Zoë")
        site.allow()
        site.migrate("--all")
        assert [(v[0], v[1]) for v in history(site)] == [(2, "migration"), (1, "before migration")], history(site)
        found = [(c["contact"], c["before"], c["after"]) for c in rows(site, "diff", ALICE, "1", "2")]
        assert found == [("carol@im.example", "Carol [Friends]", "Karoline [Club, Friends]"),
                         ("zoe@im.example", None, "Zoë")], found
        site.check(site.imex("contacts", "restore", ALICE, "--version", "1"))
        assert site.roster("alice") == {"carol@im.example": ("Carol", {"Friends"}), "dave@im.example": ("Dave", {"Friends"})}
        site.assert_same("alice")
        site.settle()


UNREACHABLE = "https://127.0.0.1:1/EWS/Exchange.asmx"
FIRST = {"carol@im.example": ("Carol", {"Friends"}), "dave@im.example": ("Dave", {"Friends"}),
         "eve@im.example": ("Eve", {"Friends"})}


def restore(dialect, site):
    edit(site)
    site.mail_add("alice", "new@corp.example", "New")
    planned = rows(site, "restore", ALICE, "--version", "1", "--dry-run")
    assert planned == [{"side": "mailbox", "created": "1", "updated": "1", "deleted": "1"},
                       {"side": "IM side", "created": "2", "updated": "1", "deleted": "1"}], planned
    assert "zoe@im.example" in site.roster("alice") and len(history(site)) == 2
    assert rows(site, "restore", ALICE, "--version", "1") == planned
    wanted = dict(FIRST, **{"new@im.example": ("New", set())})
    assert site.roster("alice") == wanted, site.roster("alice")
    site.assert_same("alice")
    assert history(site)[0] == (3, "restore", 4, 2, 1, 1), history(site)
    site.settle()
    assert site.roster("alice") == wanted
    found = {c["contact"] for c in rows(site, "diff", ALICE, "1")}
    assert found == {"new@im.example"}, found
    for words, code in ((("--version", "77"), 2), ((), 2), (("--version", "one"), 2)):
        done = site.imex("contacts", "restore", ALICE, *words)
        assert done.returncode == code and site.roster("alice") == wanted, done


both_stores("a version comes back through the plan, and what is new stays")(lambda site: restore("folder", site))


@tap.test("ucs: a version comes back through the plan, and what is new stays")
def _():
    with site_on("sqlite", "ucs") as site:
        restore("ucs", site)


@both_stores("a restore that would delete much stops, and says how to go on")
def _(site):
    for i in range(10):
        site.rosters.set(ALICE, "more%d@im.example" % i, name="More")
    site.once()
    done = site.imex("contacts", "restore", ALICE, "--version", "1")
    assert done.returncode == 1 and "--allow-mass-delete" in done.stderr, done
    assert len(site.roster("alice")) == 13 == len(site.mailbox("alice"))
    site.check(site.imex("contacts", "restore", ALICE, "--version", "1", "--allow-mass-delete"))
    assert site.roster("alice") == FIRST
    site.settle()
    site.assert_same("alice")


@both_stores("without the mailbox a rollback refuses and names the way, which a version then is")
def _(site):
    edit(site)
    site.configure(ews=UNREACHABLE)
    site.rosters.set(ALICE, "late@im.example", name="Late")
    site.rosters.set(ALICE, "carol@im.example", name="Caroline", groups=["Friends"])
    before = site.roster("alice")
    done = site.imex("contacts", "rollback", ALICE)
    assert done.returncode == 1 and "--from-snapshot" in done.stderr and "version 2" in done.stderr, done
    assert site.imex("contacts", "rollback", ALICE, "--version", "1").returncode == 2
    assert site.imex("contacts", "rollback", ALICE, "--from-snapshot", "--version", "9").returncode == 2
    assert site.roster("alice") == before
    assert rows(site, "status", ALICE)[0]["state"] == "in the mailbox"
    site.check(site.imex("contacts", "rollback", ALICE, "--from-snapshot", "--dry-run"))
    assert site.roster("alice") == before
    site.rosters.remove(ALICE, "zoe@im.example")  # the IM side's own edits stay
    site.check(site.imex("contacts", "rollback", ALICE, "--from-snapshot"))
    wanted = {"carol@im.example": ("Caroline", {"Friends"}), "dave@im.example": ("David", {"Friends"}),
              "late@im.example": ("Late", set())}
    assert site.roster("alice") == wanted, site.roster("alice")
    assert "rolled back" in rows(site, "status", ALICE)[0]["state"]
    explained = json.loads(site.check(site.imex("policy", "explain", ALICE, "contacts", "--json")))
    assert "not-allowed" in json.dumps(explained), explained
    site.once()  # pinned: nobody is asked, although the mailbox is still down
    assert site.roster("alice") == wanted
    site.check(site.imex("contacts", "restore", ALICE, "--version", "1"))
    assert site.roster("alice") == FIRST
    assert "rolled back" in rows(site, "status", ALICE)[0]["state"]


@both_stores("a rollback from an older version brings back what went since")
def _(site):
    edit(site)
    site.check(site.imex("contacts", "rollback", ALICE, "--from-snapshot", "--version", "1"))
    assert site.roster("alice") == FIRST
    site.check(site.imex("contacts", "unpin", ALICE))
    site.allow()
    site.migrate("--all")
    site.settle()
    site.assert_same("alice")
    assert set(site.roster("alice")) == set(FIRST) | {"zoe@im.example"}
    causes = [v[1] for v in history(site)]
    assert causes[0] in ("migration", "sync") and causes[-1] == "before migration", causes



@tap.test("a mailbox that comes up empty takes nothing along: the list stays, or a version brings it back")
def _():
    for contacts in (3, 9):
        with site_on("sqlite") as site:
            for i in range(3, contacts):
                site.rosters.set(ALICE, "more%d@im.example" % i, name="More")
            site.once()
            site.settle()
            before = site.roster("alice")
            assert len(before) == contacts
            for jid in before:
                site.mail_remove("alice", site.mail_address(jid))
            done = site.imex("contacts", "rollback", ALICE)
            assert site.roster("alice") == before
            if done.returncode != 0:
                assert contacts == 9 and "--from-snapshot" in done.stderr and "sync" not in done.stderr.split("(")[0], done
                site.check(site.imex("contacts", "rollback", ALICE, "--from-snapshot"))
            assert site.roster("alice") == before
            assert "rolled back" in rows(site, "status", ALICE)[0]["state"]


tap.main()
