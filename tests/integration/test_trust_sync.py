#!/usr/bin/python3
"""Tokens while contacts are really moved: how seldom imex signs, and a roll in a running imexd."""
import collections
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

import jwt

import tap
from partner import Authority, certificate, new_key, pem, pem_key
from syncsite import BUILD, IM, MAIL, SyncSite, demoted

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

    def go_on(self, key):
        """Waits until some more calls with that key were made."""
        so_far = self.calls(key)
        until(lambda: self.calls(key) > so_far + 10, what="traffic: " + self.output())

    def app_id(self):
        return json.loads(self.check(self.imex("metadata", "print")))["serviceName"]

    def slots(self):
        return {c["slot"]: c["x5t"] for c in json.loads(self.check(self.imex("cert", "list", "--json")))}

    def let_learn(self, keys):
        """The other side looks at our metadata once it shows these keys."""
        until(lambda: self.published() == keys, what="imexd publishes %s" % keys)
        self.dx.control("POST", "partners/refresh")


class Calls:
    """devexchange calls imexd's /v1/whoami with tokens of its own, for itself and for a user, until stopped."""

    def __init__(self, site, user):
        self.site, self.user = site, user
        self.context = ssl.create_default_context(cafile=site.authority.path)
        self.audience = "%s/localhost@corp.example" % site.app_id()
        self.taken, self.failed, self.stopping = collections.Counter(), [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def mint(self, **more):
        return self.site.dx.control("POST", "tokens", dict(audience=self.audience, user=self.user, **more))

    def ask(self, token):
        """(status, who imexd says that is)"""
        request = urllib.request.Request("https://localhost:%d/v1/whoami" % self.site.port,
                                         headers={"Authorization": "Bearer " + token})
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read()

    def accepts(self, token):
        return self.ask(token)[0] == 200

    def run(self):
        while not self.stopping.is_set():
            tokens = self.mint()
            key = jwt.get_unverified_header(tokens["app_only"])["x5t"]
            for kind, owner in (("app_only", None), ("user", self.user.replace(MAIL, IM))):
                try:
                    status, who = self.ask(tokens[kind])
                except OSError as error:
                    status, who = None, repr(error)
                if status == 200 and who["user"] == owner and who["partner"] == "exchange":
                    self.taken[key] += 1
                else:
                    self.failed.append((kind, status, who))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stopping.set()
        self.thread.join()

    def go_on(self, key):
        """Waits until some more calls with that key were taken."""
        so_far = self.taken[key]
        until(lambda: self.taken[key] > so_far + 6 or self.failed, what="calls from the other side")
        assert self.failed == [], (self.failed[:3], self.site.output())


def their_roll(site, calls):
    """Exchange stages, publishes and clears its certificates; who calls with them is never refused."""
    staged = site.dx.control("POST", "signing/stage")
    calls.go_on(staged["current"])
    site.check(site.imex("partner", "refresh", "exchange"))
    until(lambda: calls.accepts(calls.mint(slot="next")["app_only"]), what="the next key is learnt before it signs")
    before = calls.mint()
    site.dx.control("POST", "signing/publish")
    calls.go_on(staged["next"])
    assert calls.accepts(before["app_only"]) and calls.accepts(before["user"]), "the previous key counts while it is published"
    site.dx.control("POST", "signing/clear-previous")
    site.check(site.imex("partner", "refresh", "exchange"))
    until(lambda: not calls.accepts(before["app_only"]), what="the previous key is forgotten")
    calls.go_on(staged["next"])


def our_roll(site, calls):
    """A staged certificate signs from its time on; nobody types anything then."""
    old = site.slots()["current"]
    key = new_key()
    staged = site.authority.write("next.pem", pem_key(key) + pem(certificate("corp.example", key, days=1825)))
    site.give()
    site.check(site.imex("cert", "stage", staged, "--effective", "2028-01-01"))
    new = site.slots()["next"]
    site.give()
    site.let_learn({old, new})
    site.go_on(old)
    assert site.calls(new) == 0, "the next key signs before its time"
    effective = int(time.time()) + 5
    site.check(site.imex("cert", "stage", staged, "--force", "--effective",
                         time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(effective))))
    site.give()
    until(lambda: site.calls(new) > 0, what="the new key signs")
    assert time.time() >= effective, "the next key signs before its time"
    site.go_on(new)
    assert site.slots() == {"previous": old, "current": new}, site.slots()
    assert site.published() == {old, new}, "what the old key signed may still be about"
    site.check(site.imex("cert", "drop-previous"))
    site.give()
    site.let_learn({new})
    site.go_on(new)


@tap.test("both issuers' certificates roll while each server calls the other; no call fails")
def _():
    with Trusting(["alice", "bob", "carol", "dave"], "folder", tokens=True) as site:
        site.start()
        try:
            site.dx.control("POST", "partners", {"metadata": "https://localhost:%d/metadata/json/1" % site.port,
                                                 "ca": site.authority.path})
            for user in site.users:
                site.rosters.set("%s@im.example" % user, "friend@im.example", name="Friend")
            site.allow()
            site.go_on(site.slots()["current"])
            calls = Calls(site, "alice@corp.example")
            until(lambda: calls.accepts(calls.mint()["user"]), what="alice is known")
            with calls:
                calls.go_on(site.dx.control("GET", "signing")["current"])
                their_roll(site, calls)
                our_roll(site, calls)
                calls.go_on(site.dx.control("GET", "signing")["current"])
            assert calls.failed == [], calls.failed
            counters = site.dx.counters()
            assert counters.get("token.refused", 0) == 0, counters
            assert site.daemon.poll() is None and site.output().count("imexd.ready") == 1, site.output()
            tap.comment("%d calls to devexchange with %d signatures, %d from it, none refused" % (
                counters["token.accepted"], counters["token.signatures"], sum(calls.taken.values())))
            assert "ERROR" not in site.output() and "refused us" not in site.output(), site.output()
        finally:
            site.daemon.send_signal(signal.SIGTERM)
            status = site.daemon.wait(timeout=60)
        assert status == 0, (status, site.output())


tap.main()
