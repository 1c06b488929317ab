#!/usr/bin/python3
"""imex doctor and imex check: every planted fault is named by the right line."""
import json
import os
import re
import shutil
import socket
import threading

import devexchange
import installation
import tap
from partner import Authority, Partner, certificate, new_key, pem, pem_key

if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

USER = "bob@corp.example"


class Patient:
    """An installation that devexchange trusts and that trusts devexchange: everything is well."""

    def __init__(self, dx):
        self.dx, self.site = dx, installation.Site()
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
    ("our partner switched off there", lambda p: p.dx.control(
        "POST", "partners", {"issuer": p.app_id + "@corp.example", "enabled": False}), "issuer|token", "", BOB),
]


def with_dx():
    return devexchange.Devexchange("--listen", "127.0.0.1:0", "--host", "localhost", "--mailbox", USER)


@tap.test("a healthy installation has no finding, and doctor writes nothing")
def _():
    with with_dx() as dx:
        p = Patient(dx)
        code, found = p.findings("doctor", "--user", USER)
        assert code == 0 and all(r == "ok" for _, _, r in found), found
        assert {"tls", "clock", "challenge", "metadata", "token", "mailbox", "names"} <= {w for w, _, _ in found}, found
        code, found = p.findings("check")
        assert code == 0 and "tls" not in {w for w, _, _ in found}, found
        p.site.close()


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
            p.site.close()
    assert not missed, "\n".join(map(repr, missed))


@tap.test("a certificate near its end is warned of")
def _():
    with with_dx() as dx:
        p = Patient(dx)
        p.use(days=20)
        code, found = p.findings("check")
        assert any(w == "certificate" and "days" in text and r == "warning" for w, text, r in found), found
        p.site.close()


tap.main()
