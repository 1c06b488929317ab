"""Contact lists between a Prosody database and a stand-in Exchange, by imex migrate and imexd --once."""
import json
import os

import tap
from syncsite import SyncSite

DIALECTS = ("folder", "ucs")


def both(name, *more):
    """The test once in each dialect; with "grommunio" also against that server's habits."""
    def add(function):
        for dialect in (*DIALECTS, *more):
            tap.test("%s: %s" % (dialect, name))(lambda d=dialect: function(d))
        return function
    return add


def alice(site):
    site.rosters.set("alice@im.example", "carol@im.example", name="Carol", groups=["Friends"])
    site.rosters.set("alice@im.example", "dave@im.example", name="Däve & Söhne <x>", groups=["Friends", "Work & Co"])
    site.rosters.set("alice@im.example", "eve@im.example", name="Eve", groups=["Work & Co"])
    site.rosters.set("alice@im.example", "frank@im.example", name="Frank")
    site.allow()


@both("a list is planned, moved, read back, and then nothing is left to do", "grommunio")
def _(dialect):
    with SyncSite(["alice", "bob"], dialect) as site:
        alice(site)
        plan = json.loads(site.migrate("--all", "--dry-run", "--json"))
        assert [(p["user"], p["create"]) for p in plan] == [("alice@im.example", "4"), ("bob@im.example", "0")], plan
        assert site.mailbox("alice") == {}
        report = os.path.join(site.state, "report.json")
        site.migrate("--all", "--report", report)
        site.assert_same("alice")
        with open(report) as f:
            users = {u["user"]: u for u in json.load(f)["users"]}
        assert users["alice@im.example"]["done"]["mailbox_created"] == 4
        assert all(u["state"] == "migrated" for u in users.values()), users
        before = site.dx.counters()
        assert "contacts: 0 changes written" in site.once()
        after = site.dx.counters()
        reads = {k: after[k] - before.get(k, 0) for k in after if k.startswith("operation.")}
        assert sum(reads.values()) <= 4 and set(k for k, n in reads.items() if n) == {"operation.SyncFolderItems"}, reads


@both("changes travel both ways in one pass", "grommunio")
def _(dialect):
    with SyncSite(["alice"], dialect) as site:
        alice(site)
        site.migrate("--all")
        site.rosters.set("alice@im.example", "carol@im.example", name="Caroline", groups=["Friends", "Club"])
        site.rosters.remove("alice@im.example", "frank@im.example")
        site.mail_add("alice", "zoe@corp.example", "Zoë", ["New"])
        site.mail_remove("alice", "eve@corp.example")
        site.once()
        site.settle()
        site.assert_same("alice")
        assert site.roster("alice") == {
            "carol@im.example": ("Caroline", {"Friends", "Club"}), "zoe@im.example": ("Zoë", {"New"}),
            "dave@im.example": ("Däve & Söhne <x>", {"Friends", "Work & Co"})}
        shown = json.loads(site.check(site.imex("contacts", "diff", "alice@im.example", "--json")))
        assert shown == [], shown


@tap.test("folder: fields that change on both sides are merged, conflicts are decided and listed")
def _():
    with SyncSite(["alice"]) as site:
        alice(site)
        site.migrate("--all")
        site.rosters.set("alice@im.example", "carol@im.example", name="Caroline", groups=["Friends", "Club"])
        site.mail_regroup("alice", "carol@corp.example", ["Friends", "Choir"])
        site.rosters.set("alice@im.example", "eve@im.example", name="Evelyn", groups=["Work & Co"])
        site.mail_rename("alice", "eve@corp.example", "Eva")
        site.rosters.remove("alice@im.example", "frank@im.example")
        site.mail_rename("alice", "frank@corp.example", "Francis")
        site.once()
        site.settle()
        site.assert_same("alice")
        roster = site.roster("alice")
        assert roster["carol@im.example"] == ("Caroline", {"Friends", "Club", "Choir"})
        assert roster["eve@im.example"][0] == "Eva" and roster["frank@im.example"][0] == "Francis"
        listed = json.loads(site.check(site.imex("contacts", "conflicts", "alice@im.example", "--json")))
        assert {(c["contact"], c["field"], c["IM side"], c["mailbox"], c["taken"]) for c in listed} == {
            ("eve@im.example", "name", "Evelyn", "Eva", "mailbox"),
            ("frank@im.example", "contact", None, "Francis", "mailbox")}, listed
        assert {(c["contact"], c["now"]) for c in listed} == {
            ("eve@im.example", "Eva [Work & Co]"), ("frank@im.example", "Francis")}, listed
        assert json.loads(site.check(site.imex("contacts", "conflicts", "--json"))) == listed


