"""An archiving installation whose imexd takes what other servers post.

    with IngestSite() as site:
        status, headers, answer = site.post([event("k1", "alice@im.example", "bob@im.example", "hello")])

The sender im1 shows a client certificate, im2 the tokens of a partner. The programs run as who runs the test, which must
not be root: call leave_root() first.
"""
import contextlib
import datetime
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time

from archivesite import ArchiveSite
from partner import Authority, Partner

SENDERS = """
[listen]
address = 127.0.0.1:%(port)d
public_url = https://localhost:%(port)d
tls_certificate = %(chain)s
tls_key = %(key)s

[partner]
ca_file = %(ca)s
allow_loopback = yes

[sender im1]
certificate = %(client)s
domains = im.example

[sender im2]
partner = second
domains = second.example

[sender old]
certificate = %(expired)s
domains = im.example

[domain second.example]
server = exchange

%(more)s
"""


def leave_root():
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os.environ["HOME"] = "/tmp"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# Events that are posted again must bear the same times.
START = datetime.datetime.now(datetime.timezone.utc)


def ago(seconds):
    at = START - datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def event(key, sender, to, text, when=None, **more):
    return dict({"key": key, "from": sender, "to": to, "text": text, "time": when or ago(3600)}, **more)


def lines(events):
    return "".join(json.dumps(e) + "\n" for e in events).encode()


class IngestSite(ArchiveSite):
    def __init__(self, store=None, more="", **keywords):
        super().__init__(store=store, **keywords)
        self.port = free_port()
        self.authority = Authority(self.folder, "listener CA")
        self.partner = Partner(self.authority, app_id="11111111-2222-4333-8444-555555555555", realm="second.example")
        key, chain, _ = self.authority.leaf("listener")
        self.client_key, self.client, _ = self.authority.leaf("client", name="im1")
        self.stranger_key, self.stranger, _ = self.authority.leaf("stranger", name="im1")
        past = datetime.datetime.utcnow() - datetime.timedelta(days=30)
        self.expired_key, self.expired, _ = self.authority.leaf("expired", name="old", days=1, start=past)
        with open(self.config) as f:
            text = f.read()
        # The one server that init wrote keeps its name.
        name = re.search(r"^\[server (.*)\]", text, flags=re.M).group(1)
        with open(self.config, "a") as f:
            f.write((SENDERS % dict(port=self.port, chain=chain, key=key, ca=self.authority.path, client=self.client,
                                    expired=self.expired, more=more)).replace("server = exchange", "server = " + name))
        self.app_id = re.search(r"app_id = (\S+)", text).group(1)
        self.realm = "corp.example"
        self.ok("partner", "add", "second", "--metadata", self.partner.url, "--trust", "full")
        self.ok("policy", "set", "archive", "im", "--domain", "im.example")
        self.ok("policy", "set", "archive", "im", "--domain", "second.example")
        self.log_path = self.path("imexd.log")
        self.process = None
        self.start_daemon()

    def start_daemon(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([os.path.join(os.environ["builddir"], "imexd"), "--config", self.config],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.until(self.listening, "imexd listens")

    def until(self, condition, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "waited in vain: %s\n%s" % (what, self.log())
            time.sleep(0.1)

    def listening(self):
        assert self.process.poll() is None, self.log()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def kill_daemon(self):
        self.process.kill()
        self.process.wait()

    def stop_daemon(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        text = self.log()
        for complaint in ("AddressSanitizer", "LeakSanitizer", "runtime error", "ThreadSanitizer"):
            assert complaint not in text, text
        assert status == 0, (status, text)

    def connect(self, client=None):
        context = ssl.create_default_context(cafile=self.authority.path)
        if client:
            context.load_cert_chain(*client)
        return http.client.HTTPSConnection("localhost", self.port, context=context, timeout=60)

    @property
    def im1(self):
        return self.client, self.client_key

    def ask(self, method, path, body=None, client=None, token=None, chunked=False):
        """(status, headers, body)"""
        with contextlib.closing(self.connect(client)) as connection:
            headers = {"Authorization": "Bearer " + token} if token else {}
            connection.request(method, path, body=iter([body]) if chunked else body, headers=headers,
                               encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def post(self, events, client=(), token=None, chunked=False):
        """(status, headers, what the JSON answer says)"""
        body = events if isinstance(events, bytes) else lines(events)
        client = self.im1 if client == () and token is None else client or None
        status, headers, answer = self.ask("POST", "/v1/messages", body, client, token, chunked)
        return status, headers, json.loads(answer) if "json" in headers["Content-Type"] else answer

    def token(self, **keywords):
        return self.partner.token("%s/localhost@%s" % (self.app_id, self.realm), **keywords)

    def close(self):
        if self.process.poll() is None:
            self.stop_daemon()
        self.partner.__exit__()
        super().close()

    def __exit__(self, kind, *_):
        if kind is not None:
            self.kill_daemon()
            self.partner.__exit__()
            print("".join("# " + line + "\n" for line in self.log().splitlines()[-60:]), end="", flush=True)
        super().__exit__(kind, *_)
