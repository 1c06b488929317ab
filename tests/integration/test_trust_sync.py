#!/usr/bin/python3
"""Tokens while contacts are really moved: how seldom imex signs, and a roll in a running imexd."""
import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request

import devexchange
import tap
from partner import Authority
from syncsite import BUILD, SyncSite, demoted

CONTACTS = 350


def until(condition, seconds=120, what=""):
    """Waits for what must become true; how long it takes decides nothing."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain: " + what
        time.sleep(0.1)


@tap.test("more than 1,000 requests are made with one signature, as the server counts them")
def _():
    with SyncSite(["alice", "bob", "carol"], "ucs", tokens=True) as site:
        for user in site.users:
            for n in range(CONTACTS):
                site.rosters.set("%s@im.example" % user, "friend%d@im.example" % n, name="Friend %d" % n)
        site.allow()
        before = site.dx.counters()
        site.migrate("--all")
        after = site.dx.counters()
        requests, refused, signatures = (after.get(k, 0) - before.get(k, 0) for k in (
            "token.accepted", "token.refused", "token.signatures"))
        tap.comment("%d requests with a token, %d refused, %d signatures" % (requests, refused, signatures))
        assert requests > 1000 and refused == 0, (requests, refused)
        assert signatures == 1, "signing is on the path of requests"
        site.assert_same("carol")


@tap.test("tokens that name no user carry each mailbox in the impersonation header")
def _():
    with SyncSite(["alice", "bob"], "folder", tokens=True) as site:
        for user in site.users:
            site.rosters.set("%s@im.example" % user, "friend@im.example", name="Friend of " + user)
        site.allow()
        site.configure(auth="auth = token\npartner = exchange\napp_only = yes\n")
        told = site.imex("doctor", "--user", "alice@im.example").stdout
        assert "names no user" in told and "alice@corp.example is the mailbox of alice@im.example" in told, told
        told = site.check(site.imex("token", "explain", "--user", "alice@im.example"))
        assert "kind       app-only" in told, told
        site.dx.control("DELETE", "counters")
        site.migrate("--all")
        counters = site.dx.counters()
        assert counters["token.signatures"] == 1 and counters.get("token.refused", 0) == 0, counters
        for user in site.users:
            assert site.mailbox(user) == {"friend@corp.example": ("Friend of " + user, set())}, site.mailbox(user)


class Trusting(SyncSite):
    """devexchange fetches our metadata from imexd itself, as Exchange does."""

    def trust(self):
        self.authority = Authority(self.folder, "listener CA")
        key, chain, _ = self.authority.leaf("listener")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        with open(self.config, "a") as f:
            f.write("[listen]\naddress = 127.0.0.1:%d\npublic_url = https://localhost:%d\ntls_certificate = %s\n"
                    "tls_key = %s\n" % (self.port, self.port, chain, key))
        self.give()
        self.check(self.imex("partner", "add", "exchange", "--metadata", self.dx.ready["metadata"]))

    def start(self):
        self.log = os.path.join(self.folder, "imexd.log")
        out = open(self.log, "w")
        self.daemon = subprocess.Popen([os.path.join(BUILD, "imexd"), "--config", self.config],
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out, user=demoted())
        out.close()
        until(self.listening, what="imexd listens")

    def listening(self):
        assert self.daemon.poll() is None, self.output()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def output(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def published(self):
        """x5t of each key in the document that imexd serves."""
        context = ssl.create_default_context(cafile=self.authority.path)
        with urllib.request.urlopen("https://localhost:%d/metadata/json/1" % self.port, context=context, timeout=60) as f:
            return {k["keyinfo"]["x5t"] for k in json.load(f)["keys"]}

    def calls(self, key):
        return self.dx.counters().get("token.key." + key, 0)

    def slots(self):
        return {c["slot"]: c["x5t"] for c in json.loads(self.check(self.imex("cert", "list", "--json")))}

    def let_learn(self, keys):
        """The other side looks at our metadata once it shows these keys."""
        until(lambda: self.published() == keys, what="imexd publishes %s" % keys)
        self.dx.control("POST", "partners/refresh")


@tap.test("our issuer's certificate rolls in a running imexd under traffic, and theirs; no call fails")
def _():
    with Trusting(["alice", "bob", "carol", "dave"], "folder", tokens=True) as site:
        site.start()
        try:
            site.dx.control("POST", "partners", {"metadata": "https://localhost:%d/metadata/json/1" % site.port,
                                                 "ca": site.authority.path})
            for user in site.users:
                site.rosters.set("%s@im.example" % user, "friend@im.example", name="Friend")
            site.allow()
            old = site.slots()["current"]
            until(lambda: site.calls(old) > 20, what="traffic: " + site.output())
            site.check(site.imex("cert", "stage", "--effective", "2028-01-01"))
            new = site.slots()["next"]
            site.give()
            site.let_learn({old, new})
            so_far = site.calls(old)
            until(lambda: site.calls(old) > so_far + 10, what="the old key signs while the next is staged")
            assert site.calls(new) == 0
            site.check(site.imex("cert", "roll"))
            site.give()
            until(lambda: site.calls(new) > 20, what="the new key signs: " + site.output())
            site.check(site.imex("cert", "drop-previous"))
            site.give()
            site.let_learn({new})
            so_far = site.calls(new)
            until(lambda: site.calls(new) > so_far + 10, what="traffic with one key")
            site.dx.control("POST", "signing/roll")
            site.check(site.imex("partner", "refresh", "exchange"))
            so_far = site.calls(new)
            until(lambda: site.calls(new) > so_far + 10, what="traffic after their roll")
            counters = site.dx.counters()
            assert counters.get("token.refused", 0) == 0, counters
            assert site.daemon.poll() is None
            tap.comment("%d calls with %d signatures, 0 refused" % (counters["token.accepted"],
                                                                     counters["token.signatures"]))
            assert "ERROR" not in site.output() and "refused us" not in site.output(), site.output()
        finally:
            site.daemon.send_signal(signal.SIGTERM)
            status = site.daemon.wait(timeout=60)
        assert status == 0, (status, site.output())


tap.main()
