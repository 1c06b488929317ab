#!/usr/bin/python3
"""The servers that test_http.c talks to, all on loopback, all gone when the test ends.

    http_server.py run -- PROGRAM...

PROGRAM finds in IMEX_TEST_HTTP the folder with ca.pem and other-ca.pem, and the ports in
IMEX_TEST_PORT_<NAME>: GOOD (HTTPS for localhost), EXPIRED, EARLY, NAME, OTHER (certificates that are
expired, not valid yet, for another name, of another CA), PLAIN (HTTP), BANNER (speaks first, no TLS),
CLOSED (nobody listens).

Answers are written by hand, because the point is to send what a library would not.
"""
import ctypes
import gzip
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

PATHS = {}
COUNTS = {}
LOCK = threading.Lock()
STOP = threading.Event()
PORTS = {}


def path(name):
    def add(function):
        PATHS[name] = function
        return function
    return add


class Request:
    def __init__(self, sock, number):
        self.sock = sock
        self.number = number  # of this connection, from 1
        self.rest = b""

    def read(self, rest):
        data = rest
        while b"\r\n\r\n" not in data:
            if data[:1] == b"\x16":  # a TLS handshake
                self.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return None
            more = self.sock.recv(65536)
            if not more:
                return None
            data += more
        head, data = data.split(b"\r\n\r\n", 1)
        self.head = head.decode("latin-1")
        lines = self.head.split("\r\n")
        self.method, self.target, _ = lines[0].split(" ")
        self.headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            self.headers[name.lower()] = value.strip()
        length = int(self.headers.get("content-length", 0))
        while len(data) < length:
            more = self.sock.recv(65536)
            if not more:
                return None
            data += more
        self.body, self.rest = data[:length], data[length:]
        return self

    def answer(self, body=b"", status="200 OK", headers=()):
        lines = ["HTTP/1.1 " + status, "Content-Length: %d" % len(body)] + list(headers)
        text = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self.sock.sendall(text + (b"" if self.method == "HEAD" else body))


@path("echo")
def _(r, *_):
    r.answer(r.head.encode("latin-1") + b"\r\n\r\n" + r.body)


@path("connection")
def _(r, *_):
    r.answer(b"%d" % r.number)


@path("status")
def _(r, number):
    r.answer(b"body of " + number.encode(), number + " Something")


@path("several")
def _(r, *_):
    r.answer(b"", "401 Unauthorized", [
        "WWW-Authenticate: Bearer client_id=\"1\"", "X-Other: 1",
        "www-authenticate:Negotiate", "WWW-Authenticate: \t Basic realm=\"r\"", "X-Fold: one\r\n  two"])


@path("cookies")
def _(r, what):
    r.answer(r.headers.get("cookie", "none").encode(), headers=["Set-Cookie: a=1"] if what == "set" else [])


@path("big")
def _(r, number):
    r.answer(b"x" * int(number))


@path("chunked")
def _(r, number):
    r.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for i in range(int(number)):
        r.sock.sendall(b"1\r\n%c\r\n" % (ord("a") + i % 26))
    r.sock.sendall(b"0\r\nX-Trailer: 1\r\n\r\n")


@path("flood")
def _(r, *_):
    r.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        r.sock.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


@path("headers")
def _(r, number):
    r.answer(b"", headers=["X-%d: %s" % (i, "y" * 1000) for i in range(int(number))])


@path("cut")
def _(r, *_):
    r.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    return "close"


@path("cutchunk")
def _(r, *_):
    r.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nonly this")
    return "close"


@path("hangup")
def _(r, *_):
    return "close"


@path("silence")
def _(r, *_):
    STOP.wait(60)
    return "close"


@path("stall")
def _(r, *_):
    r.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
    STOP.wait(60)
    return "close"


@path("garbage")
def _(r, *_):
    r.sock.sendall(b"220 mail.example ESMTP\r\nwho are you\r\n\r\n")
    return "close"


