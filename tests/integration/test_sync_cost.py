"""What a pass costs at the mail server: requests and bytes follow what changed, not the list's length.
Lists of 100 and 1,000 contacts; of 100 and 10,000 with IMEX_LONG."""
import collections
import os
import tempfile

import tap
from syncsite import SyncSite

LARGE = 10000 if os.environ.get("IMEX_LONG") else 1000
CHANGES = 10
OWNER = "alice@im.example"


class Record:
    """What went over the wire since it was last asked."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="imexcost")
        self.seen = set()

    def new(self):
        """({operation: requests}, bytes both ways)"""
        names = set(os.listdir(self.folder.name)) - self.seen
        self.seen |= names
        operations = collections.Counter(n.split("-")[1].split(".")[0] for n in names if "request" in n)
        return dict(operations), sum(os.path.getsize(os.path.join(self.folder.name, n)) for n in names)


def full_site(dialect, count, record):
    """A site whose user has moved so many contacts already."""
    site = SyncSite(["alice"], dialect, arguments=("--record", record.folder.name))
    rows = [("im.example", "alice", "roster", "c%05d@im.example" % n, "json",
             '{"name":"Contact %05d","groups":{"Team":true},"subscription":"both"}' % n) for n in range(count)]
    rows.append(("im.example", "alice", "roster", "", "json", '{"__hash":[false,{"version":1,"pending":{}}]}'))
    site.rosters.insert("prosody", ("host", "user", "store", "key", "type", "value"), rows)
    site.allow()
    site.migrate("--all")
    site.settle()
    record.new()
    return site


def quiet_pass(site, record):
    assert "contacts: 0 changes written to mailboxes, 0 to the IM side" in site.once()
    return record.new()


def changed_pass(site, record):
    """As many changes on each side, to contacts whose texts are of one length."""
    for n in range(CHANGES // 2):
        site.rosters.set(OWNER, "c%05d@im.example" % n, name="Newname %05d" % n, groups=["Team"])
        site.mail_rename("alice", "c%05d@corp.example" % (50 + n), "Newname %05d" % n)
    record.new()
    done = site.once()
    assert "contacts: 5 changes written to mailboxes, 5 to the IM side" in done, done
    return record.new()


@tap.test("folder: a pass without changes is one small request; ten changes cost the same in every list")
def _():
    costs = []
    for count in (100, LARGE):
        record = Record()
        with full_site("folder", count, record) as site:
            quiet, quiet_bytes = quiet_pass(site, record)
            assert quiet == {"SyncFolderItems": 1} and quiet_bytes < 4096, (quiet, quiet_bytes)
            costs.append(changed_pass(site, record))
            site.assert_same("alice")
    tap.comment("10 changes: in 100 contacts %d requests, %d bytes; in %d contacts %d requests, %d bytes" % (
        sum(costs[0][0].values()), costs[0][1], LARGE, sum(costs[1][0].values()), costs[1][1]))
    assert costs[0][0] == costs[1][0], costs
    assert abs(costs[0][1] - costs[1][1]) * 50 < costs[0][1], costs


@tap.test("ucs: a pass without changes is two small requests and no write")
def _():
    record = Record()
    with full_site("ucs", 100, record) as site:
        quiet, quiet_bytes = quiet_pass(site, record)
        assert quiet == {"SyncFolderItems": 2} and quiet_bytes < 8192, (quiet, quiet_bytes)


def grouped_site(record, count, *arguments):
    """Contacts in 50 groups, and what reading them all costs."""
    site = SyncSite(["alice"], "ucs", arguments=("--record", record.folder.name, "--max-im-contacts", "2000",
                                                 *arguments))
    rows = [("im.example", "alice", "roster", "c%05d@im.example" % n, "json",
             '{"name":"Contact %05d","groups":{"Group %02d":true},"subscription":"both"}' % (n, n % 50))
            for n in range(count)]
    rows.append(("im.example", "alice", "roster", "", "json", '{"__hash":[false,{"version":1,"pending":{}}]}'))
    site.rosters.insert("prosody", ("host", "user", "store", "key", "type", "value"), rows)
    site.allow()
    site.migrate("--all")
    site.settle()
    record.new()
    site.soap("alice", "<m:GetImItemList/>")
    return site, record.new()[1]


def edit_both(site):
    """Ten changes of every kind."""
    for n in (1, 2):
        site.rosters.remove(OWNER, "c%05d@im.example" % n)
    site.rosters.set(OWNER, "c00003@im.example", name="Renamed by IM", groups=["Group 03"])
    site.rosters.set(OWNER, "c00004@im.example", name="Contact 00004", groups=["Group 05"])
    site.rosters.set(OWNER, "new1@im.example", name="New One", groups=["Group 06"])
    site.mail_rename("alice", "c00057@corp.example", "Renamed by mail")
    items = {a: i for i, a, _, _ in site.items("alice")}
    site.mail_join("alice", items["c00058@corp.example"], "Group 09")
    site.mail_leave("alice", items["c00059@corp.example"], "Group 09")
    site.mail_rename_group("alice", "Group 10", "Tenth")
    site.mail_add("alice", "new2@corp.example", "New Two", ["Group 11"])


def ten_changes(site, record):
    edit_both(site)
    record.new()
    site.once()
    cost = record.new()
    site.assert_same("alice")
    assert "Tenth" in site.roster("alice")["c00060@im.example"][1]
    return cost


@tap.test("ucs: ten changes in a list of 1,000 are asked for one by one, and the list is not read")
def _():
    record = Record()
    site, whole = grouped_site(record, 1000)
    with site:
        operations, size = ten_changes(site, record)
        tap.comment("10 changes: %d requests, %d bytes; the whole list: %d bytes" % (
            sum(operations.values()), size, whole))
        assert "GetImItemList" not in operations and operations["GetImItems"] >= 1, operations
        assert size * 4 < whole, (size, whole)


@tap.test("ucs: a server that does not know GetImItems has its list read once in a changed pass")
def _():
    record = Record()
    site, _ = grouped_site(record, 100, "--refuse", "GetImItems")
    with site:
        operations, _ = ten_changes(site, record)
        assert operations["GetImItemList"] == 1 and operations["unknown"] == 1, operations


tap.main()
