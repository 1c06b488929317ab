"""Random histories of contact lists through the whole stack: a Prosody database, imexd, TLS, a stand-in
Exchange that loses answers, in both dialects and on both stores. Each user is one history; all users of
a site live theirs between the same passes. In the end both sides are equal, nobody is there twice, and no
edit is lost without a recorded conflict: the judge goes by a log of edits per field.

Twenty histories; two hundred with IMEX_LONG. IMEX_SEED repeats the edits of a site; a history that fails
is told. A site has five users: of more, too many would lose contacts at the same time, which is held up
until a person says that it is meant."""
import json
import os
import random
import signal
import subprocess

import pgcluster
import tap
from syncsite import IM, MAIL, SyncSite

SITES = 10 if os.environ.get("IMEX_LONG") else 1
HISTORIES = 5
ROUNDS = 6
PEOPLE = ["p0", "p1", "p2"]
GROUPS = ["G0", "G1"]
CHANGES = {"folder": ("CreateItem", "UpdateItem", "DeleteItem"),
           "ucs": ("AddNewImContactToGroup", "AddImContactToGroup", "RemoveContactFromImList")}


class Side:
    """What users do on one side; an entry is (name, set of groups)."""

    def __init__(self, site, user):
        self.site, self.user = site, user


class ImSide(Side):
    name = "im"

    def entries(self):
        return {jid.split("@")[0]: entry for jid, entry in self.site.roster(self.user).items()}

    def write(self, person, before, after):
        owner, jid = "%s@%s" % (self.user, IM), "%s@%s" % (person, IM)
        if after is None:
            self.site.rosters.remove(owner, jid)
        else:
            self.site.rosters.set(owner, jid, name=after[0], groups=sorted(after[1]))


class MailSide(Side):
    name = "mailbox"

    def entries(self):
        return {address.split("@")[0]: (name, groups) for _, address, name, groups in self.site.items(self.user)}

    def write(self, person, before, after):
        site, user, address = self.site, self.user, "%s@%s" % (person, MAIL)
        if after is None:
            site.mail_remove(user, address)
        elif before is None:
            site.mail_add(user, address, after[0], sorted(after[1]))
        elif site.dialect == "ucs":
            self.regroup(address, before[1], after[1])
        elif before[0] != after[0]:
            site.mail_rename(user, address, after[0])
        else:
            site.mail_regroup(user, address, sorted(after[1]))

    def regroup(self, address, before, after):
        site, item = self.site, self.site.item_of(self.user, address)[0]
        for group in after - before:
            site.mail_join(self.user, item, group)
        for group in before - after:
            site.mail_leave(self.user, item, group)


