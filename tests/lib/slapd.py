#!/usr/bin/python3
"""A throw-away OpenLDAP server: loopback and a UNIX socket only, gone with its owner.

    slapd.py run -- PROGRAM...  runs PROGRAM with the variables below, ends with its status

    IMEX_TEST_LDAP          ldap://127.0.0.1:PORT, speaks TLS after StartTLS
    IMEX_TEST_LDAPS         ldaps://127.0.0.1:PORT
    IMEX_TEST_LDAPI         ldapi://PATH; who comes there is root or us, by the kernel's word
    IMEX_TEST_LDAP_CA       PEM file of the CA that signed its certificate
    IMEX_TEST_LDAP_SILENT   127.0.0.1:PORT, takes connections and never says anything
    IMEX_TEST_LDAP_GARBAGE  127.0.0.1:PORT, says what is not LDAP

From Python: `with slapd.Directory(people=[{...}, ...]) as directory: directory.url, directory.change(LDIF)`.

Entries are below ou=people,dc=corp,dc=example. cn=imex (password "imex-secret") reads all of them,
cn=short (password "short") at most ten, nobody else anything.
"""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

SUFFIX = "dc=corp,dc=example"
PEOPLE = "ou=people," + SUFFIX
READER, PASSWORD = "cn=imex," + SUFFIX, "imex-secret"
SHORT, SHORT_PASSWORD = "cn=short," + SUFFIX, "short"

CONFIG = """dn: cn=config
objectClass: olcGlobal
cn: config
olcTLSCACertificateFile: %(folder)s/ca.pem
olcTLSCertificateFile: %(folder)s/cert.pem
olcTLSCertificateKeyFile: %(folder)s/key.pem

dn: cn=module{0},cn=config
objectClass: olcModuleList
cn: module{0}
olcModulePath: /usr/lib/ldap
olcModuleLoad: back_mdb

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

include: file:///etc/ldap/schema/core.ldif

include: file:///etc/ldap/schema/cosine.ldif

include: file:///etc/ldap/schema/inetorgperson.ldif

dn: cn=imtest,cn=schema,cn=config
objectClass: olcSchemaConfig
cn: imtest
olcAttributeTypes: ( 2.25.77.1 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
olcAttributeTypes: ( 2.25.77.2 NAME 'msRTCSIP-PrimaryUserAddress' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
olcAttributeTypes: ( 2.25.77.3 NAME 'msExchUserHoldPolicies' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
olcAttributeTypes: ( 2.25.77.4 NAME 'msExchELCMailboxFlags' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )
olcObjectClasses: ( 2.25.77.9 NAME 'imUser' SUP top AUXILIARY
  MAY ( userPrincipalName $ msRTCSIP-PrimaryUserAddress $ msExchUserHoldPolicies $ msExchELCMailboxFlags ) )

dn: olcDatabase={1}mdb,cn=config
objectClass: olcMdbConfig
olcDatabase: {1}mdb
olcSuffix: %(suffix)s
olcRootDN: cn=admin,%(suffix)s
olcRootPW: admin
olcDbDirectory: %(folder)s/data
olcDbMaxSize: 67108864
olcDbNoSync: TRUE
olcSizeLimit: 10
olcLimits: {0}dn.exact="%(reader)s" size=unlimited
olcLimits: {1}dn.subtree="cn=external,cn=auth" size=unlimited
olcAccess: {0}to attrs=userPassword by anonymous auth by * none
olcAccess: {1}to * by dn.exact="%(reader)s" read by dn.exact="%(short)s" read
  by dn.subtree="cn=external,cn=auth" read by * none
"""

BASE = """dn: %(suffix)s
objectClass: dcObject
objectClass: organization
dc: corp
o: Corp

dn: %(reader)s
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: imex
userPassword: %(password)s

dn: %(short)s
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: short
userPassword: %(short_password)s

dn: %(people)s
objectClass: organizationalUnit
ou: people
"""


def _die_with_parent(signum):
    _libc.prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0)


