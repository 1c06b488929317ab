#!/usr/bin/python3
"""Files of conversations, fetched from an upload host over HTTPS and attached to the items."""
import hashlib
import http.server
import mailbox
import os
import re
import ssl
import subprocess
import threading

import prosodygen
import tap
from archivesite import ArchiveSite
from xml.sax.saxutils import escape, quoteattr

START = 1795433520
PLAN = b"%PDF-1.7\n" + bytes(range(256)) * 40
BIG = b"x" * (1024 * 1024 + 1)


class Uploads(http.server.ThreadingHTTPServer):
    """An upload host; `asked` holds the paths in the order of asking."""

    def __init__(self, folder, certificate=None):
        self.asked, self.trouble, self.files = [], 0, {"/plan.pdf": PLAN, "/copy.pdf": PLAN, "/big.bin": BIG}
        super().__init__(("127.0.0.1", 0), Handler)
        self.certificate = certificate or os.path.join(folder, "upload.pem")
        if certificate is None:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.certificate,
                            "-out", self.certificate + ".crt", "-days", "2", "-subj", "/CN=localhost", "-addext",
                            "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
            with open(self.certificate + ".crt") as crt, open(self.certificate, "a") as key:
                key.write(crt.read())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def host(self):
        return "localhost:%d" % self.server_address[1]

    def url(self, path):
        return "https://%s%s" % (self.host, path)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append(self.path)
        if server.trouble > 0:
            server.trouble -= 1
            return self.answer(503, b"")
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "https://evil.example/x")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        content = server.files.get(self.path)
        return self.answer(404, b"") if content is None else self.answer(200, content)

    def answer(self, status, content):
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            pass  # the client has seen enough

    def log_message(self, *_):
        pass


def share(url, name=None, sha256=None):
    """The content of a stanza that shares a file."""
    told = "<name>%s</name>" % escape(name) if name else ""
    if sha256:
        import base64
        told += "<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>%s</hash>" % base64.b64encode(sha256).decode()
    return ("<body>%s</body><x xmlns='jabber:x:oob'><url>%s</url></x><file-sharing xmlns='urn:xmpp:sfs:0'>"
            "<file xmlns='urn:xmpp:file:metadata:0'>%s</file><sources><url-data "
            "xmlns='http://jabber.org/protocol/url-data' target=%s/></sources></file-sharing>" % (
                escape(url), escape(url), told, quoteattr(url)))


class Sharing(ArchiveSite):
    """Alice shared these files with bob; uploads is the host that is configured."""

    def __init__(self, make, hosts=None, extra=""):
        super().__init__(users=("alice", "bob"))
        self.uploads = Uploads(self.folder)
        with open(self.config, "a") as config:
            config.write("[archive]\nupload_hosts = %s\nupload_ca_file = %s.crt\nupload_allow_loopback = yes\n"
                         "files_max_mb = 1\n%s" % (hosts or self.uploads.host, self.uploads.certificate, extra))
        rows = []
        for number, inner in enumerate(make(self.uploads)):
            stanza = prosodygen.chat("alice@im.example", "bob@im.example", "share%d" % number, inner, origin=True)
            rows.append(("im.example", "alice", "archive", "share-row-%d" % number, START + number, "bob@im.example",
                         "xml", stanza))
        prosodygen.Database(self.prosody).insert("prosodyarchive", prosodygen.ARCHIVE, rows)
        self.ok("policy", "set", "archive", "im", "--domain", "im.example")
        self.ok("archive", "backfill", "--since", "2026-11-23")

    def item(self, user="bob"):
        found = self.items(user)
        assert len(found) == 1, found
        return found[0]

    def close(self):
        self.uploads.shutdown()
        self.uploads.server_close()
        super().close()


@tap.test("a file is fetched once and attached to each item, the same content once")
def _():
    digest = hashlib.sha256(PLAN).digest()
    with Sharing(lambda u: [share(u.url("/plan.pdf"), "The plan \u201cB\u201d/1.pdf", digest),
                            share(u.url("/copy.pdf"), "copy.pdf")]) as site:
        site.ok("archive", "deliver")
        for user in "alice", "bob":
            item = site.item(user)
            assert [a.content for a in item.attachments] == [PLAN], item.attachments
            assert item.attachments[0].name == "The plan \u201cB\u201d_1.pdf", item.attachments[0].name
            assert item.body.count("attached; sha-256:" + digest.hex()) == 2, item.body
            assert item.item_class == "IPM.Note.Microsoft.Conversation" and not item.is_draft
        assert sorted(site.uploads.asked) == ["/copy.pdf", "/plan.pdf"], site.uploads.asked
        out = site.path("eml")
        site.ok("export", "--format", "eml", "--out", out)
        name = os.listdir(out + "/messages")[0]
        import email
        import email.policy
        with open(os.path.join(out, "messages", name), "rb") as f:
            message = email.message_from_bytes(f.read(), policy=email.policy.default)
        files = list(message.iter_attachments())
        assert [f.get_content() for f in files] == [PLAN] and not message.defects
        assert message.get_body(("plain",)) is not None and len(site.uploads.asked) == 2
        out = site.path("mbox")
        site.ok("export", "--format", "mbox", "--out", out)
        box = mailbox.mbox(out + "/messages.mbox", create=False)
        parts = [part for part in box[0].walk() if part.get_content_disposition() == "attachment"]
        assert len(box) == 1 and [part.get_payload(decode=True) for part in parts] == [PLAN]


