#!/usr/bin/python3
"""Server-to-server trust with a partner that was not written here (PyJWT, python3-cryptography):
partners, metadata over HTTPS, our tokens and theirs, rolls of certificates under traffic."""
import base64
import datetime
import hashlib
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

import devexchange
import installation
import tap
from partner import EXCHANGE, Authority, Partner, b64url, certificate, new_key, pem, pem_key, x5t

USER = "bob@corp.example"
SHAREPOINT = "00000003-0000-0ff1-ce00-000000000000"

if os.getuid() == 0:
    # imexd does not run as root, so neither does this test.
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(condition, seconds=60, what=""):
    """Waits for what must become true; how long it takes decides nothing."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain: " + what
        time.sleep(0.1)


class Daemon:
    """imexd with its listener."""

    def __init__(self, site, more="", refresh_min="1s"):
        self.site, self.port = site, free_port()
        self.authority = Authority(site.folder, "listener CA")
        self.key, self.chain, _ = self.authority.leaf("listener")
        with open(site.config, "a") as f:
            f.write("\n[listen]\naddress = 127.0.0.1:%d\npublic_url = https://localhost:%d\ntls_certificate = %s\n"
                    "tls_key = %s\n\n[partner]\nca_file = %s\nallow_loopback = yes\nrefresh_min = %s\n%s" %
                    (self.port, self.port, self.chain, self.key, site.ca, refresh_min, more))
        self.log_path = os.path.join(site.folder, "imexd.log")
        self.process = None
        self.start()

    def start(self):
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen([os.path.join(os.environ["builddir"], "imexd"), "--config", self.site.config],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        until(self.listening, what="imexd listens")

    def listening(self):
        assert self.process.poll() is None, self.output()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def output(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        self.log.close()
        assert status == 0, (status, self.output())

    def context(self):
        return ssl.create_default_context(cafile=self.authority.path)

    def ask(self, path, *authorization, method="GET", body=None):
        """(status, headers, body)"""
        connection = http.client.HTTPSConnection("localhost", self.port, context=self.context(), timeout=30)
        connection.putrequest(method, path)
        for value in authorization:
            connection.putheader("Authorization", value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, answer.headers, data

    def whoami(self, token):
        return self.ask("/v1/whoami", "Bearer " + token)

    def accepts(self, token):
        return self.whoami(token)[0] == 200


class World:
    """An installation, a partner in Python and, when asked for, imexd."""

    def __init__(self, daemon=False, more="", refresh_min="1s"):
        self.site = installation.Site()
        self.authority = Authority(self.site.folder)
        self.site.ca = self.authority.path
        self.partner = Partner(self.authority)
        done = self.site.init("--domain", "corp.example", "--source",
                              "prosody+sqlite://%s/prosody.sqlite" % self.site.folder, "--server",
                              self.partner.origin + "/EWS/Exchange.asmx", "--ca-file", self.site.ca,
                              "--allow-loopback")
        assert done.returncode == 0, done
        self.app_id = re.search(r"application +(\S+)", done.stdout).group(1)
        self.daemon = Daemon(self.site, more, refresh_min) if daemon else None
        self.audience = "%s/localhost@corp.example" % self.app_id
        if daemon:
            self.site.ok("partner", "add", "exchange", "--metadata", self.partner.url)
            self.know_user()

    def know_user(self):
        self.site.sql("INSERT INTO lease (mailbox_id, owner, server, smtp, due_utc_us) "
                      "VALUES (1, '%s', 'exchange', '%s', 9000000000000000)" % (USER, USER))
        self.site.sql("INSERT INTO mailbox (mailbox_id, owner, smtp, server, pinned_utc_us) "
                      "VALUES (1, '%s', '%s', 'exchange', 1)" % (USER, USER))

    def token(self, **keywords):
        return self.partner.token(self.audience, **keywords)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.daemon:
            if exc[0]:
                tap.comment(self.daemon.output())
            self.daemon.stop()
        self.partner.__exit__()
        self.site.close()


def decode(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@tap.test("PyJWT verifies our tokens, and they are what Exchange expects")
def _():
    with World() as w:
        w.site.ok("partner", "add", "exchange", "--metadata", w.partner.url)
        key = x509.load_pem_x509_certificate(w.site.ok("cert", "export").encode())
        outer = w.site.ok("token", "mint", "--user", USER, "--reveal").strip()
        head, body, tail = outer.split(".")
        assert tail == "" and decode(head) == {"typ": "JWT", "alg": "none"}, outer
        claims = decode(body)
        actor = claims["actortoken"]
        assert jwt.get_unverified_header(actor) == {"typ": "JWT", "alg": "RS256", "x5t": x5t(key)}
        signed = json.loads(jwt.api_jws.decode(actor, key.public_key(), algorithms=["RS256"]))
        audience = "00000002-0000-0ff1-ce00-000000000000/localhost@corp.example"
        issuer = w.app_id + "@corp.example"
        assert list(signed) == ["aud", "iss", "nbf", "exp", "nameid", "trustedfordelegation"], signed
        assert signed["aud"] == claims["aud"] == audience and signed["iss"] == signed["nameid"] == claims["iss"] == issuer
        assert isinstance(signed["nbf"], str) and int(signed["exp"]) - int(signed["nbf"]) == 28800
        assert claims["nameid"] == claims["smtp"] == USER
        bare = w.site.ok("token", "mint", "--app-only", "--reveal").strip()
        alone = json.loads(jwt.api_jws.decode(bare, key.public_key(), algorithms=["RS256"]))
        assert list(alone) == ["aud", "iss", "nbf", "exp", "nameid"], alone
        try:
            jwt.api_jws.decode(bare[:-8] + "AAAAAAAA", key.public_key(), algorithms=["RS256"])
            raise AssertionError("a broken signature was accepted")
        except jwt.InvalidSignatureError:
            pass


@tap.test("each partner and each host has a token of its own, SharePoint's too")
def _():
    with World() as w, Partner(w.authority, SHAREPOINT) as sharepoint:
        with open(w.site.config, "a") as f:
            f.write("\n[partner]\nallow_loopback = yes\nca_file = %s\n" % w.site.ca)
        w.site.ok("partner", "add", "exchange", "--metadata", w.partner.url)
        w.site.ok("partner", "add", "sharepoint", "--metadata", sharepoint.url)
        w.site.ok("partner", "set", "sharepoint", "--origin", "https://sites.corp.example/")

        def audience(partner, url):
            bare = w.site.ok("token", "mint", "--partner", partner, "--app-only", "--reveal", "--url", url).strip()
            return decode(bare.split(".")[1])["aud"]
        assert audience("exchange", w.partner.origin + "/EWS/Exchange.asmx") == EXCHANGE + "/localhost@corp.example"
        assert audience("sharepoint", sharepoint.origin + "/x") == SHAREPOINT + "/localhost@corp.example"
        assert audience("sharepoint", "https://sites.corp.example/x") == SHAREPOINT + "/sites.corp.example@corp.example"
        w.site.fails(2, "token", "mint", "--partner", "exchange", "--app-only", "--url", "https://sites.corp.example/x",
                     names=("no origin recorded",))


@tap.test("token commands: the signature only with --reveal, wrong use told")
def _():
    with World() as w:
        w.site.fails(2, "token", "mint", "--user", USER, names=("exchange", "partner add"))
        w.site.ok("partner", "add", "exchange", "--metadata", w.partner.url)
        shown = w.site.ok("token", "mint", "--user", USER)
        token = w.site.ok("token", "mint", "--user", USER, "--reveal").strip()
        signature = decode(token.split(".")[1])["actortoken"].split(".")[2]
        assert signature not in shown and "not shown" in shown
        path = os.path.join(w.site.folder, "token")
        with open(path, "w") as f:
            f.write("Authorization: Bearer " + token + "\n")
        assert signature not in w.site.ok("token", "show", path)
        assert signature in w.site.ok("token", "show", "--reveal", path)
        with open(path, "w") as f:
            f.write("not a token")
        w.site.fails(1, "token", "show", path, names=("three parts",))
        w.site.fails(2, "token", "mint", "--user", USER, "--app-only", names=("either",))
        w.site.fails(2, "token", "mint", "--user", USER, "--url", "https://evil.example/", names=("origin",))
        w.site.fails(2, "token", "mint", "--user", USER, "--partner", "nobody", "--url", "https://x.example/",
                     names=("nobody",))


@tap.test("imexd serves the bytes of imex metadata print, and a stranger learns nothing else")
def _():
    with World(daemon=True) as w:
        status, headers, served = w.daemon.ask("/metadata/json/1")
        assert status == 200 and headers["Content-Type"].startswith("application/json"), (status, headers)
        assert served.decode() == w.site.ok("metadata", "print")
        assert json.loads(served)["endpoints"][0]["location"] == "https://localhost:%d/metadata/json/1" % w.daemon.port
        assert w.daemon.ask("/health")[0] == 200
        assert w.daemon.ask("/nothing")[0] == 404
        assert w.daemon.ask("/v1/whoami", method="POST", body=b"x" * 100000)[0] == 405
        status, headers, body = w.daemon.ask("/v1/whoami")
        assert status == 401 and 'client_id="%s"' % w.app_id in headers["WWW-Authenticate"], headers
        assert "error=" not in headers["WWW-Authenticate"] and body == b"unauthorized\n"
        status, headers, _ = w.daemon.ask("/v1/whoami", "Bearer")
        assert status == 401 and "error=" not in headers["WWW-Authenticate"]


@tap.test("tokens that PyJWT made are accepted, for the partner and for a user")
def _():
    with World(daemon=True) as w:
        until(lambda: w.daemon.accepts(w.token()), what="the partner is followed")
        who = json.loads(w.daemon.whoami(w.token())[2])
        assert who["partner"] == "exchange" and who["user"] is None, who
        who = json.loads(w.daemon.whoami(w.token(user=USER))[2])
        assert who["user"] == USER, who
        for wrong in (w.token(user="carol@corp.example"), w.token(aud=w.audience.replace("localhost", "other")),
                      w.token(iss=w.app_id + "@corp.example"), w.token(lifetime=100000), w.token()[:-4] + "AAAA"):
            status, headers, body = w.daemon.whoami(wrong)
            assert status == 401 and 'error="invalid_token"' in headers["WWW-Authenticate"], (status, headers)
            assert body == b"unauthorized\n"
        assert "verify.audience" in w.daemon.output()


@tap.test("attack 20: two Authorization headers, or two schemes in one, are refused; one is accepted")
def _():
    with World(daemon=True) as w:
        good = "Bearer " + w.token()
        until(lambda: w.daemon.ask("/v1/whoami", good)[0] == 200, what="added")
        for headers in ((good, good), (good, "Basic YTpi"), ("Basic YTpi", good), ("Bearer", good), (good + ", Basic YTpi",),
                        ("Basic YTpi, " + good,), (good + ", " + good,)):
            assert w.daemon.ask("/v1/whoami", *headers)[0] == 401, headers
        assert w.daemon.ask("/v1/whoami", good.replace("Bearer", "bEARER"))[0] == 200


@tap.test("a disabled or removed partner is refused by the running imexd, an enabled one accepted")
def _():
    with World(daemon=True) as w:
        token = w.token()
        until(lambda: w.daemon.accepts(token), what="added")
        w.site.ok("partner", "disable", "exchange")
        until(lambda: not w.daemon.accepts(token), what="disabled")
        w.site.ok("partner", "enable", "exchange")
        until(lambda: w.daemon.accepts(token), what="enabled")
        w.site.ok("partner", "set", "exchange", "--trust", "user")
        until(lambda: not w.daemon.accepts(token), what="trusted for users only")
        assert w.daemon.accepts(w.token(user=USER))
        w.site.ok("partner", "remove", "exchange")
        until(lambda: not w.daemon.accepts(w.token(user=USER)), what="removed")
        assert w.daemon.process.poll() is None


@tap.test("the partner's roll is followed: an unknown key makes imexd look, and no storm follows")
def _():
    with World(daemon=True) as w:
        until(lambda: w.daemon.accepts(w.token()), what="added")
        w.partner.add_key()
        assert w.daemon.accepts(w.token(key=0))
        until(lambda: w.daemon.accepts(w.token()), what="the new key is learnt")
        assert w.daemon.accepts(w.token(key=0)), "the old key counts while it is published"
        before = w.partner.fetched
        stranger = Partner(w.authority)
        for _ in range(200):
            w.daemon.whoami(stranger.token(w.audience))
        stranger.__exit__()
        assert w.partner.fetched - before < 50, w.partner.fetched
        del w.partner.keys[0]
        w.site.ok("partner", "refresh", "exchange")


@tap.test("keys that are all replaced at once are held, and the old ones stay")
def _():
    with World(daemon=True) as w:
        until(lambda: w.daemon.accepts(w.token()), what="added")
        old = w.partner.keys[:]
        w.partner.keys.clear()
        w.partner.add_key()
        done = w.site.run("partner", "refresh", "exchange")
        assert done.returncode == 0 and "ALARM" in done.stdout and "1 held" in done.stdout, done
        new = w.token()
        w.partner.keys, w.partner.saved = old, w.partner.keys
        assert w.daemon.accepts(w.token()) and not w.daemon.accepts(new)
        w.partner.keys = w.partner.saved
        w.site.ok("partner", "refresh", "exchange", "--accept-keys")
        until(lambda: w.daemon.accepts(w.token()), what="accepted by a person")
        assert "alarm" not in w.site.ok("partner", "list")


def seconds(iso):
    return datetime.datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp()


@tap.test("held keys are let go by a running imexd when key_hold is over, and not before")
def _():
    with World(daemon=True, more="key_hold = 6s\n") as w:
        until(lambda: w.daemon.accepts(w.token()), what="added")
        old = w.partner.keys[:]
        w.partner.keys.clear()
        w.partner.add_key()
        before = time.time()
        assert "1 held" in w.site.ok("partner", "refresh", "exchange")
        held = [k for k in json.loads(w.site.ok("partner", "show", "exchange", "--json"))["keys"] if k["held"]]
        until_s = seconds(held[0]["usable_from"])
        assert len(held) == 1 and until_s >= int(before) + 6, (before, held)
        until(lambda: w.daemon.accepts(w.token()), what="the new key counts: no command was given")
        assert time.time() >= until_s, "the key was believed before its time"
        w.site.ok("partner", "refresh", "exchange")
        w.partner.saved, w.partner.keys = w.partner.keys, old
        gone = w.token()
        w.partner.keys = w.partner.saved
        until(lambda: not w.daemon.accepts(gone), what="the old key is forgotten")
        assert w.daemon.accepts(w.token()) and "alarm" not in w.site.ok("partner", "list")


def tried(w, partner, hours):
    """Sets back when a partner's metadata was last looked at."""
    w.site.sql("UPDATE partner SET tried_utc_us = %d WHERE name = '%s'" % ((time.time() - 3600 * hours) * 1e6, partner))