class History:
    def __init__(self, site, user, rng):
        self.site, self.user, self.rng = site, user, rng
        self.sides = (ImSide(site, user), MailSide(site, user))
        self.log, self.names, self.epoch = [], 0, 0

    def note(self, side, person, field, seen, value):
        if seen != value:
            self.log.append((len(self.log), side.name, person, field, seen, value, self.epoch))

    def record(self, side, person, before, after):
        self.note(side, person, "there", before is not None, after is not None)
        self.note(side, person, "name", before and before[0], after and after[0])
        for group in GROUPS:
            self.note(side, person, "group " + group, before and group in before[1], after and group in after[1])

    def new_name(self):
        self.names += 1
        return "n%d" % self.names

    def edit(self):
        rng, side, person = self.rng, self.rng.choice(self.sides), self.rng.choice(PEOPLE)
        before = side.entries().get(person)
        what = rng.random()
        if before is None:
            after = (self.new_name(), set(rng.sample(GROUPS, rng.randrange(3))))
        elif what < 0.2:
            after = None
        elif what < 0.6 and not (side.name == "mailbox" and self.site.dialect == "ucs"):
            after = (self.new_name(), before[1])
        else:
            after = (before[0], before[1] ^ {rng.choice(GROUPS)})
        side.write(person, before, after)
        self.record(side, person, before, after)

    def judge(self):
        self.site.assert_same(self.user)
        final = self.sides[0].entries()
        listed = json.loads(self.site.check(self.site.imex("contacts", "conflicts", "%s@%s" % (self.user, IM), "--json")))
        conflicts = {(c["contact"].split("@")[0], c["field"]) for c in listed}
        lost = [e for e in self.log if not self.stands(e, final, conflicts)]
        assert not lost, "%s: lost %s\nof %s\nin the end %s\nconflicts %s" % (
            self.user, lost, "\n   ".join(map(str, self.log)), final, listed)

    def stands(self, edit, final, conflicts):
        position, side, person, field, seen, value, epoch = edit
        now = final.get(person)
        shown = (now is not None if field == "there" else None if now is None else now[0] if field == "name"
                 else field.split()[1] in now[1])
        if value is None or shown == value or (person, field) in conflicts or (person, "contact") in conflicts:
            return True
        mine = [e for e in self.log if e[2] == person]
        return any(
            # overtaken by the same side, or by somebody who saw it; taken off later; taken back unseen
            (e[0] > position and e[3] == field and (e[1] == side or e[4] == value))
            or (e[0] > position and e[3] == "there" and e[5] is False)
            or (e[0] < position and e[1] == side and e[3] == field and e[6] >= epoch - 1
                and (e[4] == value or (e[4] is None and value is False)))
            # the other side did the same before a pass could tell one from the other
            or (e[0] < position and e[1] != side and e[3] == field and e[5] == value and e[6] >= epoch - 1)
            # added on the other side: a deletion loses, and linking takes no membership away
            or (e[1] != side and e[3] == "there" and e[5] and (field == "there" or (seen is None and value is False)))
            for e in mine)


def disturb(site, rng):
    """A pass with an answer lost, or killed, or in peace."""
    what = rng.random()
    if what < 0.4:
        site.dx.fault(strikes=0, kind="lost-answer", operation=rng.choice(CHANGES[site.dialect]), count=1)
    if what < 0.7:
        site.run("imexd", "--once")
    else:
        process = site.popen("imexd", "--once")
        try:
            process.wait(timeout=rng.uniform(0.1, 0.8))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    site.dx.clear_faults()


def come_to_rest(site):
    """Two passes that find nothing to do; an empty list that is to be read again is something to do."""
    quiet = 0
    for _ in range(10):
        done = site.run("imexd", "--once")
        rests = (done.returncode == 0 and "found empty" not in done.stdout
                 and "contacts: 0 changes written to mailboxes, 0 to the IM side, 0 waiting" in done.stdout)
        quiet = quiet + 1 if rests else 0
        if quiet == 2:
            resting = site.sql("SELECT key, reason, message FROM contact_problem")
            assert not resting, "contacts are not tried again yet: %s" % resting
            return
    raise AssertionError("no rest: %s %s" % (done.stdout, done.stderr))


def run(dialect, store=None):
    seed = int(os.environ.get("IMEX_SEED", random.randrange(10**9)))
    tap.comment("%s: seed %d" % (dialect, seed))
    rng = random.Random(seed)
    users = ["u%02d" % i for i in range(HISTORIES)]
    with SyncSite(users, dialect, store=store, settle="1s", workers=4) as site:
        site.allow()
        site.once()  # lists that are empty: no other IM server keeps contacts there
        histories = [History(site, user, rng) for user in users]
        for _ in range(ROUNDS):
            for history in histories:
                for _ in range(rng.randrange(4)):
                    history.edit()
            disturb(site, rng)
            for history in histories:
                history.epoch += 1
        come_to_rest(site)
        for history in histories:
            history.judge()
        tap.comment("%d histories, %d edits of fields" % (len(histories), sum(len(h.log) for h in histories)))


def on_sqlite(dialect):
    for _ in range(SITES):
        run(dialect)


def on_postgresql(dialect):
    with pgcluster.Cluster() as cluster:
        for number in range(SITES):
            name = "histories%d" % number
            cluster.create_database(name)
            run(dialect, cluster.url_of(name))


for d in CHANGES:
    tap.test("%s on SQLite: random histories end alike, and no edit is lost" % d)(lambda d=d: on_sqlite(d))
    tap.test("%s on PostgreSQL: random histories end alike, and no edit is lost" % d)(lambda d=d: on_postgresql(d))
tap.main()
