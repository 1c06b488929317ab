"""Starts the stand-in Exchange for a test, speaks raw SOAP to it, and steers it.

    with Devexchange("--user", "ann@corp.example:secret") as dx:
        status, answer = dx.soap("<m:GetFolder>...</m:GetFolder>", user="ann@corp.example:secret")
        dx.fault(kind="lost-answer", operation="CreateItem")
        ... dx.struck() ...

A rule whose fault did not strike fails the test, when the faults are cleared or the server ends. Every answer that the
server gave, to whatever client, is checked against the schema at the end when the shared data is there; in the grommunio
profile answers have that server's habits in place of the schema's.
The program is $DEVEXCHANGE, or build/devexchange beside the test.
"""
import base64
import contextlib
import glob
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import ewsschema

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
T = "http://schemas.microsoft.com/exchange/services/2006/types"
M = "http://schemas.microsoft.com/exchange/services/2006/messages"
E = "http://schemas.microsoft.com/exchange/services/2006/errors"
NS = {"s": SOAP, "t": T, "m": M, "e": E}

_schema = None


def schema():
    """The EWS schema as an lxml validator, or None without the shared data."""
    global _schema
    if _schema is None and ewsschema.path():
        from lxml import etree
        _schema = etree.XMLSchema(etree.parse(ewsschema.path()))
    return _schema


def envelope(body, version="Exchange2016", impersonate=None, header=""):
    if impersonate:
        header += ("<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>%s"
                   "</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>" % impersonate)
    if version:
        header = '<t:RequestServerVersion Version="%s"/>' % version + header
    return ('<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="%s" xmlns:t="%s" xmlns:m="%s">'
            "<s:Header>%s</s:Header><s:Body>%s</s:Body></s:Envelope>" % (SOAP, T, M, header, body))


def program():
    return os.environ.get("DEVEXCHANGE") or os.path.join(os.getcwd(), "devexchange")


class Devexchange:
    def __init__(self, *arguments, folder=None, start=True):
        self.own = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="devx-")
        self.arguments = list(arguments)
        self.record = os.path.join(self.folder, "record")
        if "--record" in arguments:
            self.record = arguments[arguments.index("--record") + 1]
        self.starts = 0
        self.process = None
        self.expected = {}
        if start:
            self.start()

    def start(self):
        ready = os.path.join(self.folder, "ready.json")
        if os.path.exists(ready):
            os.unlink(ready)
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(
            [program(), "--tls-dir", os.path.join(self.folder, "tls"), "--ready-file", ready,
             *self.arguments, *self.recording()], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 60
        while not os.path.exists(ready):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("devexchange did not start: " + self.output())
            time.sleep(0.02)
        with open(ready) as f:
            self.ready = json.load(f)
        self.url, self.ews, self.ca = (self.ready[k] for k in ("url", "ews", "ca"))
        self.context = ssl.create_default_context(cafile=self.ca)

    def recording(self):
        """Each start counts its requests anew, so that it has a folder of its own; a measurement keeps nothing."""
        if "--record" in self.arguments or not ewsschema.path() or os.environ.get("IMEX_BENCH"):
            return []
        self.starts += 1
        os.makedirs(self.record, exist_ok=True)
        return ["--record", os.path.join(self.record, str(self.starts))]

    def output(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as f:
            return f.read()

    def stop(self, sig=signal.SIGTERM):
        """Ends the server and returns its exit status; a sanitizer's complaint is an error."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sig)
        status = self.process.wait(timeout=60)
        self.process = None
        self.log.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        try:
            if exc[0] is None:
                self.close()
        finally:
            self.stop()
            if self.own:
                shutil.rmtree(self.folder, ignore_errors=True)

    def close(self):
        """Ends the server and raises when something about it was wrong."""
        self.check_struck()
        status = self.stop()
        if status:
            raise AssertionError("devexchange ended with %s: %s" % (status, self.output()))
        if ewsschema.path() and "grommunio" not in self.arguments:
            ewsschema.check(sorted(glob.glob(os.path.join(self.record, "**", "*.response-*.xml"), recursive=True)))

    # --- control

    def control(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + "/control/" + path, method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"X-Control-Secret": self.ready["secret"], "Content-Type": "application/json"})
        with urllib.request.urlopen(request, context=self.context, timeout=60) as answer:
            return json.load(answer)

    def fault(self, strikes=1, **rule):
        """Adds a rule that must strike at least so often; 0 for one that need not."""
        number = self.control("POST", "faults", rule)["id"]
        self.expected[number] = (strikes, rule)
        return number

    @contextlib.contextmanager
    def striking(self, strikes=1, **rule):
        """The rule holds for the block, and must strike exactly so often in it."""
        number = self.fault(strikes, **rule)
        yield number
        struck = self.struck(number)
        self.control("DELETE", "faults/%d" % number)
        del self.expected[number]
        assert struck == strikes, "%s struck %d times, not %d" % (rule, struck, strikes)

    def check_struck(self):
        """Raises when a rule did not strike that was expected to."""
        expected, self.expected = self.expected, {}
        if expected and self.process is not None and self.process.poll() is None:
            struck = {f["id"]: f["struck"] for f in self.control("GET", "faults")}
            for number, (strikes, rule) in expected.items():
                assert struck.get(number, 0) >= strikes, "%s struck %d times only" % (rule, struck.get(number, 0))

    def struck(self, rule=None):
        """How often the fault struck; all faults together without an id."""
        return sum(f["struck"] for f in self.control("GET", "faults") if rule in (None, f["id"]))

    def clear_faults(self):
        self.check_struck()
        self.control("DELETE", "faults")

    def counters(self):
        return self.control("GET", "counters")

    # --- EWS

    def post(self, data, user=None, headers=None, timeout=60):
        """(status, headers, bytes) of one request; HTTP errors are answers too."""
        headers = dict(headers or {})
        headers.setdefault("Content-Type", "text/xml; charset=utf-8")
        if user:
            headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
        request = urllib.request.Request(self.ews, data=data, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.headers, answer.read()

    def soap(self, body, user=None, check=True, headers=None, **keywords):
        """(status, root element) of one operation."""
        from lxml import etree
        status, _, data = self.post(envelope(body, **keywords).encode(), user, headers)
        root = etree.fromstring(data)
        validator = schema()
        if check and validator is not None:
            validator.assertValid(root)
        return status, root


def codes(root):
    """The response codes of an answer, or of the fault."""
    found = [e.text for e in root.iter("{%s}ResponseCode" % M)]
    return found or [e.text for e in root.iter("{%s}ResponseCode" % E)]
