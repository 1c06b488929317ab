#!/usr/bin/python3
"""imex doctor and imex check: every planted fault is named by the right line."""
import datetime
import email.utils
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import threading
import time

import devexchange
import installation
import tap
from partner import EXCHANGE, Authority, certificate, new_key, pem, pem_key

if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

USER = "bob@corp.example"


class Patient:
    """An installation that devexchange trusts and that trusts devexchange: everything is well."""

    def __init__(self, dx):
        self.dx, self.site, self.servers = dx, installation.Site(), []
        self.ok = self.site.ok
        done = self.site.init("--domain", "corp.example", "--source",
                              "prosody+sqlite://%s/prosody.sqlite" % self.site.folder, "--server", dx.ews,
                              "--ca-file", dx.ca, "--allow-loopback")
        assert done.returncode == 0, done
        self.app_id = re.search(r"application +(\S+)", done.stdout).group(1)
        self.document = os.path.join(self.site.folder, "metadata.json")
        self.publish()
        dx.control("POST", "partners", {"metadata": self.document})
        self.ok("partner", "add", "exchange", "--metadata", dx.ready["metadata"])

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
        self.dx.clear_faults()
        self.dx.control("POST", "mailboxes", {"smtp": USER, "disabled": False})
        self.site.close()

    def publish(self):
        with open(self.document, "w") as f:
            f.write(self.ok("metadata", "print"))

    def edit(self, pattern, text):
        with open(self.site.config) as f:
            before = f.read()
        after, n = re.subn(pattern, text, before, flags=re.M)
        assert n == 1, (pattern, before)
        with open(self.site.config, "w") as f:
            f.write(after)

    def append(self, text):
        with open(self.site.config, "a") as f:
            f.write("\n" + text + "\n")

    def url(self, url):
        self.edit(r"^url = https://.*$", "url = " + url)

    def write(self, name, data):
        path = os.path.join(self.site.folder, name)
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, 0o600)
        return path

    def use(self, **keywords):
        """Replaces our certificate by one made to measure."""
        key = new_key()
        path = self.write("own.pem", pem_key(key) + pem(certificate("corp.example", key, **keywords)))
        self.ok("cert", "use", path)

    def port(self):
        return self.dx.ready["port"]

    def findings(self, *words):
        done = self.site.run(*words, "--json")
        assert done.stdout, (words, done)
        return done.returncode, [(f["what"], f["finding"], f["result"]) for f in json.loads(done.stdout)]


def key_file(p):
    keys = os.path.join(p.site.state, "keys")
    return os.path.join(keys, [f for f in os.listdir(keys) if f.endswith(".key.pem")][0])


def plain_server(p):
    """Something that listens and speaks no TLS."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(5)

    def serve():
        for _ in range(4):
            try:
                peer, _ = s.accept()
            except OSError:
                return
            peer.sendall(b"220 mail.corp.example ESMTP\r\n" * 20)
            peer.close()
    threading.Thread(target=serve, daemon=True).start()
    p.url("https://localhost:%d/EWS/Exchange.asmx" % s.getsockname()[1])


class Strange(http.server.BaseHTTPRequestHandler):
    """Answers every POST as it is told to."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response_only(self.server.status)
        self.send_header("Date", email.utils.formatdate(time.time() + self.server.clock_s, usegmt=True))
        for challenge in self.server.challenges:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_POST

    def log_message(self, *arguments):
        pass


