#!/usr/bin/python3
"""The HTML export in a real browser: light and dark, wide and narrow, right-to-left, emoji, hostile text.

IMEX_PICTURES=DIR keeps the pictures, to be looked at.
"""
import glob
import os
import re

import prosodygen
import tap
from archivesite import ArchiveSite
from browser import Browser

START = 1795433520
TALK = [
    ("alice", "Good morning! The draft is at https://docs.example/reports/2026/q4?view=full&lang=en \u2013 before ten?"),
    ("bob", "Sure.\nGive me twenty minutes \U0001f642"),
    ("bob", "\u0645\u0631\u062d\u0628\u0627\u060c \u0647\u0644 \u0627\u0644\u062a\u0642\u0631\u064a\u0631 \u062c\u0627"
            "\u0647\u0632\u061f"),
    ("alice", "\u05e9\u05dc\u05d5\u05dd! \u05d4\u05e7\u05d5\u05d1\u05e5 \u05de\u05d5\u05db\u05df (v2.1)"),
    ("alice", "\U0001f469\u200d\U0001f4bb\U0001f3f3\ufe0f\u200d\U0001f308 \U0001f389"),
    ("alice", "Averyverylongwordwithoutanyspace" * 12),
    ("bob", "<script>document.title = 'broken in'</script><img src=https://evil.example/x.png> "
            "javascript:alert(1) \u202egnp.exe"),
    ("bob", "</div></bdi></main><h1>not a heading</h1>"),
    ("bob", "if (a < b && c > d) {\n\treturn 0;\n}"),
]
FILE = ("<body>https://upload.example/f/plan.pdf</body><x xmlns='jabber:x:oob'><url>https://upload.example/f/plan.pdf"
        "</url></x><file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><name>plan.pdf</name>"
        "<size>48213</size><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>"
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=</hash></file></file-sharing>")


class Pages(ArchiveSite):
    """A site whose conversations have been exported: pages by a word in them."""

    def __init__(self):
        super().__init__()
        for number, (sender, text) in enumerate(TALK):
            other = "bob" if sender == "alice" else "alice"
            self.say(sender + "@im.example", other + "@im.example", text, at=START + 40 * number)
        stanza = prosodygen.chat("alice@im.example", "bob@im.example", "file1", FILE, origin=True)
        prosodygen.Database(self.prosody).insert("prosodyarchive", prosodygen.ARCHIVE, [
            ("im.example", "alice", "archive", "file-row-1", START + 400, "bob@im.example", "xml", stanza)])
        self.capture()
        self.out = self.path("html")
        self.ok("export", "--format", "html", "--out", self.out)
        self.browser = Browser(self.folder)

    def page(self, word):
        for path in glob.glob(self.out + "/conversations/*.html"):
            with open(path, encoding="utf-8") as f:
                if word in f.read():
                    return path
        raise AssertionError("no page has " + word)


def brightness(colour):
    return sum(colour) / 3


@tap.test("a page is drawn light and dark, wide and narrow, and nothing sticks out")
def _():
    with Pages() as site:
        for path in site.page("Good morning"), os.path.join(site.out, "index.html"):
            for dark in False, True:
                for width in 900, 360:
                    picture = site.browser.picture(path, width=width, height=1000, dark=dark)
                    ground = picture.pixel(0, 0)
                    assert brightness(ground) < 60 if dark else brightness(ground) > 200, (path, dark, ground)
                    assert len(picture.colours()) > 50, "hardly anything is drawn: %s" % path
                    edge = picture.colours(left=picture.width - 8)
                    assert edge == {ground}, "something sticks out at %d: %s" % (width, list(edge)[:5])


@tap.test("hostile text stays text, and foreign runs stay apart")
def _():
    with Pages() as site:
        dom = site.browser.dom(site.page("Good morning"))
        assert "broken in" not in re.search(r"<title>(.*?)</title>", dom).group(1)
        for word in "script", "img", "iframe", "object", "form", "base":
            assert not re.search("<%s[ >]" % word, dom), word
        assert dom.count("<h1>") == 1 and "not a heading" in dom
        assert len(re.findall("<bdi>", dom)) == len(re.findall("</bdi>", dom)) > 2 * len(TALK)
        links = re.findall('<a [^>]*href="([^"]*)"', dom)
        assert "https://docs.example/reports/2026/q4?view=full&amp;lang=en" in links, links
        assert all(re.match("(https?://|mailto:|xmpp:)", link) for link in links), links
        assert dom.count('dir="rtl"') == 2, "one line of Arabic, one of Hebrew"


@tap.test("a file is told by name, size, link and hash")
def _():
    with Pages() as site:
        dom = site.browser.dom(site.page("plan.pdf"))
        assert "plan.pdf, 48.2 kB" in dom and 'href="https://upload.example/f/plan.pdf"' in dom
        assert "sha-256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" in dom


tap.main()