def ldif(entry):
    """A dict of attribute -> value or values, uid needed, as an entry below ou=people."""
    lines = ["dn: uid=%s,%s" % (entry["uid"] if isinstance(entry["uid"], str) else entry["uid"][0], PEOPLE),
             "objectClass: inetOrgPerson", "objectClass: imUser"]
    for name, values in dict({"cn": "x", "sn": "x"}, **entry).items():
        for value in [values] if isinstance(values, str) else values:
            lines.append("%s: %s" % (name, value))
    return "\n".join(lines) + "\n"


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Directory:
    def __init__(self, people=()):
        self.people = list(people)
        self.process = None
        self.port = self.tls_port = 0
        # The path of the UNIX socket must stay under 107 bytes.
        self.folder = tempfile.mkdtemp(prefix="imexldap.", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.names = dict(folder=self.folder, suffix=SUFFIX, reader=READER, password=PASSWORD, people=PEOPLE,
                          short=SHORT, short_password=SHORT_PASSWORD)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _run(self, program, *words, text=None):
        # The server's programs are not in everybody's PATH.
        done = subprocess.run([program, *words], input=text, capture_output=True, text=True,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"})
        if done.returncode != 0:
            raise RuntimeError("%s failed: %s" % (program, done.stderr))

    def _certificates(self):
        def path(name):
            return self._path(name)
        self._run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                  "-subj", "/CN=Directory CA", "-keyout", path("ca.key"), "-out", path("ca.pem"))
        self._run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                  "/CN=directory", "-keyout", path("key.pem"), "-out", path("request.pem"))
        with open(path("extensions"), "w") as file:
            file.write("subjectAltName = IP:127.0.0.1, DNS:localhost\n")
        self._run("openssl", "x509", "-req", "-in", path("request.pem"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
                  "-CAcreateserial", "-days", "2", "-extfile", path("extensions"), "-out", path("cert.pem"))

    def _load(self, number, text):
        self._run("slapadd", "-n", str(number), "-F", self._path("slapd.d"), text=text)

    def start(self):
        if shutil.which("slapd", path="/usr/sbin:/usr/bin") is None:
            raise RuntimeError("slapd is not installed; run ./bootstrap.sh, then try again")
        for name in ("slapd.d", "data"):
            os.mkdir(self._path(name))
        self._certificates()
        self._load(0, CONFIG % self.names)
        self._load(1, "\n".join([BASE % self.names] + [ldif(entry) for entry in self.people]))
        for _ in range(5):
            if self._listen():
                return self
        raise RuntimeError("slapd does not start:\n" + self.log())

    def _listen(self):
        """False when somebody took a port meanwhile."""
        self.port, self.tls_port = _free_port(), _free_port()
        log = open(self._path("log"), "wb")
        self.process = subprocess.Popen(["/usr/sbin/slapd", "-d", "0", "-F", self._path("slapd.d"), "-h",
                                         " ".join([self.url, self.tls_url, self.socket_url])],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                        preexec_fn=lambda: _die_with_parent(signal.SIGKILL))
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                pass
            try:
                self.process.wait(0.1)
                return False
            except subprocess.TimeoutExpired:
                pass
        return False

    @property
    def url(self):
        return "ldap://127.0.0.1:%d" % self.port

    @property
    def tls_url(self):
        return "ldaps://127.0.0.1:%d" % self.tls_port

    @property
    def socket_url(self):
        return "ldapi://" + self._path("socket").replace("/", "%2F")

    @property
    def ca(self):
        return self._path("ca.pem")

    def settings(self, **more):
        """The section [ldap] for it."""
        with open(self._path("password"), "w") as file:
            file.write(PASSWORD + "\n")
        os.chmod(self._path("password"), 0o600)
        values = dict(url=self.url, ca_file=self.ca, auth="simple", bind_dn=READER,
                      password_file=self._path("password"), base=PEOPLE)
        values.update(more)
        return "[ldap]\n" + "".join("%s = %s\n" % item for item in values.items() if item[1] is not None)

    def change(self, records):
        """Changes as LDIF, made while the server is down; it listens elsewhere afterwards."""
        self.stop_server()
        self._run("slapmodify", "-n", "1", "-F", self._path("slapd.d"), text=records)
        if not self._listen():
            raise RuntimeError("slapd does not start again:\n" + self.log())

    def log(self):
        with open(self._path("log"), errors="replace") as log:
            return log.read()

    def stop_server(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def stop(self):
        self.stop_server()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()


def _peer(answer):
    """Takes connections and answers the first bytes of each with these, or with nothing."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(20)
    held = []

    def serve():
        while True:
            client, _ = listener.accept()
            held.append(client)
            if answer:
                try:
                    client.recv(4096)
                    client.sendall(answer)
                except OSError:
                    pass
    threading.Thread(target=serve, daemon=True).start()
    return "127.0.0.1:%d" % listener.getsockname()[1]


def _run(directory, argv):
    env = dict(os.environ, IMEX_TEST_LDAP=directory.url, IMEX_TEST_LDAPS=directory.tls_url,
               IMEX_TEST_LDAPI=directory.socket_url, IMEX_TEST_LDAP_CA=directory.ca,
               IMEX_TEST_LDAP_SILENT=_peer(b""), IMEX_TEST_LDAP_GARBAGE=_peer(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    return subprocess.Popen(argv, env=env, preexec_fn=lambda: _die_with_parent(signal.SIGKILL)).wait()


def main(argv):
    if argv[:2] != ["run", "--"]:
        print(__doc__, file=sys.stderr)
        return 2
    _die_with_parent(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    people = [{"uid": "u%04d" % n, "mail": "u%04d@corp.example" % n} for n in range(1200)]
    people.append({"uid": "sip1", "mail": "m1@corp.example", "msRTCSIP-PrimaryUserAddress": "sip:One@sip.example"})
    people.append({"uid": "sip2", "mail": "m2@corp.example", "msRTCSIP-PrimaryUserAddress": "sip:two@sip.example"})
    people.append({"uid": "sip3", "mail": "m3@corp.example", "msRTCSIP-PrimaryUserAddress": "sip:TWO@sip.example"})
    people.append({"uid": "odd", "mail": ["b@corp.example", "a@corp.example"], "cn": "(odd*)\\"})
    try:
        with Directory(people) as directory:
            status = _run(directory, argv[2:])
            return status if status >= 0 else 128 - status
    except RuntimeError as why:
        print("Bail out! %s" % str(why).replace("\n", "\n# "), flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