def strange(status=401, challenges=('Bearer client_id="%s"' % EXCHANGE,), clock_s=0, **leaf):
    """Plants a mail server that is almost one."""
    def plant(p):
        authority = Authority(p.site.folder, "strange CA")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Strange)
        server.daemon_threads = True
        server.status, server.challenges, server.clock_s = status, challenges, clock_s
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        key, chain, _ = authority.leaf("strange", **leaf)
        context.load_cert_chain(chain, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        p.servers.append(server)
        p.url("https://localhost:%d/EWS/Exchange.asmx" % server.server_address[1])
        p.edit(r"^ca_file = .*$", "ca_file = " + authority.path)
    return plant


def fault(**rule):
    return lambda p: p.dx.fault(**rule)


def partner_there(**members):
    """Changes what the other side thinks of us."""
    return lambda p: p.dx.control("POST", "partners", dict(members, issuer=p.app_id + "@corp.example"))


def disabled_there(p):
    p.dx.control("POST", "mailboxes", {"smtp": USER, "disabled": True})


def other_ca(p):
    other = Authority(p.site.folder, "other CA")
    p.edit(r"^ca_file = .*$", "ca_file = " + other.path)


def wrong_key(p):
    """We sign with a key that the other side does not know."""
    p.ok("cert", "create", "--now")


def partner_key_changed(p):
    p.site.sql("UPDATE partner_key SET certificate = certificate, x5t = 'gone'")
    other = Authority(p.site.folder, "x")
    text = "".join(pem(other.certificate).decode().split("\n")[1:-2])
    p.site.sql("UPDATE partner_key SET certificate = '%s'" % text)


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# (what is planted, how, the topic of the line that names it, words in it, options)
BOB = ("--user", USER)
FAULTS = [
    ("an unknown setting", lambda p: p.append("[listen]\naddres = x"), "config", "addres", ()),
    ("no configuration", lambda p: os.unlink(p.site.config), "config", "imex.conf", ()),
    ("no application id", lambda p: p.edit(r"^app_id = .*\n", ""), "identity", "imex.app_id", ()),
    ("an application id that is none", lambda p: p.edit(r"^app_id = .*$", "app_id = us"), "identity", "GUID", ()),
    ("a realm that is none", lambda p: p.edit(r"^app_id = .*$", "\\g<0>\n\n[oauth]\nrealm = a b\n\n[imex]"), "identity",
     "oauth.realm", ()),
    ("no issuer key", lambda p: shutil.rmtree(os.path.join(p.site.state, "keys")), "key", "imex cert create", ()),
    ("a key that others can read", lambda p: os.chmod(key_file(p), 0o644), "identity", "chmod 600", ()),
    ("a damaged key", lambda p: open(key_file(p), "w").close(), "identity", "backup", ()),
    ("a domain that the certificate does not name", lambda p: p.append("[domain other.example]"), "names",
     "other.example", ()),
    ("no store", lambda p: os.unlink(os.path.join(p.site.state, "imex.db")), "store", "imex init", ()),
    ("a store that is none", lambda p: p.write("state/imex.db", b"garbage" * 1000), "store", "imex.db", ()),
    ("no partner", lambda p: p.ok("partner", "remove", "exchange"), "partner", "imex partner add", ()),
    ("a disabled partner", lambda p: p.ok("partner", "disable", "exchange"), "partner", "imex partner enable", ()),
    ("an unverified partner", lambda p: (p.ok("partner", "remove", "exchange"), p.ok(
        "partner", "add", "exchange", "--metadata", p.dx.ready["metadata"], "--no-fetch", "--app-id", "exchange",
        "--realm", "corp.example")), "partner", "imex partner refresh", ()),
    ("a partner without a valid key", lambda p: p.site.sql("UPDATE partner_key SET not_after_utc_us = 1"), "partner",
     "no valid key", ()),
    ("an alarm", lambda p: p.site.sql("UPDATE partner SET alarm = 'somebody changed its realm'"), "partner",
     "changed its realm", ()),
    ("keys that the partner no longer publishes", partner_key_changed, "metadata", "imex partner refresh", ()),
    ("metadata that is gone", lambda p: p.site.sql("UPDATE partner SET metadata_url = '%s/nothing'" % p.dx.url),
     "metadata", "HTTP status", ()),
    ("a host name that does not exist", lambda p: p.url("https://nowhere.invalid/EWS/Exchange.asmx"), "name",
     "nowhere.invalid", ()),
    ("a loopback address that is not allowed", lambda p: p.edit(r"^allow_loopback = yes\n", ""), "name",
     "not allowed", ()),
    ("a closed port", lambda p: p.url("https://localhost:%d/EWS/Exchange.asmx" % closed_port()), "tcp", "localhost", ()),
    ("a server without TLS", plain_server, "tls", "TLS", ()),
    ("another CA", other_ca, "tls", "CA", ()),
    ("a certificate for another name", lambda p: p.url("https://mail.localhost:%d/EWS/Exchange.asmx" % p.port()), "tls",
     "mail.localhost", ()),
    ("a wrong path", lambda p: p.url(p.dx.url + "/nothing"), "url", "Exchange Web Services", ()),
    ("another application behind the URL", lambda p: p.site.sql(
        "UPDATE partner SET app_id = '00000003-0000-0ff1-ce00-000000000000'"), "audience", "00000002", ()),
    ("an issuer that the server does not trust", lambda p: p.edit(
        r"^app_id = .*$", "app_id = 11111111-2222-4333-8444-555555555555"), "issuer", "imex partner recipe", ()),
    ("a key of ours that the server does not know", wrong_key, "token", "imex doctor|2000000|refused", BOB),
    ("another realm", lambda p: p.ok("partner", "set", "exchange", "--realm", "other.example"), "token|realm", "realm",
     BOB),
    ("a user who is not mapped", lambda p: None, "user", "nobody.example", ("--user", "x@nobody.example")),
    ("a user without a mailbox", lambda p: None, "mailbox", "unknown to the server", ("--user", "carol@corp.example")),
    ("our partner switched off there", partner_there(enabled=False), "issuer", "imex partner recipe exchange", BOB),
    ("no right to speak for users there", partner_there(full_trust=False), "token",
     r"exchange refused us \(2000008.*linked account.*imex partner recipe exchange", BOB),
    ("a mailbox that is disabled there", disabled_there, "mailbox", "2000005", BOB),
    ("a clock that is off", strange(clock_s=4000), "clock", "NTP", ()),
    ("a server that knows no tokens", strange(challenges=("Negotiate", 'Basic realm="x"')), "challenge",
     "takes no tokens.*auth = basic", ()),
    ("tokens of another kind", strange(challenges=('Bearer realm="x"',)), "challenge", "client_id", ()),
    ("a challenge that is none", strange(challenges=('Bearer client_id="x',)), "challenge", "cannot be read", ()),
    ("a challenge in another realm", strange(challenges=(
        'Bearer client_id="%s", realm="other.example"' % EXCHANGE,)), "realm", "imex partner set", ()),
    ("a service without a lock", strange(status=200, challenges=()), "url", "instead of 401", ()),
    ("a server that sends elsewhere", strange(status=302, challenges=()), "url", "302", ()),
    ("an expired TLS certificate", strange(start=datetime.datetime(2020, 1, 1)), "tls", "has expired", ()),
    ("a TLS certificate of tomorrow", strange(start=datetime.datetime.utcnow() + datetime.timedelta(days=1)), "tls",
     "not valid yet", ()),
    ("a TLS certificate for another name", strange(name="other.example"), "tls", "another name", ()),
    ("a mailbox without Contacts", fault(kind="message", operation="GetFolder", code="ErrorFolderNotFound", skip=2,
                                         count=1), "folders", "Contacts.*mail client", BOB),
    ("a full mailbox", fault(kind="message", operation="CreateItem", code="ErrorQuotaExceeded"), "write", "make room",
     BOB + ("--write-test",)),
    ("no right to read back", fault(kind="message", operation="GetItem", code="ErrorAccessDenied"), "write",
     "right|denied", BOB + ("--write-test",)),
    ("a lost answer", fault(kind="lost-answer", operation="CreateItem"), "write", "may have been carried out",
     BOB + ("--write-test",)),
    ("no right to remove", fault(kind="message", operation="DeleteItem", code="ErrorAccessDenied"), "removal",
     "may be left in Conversation History, remove it there", BOB + ("--write-test",)),
]


def with_dx():
    return devexchange.Devexchange("--listen", "127.0.0.1:0", "--host", "localhost", "--mailbox", USER)


@tap.test("a healthy installation has no finding, and doctor writes nothing")
def _():
    with with_dx() as dx:
        p = Patient(dx)
        code, found = p.findings("doctor", "--user", USER)
        assert code == 0 and all(r == "ok" for _, _, r in found), found
        assert [w for w, _, _ in found] == [
            "config", "identity", "key", "names", "realm", "store", "partner", "users", "combination", "name", "tcp",
            "tls", "url", "clock", "challenge", "audience", "realm", "issuer", "metadata", "user", "token", "mailbox",
            "folders", "folders"], found
        assert any("127.0.0.1" in text or "::1" in text for w, text, _ in found if w == "name"), found
        assert not [o for o in dx.counters() if re.match(r"operation\.(Create|Update|Delete|Add|Set|Move)", o)]
        code, found = p.findings("check")
        assert code == 0 and "tls" not in {w for w, _, _ in found}, found
        p.close()


@tap.test("--write-test makes an item, reads it back and removes it; observe keeps it from that")
def _():
    with with_dx() as dx:
        p = Patient(dx)
        code, found = p.findings("doctor", "--user", USER, "--write-test")
        assert code == 0 and all(r == "ok" for _, _, r in found), found
        assert [w for w, _, _ in found][-2:] == ["write", "removal"], found
        counters = dx.counters()
        assert counters["operation.CreateItem"] == counters["operation.DeleteItem"] == 1, counters
        p.site.fails(2, "doctor", "--write-test", names=("--user",))
        p.edit(r"^\[imex\]$", "[imex]\nmode = observe")
        p.site.fails(2, "doctor", "--user", USER, "--write-test", names=("observe",))
        assert dx.counters()["operation.CreateItem"] == 1
        p.close()


@tap.test("a server that takes a password: no token is made, and a failed token never becomes a password")
def _():
    with devexchange.Devexchange("--listen", "127.0.0.1:0", "--host", "localhost", "--mailbox", USER, "--user",
                                 "svc@corp.example:right", "--impersonator", "svc@corp.example") as dx:
        p = Patient(dx)
        path = p.write("password", b"right\n")
        p.edit(r"^(url = https://.*)$", "\\1\nauth = basic\nuser = svc@corp.example\npassword_file = " + path)
        code, found = p.findings("doctor", "--user", USER, "--write-test")
        assert code == 0 and all(r == "ok" for _, _, r in found), found
        assert not {"token", "audience", "issuer"} & {w for w, _, _ in found}, found
        p.write("password", b"wrong\n")
        code, found = p.findings("doctor", "--user", USER)
        assert code == 1 and [w for w, _, r in found if r != "ok"] == ["mailbox"], found
        os.chmod(path, 0o644)
        code, found = p.findings("doctor", "--user", USER)
        assert code == 1 and any("chmod 600" in text for _, text, r in found if r != "ok"), found
        p.write("password", b"right\n")
        dx.control("POST", "partners", {"issuer": p.app_id + "@corp.example", "full_trust": False})
        p.edit(r"^auth = basic$", "auth = token")
        code, found = p.findings("doctor", "--user", USER)
        assert code == 1 and [w for w, _, r in found if r != "ok"] == ["token"], found
        p.close()


@tap.test("check compares realm, domains and names")
def _():
    with with_dx() as dx:
        for realm, result, words in (("corp.example", "ok", "our domain"), ("Corp.example", "warning", "realm = corp"),
                                     ("elsewhere.example", "warning", "none of our SIP domains"),
                                     ("6287f28f-0000-4000-8000-123456789abc", "ok", "GUID")):
            p = Patient(dx)
            p.append("[oauth]\nrealm = " + realm)
            _, found = p.findings("check")
            assert [r for w, text, r in found if w == "realm" and words in text] == [result], (realm, found)
            p.close()


@tap.test("%d planted faults are each named by the right line" % len(FAULTS))
def _():
    missed = []
    with with_dx() as dx:
        for name, plant, what, words, options in FAULTS:
            p = Patient(dx)
            plant(p)
            code, found = p.findings("doctor", *options)
            wrong = [(w, text) for w, text, result in found if result != "ok"]
            hit = [w for w, text in wrong if re.fullmatch(what, w) and re.search(words, text)]
            soft = all(result == "warning" for _, _, result in found if result != "ok")
            if not hit or (code != 1 and not soft):
                missed.append((name, code, wrong))
            p.close()
    assert not missed, "\n".join(map(repr, missed))


@tap.test("a certificate near its end is warned of")
def _():
    with with_dx() as dx:
        p = Patient(dx)
        p.use(days=20)
        code, found = p.findings("check")
        assert any(w == "certificate" and "days" in text and r == "warning" for w, text, r in found), found
        p.close()


tap.main()