@path("continue")
def _(r, *_):
    r.sock.sendall(b"HTTP/1.1 100 Continue\r\nX-Prelude: 1\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
    r.answer(b"done", headers=["X-Final: 1"])


@path("redirect")
def _(r, where):
    target = {"same": "/echo/hop", "loop": "/redirect/loop", "nowhere": "ftp://localhost/",
              "other": "https://localhost:%d/count/leak" % PORTS["OTHER"],
              "plain": "http://localhost:%d/count/leak" % PORTS["PLAIN"],
              "name": "https://127.0.0.1:%d/count/leak" % PORTS["GOOD"]}[where]
    r.answer(b"elsewhere", "302 Found", ["Location: " + target])


@path("count")
def _(r, name):
    with LOCK:
        COUNTS[name] = COUNTS.get(name, 0) + 1
    r.answer(b"")


@path("counted")
def _(r, name):
    r.answer(b"%d" % COUNTS.get(name, 0))


@path("second")
def _(r, name):
    """The second request of a connection is taken and never answered."""
    with LOCK:
        COUNTS[name] = COUNTS.get(name, 0) + 1
    if r.number > 1:
        return "close"
    r.answer(b"first")
    return None


@path("gzip")
def _(r, number):
    if "gzip" not in r.headers.get("accept-encoding", ""):
        r.answer(b"plain")
        return
    r.answer(gzip.compress(b"z" * int(number)), headers=["Content-Encoding: gzip"])


def serve(sock):
    rest, number = b"", 0
    try:
        while True:
            number += 1
            request = Request(sock, number).read(rest)
            if request is None:
                break
            rest = request.rest
            words = request.target.strip("/").split("/")
            if PATHS[words[0]](request, *(words[1:] or [""])) == "close":
                break
    except (OSError, ssl.SSLError):
        pass
    sock.close()


def accept(listener, context):
    while True:
        sock, _ = listener.accept()

        def talk(sock=sock):
            try:
                serve(context.wrap_socket(sock, server_side=True) if context else sock)
            except (OSError, ssl.SSLError):
                sock.close()
        threading.Thread(target=talk, daemon=True).start()


def banner(listener):
    while True:
        sock, _ = listener.accept()
        try:
            sock.sendall(b"220 mail.example ESMTP\r\n")
            sock.recv(1000)
        except OSError:
            pass
        sock.close()


def listen(name, target, *args):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(50)
    PORTS[name] = listener.getsockname()[1]
    threading.Thread(target=target, args=(listener, *args), daemon=True).start()


CA_CONF = """
[ca]
default_ca = x
[x]
new_certs_dir = {dir}
database = {dir}/index
serial = {dir}/serial
default_md = sha256
policy = p
unique_subject = no
copy_extensions = copy
x509_extensions = leaf
[p]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
[req]
distinguished_name = d
[d]
"""


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, stdin=subprocess.DEVNULL)


class Authority:
    def __init__(self, folder, name):
        self.dir = os.path.join(folder, name)
        os.mkdir(self.dir)
        self.conf = os.path.join(self.dir, "conf")
        with open(self.conf, "w") as conf:
            conf.write(CA_CONF.format(dir=self.dir))
        open(os.path.join(self.dir, "index"), "w").close()
        with open(os.path.join(self.dir, "serial"), "w") as serial:
            serial.write("01\n")
        self.pem = os.path.join(folder, name + ".pem")
        self.key = os.path.join(self.dir, "key.pem")
        openssl("req", "-x509", "-config", self.conf, "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.pem, "-subj",
                "/CN=Test " + name, "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,digitalSignature")

    def context(self, name, host, start=None, end=None):
        key, csr, pem = (os.path.join(self.dir, name + ending) for ending in (".key", ".csr", ".pem"))
        openssl("req", "-config", self.conf, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", key, "-out", csr, "-subj", "/CN=" + host,
                "-addext", "subjectAltName=DNS:" + host)
        dates = ["-startdate", start, "-enddate", end] if start else ["-days", "2"]
        openssl("ca", "-batch", "-config", self.conf, "-cert", self.pem, "-keyfile", self.key, "-in",
                csr, "-out", pem, "-notext", *dates)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, key)
        return context


def die_with_parent(signum):
    ctypes.CDLL(None).prctl(1, signum, 0, 0, 0)


def main(argv):
    if argv[:2] != ["run", "--"]:
        print(__doc__, file=sys.stderr)
        return 2
    die_with_parent(signal.SIGKILL)
    with tempfile.TemporaryDirectory(prefix="imexhttp.") as folder:
        ca, other = Authority(folder, "ca"), Authority(folder, "other-ca")
        listen("GOOD", accept, ca.context("good", "localhost"))
        listen("EXPIRED", accept, ca.context("expired", "localhost", "20200101000000Z", "20200201000000Z"))
        listen("EARLY", accept, ca.context("early", "localhost", "20490101000000Z", "20491201000000Z"))
        listen("NAME", accept, ca.context("name", "elsewhere.example"))
        listen("OTHER", accept, other.context("other", "localhost"))
        listen("PLAIN", accept, None)
        listen("BANNER", banner)
        # Bound and never listened on: nobody else gets it, and connecting is refused.
        closed = socket.socket()
        closed.bind(("127.0.0.1", 0))
        PORTS["CLOSED"] = closed.getsockname()[1]
        env = dict(os.environ, IMEX_TEST_HTTP=folder)
        env.update(("IMEX_TEST_PORT_" + name, str(port)) for name, port in PORTS.items())
        status = subprocess.Popen(argv[2:], env=env,
                                  preexec_fn=lambda: die_with_parent(signal.SIGKILL)).wait()
        STOP.set()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
