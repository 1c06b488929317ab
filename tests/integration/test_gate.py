#!/usr/bin/python3
"""Critical mode: the gate closes when archiving fails for a user whose policy says so, and opens by itself."""
import json

import pgcluster
import slapd
import tap
from archivesite import ArchiveSite
from ingestsite import IngestSite, ago, event, leave_root

leave_root()


def gate(site, user, code, *words):
    done = site.run("archive", "gate", user + "@im.example", "--json", *words)
    assert done.returncode == code, done
    return json.loads(done.stdout)


def stale(site, days):
    site.sql("UPDATE source_cursor SET moved_utc_us = moved_utc_us - %d" % int(days * 86400e6))


@tap.test("the gate closes for blocked users only, says why, and opens by itself; on both stores")
def _():
    with pgcluster.Cluster() as cluster:
        for store in None, cluster.url:
            with ArchiveSite(store=store) as site:
                assert gate(site, "alice", 0)["archived"] is False
                site.capture()
                site.ok("policy", "set", "archive.on_failure", "block", "--user", "alice@im.example")
                assert gate(site, "alice", 0) == {
                    "user": "alice@im.example", "go_on": True, "archived": True, "works": True,
                    "on_failure": "block", "reason": None, "message": None, "external": False,
                    "disclaimer": None, "disclaimer_due": False}
                stale(site, 1)
                closed = gate(site, "alice", 3)
                assert (closed["go_on"], closed["reason"]) == (False, "gate.capture"), closed
                assert "last read" in closed["message"], closed
                other = gate(site, "bob", 0)
                assert (other["go_on"], other["works"], other["on_failure"]) == (True, False, "continue"), other
                site.ok("archive", "backfill", "--since", "2026-01-01")
                assert gate(site, "alice", 0)["works"], "reading the source opens it again"
                # Deliveries that do not come through.
                site.exchange.fault(kind="busy", operation="CreateItem", count=100)
                site.run("archive", "deliver", "--no-wait")
                site.exchange.clear_faults()
                assert gate(site, "alice", 0)["works"], "a short backlog is none"
                site.sql("UPDATE delivery SET planned_utc_us = planned_utc_us - %d, next_try_utc_us = 0"
                         % int(2 * 86400e6))
                assert gate(site, "alice", 3)["reason"] == "gate.delivery"
                site.ok("archive", "deliver")
                assert gate(site, "alice", 0)["works"], "delivering opens it again"
                site.sql("UPDATE mailbox SET smtp = 'other@corp.example' WHERE owner = 'alice@im.example'")
                assert gate(site, "alice", 3)["reason"] == "gate.mapping"
                site.ok("policy", "set", "archive.on_failure", "continue", "--user", "alice@im.example")
                assert gate(site, "alice", 0)["go_on"]
                assert site.run("archive", "gate", "@@").returncode == 2
                assert site.run("archive", "gate").returncode == 2


@tap.test("the HTTP gate answers the user's own server; the disclaimer is due when an external talk begins")
def _():
    with IngestSite(more="[archive]\ndisclaimer = This talk is recorded <b>.\n") as site:
        def ask(query, client=site.im1, token=None):
            status, _, body = site.ask("GET", "/v1/gate" + query, client=client, token=token)
            return status, json.loads(body) if body[:1] == b"{" else body

        site.until(lambda: ask("?user=alice@im.example")[1]["works"], "the source is read")
        status, inside = ask("?user=alice@im.example&peer=bob@im.example")
        assert status == 200 and inside["go_on"] and not inside["external"] and inside["disclaimer"] is None, inside
        status, outside = ask("?user=alice@im.example&peer=eve@far.example")
        assert outside["external"] and outside["disclaimer_due"], outside
        assert outside["disclaimer"] == "This talk is recorded <b>.", outside
        assert site.post([event("1", "alice@im.example", "eve@far.example", "hello", ago(0))])[2]["stored"] == 1
        assert ask("?user=alice@im.example&peer=eve@far.example")[1]["disclaimer_due"] is False
        assert site.post([event("2", "bob@im.example", "eve@far.example", "an hour ago")])[2]["stored"] == 1
        assert ask("?user=bob@im.example&peer=eve@far.example")[1]["disclaimer_due"] is True
        site.until(lambda: any("an hour ago" in i.body for i in site.items("bob")), "the item is delivered")
        item = next(i for i in site.items("bob") if "an hour ago" in i.body)
        assert "This talk is recorded &lt;b&gt;" in item.body and "<b>." not in item.body, item.body
        assert ask("?user=zoe@second.example", client=None, token=site.token())[0] == 200
        assert ask("?user=zoe@second.example")[0] == 403
        assert ask("?user=alice@im.example", client=None)[0] == 401
        assert ask("")[0] == ask("?user=@@")[0] == ask("?user=a@im.example&peer=@")[0] == 400
        site.ok("policy", "set", "archive.on_failure", "block", "--user", "alice@im.example")
        # Another database at the source's address: it cannot be read any more.
        with open(site.prosody, "r+b") as f:
            f.write(b"x" * 100)
        site.sql("UPDATE source_cursor SET moved_utc_us = 0")
        site.until(lambda: ask("?user=alice@im.example")[1]["go_on"] is False, "the gate closes")
        assert ask("?user=alice@im.example")[1]["reason"] == "gate.capture"
        assert ask("?user=bob@im.example")[1]["go_on"] is True
        site.stop_daemon()
        assert gate(site, "alice", 3)["reason"] == "gate.capture", "without imexd the command answers"


@tap.test("auto follows the holds that a directory tells, with their age; without an answer nothing is known")
def _():
    people = [{"uid": "alice", "mail": "alice@corp.example", "msExchUserHoldPolicies": "case 7"},
              {"uid": "bob", "mail": "Bob@corp.example"}]
    with slapd.Directory(people) as directory, ArchiveSite() as site:
        password = site.write("ldap", slapd.PASSWORD + "\n")
        with open(site.config, "a") as f:
            f.write("[archive]\nhold = ldap\n[ldap]\nurl = %s\nbase = %s\nauth = simple\nbind_dn = %s\n"
                    "password_file = %s\nca_file = %s\n" % (directory.url, slapd.PEOPLE, slapd.READER, password,
                                                          directory.ca))
        site.ok("policy", "set", "archive.route", "auto", "--domain", "im.example")
        site.capture()
        site.ok("archive", "deliver")
        assert len(site.items("alice")) >= 2 and site.items("bob") == [], "only alice's mailbox is on hold"

        def said(user):
            return {r["what"]: r["value"] for r in json.loads(
                site.ok("archive", "explain", user + "@im.example", "--json"))}

        assert said("alice")["mailbox on hold"] == "held" and said("alice")["learned"], said("alice")
        assert said("bob")["mailbox on hold"] == "free" and int(said("bob")["in the local archive"]) >= 1, said("bob")
        assert said("carol")["mailbox on hold"] == "unknown", said("carol")
        site.write("ldap", "wrong\n")
        lost = said("alice")
        assert lost["mailbox on hold"] == "unknown" and lost["verdict"] == "archived into the local archive", lost
        assert "not known" in lost["because"] and "directory" in lost["because"], lost


tap.main()