@tap.test("metadata is fetched again after a day, and not before")
def _():
    with World(daemon=True) as w, Partner(w.authority, SHAREPOINT) as other:
        w.site.ok("partner", "add", "sharepoint", "--metadata", other.url)
        until(lambda: w.daemon.accepts(w.token()) and w.daemon.accepts(other.token(w.audience)), what="both are known")
        mine, theirs = w.partner.fetched, other.fetched
        tried(w, "sharepoint", 23)
        tried(w, "exchange", 25)
        until(lambda: w.partner.fetched > mine, what="the daily refresh")
        assert other.fetched == theirs, "a day had not passed"
        tried(w, "sharepoint", 25)
        until(lambda: other.fetched > theirs, what="the other's daily refresh")
        assert (w.partner.fetched, other.fetched) == (mine + 1, theirs + 1), (w.partner.fetched, other.fetched)
        w.site.ok("partner", "disable", "exchange")
        tried(w, "exchange", 25)
        tried(w, "sharepoint", 25)
        until(lambda: other.fetched > theirs + 1, what="another round")
        assert w.partner.fetched == mine + 1, "a disabled partner was asked"


@tap.test("an unknown key makes imexd look, but only once in refresh_min")
def _():
    with World(daemon=True, refresh_min="10m") as w, Partner(w.authority, SHAREPOINT) as other:
        w.site.ok("partner", "add", "sharepoint", "--metadata", other.url)
        until(lambda: w.daemon.accepts(w.token()), what="added")
        w.partner.add_key()
        before = w.partner.fetched
        for _ in range(20):
            assert not w.daemon.accepts(w.token())
        # A round of the keeper that comes after them is over when it has fetched the other one.
        theirs = other.fetched
        tried(w, "sharepoint", 25)
        until(lambda: other.fetched > theirs, what="a round")
        assert w.partner.fetched == before, "it was looked at only just now"
        tried(w, "exchange", 1)
        until(lambda: w.daemon.accepts(w.token()), what="the new key is learnt")
        assert w.partner.fetched == before + 1, w.partner.fetched


