#!/usr/bin/python3
"""imexd over a mailbox with very many contacts: its memory does not grow with the list.

`check` reads 2,000 contacts, IMEX_LONG=1 100,000, for which a build without sanitizers takes under 64 MiB."""
import os

import measure
import tap
from syncsite import BUILD, SyncSite, demoted

LONG = bool(os.environ.get("IMEX_LONG"))
CONTACTS = 100000 if LONG else 2000
LIMIT_MIB = 64


def sanitized(program):
    with open(program, "rb") as f:
        text = f.read()
    return b"__asan_init" in text or b"__tsan_init" in text


@tap.test("row 54: a folder of %d contacts is read, stored and compared, within bounds" % CONTACTS)
def _():
    imexd = os.path.join(BUILD, "imexd")
    generated = ("--mailboxes", "1", "--contacts", str(CONTACTS), "--seed", "1", "--password", "p")
    with SyncSite(["user0001"], absent=["user0001"], write="none", arguments=generated) as site:
        site.allow()
        for what in ("first pass", "pass without a change"):
            cost = measure.run([imexd, "--once"], user=demoted(), env=dict(os.environ, IMEX_CONFIG=site.config))
            tap.comment("%s: %.0f MiB resident, %.2f s CPU" % (what, cost.rss_mib, cost.cpu_s))
            assert site.sql("SELECT count(*) FROM contact_theirs") == [(CONTACTS,)]
            assert sanitized(imexd) or cost.rss_mib < LIMIT_MIB, cost
        assert "user0001" in site.check(site.imex("contacts", "status"))


tap.main()
