"""Starts the stand-in Exchange for a test, speaks raw SOAP to it, and steers it.

    with Devexchange("--user", "ann@corp.example:secret") as dx:
        status, answer = dx.soap("<m:GetFolder>...</m:GetFolder>", user="ann@corp.example:secret")
        dx.fault(kind="lost-answer", operation="CreateItem")
        ... dx.struck() ...

Every SOAP answer that soap() receives is checked against the schema when the shared data is there.
The program is $DEVEXCHANGE, or build/devexchange beside the test.
"""
import base64
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

import tap

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
T = "http://schemas.microsoft.com/exchange/services/2006/types"
M = "http://schemas.microsoft.com/exchange/services/2006/messages"
E = "http://schemas.microsoft.com/exchange/services/2006/errors"
NS = {"s": SOAP, "t": T, "m": M, "e": E}

_schema = None


def schema():
    """The EWS schema as an lxml validator, or None without the shared data."""
    global _schema
    shared = tap.shared_data()
    path = os.path.join(shared, "ews-schema", "ews-soap.xsd") if shared else None
    if _schema is None and path and os.path.exists(path):
        from lxml import etree
        _schema = etree.XMLSchema(etree.parse(path))
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
        self.arguments = arguments
        self.process = None
        if start:
            self.start()

    def start(self):
        ready = os.path.join(self.folder, "ready.json")
        if os.path.exists(ready):
            os.unlink(ready)
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(
            [program(), "--tls-dir", os.path.join(self.folder, "tls"), "--ready-file", ready,
             *self.arguments], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 60
        while not os.path.exists(ready):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("devexchange did not start: " + self.output())
            time.sleep(0.02)
        with open(ready) as f:
            self.ready = json.load(f)
        self.url, self.ews, self.ca = (self.ready[k] for k in ("url", "ews", "ca"))
        self.context = ssl.create_default_context(cafile=self.ca)

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
        status = self.stop()
        text = self.output()
        if self.own:
            shutil.rmtree(self.folder, ignore_errors=True)
        if exc[0] is None and status != 0:
            raise AssertionError("devexchange ended with %s: %s" % (status, text))

    # --- control

    def control(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + "/control/" + path, method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"X-Control-Secret": self.ready["secret"], "Content-Type": "application/json"})
        with urllib.request.urlopen(request, context=self.context, timeout=60) as answer:
            return json.load(answer)

    def fault(self, **rule):
        return self.control("POST", "faults", rule)["id"]

    def struck(self, rule=None):
        """How often the fault struck; all faults together without an id."""
        return sum(f["struck"] for f in self.control("GET", "faults") if rule in (None, f["id"]))

    def clear_faults(self):
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