def cube_root(n):
    low, high = 0, 1 << (n.bit_length() // 3 + 1)
    while low < high:
        middle = (low + high) // 2
        if middle ** 3 < n:
            low = middle + 1
        else:
            high = middle
    return low


def forged(token, n):
    """The token with a signature that only a verifier believes which does not look at all of the
    padding: the cube root of a block with garbage behind the hash (Bleichenbacher, 2006)."""
    signed = token.rsplit(".", 1)[0]
    block = (b"\0\1" + b"\xff" * 8 + b"\0" + bytes.fromhex("3031300d060960864801650304020105000420") +
             hashlib.sha256(signed.encode()).digest())
    root = cube_root(int.from_bytes(block.ljust(256, b"\0"), "big"))
    assert (root ** 3).to_bytes(256, "big").startswith(block), "it is no such forgery"
    assert root ** 3 < n
    return signed + "." + b64url(root.to_bytes(256, "big"))


@tap.test("attack 14: a signature forged for a key with exponent 3 is refused, its twin is accepted")
def _():
    with World(daemon=True) as w:
        w.partner.add_key(exponent=3)
        w.site.ok("partner", "refresh", "exchange")
        twin = w.token()
        until(lambda: w.daemon.accepts(twin), what="the key is learnt")
        status, _, _ = w.daemon.whoami(forged(twin, w.partner.keys[-1][0].public_key().public_numbers().n))
        assert status == 401 and "verify.signature" in w.daemon.output(), w.daemon.output()


@tap.test("attacks 5, 18, 19: nothing is fetched for a key that a token brings along; storms end at the door")
def _():
    with World(daemon=True) as w:
        until(lambda: w.daemon.accepts(w.token()), what="added")
        attacker = Partner(w.authority)
        key, chain = attacker.keys[0]
        before = w.partner.fetched, attacker.fetched
        claims = decode(w.token().split(".")[1])
        for header in ({"jku": attacker.url}, {"x5u": attacker.url}, {"jwk": {"kty": "RSA"}},
                       {"x5c": [base64.b64encode(pem(chain)).decode()]}, {"kid": "../../etc/passwd"},
                       {"kid": "' OR 1=1 --"}):
            brought = jwt.api_jws.encode(json.dumps(claims).encode(), key, "RS256",
                                         dict(header, x5t=x5t(w.partner.keys[0][1])))
            assert w.daemon.whoami(brought)[0] == 401, header
        assert (w.partner.fetched, attacker.fetched) == before
        attacker.stop()
        assert w.daemon.ask("/v1/whoami", "Bearer " + "a" * 20000)[0] in (401, 413, 431)
        assert w.daemon.accepts(w.token()), "imexd goes on"


class Recorder(http.server.BaseHTTPRequestHandler):
    """A mail server that asks for a token and refers whoever brings one to server.location, if any."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        token = (self.headers["Authorization"] or "").partition(" ")[2]
        self.server.tokens += [token] if token else []
        self.server.requests += 1
        referred = token and self.server.location
        self.send_response(self.server.status if referred else 401)
        if referred:
            self.send_header("Location", self.server.location)
        else:
            self.send_header("WWW-Authenticate", 'Bearer client_id="%s", trusted_issuers="%s"' % (EXCHANGE, self.server.trusts))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST

    def log_message(self, *arguments):
        pass


class Recording(http.server.ThreadingHTTPServer):
    """authority: None for plain HTTP."""

    def __init__(self, authority, trusts):
        super().__init__(("127.0.0.1", 0), Recorder)
        self.daemon_threads = True
        self.tokens, self.requests, self.location, self.status, self.trusts = [], 0, None, 302, trusts
        if authority:
            key, chain, _ = authority.leaf("recording")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(chain, key)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = "http%s://localhost:%d/EWS/Exchange.asmx" % ("s" if authority else "", self.server_address[1])
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *exc):
        self.shutdown()
        super().__exit__(*exc)


@tap.test("attack 18: a token goes to its partner, and not to where an answer to it refers, be it HTTPS or HTTP")
def _():
    with World() as w:
        us = w.app_id + "@corp.example"
        with Recording(w.authority, us) as front, Recording(w.authority, us) as thief, Recording(None, us) as plain:
            w.site.ok("partner", "add", "exchange", "--metadata", w.partner.url)
            w.site.ok("partner", "set", "exchange", "--origin", front.url)
            with open(w.site.config) as f:
                text = f.read()

            def doctor(url):
                with open(w.site.config, "w") as f:
                    f.write(re.sub(r"^url = https.*/EWS/.*$", "url = " + url, text, flags=re.M))
                return w.site.run("doctor", "--user", USER)
            for status in (302, 307, 308):
                for elsewhere in (thief, plain):
                    before = len(front.tokens)
                    front.location, front.status = elsewhere.url, status
                    done = doctor(front.url)
                    assert done.returncode == 1 and len(front.tokens) > before, done
            assert thief.requests == plain.requests == 0, (thief.requests, plain.requests)
            # The configuration itself may name another address, but none without TLS.
            assert doctor(plain.url).returncode != 0 and plain.tokens == [], plain.tokens
            doctor(thief.url)
            assert len(thief.tokens) > 0, "the twin: an address that the configuration names gets it"


@tap.test("imexd starts without a partner and says so; OAuth has no switch")
def _():
    with World() as w:
        w.daemon = Daemon(w.site)
        until(lambda: "partners.none" in w.daemon.output(), what="it is said")
        status, headers, _ = w.daemon.ask("/v1/whoami", "Bearer " + w.token())
        assert status == 401 and "Bearer" in headers["WWW-Authenticate"], headers
        assert w.daemon.ask("/metadata/json/1")[0] == 200
        w.site.ok("partner", "add", "exchange", "--metadata", w.partner.url)
        w.know_user()
        until(lambda: w.daemon.accepts(w.token()), what="the first partner is followed")


@tap.test("token verify says of PyJWT's tokens what imexd says, and why")
def _():
    with World() as w:
        w.site.ok("partner", "add", "exchange", "--metadata", w.partner.url)
        with open(w.site.config, "a") as f:
            f.write("\n[listen]\npublic_url = https://localhost:8443\n")
        path = os.path.join(w.site.folder, "token")

        def verify(token):
            with open(path, "w") as f:
                f.write(token)
            return w.site.run("token", "verify", path)
        done = verify(w.token(user=USER))
        assert done.returncode == 0 and "accepted: exchange" in done.stdout and USER in done.stdout, done
        done = verify(w.token())
        assert done.returncode == 0 and "speaks for itself" in done.stdout, done
        def ended(seconds_ago):
            now = int(time.time())
            return w.token(nbf=str(now - 28800), exp=str(now - seconds_ago))
        # Clocks may differ by [oauth] skew, five minutes: what ended a minute ago is still taken.
        done = verify(ended(60))
        assert done.returncode == 0 and "accepted" in done.stdout, done
        for token, reason in ((w.token()[:-4] + "AAAA", "verify.signature"), (w.token(aud="x"), "verify.audience"),
                              (ended(400), "verify.time"), (w.token(user="x@other.example"), "verify.user")):
            done = verify(token)
            assert done.returncode == 1 and reason in done.stderr, (reason, done)


@tap.test("token explain says which rule serves a call, and why not")
def _():
    with World() as w, devexchange.Devexchange("--listen", "127.0.0.1:0", "--host", "localhost", "--mailbox", USER) as dx:
        def edit(pattern, text):
            with open(w.site.config) as f:
                before = f.read()
            after, n = re.subn(pattern, text, before, flags=re.M)
            assert n == 1, (pattern, before)
            with open(w.site.config, "w") as f:
                f.write(after)
        edit(r"^url = https://.*$", "url = " + dx.ews)
        edit(r"^ca_file = .*$", "ca_file = " + dx.ca)
        w.site.ok("partner", "add", "exchange", "--metadata", dx.ready["metadata"])
        w.site.fails(2, "token", "explain", "--partner", "exchange", "--user", USER, names=("does not trust us", "recipe"))
        told = w.site.ok("token", "explain", "--user", USER, "--offline")
        assert "not asked" in told and "smtp " + USER in told, told
        document = os.path.join(w.site.folder, "metadata.json")
        with open(document, "w") as f:
            f.write(w.site.ok("metadata", "print"))
        dx.control("POST", "partners", {"metadata": document})
        told = w.site.ok("token", "explain", "--partner", "exchange", "--user", USER)
        for words in ("rule       self-issued", "trusted issuers", "an outer token in the name of", "challenge  Bearer",
                      "00000002-0000-0ff1-ce00-000000000000/localhost@corp.example"):
            assert words in told, (words, told)
        assert "app-only" in w.site.ok("token", "explain", "--app-only")
        w.site.fails(2, "token", "explain", names=("either",))
        w.site.fails(2, "token", "explain", "--app-only", "--url", "https://evil.example/", names=("origin",))
        w.site.ok("partner", "ensure", "cloud", "--authorization-server", "sts", "--app-id", "skype")
        w.site.fails(2, "token", "explain", "--app-only", "--partner", "cloud", "--url", "https://x.example/",
                     names=("authorization server sts",))
        edit(r"^(url = https://.*)$", r"\1\nauth = basic\nuser = svc@corp.example")
        assert "rule       basic: [server" in w.site.ok("token", "explain", "--user", USER)


@tap.test("PKCS#12 files that others made are taken, whatever their age; wrong ones are told apart")
def _():
    with World() as w:
        key = new_key()
        chain = certificate("corp.example", key)
        secret = w.authority.write("pass", "schön & geheim\n".encode())
        done = serialization.BestAvailableEncryption("schön & geheim".encode())
        old = (serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2000)
               .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(hashes.SHA1())
               .build("schön & geheim".encode()))
        for name, encryption in (("new.p12", done), ("windows.pfx", old), ("CAPITALS.PFX", done)):
            path = w.authority.write(name, pkcs12.serialize_key_and_certificates(b"x", key, chain, None, encryption))
            shown = w.site.ok("cert", "import", path, "--pass-file", secret, "--now")
            assert "CN=corp.example" in shown, shown
            w.site.ok("cert", "create", "--now")
        legacy = os.path.join(w.site.folder, "legacy.p12")
        both = w.authority.write("both.pem", pem_key(key) + pem(chain))
        subprocess.run(["openssl", "pkcs12", "-export", "-legacy", "-in", both, "-out", legacy, "-passout",
                        "file:" + secret], check=True, stdin=subprocess.DEVNULL)
        w.site.ok("cert", "import", legacy, "--pass-file", secret, "--now")
        wrong = w.authority.write("wrong", b"other\n")
        w.site.fails(2, "cert", "import", legacy, "--pass-file", wrong, "--now", names=("password",))
        w.site.fails(2, "cert", "import", w.authority.write("no.p12", b"garbage"), "--pass-file", secret, "--now",
                     names=("not a PKCS#12",))
        os.chmod(secret, 0o644)
        w.site.fails(2, "cert", "import", legacy, "--pass-file", secret, "--now", names=("chmod 600",))
        weak_key = new_key(1024)
        weak_path = w.authority.write("weak.pem", pem_key(weak_key) + pem(certificate("corp.example", weak_key)))
        w.site.fails(2, "cert", "use", weak_path, names=("2048",))
        done = w.site.run("cert", "list", "--json")
        assert done.returncode == 0
        shutil.rmtree(os.path.join(w.site.state, "keys"))
        done = w.site.run("cert", "list", "--json")
        assert done.returncode == 3 and json.loads(done.stdout) == [] and "imex cert create" in done.stderr, done


def redirects(w):
    w.partner.redirect = "https://127.0.0.1:%d/metadata/json/1" % w.partner.server.server_address[1]


def poison(w, **members):
    w.partner.extra = members


def weak(w, bits=1024):
    w.partner.keys.clear()
    w.partner.add_key(bits=bits)


class Huge:
    """A key that would keep a verifier busy; nobody has its private half."""
    def public_key(self):
        return rsa.RSAPublicNumbers(65537, (1 << 16383) + 1).public_key()


def huge(w):
    signer = w.partner.keys[0][0]
    w.partner.keys[:] = [(signer, certificate("huge", Huge(), None, signer))]


def many(w):
    w.partner.document = w.partner.metadata(w.partner.keys * 9)


POISON = [
    ("a redirect to another origin", redirects, "redirects"),
    ("another issuer", lambda w: poison(w, issuer="00000003-0000-0ff1-ce00-000000000000@corp.example"), "issuer"),
    ("another realm", lambda w: poison(w, realm="evil.example"), "realm"),
    ("another service", lambda w: poison(w, serviceName="00000003-0000-0ff1-ce00-000000000000"), "service name"),
    ("an endpoint elsewhere", lambda w: poison(w, endpoints=[
        {"location": "https://evil.example/", "protocol": "OAuth2"}]), "endpoint"),
    ("no key", lambda w: poison(w, keys=[]), "no usable key"),
    ("a weak key", weak, "no usable key"),
    ("a key of 512 bits", lambda w: weak(w, 512), "no usable key"),
    ("a key of 16,384 bits", huge, "no usable key"),
    ("a wildcard issuer with other keys", lambda w: (poison(w, issuer="00000003-0000-0ff1-ce00-000000000000@*")), "issuer"),
    ("nine keys", many, "more than 8"),
    ("no JSON", lambda w: setattr(w.partner, "document", b"<html>"), "is not JSON"),
    ("other JSON", lambda w: setattr(w.partner, "document", b'{"a":1}'), "JSON but not a metadata document"),
    ("too much", lambda w: setattr(w.partner, "document", b" " * 300000), "256 KiB"),
    ("HTTP 500", lambda w: setattr(w.partner, "status", 500), "500"),
]


@tap.test("attack 16: a poisoned metadata document is refused and the old keys stay; without the poison it is taken")
def _():
    for name, change, words in POISON:
        with World() as w:
            w.site.ok("partner", "add", "exchange", "--metadata", w.partner.url)
            w.site.ok("partner", "refresh", "exchange")
            before = json.loads(w.site.ok("partner", "show", "exchange", "--json"))
            change(w)
            done = w.site.run("partner", "refresh", "exchange")
            assert done.returncode in (1, 2) and words in done.stderr, (name, done)
            assert done.stderr.count("\n") == 1, (name, done)
            after = json.loads(w.site.ok("partner", "show", "exchange", "--json"))
            assert after["keys"] == before["keys"] and after["issuer"] == before["issuer"], (name, after)
            assert (after["alarm"] is not None) == ("not believed" in done.stderr), (name, after)


@tap.test("unreachable, not TLS, untrusted, wrong name: four errors, and nothing is added")
def _():
    with World() as w:
        port = w.partner.server.server_address[1]
        plain = socket.socket()
        plain.bind(("127.0.0.1", 0))
        plain.listen(5)

        def answer_plainly():
            while True:
                try:
                    peer, _ = plain.accept()
                except OSError:
                    return
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                peer.close()
        thread = threading.Thread(target=answer_plainly, daemon=True)
        thread.start()
        w.site.ok("partner", "list")
        with open(w.site.config, "a") as f:
            f.write("\n[partner]\nallow_loopback = yes\nca_file = %s\n" % w.site.ca)
        add = ("partner", "add", "x", "--metadata")
        errors = [w.site.fails(code, *add, url, names=names).stderr for code, url, names in (
            (1, "https://localhost:%d/metadata/json/1" % free_port(), ("localhost",)),
            (2, "https://localhost:%d/metadata/json/1" % plain.getsockname()[1], ("TLS",)),
            (2, "https://127.0.0.1:%d/metadata/json/1" % port, ("127.0.0.1",)),
            (2, "http://localhost:%d/metadata/json/1" % port, ("https",)))]
        other = Authority(w.site.folder, "other CA")
        stranger = Partner(other)
        errors.append(w.site.fails(2, *add, stranger.url, names=("CA",)).stderr)
        stranger.__exit__()
        assert len(set(re.sub(r"\d+", "", e) for e in errors)) == len(errors), errors
        assert json.loads(w.site.ok("partner", "list", "--json")) == []
        plain.shutdown(socket.SHUT_RDWR)
        plain.close()
        thread.join()


@tap.test("partner add, ensure, set: by certificate, by base64, unfetched; ensure is idempotent")
def _():
    with World() as w:
        path = os.path.join(w.site.folder, "cert.pem")
        with open(path, "wb") as f:
            f.write(pem(w.partner.keys[0][1]))
        w.site.fails(2, "partner", "add", "exchange", names=("exactly one",))
        w.site.fails(2, "partner", "add", "exchange", "--cert", path, names=("--app-id",))
        w.site.fails(2, "partner", "add", "exchange", "--cert", path, "--app-id", "exchange", names=("--realm",))
        w.site.fails(2, "partner", "add", "exchange", "--cert", path, "--app-id", "x", "--realm", "r", names=("GUID",))
        w.site.fails(2, "partner", "add", "us", "--cert", path, "--app-id", w.app_id, "--realm", "corp.example",
                     names=("own",))
        by_hand = ("--app-id", "exchange", "--realm", "corp.example")
        w.site.ok("partner", "add", "exchange", "--cert", path, *by_hand, "--dry-run")
        assert json.loads(w.site.ok("partner", "list", "--json")) == []
        w.site.ok("partner", "add", "exchange", "--cert", path, *by_hand)
        w.site.fails(2, "partner", "add", "exchange", "--cert", path, *by_hand, names=("already",))
        w.site.fails(2, "partner", "add", "twin", "--cert", path, *by_hand, names=("twice",))
        assert "nothing to do" in w.site.ok("partner", "ensure", "exchange", "--cert", path, *by_hand)
        w.site.fails(2, "partner", "refresh", "exchange", names=("no metadata URL",))
        text = "".join(open(path).read().split("\n")[1:-2])
        w.site.ok("partner", "ensure", "sharepoint", "--cert-base64", text, "--app-id", "sharepoint", "--realm", "a.b")
        w.site.ok("partner", "ensure", "later", "--metadata", "https://later.example/metadata/json/1", "--no-fetch",
                  "--app-id", "skype", "--realm", "later.example")
        shown = json.loads(w.site.ok("partner", "show", "later", "--json"))
        assert shown["verified"] is False and shown["keys"] == [], shown
        w.site.ok("partner", "set", "later", "--trust", "application", "--origin", "https://more.example/EWS/")
        w.site.fails(2, "partner", "set", "later", "--origin", "http://more.example/", names=("TLS",))
        w.site.ok("partner", "disable", "later")
        names = [p["name"] for p in json.loads(w.site.ok("partner", "list", "--disabled", "--json"))]
        assert names == ["later"], names
        names = [p["name"] for p in json.loads(w.site.ok("partner", "list", "s*", "--json"))]
        assert names == ["sharepoint"], names
        w.site.fails(2, "partner", "show", "nobody", names=("nobody",))
        w.site.ok("partner", "ensure", "exchange", "--metadata", w.partner.url, "--app-id", "exchange")
        w.site.fails(2, "partner", "add", "other", "--metadata", "https://localhost:1/metadata/json/1", names=("not allowed",))


@tap.test("a partner that was added unfetched is verified by its first refresh, when it is the one meant")
def _():
    with World() as w:
        add = ("--metadata", w.partner.url, "--no-fetch", "--app-id")
        w.site.ok("partner", "add", "exchange", *add, "sharepoint", "--realm", "corp.example")
        w.site.fails(2, "partner", "refresh", "exchange", names=("issuer", "not believed"))
        assert json.loads(w.site.ok("partner", "show", "exchange", "--json"))["keys"] == []
        w.site.ok("partner", "ensure", "exchange", *add, "exchange", "--realm", "corp.example")
        w.site.ok("partner", "refresh", "exchange")
        shown = json.loads(w.site.ok("partner", "show", "exchange", "--json"))
        assert shown["verified"] is True and len(shown["keys"]) == 1, shown


@tap.test("another node takes the same certificate, and publishes the same keys")
def _():
    with World() as w, World() as node:
        secret = w.authority.write("pass", b"secret\n")
        bundle = os.path.join(w.site.folder, "node.p12")
        w.site.ok("cert", "export", "--pkcs12", bundle, "--pass-file", secret)
        node.site.ok("cert", "use", bundle, "--pass-file", secret)
        ours, theirs = (json.loads(s.ok("metadata", "print"))["keys"] for s in (w.site, node.site))
        assert ours == [theirs[0]], (ours, theirs)
        node.site.ok("cert", "drop-previous")
        assert json.loads(node.site.ok("metadata", "print"))["keys"] == ours


@tap.test("a certificate that is staged is published, signs from its time on, and is told apart")
def _():
    with World() as w:
        w.site.ok("partner", "add", "exchange", "--metadata", w.partner.url)
        w.site.fails(2, "cert", "create", names=("--effective",))
        w.site.fails(2, "cert", "stage", "--effective", "tomorrow", names=("ISO 8601",))
        ends = json.loads(w.site.ok("cert", "list", "--json"))[0]["ends"]
        w.site.fails(2, "cert", "stage", "--effective", ends[:11] + "00:00:00Z", names=("24 hours", "--force"))
        w.site.ok("cert", "stage", "--effective", "2028-01-01")
        listed = json.loads(w.site.ok("cert", "list", "--json"))
        assert [c["slot"] for c in listed] == ["current", "next"], listed
        published = json.loads(w.site.ok("metadata", "print"))["keys"]
        assert [k["keyinfo"]["x5t"] for k in published] == [c["x5t"] for c in listed]
        before = jwt.get_unverified_header(w.site.ok("token", "mint", "--app-only", "--reveal").strip())["x5t"]
        assert before == listed[0]["x5t"]
        w.site.ok("cert", "roll")
        after = jwt.get_unverified_header(w.site.ok("token", "mint", "--app-only", "--reveal").strip())["x5t"]
        assert after == listed[1]["x5t"]
        w.site.ok("cert", "drop-previous")
        w.site.fails(2, "cert", "drop-previous", names=("previous",))
        assert w.site.run("cert", "list", "--expires-within", "60d").returncode == 0
        assert w.site.run("cert", "list", "--expires-within", "3650d").returncode == 1
        secret = w.authority.write("pass", b"secret\n")
        bundle = os.path.join(w.site.folder, "out.p12")
        w.site.ok("cert", "export", "--pkcs12", bundle, "--pass-file", secret)
        assert os.stat(bundle).st_mode & 0o777 == 0o600
        w.site.fails(2, "cert", "import", bundle, "--now", names=("password",))
        w.site.ok("cert", "import", bundle, "--pass-file", secret, "--now")
        key = [f for f in os.listdir(w.site.state + "/keys") if f.endswith(".key.pem")][0]
        os.chmod(os.path.join(w.site.state, "keys", key), 0o644)
        w.site.fails(2, "token", "mint", "--app-only", names=("chmod 600",))


@tap.test("cert watch: ours, the listener's, the partner's issuer and TLS certificates, each at its limit")
def _():
    with World(daemon=True) as w:
        def watched(*words):
            done = w.site.run("cert", "watch", "--json", *words)
            assert done.stdout, done
            return done.returncode, {(c["certificate"], c["whose"]): (c["state"], c["limit"])
                                     for c in json.loads(done.stdout)}
        issuer, listener = ("issuer", "current"), ("listener", w.daemon.chain)
        theirs, server = ("partner issuer", "exchange"), ("TLS", w.partner.origin)
        code, found = watched()
        assert code == 0 and set(found) == {issuer, listener, theirs, server}, (code, found)
        assert set(found.values()) == {("ok", None)}, found
        w.daemon.authority.leaf("listener", days=21)
        w.partner.serve_with(w.authority.leaf("soon", days=11))
        w.partner.keys.clear()
        w.partner.add_key(days=41)
        w.site.ok("partner", "refresh", "exchange", "--accept-keys")
        key = new_key()
        ours = w.authority.write("ours.pem", pem_key(key) + pem(certificate("corp.example", key, days=6)))
        w.site.ok("cert", "use", ours)
        code, found = watched()
        assert code == 1 and found == {issuer: ("ends", "7"), listener: ("ends", "30"), theirs: ("ends", "60"),
                                       server: ("ends", "14")}, (code, found)
        code, found = watched("--offline")
        assert code == 1 and server not in found, found
        w.site.ok("cert", "create", "--now")
        w.daemon.authority.leaf("listener")
        w.partner.add_key(days=3000)
        w.site.ok("partner", "refresh", "exchange")
        w.partner.serve_with(w.authority.leaf("gone", days=1, start=datetime.datetime(2020, 1, 1)))
        code, found = watched()
        assert code == 1 and found[server] == ("WRONG", "0") and found[issuer] == ("ok", None), found
        w.partner.stop()
        code, found = watched()
        assert code == 3 and found[server] == ("unknown", None), (code, found)
        assert code == 3 and {state for state, _ in found.values()} == {"ok", "unknown"}, found
        w.site.fails(2, "cert", "watch", "x", names=("operand",))


@tap.test("imexd says which certificates come to their end")
def _():
    with World() as w:
        key = new_key()
        ours = w.authority.write("ours.pem", pem_key(key) + pem(certificate("corp.example", key, days=29)))
        w.site.ok("cert", "use", ours)
        w.daemon = Daemon(w.site)
        until(lambda: "cert.ending" in w.daemon.output(), what="the warning")
        assert "CN=corp.example of current (issuer) ends in 27 days" in w.daemon.output(), w.daemon.output()
        assert "imex cert stage" in w.daemon.output() and w.daemon.output().count("cert.ending") == 1


@tap.test("our certificate rolls under traffic: devexchange takes every call")
def _():
    with World() as w, devexchange.Devexchange("--listen", "127.0.0.1:0", "--host", "localhost", "--mailbox", USER) as dx:
        document = os.path.join(w.site.folder, "metadata.json")

        def publish():
            with open(document + ".new", "w") as f:
                f.write(w.site.ok("metadata", "print"))
            os.rename(document + ".new", document)
            dx.control("POST", "partners/refresh")
        publish()
        dx.control("POST", "partners", {"metadata": document})
        with open(w.site.config, "a") as f:
            f.write("\n[partner]\nallow_loopback = yes\nca_file = %s\n" % dx.ca)
        w.site.ok("partner", "add", "exchange", "--metadata", dx.ready["metadata"])
        body = devexchange.envelope("<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>"
                                    '<m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>')
        keys, statuses, stop = set(), [], threading.Event()

        def traffic():
            while not stop.is_set():
                token = w.site.ok("token", "mint", "--user", USER, "--reveal", "--url", dx.ews).strip()
                keys.add(jwt.get_unverified_header(decode(token.split(".")[1])["actortoken"])["x5t"])
                statuses.append(dx.post(body.encode(), headers={"Authorization": "Bearer " + token})[0])
        thread = threading.Thread(target=traffic)
        thread.start()
        try:
            until(lambda: len(statuses) > 2, what="traffic")
            w.site.ok("cert", "stage", "--effective", "2028-01-01")
            publish()
            w.site.ok("cert", "roll")
            publish()
            so_far = len(statuses)
            until(lambda: len(keys) == 2 and len(statuses) > so_far + 2, what="the new key signs")
            w.site.ok("cert", "drop-previous")
            publish()
            so_far = len(statuses)
            until(lambda: len(statuses) > so_far + 2, what="traffic after the roll")
        finally:
            stop.set()
            thread.join()
        assert set(statuses) == {200}, statuses
        tap.comment("%d calls, 2 keys" % len(statuses))


@tap.test("the partner's certificate rolls under traffic: imexd takes every token")
def _():
    with World(daemon=True, more="refresh = 60s\n") as w:
        until(lambda: w.daemon.accepts(w.token()), what="added")
        refused, calls, stop, signer = [], [], threading.Event(), [0]

        def traffic():
            while not stop.is_set():
                calls.append(1)
                answer = w.daemon.whoami(w.token(key=signer[0]))
                if answer[0] != 200:
                    refused.append(answer)
        thread = threading.Thread(target=traffic)
        thread.start()
        try:
            until(lambda: len(calls) > 5, what="traffic")
            w.partner.add_key()
            w.site.ok("partner", "refresh", "exchange")
            until(lambda: w.daemon.accepts(w.token(key=1)), what="the next key is learnt before it signs")
            signer[0] = 1
            so_far = len(calls)
            until(lambda: len(calls) > so_far + 5, what="the new key signs")
            first = w.partner.keys[0]
            w.partner.document = w.partner.metadata(w.partner.keys[1:])
            w.site.ok("partner", "refresh", "exchange")
            until(lambda: not w.daemon.accepts(w.token(key=0)), what="the old key is gone")
            assert first is w.partner.keys[0]
            so_far = len(calls)
            until(lambda: len(calls) > so_far + 5, what="traffic after the roll")
        finally:
            stop.set()
            thread.join()
        assert refused == [], refused[:3]
        tap.comment("%d calls" % len(calls))


@tap.test("the listener's certificate is replaced without a restart; a bad one is not taken")
def _():
    with World(daemon=True) as w:
        def served():
            with socket.create_connection(("127.0.0.1", w.daemon.port)) as s:
                with w.daemon.context().wrap_socket(s, server_hostname="localhost") as tls:
                    return tls.getpeercert(binary_form=True)
        before = served()
        w.daemon.authority.write("listener.pem", b"garbage")
        until(lambda: (served(), "stays in use" in w.daemon.output())[1], what="the bad file is told")
        assert served() == before
        w.daemon.authority.leaf("listener")
        until(lambda: served() != before, what="the new certificate")


class Caller(threading.Thread):
    """Asks imexd again and again, on a connection for each request or on one for all."""

    def __init__(self, daemon, token, keep):
        super().__init__()
        self.daemon_asked, self.token, self.keep = daemon, token, keep
        self.answers, self.failures, self.certificates = 0, [], set()
        self.stopping = threading.Event()

    def connect(self):
        context = ssl.create_default_context(cafile=self.daemon_asked.authority.path)
        connection = http.client.HTTPSConnection("localhost", self.daemon_asked.port, context=context, timeout=60)
        connection.auto_open = 0
        connection.connect()
        self.certificates.add(connection.sock.getpeercert(binary_form=True))
        return connection

    def ask(self, connection):
        connection.request("GET", "/v1/whoami", headers={"Authorization": "Bearer " + self.token})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            self.answers += 1
        else:
            self.failures.append(answer.status)

    def run(self):
        connection = None
        while not self.stopping.is_set():
            try:
                if connection is None:
                    connection = self.connect()
                self.ask(connection)
                if not self.keep:
                    connection.close()
                    connection = None
            except Exception as error:
                self.failures.append(repr(error))
                connection = None
        if connection is not None:
            connection.close()

    def go_on(self):
        so_far = self.answers
        until(lambda: self.answers > so_far + 3 or self.failures, what="answers")
        assert self.failures == [], self.failures[:3]


@tap.test("SIGHUP: no connection is refused or broken off, and the new configuration's certificate is shown")
def _():
    with World(daemon=True) as w:
        token = w.token(user=USER)
        until(lambda: w.daemon.accepts(token), what="added")
        callers = [Caller(w.daemon, token, keep) for keep in (False, False, True)]
        for caller in callers:
            caller.start()
        try:
            for n in range(4):
                for caller in callers:
                    caller.go_on()
                w.daemon.authority.leaf("listener%d" % n)
                with open(w.site.config) as f:
                    text = f.read()
                with open(w.site.config, "w") as f:
                    f.write(re.sub(r"listener\d*(\.key)?\.pem", r"listener%d\1.pem" % n, text))
                w.daemon.process.send_signal(signal.SIGHUP)
                until(lambda: w.daemon.output().count("imexd.ready") == n + 2, what="the configuration is read")
            for caller in callers:
                caller.go_on()
        finally:
            for caller in callers:
                caller.stopping.set()
                caller.join()
        assert all(c.failures == [] for c in callers), [c.failures[:3] for c in callers]
        served = {x509.load_der_x509_certificate(c).serial_number for caller in callers[:2] for c in caller.certificates}
        last = x509.load_pem_x509_certificate(open(os.path.join(w.site.folder, "listener3.pem"), "rb").read())
        assert last.serial_number in served and len(served) > 1, served
        tap.comment("%s answers" % [c.answers for c in callers])


@tap.test("SIGHUP: a certificate that cannot be used is refused, another address is taken, the old one given up")
def _():
    with World(daemon=True) as w:
        until(lambda: w.daemon.accepts(w.token()), what="added")
        with open(w.site.config) as f:
            good = f.read()

        def reload(text, words):
            with open(w.site.config, "w") as f:
                f.write(text)
            before = w.daemon.output().count(words)
            w.daemon.process.send_signal(signal.SIGHUP)
            until(lambda: w.daemon.output().count(words) > before, what=words)
        for wrong, words in ((good.replace(w.daemon.key, w.daemon.key + ".absent"), "No such file"),
                             (good.replace(w.daemon.key, w.daemon.chain), "listener.pem cannot be used"),
                             (good.replace("address = 127.0.0.1:", "address = here:"), "no IP address")):
            reload(wrong, words)
            assert "the old configuration stays" in w.daemon.output() and w.daemon.accepts(w.token()), words
        former, w.daemon.port = w.daemon.port, free_port()
        reload(good.replace("address = 127.0.0.1:%d" % former, "address = 127.0.0.1:%d" % w.daemon.port), "imexd.ready")
        assert w.daemon.accepts(w.token())
        with socket.socket() as s:
            assert s.connect_ex(("127.0.0.1", former)) != 0, "the old address is still listened at"
        reload(good.split("[listen]")[0] + "[partner]" + good.split("[partner]")[1], "imexd.ready")
        with socket.socket() as s:
            assert s.connect_ex(("127.0.0.1", w.daemon.port)) != 0, "nothing is listened at any more"
        assert w.daemon.process.poll() is None


@tap.test("imexd does not start with a TLS key that others can read, or an address that is taken")
def _():
    with World() as w:
        authority = Authority(w.site.folder, "listener CA")
        key, chain, _ = authority.leaf("listener")
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)

        def start(address, key):
            with open(w.site.config) as f:
                text = f.read()
            path = os.path.join(w.site.folder, "other.conf")
            with open(path, "w") as f:
                f.write(text + "\n[listen]\naddress = %s\npublic_url = https://localhost/\ntls_certificate = %s\n"
                        "tls_key = %s\n" % (address, chain, key))
            return subprocess.run([os.path.join(os.environ["builddir"], "imexd"), "--config", path],
                                  capture_output=True, text=True, timeout=60)
        os.chmod(key, 0o640)
        for address, words in (("127.0.0.1:0", "chmod 600"),):
            done = start(address, key)
            assert done.returncode in (1, 2) and words in done.stderr, done
        os.chmod(key, 0o600)
        for address, words in (("127.0.0.1:%d" % taken.getsockname()[1], "cannot listen"), ("nowhere", "0.0.0.0:8443"),
                               ("localhost:1", "no IP address")):
            done = start(address, key)
            assert done.returncode in (1, 2) and words in done.stderr, (address, done)
        taken.close()


@tap.test("recipes are filled in, and say what they need")
def _():
    with World() as w:
        w.site.fails(2, "partner", "recipe", "exchange", names=("public_url",))
        w.site.fails(2, "partner", "recipe", "nothing", names=("exchange",))
        with open(w.site.config, "a") as f:
            f.write("\n[listen]\npublic_url = https://im.corp.example:8443/\n")
        text = w.site.ok("partner", "recipe", "exchange", "--pilot-group", "O'Hara")
        for word in (w.app_id, "corp.example", "https://im.corp.example:8443/metadata/json/1", "O''Hara",
                     "Get-PartnerApplication", "Test-OAuthConnectivity", w.partner.origin + "/EWS/Exchange.asmx"):
            assert word in text, (word, text)
        assert text.index("throw 'the id " + w.app_id) < text.index("New-PartnerApplication")
        numbers = [int(n) for n in re.findall(r"^# (\d)\.", text, re.M)]
        assert numbers == list(range(1, 9)), numbers
        for word in ("-CustomRecipientWriteScope imex-pilot", "-LinkedAccount", "ResultType Success", "-RefreshAuthMetadata"):
            assert word in text, word
        assert "-CertificateFileData 'C:\\imex.cer'" in w.site.ok("partner", "recipe", "skype", "--cert-file", "C:\\imex.cer")
        w.site.fails(2, "partner", "recipe", "grommunio", "--cert-file", "x", names=("grommunio",))
        by_file = w.site.ok("partner", "recipe", "exchange", "--cert-file", "D:\\imex.json")
        assert "Copy-Item 'D:\\imex.json'" in by_file and "https://localhost/imex.json" in by_file, by_file
        assert "im.corp.example" not in by_file and by_file.count("New-PartnerApplication") == 1, by_file
        for name in ("exchange", "skype", "grommunio"):
            for option in ((), ("--undo",), ("--emergency",)):
                shown = w.site.ok("partner", "recipe", name, *option)
                assert not re.search(r"\{[a-z]", shown), shown
                assert "--undo" in (shown if not option and name == "exchange" else "--undo"), shown
        assert "Enabled $false" in w.site.ok("partner", "recipe", "exchange", "--emergency")


@tap.test("attack 18: no token, signature or key is ever logged")
def _():
    with World(daemon=True, more="\n") as w:
        with open(w.site.config) as f:
            text = f.read()
        with open(w.site.config, "w") as f:
            f.write(text.replace("[imex]\n", "[imex]\nlog_level = debug\n", 1))
        w.daemon.process.send_signal(signal.SIGHUP)
        until(lambda: w.daemon.output().count("imexd.ready") == 2, what="the configuration is read")
        until(lambda: w.daemon.accepts(w.token()), what="added")
        tokens = [w.token(), w.token(user=USER), w.token(user="carol@corp.example"), w.token(aud="MARKERaud"),
                  "MARKERgarbage", w.token()[:-4] + "AAAA"]
        for token in tokens:
            w.daemon.whoami(token)
        ours = w.site.run("--config", w.site.config, "token", "mint", "--user", USER, "-v")
        log = w.daemon.output() + ours.stderr
        for token in tokens:
            for part in token.split("."):
                for i in range(0, len(part) - 24, 24):
                    assert part[i:i + 24] not in log, part
        assert "MARKER" not in log
        assert "PRIVATE" not in log and "verify.user" in log, log


tap.main()
