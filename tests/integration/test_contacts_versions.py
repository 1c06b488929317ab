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
    assert history(site) == [(1, "migration", 3, 3, 0, 0)], history(site)
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


tap.main()