@tap.test("ucs: a renamed group is one operation, whichever side renames it")
def _():
    with SyncSite(["alice"], "ucs") as site:
        alice(site)
        site.migrate("--all")
        site.mail_rename_group("alice", "Friends", "Mates")
        site.once()
        assert site.roster("alice")["carol@im.example"][1] == {"Mates"}
        assert site.roster("alice")["dave@im.example"][1] == {"Mates", "Work & Co"}
        site.settle()
        ids = site.group_names("alice")
        before = site.dx.counters()
        for contact, groups in (("dave", ["Mates", "Office"]), ("eve", ["Office"])):
            name = site.roster("alice")[contact + "@im.example"][0]
            site.rosters.set("alice@im.example", contact + "@im.example", name=name, groups=groups)
        site.once()
        site.settle()
        site.assert_same("alice")
        after = site.dx.counters()
        assert after["operation.SetImGroup"] - before.get("operation.SetImGroup", 0) == 1
        assert after.get("operation.AddImContactToGroup") == before.get("operation.AddImContactToGroup")
        renamed = site.group_names("alice")
        assert set(ids) == set(renamed) and set(renamed.values()) == {"Mates", "Office"}, (ids, renamed)


@both("somebody who is on both sides already is linked, not doubled, and nothing is taken away")
def _(dialect):
    with SyncSite(["alice"], dialect) as site:
        site.allow()
        if dialect == "ucs":
            # What is in the list before the first move is another IM server's: see test_lifecycle.py.
            site.migrate("--all")
        alice(site)
        site.mail_add("alice", "CAROL@Corp.Example", "Carol", ["Old"])
        site.mail_add("alice", "gina@corp.example", "Gina")
        plan = json.loads(site.migrate("--all", "--dry-run", "--json"))[0]
        assert (plan["create"], plan["link"], plan["IM side"]) == ("3", "1", "2"), plan
        site.migrate("--all")
        roster = site.roster("alice")
        assert roster["carol@im.example"] == ("Carol", {"Friends", "Old"}), roster
        assert roster["gina@im.example"] == ("Gina", set())
        assert len(site.mailbox("alice")) == 5
        site.settle()


@both("an IM side that is not to be written: changes wait, are shown, and go when it may be")
def _(dialect):
    with SyncSite(["alice"], dialect, write="none") as site:
        alice(site)
        site.migrate("--all")
        site.mail_add("alice", "zoe@corp.example", "Zoe", ["New"])
        site.mail_remove("alice", "eve@corp.example")
        site.rosters.set("alice@im.example", "carol@im.example", name="Caroline", groups=["Friends"])
        for _ in range(3):
            assert "2 waiting" in site.once()
        listed = json.loads(site.check(site.imex("contacts", "pending", "alice@im.example", "--json")))
        assert {(p["contact"], p["change"]) for p in listed} == {
            ("eve@im.example", "remove"), ("zoe@im.example", "Zoe [New]")}, listed
        assert "eve@im.example" in site.roster("alice")
        assert site.mailbox("alice")["carol@corp.example"][0] == "Caroline"
        site.configure(write="sql-offline")
        site.once()
        site.assert_same("alice")
        site.settle()


@both("most contacts vanish on one side: nothing is deleted until a person says so")
def _(dialect):
    with SyncSite(["alice"], dialect) as site:
        for i in range(12):
            site.rosters.set("alice@im.example", "c%02d@im.example" % i, name="C%d" % i, groups=["G"])
        site.allow()
        site.migrate("--all")
        for i in range(8):
            site.rosters.remove("alice@im.example", "c%02d@im.example" % i)
        done = site.run("imexd", "--once")
        assert done.returncode == 1 and "--allow-mass-delete" in done.stderr, done
        assert len(site.mailbox("alice")) == 12
        status = site.imex("contacts", "status", "--json")
        assert status.returncode == 3 and "plan.mass_delete" in status.stdout, status
        site.check(site.imex("contacts", "sync", "alice@im.example", "--allow-mass-delete"))
        assert len(site.mailbox("alice")) == 4
        site.settle()


