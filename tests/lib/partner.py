"""A partner application that was not written here: keys by python3-cryptography, tokens by PyJWT,
its metadata served over HTTPS by Python.

    ca = Authority(folder)
    with Partner(ca) as partner:
        partner.url                       of its metadata document
        partner.token(user="bob@corp.example", aud=...)
        partner.roll(), partner.document = b"...", partner.redirect = URL
"""
import base64
import datetime
import hashlib
import http.server
import json
import os
import ssl
import threading
import time

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def pem_key(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def x5t(certificate):
    return b64url(hashlib.sha1(certificate.public_bytes(serialization.Encoding.DER)).digest())


def certificate(name, key, issuer=None, issuer_key=None, days=365, authority=False, bits_from=None, start=None):
    start = start or datetime.datetime.utcnow() - datetime.timedelta(days=1)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (x509.CertificateBuilder().subject_name(subject)
               .issuer_name(issuer.subject if issuer else subject).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(start)
               .not_valid_after(start + datetime.timedelta(days=days))
               .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True))
    if not authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(issuer_key or key, hashes.SHA256())


def new_key(bits=2048, exponent=65537):
    return rsa.generate_private_key(public_exponent=exponent, key_size=bits)


class Authority:
    """A throw-away CA; leaf() writes a server certificate and its key into files."""

    def __init__(self, folder, name="test CA"):
        self.folder = folder
        self.key = new_key()
        self.certificate = certificate(name, self.key, authority=True)
        self.path = self.write(name.replace(" ", "-") + ".pem", pem(self.certificate))

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as f:
            f.write(data)
        os.rename(path + ".new", path)
        return path

    def leaf(self, stem, name="localhost", **keywords):
        key = new_key()
        made = certificate(name, key, self.certificate, self.key, **keywords)
        return self.write(stem + ".key.pem", pem_key(key)), self.write(stem + ".pem", pem(made)), made


class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        partner = self.server.partner
        partner.fetched += 1
        if partner.redirect:
            self.send_response(302)
            self.send_header("Location", partner.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = partner.document if partner.document is not None else partner.metadata()
        self.send_response(partner.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Partner:
    def __init__(self, authority, app_id=EXCHANGE, realm="corp.example"):
        self.app_id, self.realm = app_id, realm
        self.keys = []
        self.document = self.redirect = None
        self.status, self.fetched = 200, 0
        self.extra = {}
        self.add_key()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.partner = self
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.serve_with(authority.leaf("partner"))
        self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True)
        self.origin = "https://localhost:%d" % self.server.server_address[1]
        self.url = self.origin + "/autodiscover/metadata/json/1"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()
            self.server = None

    def serve_with(self, leaf):
        """New connections get this TLS certificate."""
        key, chain, _ = leaf
        self.context.load_cert_chain(chain, key)

    def add_key(self, **keywords):
        """A further key; the last one signs."""
        key = keywords.pop("key", None) or new_key(keywords.pop("bits", 2048), keywords.pop("exponent", 65537))
        self.keys.append((key, certificate("Auth Certificate", key, **keywords)))

    @property
    def issuer(self):
        return "%s@%s" % (self.app_id, self.realm)

    def metadata(self, keys=None):
        document = {
            "id": "_70b34511-d105-4e2b-9675-39f53305bb01", "version": "1.0", "name": "Exchange",
            "realm": self.realm, "serviceName": self.app_id, "issuer": self.issuer,
            "allowedAudiences": [self.issuer],
            "keys": [{"usage": "signing", "keyinfo": {"x5t": x5t(c)},
                      "keyvalue": {"type": "x509Certificate", "value": base64.b64encode(
                          c.public_bytes(serialization.Encoding.DER)).decode()}}
                     for _, c in (self.keys if keys is None else keys)],
            "endpoints": [{"location": self.url, "protocol": "OAuth2", "usage": "metadata"}]}
        document.update(self.extra)
        return json.dumps(document).encode()

    def token(self, audience, user=None, key=-1, lifetime=28800, **claims):
        """A token as PyJWT makes it: app-only, or with an outer one around it."""
        now = int(time.time())
        signer, chain = self.keys[key]
        actor = {"aud": audience, "iss": self.issuer, "nbf": str(now - 60), "exp": str(now - 60 + lifetime),
                 "nameid": self.issuer}
        if user:
            actor["trustedfordelegation"] = "true"
        actor.update(claims)
        # PyJWT insists on numbers for the times it knows, so the payload is signed as bytes.
        signed = jwt.api_jws.encode(json.dumps(actor).encode(), signer, "RS256", {"x5t": x5t(chain)})
        if not user:
            return signed
        outer = {"aud": audience, "iss": actor["nameid"], "nbf": actor["nbf"], "exp": actor["exp"],
                 "nameid": user, "smtp": user, "sip": user, "upn": user, "actortoken": signed}
        return "%s.%s." % (b64url(b'{"typ":"JWT","alg":"none"}'), b64url(json.dumps(outer).encode()))
