"""Two hundred generated users, both dialects, both stores."""
import random
import time

import pgcluster
import tap
from syncsite import SyncSite

USERS = 200


def run(dialect, store):
    rng = random.Random(7)
    users = ["u%03d" % i for i in range(USERS)]
    with SyncSite(users, dialect, store=store, workers=4) as site:
        rows = []
        for user in users:
            for other in rng.sample(users, 4):
                groups = ",".join('"%s":true' % g for g in rng.sample(["Team", "Friends", "Büro"], rng.randrange(3)))
                rows.append(("im.example", user, "roster", other + "@im.example", "json",
                             '{"name":"Name of %s","groups":{%s},"subscription":"both"}' % (other, groups)))
            rows.append(("im.example", user, "roster", "", "json", '{"__hash":[false,{"version":1,"pending":{}}]}'))
        site.rosters.insert("prosody", ("host", "user", "store", "key", "type", "value"), rows)
        site.check(site.imex("policy", "set", "contacts", "allowed", "--global"))
        begun = time.monotonic()
        site.migrate("--all", "--jobs", "4")
        tap.comment("%s: %d users moved in %.1f s" % (dialect, USERS, time.monotonic() - begun))
        for user in users[::10]:
            site.assert_same(user)
        assert "contacts: 0 changes written to mailboxes, 0 to the IM side" in site.once()


for d in ("folder", "ucs"):
    tap.test("%s: 200 users on SQLite" % d)(lambda d=d: run(d, None))


def on_postgresql(dialect):
    with pgcluster.Cluster() as cluster:
        cluster.create_database("many")
        run(dialect, cluster.url_of("many"))


for d in ("folder", "ucs"):
    tap.test("%s: 200 users on PostgreSQL" % d)(lambda d=d: on_postgresql(d))
tap.main()