@tap.test("an HTML export holds the files beside its pages, in its manifest, under names that no browser runs")
def _():
    digest = hashlib.sha256(PLAN).hexdigest()
    with Sharing(lambda u: [share(u.url("/plan.pdf"), "The plan.PDF"), share(u.url("/copy.pdf"), "same.pdf"),
                            share(u.url("/page"), "page.html"), share(u.url("/nothing"), "gone.txt")]) as site:
        site.uploads.files["/page"] = b"<script>alert(1)</script>"
        site.ok("archive", "deliver")
        out = site.path("html")
        site.ok("export", "--format", "html", "--out", out)
        page, = os.listdir(out + "/conversations")
        with open(os.path.join(out, "conversations", page), encoding="utf-8") as f:
            text = f.read()
        local = re.findall('href="(\.\./[^"]*)"', text)
        names = [digest + ".pdf", hashlib.sha256(b"<script>alert(1)</script>").hexdigest() + ".bin"]
        assert local == ["../files/" + name for name in (names[0], names[0], names[1])], local
        assert sorted(os.listdir(out + "/files")) == sorted(names) and "The plan.PDF" in text
        with open(os.path.join(out, "files", names[0]), "rb") as f:
            assert f.read() == PLAN
        assert oct(os.stat(os.path.join(out, "files", names[0])).st_mode & 0o777) == "0o600"
        # The links of those that are there stay, as told; nothing of them is loaded.
        assert text.count(site.uploads.url("/nothing")) > 0 and "<img" not in text
        done = subprocess.run(["sha256sum", "-c", "--strict", "MANIFEST.sha256"], cwd=out, capture_output=True,
                              text=True, check=True).stdout
        assert sorted(re.findall("files/(\S+): OK", done)) == sorted(names), done
        with open(os.path.join(out, "MANIFEST.sha256")) as f:
            assert len(f.readlines()) == sum(len(files) for _, _, files in os.walk(out)) - 1, "each file is listed"


@tap.test("another host is never asked, and what is too large, gone, elsewhere or another file stays a link")
def _():
    other = None

    def make(u):
        nonlocal other
        other = Uploads("", certificate=u.certificate)
        return [share(other.url("/plan.pdf"), "other.pdf"), share("http://%s/plan.pdf" % u.host, "plain.pdf"),
                share(u.url("/big.bin")), share(u.url("/nothing")), share(u.url("/elsewhere")),
                share(u.url("/plan.pdf"), "plan.pdf", b"\x07" * 32), share("https://[bad", "bad.pdf")]
    with Sharing(make) as site:
        site.ok("archive", "deliver")
        item = site.item()
        assert item.attachments == [], item.attachments
        assert other.asked == [], "a host that nobody configured was asked"
        assert sorted(site.uploads.asked) == ["/big.bin", "/elsewhere", "/nothing", "/plan.pdf"], site.uploads.asked
        for words in ("larger than the 1 MiB", "HTTP 404", "not attached", "the SHA-256 is another one"):
            assert words in item.body, (words, item.body)
        assert other.url("/plan.pdf") in item.body
        other.shutdown()
        other.server_close()


@tap.test("a host in trouble is asked again, and the conversation waits for it")
def _():
    with Sharing(lambda u: [share(u.url("/plan.pdf"), "plan.pdf")]) as site:
        site.uploads.trouble = 1
        said = site.ok("archive", "deliver")
        assert "1 conversations wait for files" in said and site.items("bob") == [], said
        site.ok("archive", "deliver")
        assert site.uploads.asked == ["/plan.pdf"], "asked again at once"
        site.sql("UPDATE file_link SET next_try_utc_us = 0")
        site.ok("archive", "deliver")
        assert [a.content for a in site.item().attachments] == [PLAN]
    with Sharing(lambda u: [share(u.url("/plan.pdf"), "plan.pdf")]) as site:
        site.uploads.trouble = 10
        site.ok("archive", "deliver")
        site.sql("UPDATE file_link SET next_try_utc_us = 0, first_try_utc_us = 0")
        site.ok("archive", "deliver")
        item = site.item()
        assert item.attachments == [] and "HTTP 503" in item.body, "after a day it goes without the file"


@tap.test("without hosts nothing is fetched; a wrong host name is a fault of the configuration")
def _():
    with Sharing(lambda u: [share(u.url("/plan.pdf"), "plan.pdf")], hosts="other.example") as site:
        site.ok("archive", "deliver")
        assert site.uploads.asked == [] and site.item().attachments == []
    with Sharing(lambda u: [share(u.url("/plan.pdf"), "plan.pdf")], hosts="no/host?") as site:
        site.fails(2, "archive", "deliver", names=("upload_hosts", "no/host?"))


tap.main()
