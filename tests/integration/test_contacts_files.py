"""Contact lists in files: exported in every state, read by parsers written elsewhere, imported again."""
import json
import os
import subprocess

import tap
from syncsite import SyncSite

ALICE, BOB = "alice@im.example", "bob@im.example"
UNREACHABLE = "https://127.0.0.1:1/EWS/Exchange.asmx"
FORMATS = ("json", "vcard", "xep0227")
SAMPLES = os.path.join(os.environ["srcdir"], "..", "shared", "samples")
ODD_NAME = "Däve, \"D\"; & Söhne <x> \\ and a name that is longer than one line of a vCard may be, much longer"
LIST = {"carol@im.example": ("Carol", {"Friends"}), "dave@im.example": (ODD_NAME, {"Friends", "Work, & Co"}),
        "frank@im.example": (None, set())}


def fill(site, user=ALICE):
    for address, (name, groups) in LIST.items():
        site.rosters.set(user, address, name=name, groups=sorted(groups))


def lists_of(text):
    found = json.loads(text)
    assert found["format"] == "imex-contacts" and found["version"] == 1, found
    return {one["owner"]: one for one in found["lists"]}


def content(one):
    return {c["address"]: (c.get("name"), set(c["groups"])) for c in one["contacts"]}


def export(site, *words, code=0):
    return site.check(site.imex("contacts", "export", *words), code)


def save(site, name, text):
    path = os.path.join(site.folder, name)
    with open(path, "w", newline="") as file:
        file.write(text)
    os.chmod(path, 0o644)
    return path


def referee_vcard(text):
    """As python3-vobject reads it: address -> (name, groups)."""
    try:
        import vobject
    except ImportError:
        tap.comment("python3-vobject is absent: the vCards were not read by it")
        return None
    assert all(len(line.encode()) <= 75 for line in text.split("\n"))
    cards = list(vobject.readComponents(text))
    assert cards[0].kind.value == "group" and cards[0].contents["x-imex-owner"][0].value == ALICE
    found = {}
    for card in cards[1:]:
        assert card.version.value == "4.0"
        address = card.impp.value.replace("xmpp:", "")
        groups = set(card.contents["categories"][0].value) if "categories" in card.contents else set()
        found[address] = (None if "x-imex-name" in card.contents else card.fn.value, groups)
    assert {m.value.replace("xmpp:", "") for m in cards[0].contents["member"]} == set(found)
    return found