@both("a short list that is suddenly empty is believed at the second look only")
def _(dialect):
    with SyncSite(["alice"], dialect) as site:
        alice(site)
        site.migrate("--all")
        kept = site.roster("alice")
        for jid in kept:
            site.rosters.remove("alice@im.example", jid)
        assert "found empty" in site.once()
        assert len(site.mailbox("alice")) == 4
        for jid, (name, groups) in kept.items():
            site.rosters.set("alice@im.example", jid, name=name, groups=sorted(groups))
        site.once()
        site.assert_same("alice")
        assert len(site.mailbox("alice")) == 4
        for jid in kept:
            site.rosters.remove("alice@im.example", jid)
        site.once()
        site.once()
        assert site.mailbox("alice") == {}


@tap.test("folder: an IM side that was restored from a backup, or lost its owner, deletes nothing")
def _():
    with SyncSite(["alice"]) as site:
        alice(site)
        site.migrate("--all")
        with open(site.prosody, "rb") as f:
            backup = f.read()
        site.rosters.set("alice@im.example", "new@im.example", name="New")
        site.rosters.set("alice@im.example", "newer@im.example", name="Newer")
        site.once()
        with open(site.prosody, "wb") as f:
            f.write(backup)
        done = site.run("imexd", "--once")
        assert done.returncode == 1 and "older" in done.stderr, done
        assert len(site.mailbox("alice")) == 6
        site.check(site.imex("contacts", "sync", "alice@im.example", "--accept-older"))
        assert len(site.mailbox("alice")) == 4
        site.rosters.script("DELETE FROM prosody WHERE \"user\"='alice';")
        done = site.run("imexd", "--once")
        assert done.returncode == 1, done
        assert len(site.mailbox("alice")) == 4



@tap.test("folder: when many mailboxes would lose contacts at once, all but a few are held until a person lets them go")
def _():
    users = ["u%02d" % i for i in range(12)]
    with SyncSite(users) as site:
        for user in users:
            for n in range(6):
                site.rosters.set(user + "@im.example", "c%d@im.example" % n, name="C%d" % n, groups=["G"])
        site.allow()
        site.migrate("--all")
        for user in users:
            site.rosters.remove(user + "@im.example", "c0@im.example")
        for _ in range(2):
            done = site.run("imexd", "--once")
            assert done.returncode in (1, 3) and "mailboxes would lose contacts at the same time" in done.stderr, done
            held = [u for u in users if len(site.mailbox(u)) == 6]
            assert len(held) == 7, held
        site.check(site.imex("contacts", "sync", held[0] + "@im.example", "--allow-mass-delete"))
        assert len(site.mailbox(held[0])) == 5
        # Who loses none any more is held no longer.
        for user in held[1:]:
            site.rosters.set(user + "@im.example", "c0@im.example", name="C0", groups=["G"])
            site.check(site.imex("contacts", "sync", user + "@im.example"))
        assert site.sql("SELECT count(*) FROM contact_loss WHERE held = 1")[0][0] == 0

@both("a list goes back to the IM side with its policy, and can move again")
def _(dialect):
    with SyncSite(["alice"], dialect) as site:
        alice(site)
        site.migrate("--all")
        site.mail_add("alice", "zoe@corp.example", "Zoe", ["New"])
        site.configure(write="none")
        done = site.imex("contacts", "rollback", "alice@im.example")
        assert done.returncode == 2 and "sql-offline" in done.stderr, done
        site.configure(write="sql-offline")
        site.check(site.imex("contacts", "rollback", "alice@im.example"))
        assert site.roster("alice")["zoe@im.example"] == ("Zoe", {"New"})
        assert "rolled back" in site.check(site.imex("contacts", "status"))
        site.rosters.remove("alice@im.example", "zoe@im.example")
        site.mail_add("alice", "late@corp.example", "Late")
        site.once()
        assert "late@im.example" not in site.roster("alice")
        assert len(site.mailbox("alice")) == 6
        site.allow()
        site.once()
        assert len(site.mailbox("alice")) == 6 and "late@im.example" not in site.roster("alice")
        site.check(site.imex("contacts", "unpin", "alice@im.example"))
        site.migrate("--all")
        site.assert_same("alice")
        site.settle()


