#!/usr/bin/python3
"""Who is whom by a directory (a real slapd) and by the e-mail addresses of IM accounts."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time

import slapd
import tap
from usersite import make_site, users

IMEXD = os.path.join(os.environ["builddir"], "imexd")
PATIENCE_S = 60
IM = "im.corp.example"

PEOPLE = [
    {"uid": "bob", "mail": "Robert.Miller@corp.example", "userPrincipalName": "rm@ad.example",
     "msRTCSIP-PrimaryUserAddress": "sip:rm@corp.example"},
    {"uid": "al", "mail": "al@corp.example"},
    {"uid": "nomail"},
    {"uid": "two", "mail": ["b@corp.example", "a@corp.example"]},
    {"uid": "twin1", "mail": "team@corp.example"},
    {"uid": "twin2", "mail": "TEAM@corp.example"},
    {"uid": "bad", "mail": "not an address"},
    {"uid": "byfile", "mail": "other@corp.example"},
]


def configure(site, settings, mode="ldap", users_section=""):
    text = open(site.config).read().replace("map = same", "map = " + mode)
    with open(site.config, "w") as file:
        file.write(text + "\n[users]\n" + users_section + "\n" + settings)


def states(site):
    return {name.split("@")[0]: (row["state"], row["mailbox"]) for name, row in users(site).items()}


def ldap_site(directory, *more, **settings):
    names = [p["uid"] for p in PEOPLE] + ["nobody"]
    site = make_site(["%s@%s" % (n, IM) for n in names])
    with open(os.path.join(site.folder, "map"), "w") as file:
        file.write("byfile@%s by.file@corp.example\n" % IM)
    configure(site, directory.settings(im="{uid}@" + IM, upn="{userPrincipalName}",
                                       sip="{msRTCSIP-PrimaryUserAddress}", **settings), users_section="file = map\n")
    return site


@tap.test("ldap: mapped, never guessed; who shares a mailbox, has two addresses or none, is named with the cause")
def _():
    with slapd.Directory(PEOPLE) as directory:
        site = ldap_site(directory)
        found = states(site)
        assert found == {
            "bob": ("mapped", "robert.miller@corp.example"), "al": ("mapped", "al@corp.example"),
            "nomail": ("unmapped", None), "two": ("unmapped", None), "bad": ("unmapped", None),
            "twin1": ("duplicate", None), "twin2": ("duplicate", None),
            "byfile": ("mapped", "by.file@corp.example"), "nobody": ("unmapped", None)}, found
        row = json.loads(site.ok("user", "show", "bob@" + IM, "--json"))[0]
        assert (row["upn"], row["sip"]) == ("rm@ad.example", "rm@corp.example"), row
        for user, words in (("nomail", ("uid=nomail", "no value")), ("two", ("uid=two", "several values")),
                            ("bad", ("uid=bad", "no address")), ("twin1", ("team@corp.example", "twin2")),
                            ("nobody", ("directory", "nobody@" + IM))):
            site.fails(1, "user", "show", "%s@%s" % (user, IM), names=words)
        done = site.run("user", "check", "--json")
        problems = sorted(row["problem"] for row in json.loads(done.stdout))
        assert done.returncode == 1 and problems == ["duplicate"] * 2 + ["unmapped"] * 4, done
        site.close()


@tap.test("ldap: over a UNIX socket, over TLS; a directory that is away or refuses is an error, never an empty map")
def _():
    with slapd.Directory(PEOPLE) as directory:
        for settings in (dict(url=directory.socket_url), dict(url=directory.tls_url)):
            site = ldap_site(directory, **settings)
            assert states(site)["bob"][0] == "mapped"
            site.close()
        for settings, code, names in (
                (dict(bind_dn="cn=other,dc=corp,dc=example"), 2, ("bind_dn",)),
                (dict(ca_file="/etc/hostname"), 2, ("ca_file",)),
                (dict(base="ou=none,dc=corp,dc=example"), 2, ("base",)),
                (dict(filter="(uid="), 2, ("filter",)),
                (dict(im="fixed@" + IM), 2, ("im = fixed",)),
                (dict(im="{uid@" + IM), 2, ("im = {uid",)),
                (dict(mail="{mail}}"), 2, ("mail = {mail}}",)),
                (dict(url="ldap://127.0.0.1:1"), 1, ("127.0.0.1:1",)),
                (dict(url="http://127.0.0.1"), 2, ("url",))):
            site = ldap_site(directory)
            text = open(site.config).read()
            name = next(iter(settings))
            lines = [line for line in text.split("\n") if not line.startswith(name + " =") or "exchange" in line.lower()
                     or "prosody" in line]
            site_text = "\n".join(lines) + "\n[ldap]\n%s = %s\n" % (name, settings[name])
            open(site.config, "w").write(site_text)
            done = site.fails(code, "user", "list", names=names)
            assert slapd.PASSWORD not in done.stderr
            site.close()


@tap.test("source: the address of the IM account, no other")
def _():
    names = ("bob", "al", "noaddress", "bad", "twin1", "twin2")
    site = make_site(["%s@%s" % (n, IM) for n in names])
    prosody = sqlite3.connect(os.path.join(site.folder, "prosody.sqlite"))
    with prosody:
        prosody.executemany(
            "INSERT INTO prosody VALUES (?, ?, 'account_details', ?, 'string', ?)",
            [(IM, "bob", "email", "Robert.Miller@corp.example"), (IM, "al", "email", "al@corp.example"),
             (IM, "al", "name", "al2@corp.example"), (IM, "bad", "email", "no address"),
             (IM, "twin1", "email", "team@corp.example"), (IM, "twin2", "email", "team@corp.example")])
    prosody.close()
    configure(site, "", mode="source")
    found = states(site)
    assert found == {"bob": ("mapped", "robert.miller@corp.example"), "al": ("mapped", "al@corp.example"),
                     "noaddress": ("unmapped", None), "bad": ("unmapped", None), "twin1": ("duplicate", None),
                     "twin2": ("duplicate", None)}, found
    site.fails(1, "user", "show", "bad@" + IM, names=("no address",))
    site.fails(1, "user", "show", "noaddress@" + IM, names=("e-mail address",))
    os.unlink(os.path.join(site.folder, "prosody.sqlite"))
    site.fails(2, "user", "show", "bob@" + IM, names=("prosody.sqlite",))
    site.close()


@tap.test("imexd takes a changed directory, and keeps what it knew while the directory is away")
def _():
    with slapd.Directory([{"uid": "bob", "mail": "bob@corp.example"}]) as directory:
        site = make_site(["bob@" + IM])
        os.chmod(site.folder, 0o755)
        configure(site, directory.settings(im="{uid}@" + IM, url=directory.socket_url), users_section="refresh = 1s\n")
        log = os.path.join(site.folder, "log")

        def logged(word):
            return word in open(log).read()

        def wait(word):
            end = time.monotonic() + PATIENCE_S
            while not logged(word):
                assert daemon.poll() is None and time.monotonic() < end, open(log).read()
                time.sleep(0.1)
        as_user = "nobody" if os.getuid() == 0 else None
        if as_user:
            for folder, folders, files in os.walk(site.folder):
                for name in ["."] + folders + files:
                    shutil.chown(os.path.join(folder, name), as_user)
            shutil.chown(os.path.join(directory.folder, "password"), as_user)
        with open(log, "w") as errors:
            daemon = subprocess.Popen([IMEXD, "--config", site.config], stdin=subprocess.DEVNULL, stdout=errors,
                                      stderr=errors, user=as_user)
        try:
            wait("imexd.ready")
            directory.stop_server()
            wait("user map stays as it was")
            directory.change("dn: uid=bob,%s\nchangetype: modify\nreplace: mail\nmail: b2@corp.example\n" % slapd.PEOPLE)
            wait("user map has changed")
        finally:
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(PATIENCE_S) == 0, open(log).read()
        site.close()


tap.main()