def referee_xep0227(text):
    import xml.etree.ElementTree as ET
    checked = subprocess.run(["xmllint", "--noout", "-"], input=text, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr
    ns = {"p": "urn:xmpp:pie:0", "r": "jabber:iq:roster"}
    root = ET.fromstring(text)
    assert root.tag == "{urn:xmpp:pie:0}server-data", root.tag
    found = {}
    for host in root.iterfind("p:host", ns):
        for user in host.iterfind("p:user", ns):
            found["%s@%s" % (user.get("name"), host.get("jid"))] = {
                item.get("jid"): (item.get("name"), {g.text for g in item.iterfind("r:group", ns)})
                for item in user.iterfind("r:query/r:item", ns)}
    return found


def check_exports(site, mode, generation):
    one = lists_of(export(site, ALICE))[ALICE]
    assert (one["mode"], one["generation"]) == (mode, generation), one
    assert content(one) == LIST, content(one)
    assert referee_vcard(export(site, ALICE, "--format", "vcard")) in (LIST, None)
    assert referee_xep0227(export(site, ALICE, "--format", "xep0227")) == {ALICE: LIST}


@tap.test("a list is exported before it is moved, in the mailbox, while that is down, and after a rollback")
def _():
    with SyncSite(["alice"]) as site:
        fill(site)
        check_exports(site, "im", 0)
        site.allow()
        site.migrate("--all")
        check_exports(site, "mailbox", 1)
        url = site.values["ews"]
        site.configure(ews=UNREACHABLE)
        site.run("imexd", "--once")
        check_exports(site, "mailbox", 1)
        site.configure(ews=url)
        site.mail_remove("alice", "carol@corp.example")
        site.once()
        assert set(content(lists_of(export(site, ALICE))[ALICE])) == set(LIST) - {"carol@im.example"}
        assert content(lists_of(export(site, ALICE, "--version", "1"))[ALICE]) == LIST
        site.check(site.imex("contacts", "rollback", ALICE))
        site.rosters.set(ALICE, "carol@im.example", name="Carol", groups=["Friends"])
        check_exports(site, "im", 2)


@tap.test("what was exported is imported again, in each format, whoever is in charge; another state is refused")
def _():
    for mailbox in (False, True):
        with SyncSite(["alice"]) as site:
            fill(site)
            if mailbox:
                site.allow()
                site.migrate("--all")
            files = {f: save(site, "list." + f, export(site, ALICE, "--format", f)) for f in FORMATS}
            for path in files.values():
                site.rosters.remove(ALICE, "carol@im.example")
                site.rosters.set(ALICE, "dave@im.example", name="Dave")
                if mailbox:
                    site.once()
                    site.settle()
                before = site.roster("alice")
                assert before != LIST
                planned = json.loads(site.check(site.imex("contacts", "import", ALICE, path, "--dry-run", "--json")))
                assert site.roster("alice") == before
                assert planned[1] == {"side": "IM side", "created": "1", "updated": "1", "deleted": "0"}, planned
                site.check(site.imex("contacts", "import", ALICE, path))
                assert site.roster("alice") == LIST, (path, site.roster("alice"))
                if mailbox:
                    site.assert_same("alice")
                    site.settle()
            if mailbox:
                site.check(site.imex("contacts", "rollback", ALICE))
            else:
                site.allow()
                site.migrate("--all")
            before = site.roster("alice")
            for path in files.values():
                done = site.imex("contacts", "import", ALICE, path)
                assert done.returncode == 2 and "generation" in done.stderr and "--add" in done.stderr, done
                assert done.stderr.count("\n") == 1, done
            assert site.roster("alice") == before


@tap.test("files from elsewhere are added, never put in place; odd entries are told and left out")
def _():
    with SyncSite(["alice"]) as site:
        fill(site)
        site.allow()
        site.migrate("--all")
        foreign = save(site, "phone.vcf", "BEGIN:VCARD\nVERSION:3.0\nN:Moon;Zoë;;;\nIMPP:sip:zoe@corp.example\n"
                       "CATEGORIES:New\nEND:VCARD\nBEGIN:VCARD\nVERSION:3.0\nFN:No address\nEND:VCARD\n"
                       "BEGIN:VCARD\nVERSION:3.0\nFN:Not Carol\nIMPP:xmpp:carol@im.example\nEND:VCARD\n")
        done = site.imex("contacts", "import", ALICE, foreign)
        assert done.returncode == 2 and "--add" in done.stderr and len(site.roster("alice")) == 3, done
        done = site.imex("contacts", "import", ALICE, foreign, "--add")
        assert done.returncode == 3 and "line 7" in done.stderr, done
        wanted = dict(LIST, **{"zoe@im.example": ("Zoë Moon", {"New"})})
        assert site.roster("alice") == wanted, site.roster("alice")
        site.assert_same("alice")
        sample = os.path.join(SAMPLES, "ejabberd-xep0227.xml")
        if os.path.exists(sample):
            done = site.imex("contacts", "import", ALICE, sample, "--add")
            assert done.returncode == 3 and "partner.example" in done.stderr, done  # foreign domains have no mailbox address
            assert site.roster("alice") == dict(wanted, **{"bob@im.example": (
                "Bob Builder", {"Ops / On-call", "Colleagues"})}), site.roster("alice")
        else:
            tap.comment("../shared/samples is absent: ejabberd's export was not imported")
        before = site.roster("alice")
        for name, text in (("empty", ""), ("csv", "name,address\n"), ("cut.json", '{"format"'), ("cut.vcf", "BEGIN:VCARD\nFN:x\n"),
                           ("cut.xml", "<server-data xmlns='urn:xmpp:pie:0'><host>"),
                           ("bob.json", export(site, ALICE).replace(ALICE, BOB))):
            done = site.imex("contacts", "import", ALICE, save(site, name, text), "--add")
            assert done.returncode == 2 and done.stderr.count("\n") == 1, (name, done)
        for words in (("/nowhere",), (foreign, "--format", "csv"), (foreign, "--format", "json"), ()):
            assert site.imex("contacts", "import", ALICE, *words).returncode == 2, words
        assert site.roster("alice") == before


@tap.test("all lists are exported at once; one that cannot be read is told and left out")
def _():
    with SyncSite(["alice", "bob", "zed"]) as site:
        fill(site)
        fill(site, BOB)
        site.allow("alice")
        site.migrate("--user", ALICE)
        everybody = lists_of(export(site, "--all"))
        assert {o: one["mode"] for o, one in everybody.items()} == {
            ALICE: "mailbox", BOB: "im", "zed@im.example": "im"}, everybody
        assert content(everybody[BOB]) == LIST and everybody["zed@im.example"]["contacts"] == []
        path = os.path.join(site.state, "all.xml")
        export(site, "--all", "--format", "xep0227", "--out", path)
        assert os.stat(path).st_mode & 0o777 == 0o600
        with open(path) as file:
            found = referee_xep0227(file.read())
        assert found == {ALICE: LIST, BOB: LIST, "zed@im.example": {}}, found
        site.rosters.script("INSERT INTO prosody VALUES ('im.example','bob','roster','bad@im.example','json','{broken');")
        done = site.imex("contacts", "export", "--all")
        assert done.returncode == 3 and "bad@im.example" in done.stderr, done
        assert content(lists_of(done.stdout)[BOB]) == LIST
        os.rename(site.prosody, site.prosody + ".away")
        done = site.imex("contacts", "export", "--all")
        assert done.returncode == 3 and set(lists_of(done.stdout)) == {ALICE}, done
        os.rename(site.prosody + ".away", site.prosody)
        for words in ((), ("--all", ALICE), (ALICE, "--format", "csv"), ("nobody@im.example",), (ALICE, "--version", "5"),
                      (ALICE, "--out", "/nowhere/x")):
            done = site.imex("contacts", "export", *words)
            assert done.returncode in (1, 2) and done.stderr.count("\n") == 1, (words, done)


tap.main()