@tap.test("folder: a rollback without the mailbox takes the newest version, changes that wait included")
def _():
    with SyncSite(["alice"], write="none") as site:
        alice(site)
        site.migrate("--all")
        site.mail_add("alice", "zoe@corp.example", "Zoe", ["New"])
        site.once()
        site.dx.stop()
        site.configure(write="sql-offline")
        done = site.imex("contacts", "rollback", "alice@im.example")
        assert done.returncode == 1 and "--from-snapshot" in done.stderr, done
        assert "zoe@im.example" not in site.roster("alice")
        site.check(site.imex("contacts", "rollback", "alice@im.example", "--from-snapshot"))
        assert site.roster("alice")["zoe@im.example"] == ("Zoe", {"New"})
        site.dx.start()


@both("one odd contact is reported and left out, the others move")
def _(dialect):
    with SyncSite(["alice", "bob"], dialect) as site:
        alice(site)
        site.rosters.set("alice@im.example", "odd@elsewhere.example", name="Odd")
        site.rosters.script("INSERT INTO prosody VALUES ('im.example','alice','roster','bad@im.example','json','{broken');")
        done = site.imex("migrate", "--all", "--quiet")
        assert done.returncode == 3, done
        assert "odd@elsewhere.example" in done.stderr, done.stderr
        assert len(site.mailbox("alice")) == 4


@tap.test("folder: who is not allowed, not mapped or unknown is not worked on")
def _():
    with SyncSite(["alice", "bob"]) as site:
        alice(site)
        site.check(site.imex("policy", "set", "contacts", "not-allowed", "--user", "alice@im.example"))
        done = site.imex("migrate", "--user", "alice@im.example", "--quiet")
        assert done.returncode == 1 and "policy set contacts allowed" in done.stderr, done
        assert site.imex("migrate", "--quiet").returncode == 2
        assert site.imex("migrate", "--user", "nobody here", "--quiet").returncode == 2
        site.once()
        assert site.mailbox("alice") == {}


@tap.test("folder: a wrong password, a foreign CA, an unreachable server: one sentence, nothing is lost")
def _():
    with SyncSite(["alice"]) as site:
        alice(site)
        site.migrate("--all")
        with open(site.password, "w") as f:
            f.write("wrong\n")
        done = site.run("imexd", "--once")
        assert done.returncode == 2 and done.stderr.count("\n") <= 3, done
        with open(site.password, "w") as f:
            f.write("service\n")
        site.configure(ca=os.path.join(site.folder, "password"))
        done = site.run("imexd", "--once")
        assert done.returncode == 2 and "CA" in done.stderr, done
        site.configure(ca=site.dx.ca)
        good = site.values["ews"]
        site.configure(ews="https://127.0.0.1:1/EWS/Exchange.asmx")
        assert site.run("imexd", "--once").returncode == 1
        site.configure(ews=good)
        site.once()
        site.assert_same("alice")


@tap.test("folder: a user whom the server does not know stops nobody else")
def _():
    with SyncSite(["alice", "bob", "carol"], tokens=True, absent=["bob"]) as site:
        for user in site.users:
            site.rosters.set(user + "@im.example", "dora@im.example", name="Dora")
        site.allow()
        done = site.imex("migrate", "--all", "--quiet", "--jobs", "1")
        assert done.returncode == 3, done
        assert "2000005" in done.stderr and "bob@im.example" in done.stderr, done.stderr
        for user in ("alice", "carol"):
            site.assert_same(user)
        done = site.run("imexd", "--once")
        assert done.returncode == 3 and "is paused" not in done.stderr, done


@tap.test("folder: observing writes to neither side")
def _():
    with SyncSite(["alice"]) as site:
        alice(site)
        with open(site.config) as f:
            text = f.read()
        with open(site.config, "w") as f:
            f.write(text.replace("[imex]\n", "[imex]\nmode = observe\n"))
        site.once()
        assert site.mailbox("alice") == {}
        site.configure()
        site.once()
        site.assert_same("alice")


tap.main()
