#!/usr/bin/python3
"""Other servers post what was said to imexd: who may, what is taken, how it is answered, that it stays.

On SQLite and on PostgreSQL; the clients are Python's ssl and http.client, the tokens PyJWT's.
"""
import contextlib
import glob
import json
import signal
import threading

import pgcluster
import tap
from ingestsite import IngestSite, ago, event, leave_root, lines

ALICE, BOB = "alice@im.example", "bob@im.example"

leave_root()


@contextlib.contextmanager
def both_stores(**keywords):
    with pgcluster.Cluster() as cluster:
        yield [None, cluster.url]


def talk(n, start=0):
    return [event("k%d" % (start + i), ALICE, BOB, "line %d" % (start + i), ago(4000 - i), sequence=start + i)
            for i in range(n)]


@tap.test("what is posted is stored once, on disk before the answer, and reaches the mailboxes with its sender")
def _():
    with both_stores() as stores:
        for store in stores:
            with IngestSite(store=store) as site:
                status, _, answer = site.post(talk(30))
                assert (status, answer["stored"], answer["problems"]) == (200, 30, []), (store, answer)
                # Nothing may be lost that was answered, whatever happens next.
                site.kill_daemon()
                site.start_daemon()
                status, _, answer = site.post(talk(40))
                assert (status, answer["stored"], answer["repeated"]) == (200, 10, 30), (store, answer)
                site.until(lambda: any("line 39" in i.body for i in site.items("bob")), "the item is delivered")
                item = next(i for i in site.items("bob") if "line 0" in i.body)
                assert "posted by the server im1" in item.body and item.subject == "Conversation between alice and bob"
                headers = {h.name: h.value for h in item.headers or []}
                assert headers.get("X-Imex-Sender", "im1") == "im1", headers


@tap.test("a file that is posted is told by name, size, link and hash in the item and in exports")
def _():
    link, digest = "https://files.example/u/plan%20b.pdf", "sha-256:" + "0a" * 32
    told = {"kind": "file", "url": link, "file_name": "pl\u00e4n \u202eb.pdf", "file_size": 1234567, "file_hash": digest}
    with IngestSite() as site:
        one = dict(event("f1", ALICE, BOB, "see the plan", ago(4000)), **told)
        status, _, answer = site.post([one])
        assert (status, answer["stored"]) == (200, 1), answer
        assert site.post([one])[2]["repeated"] == 1
        # Another size under the same key is another event, and is said to be.
        assert site.post([dict(one, file_size=1)])[0] == 409
        for bad in ({"file_size": "big"}, {"file_hash": "0a"}, {"kind": "chat", "url": None}):
            status, _, answer = site.post([dict(one, key="bad", **bad)])
            assert (status, answer["refused"]) == (400, 1) and "file_" in json.dumps(answer), (bad, answer)
        site.until(lambda: site.items("bob"), "the item is delivered")
        body = site.items("bob")[0].body
        for word in ("pl\u00e4n", "1.2 MB", "see the plan", link, digest):
            assert word in body, (word, body)
        site.ok("export", "--format", "jsonl", "--out", site.path("jsonl"))
        with open(site.path("jsonl/messages.jsonl"), encoding="utf-8") as f:
            events = [json.loads(line) for line in f]
        assert {(e["file_name"], e["file_size"], e["file_hash"], e["url"]) for e in events} == {
            (told["file_name"], size, digest, link) for size in (1234567, 1)}, events
        site.ok("export", "--format", "html", "--out", site.path("html"))
        page, = glob.glob(site.path("html/conversations/*.html"))
        with open(page, encoding="utf-8") as f:
            text = f.read()
        assert 'href="%s"' % link in text and digest in text and "<bdi>pl\u00e4n \u202eb.pdf, 1.2 MB</bdi>" in text


@tap.test("a partner's token speaks for its sender; a user's token, a stranger and an old certificate do not")
def _():
    with IngestSite() as site:
        one = [event("1", "zoe@second.example", "eve@far.example", "x")]
        status, _, answer = site.post(one, token=site.token())
        assert (status, answer["stored"]) == (200, 1), answer
        # The same key of another sender is another event.
        assert site.post([event("1", ALICE, BOB, "x")])[2]["stored"] == 1
        status, headers, _ = site.post(one, client=None)
        assert status == 401 and "Bearer" in headers["WWW-Authenticate"], (status, headers)
        for client in (site.stranger, site.stranger_key), (site.expired, site.expired_key):
            assert site.post(one, client=client)[0] == 401, client
        status, headers, _ = site.post(one, token=site.token()[:-3] + "AAA")
        assert status == 401 and "invalid_token" in headers["WWW-Authenticate"], (status, headers)
        site.ok("partner", "disable", "second")
        site.until(lambda: site.post(one, token=site.token())[0] == 401, "a disabled partner is refused")
        assert "not valid now" in site.log()
        status, headers, _ = site.ask("GET", "/v1/messages", client=site.im1)
        assert (status, headers["Allow"]) == (405, "POST"), (status, headers)
        assert site.ask("POST", "/v1/elsewhere", b"x", client=site.im1)[0] in (404, 405)


@tap.test("each bad line is told by its number and the others are taken; foreign domains and conflicts have codes")
def _():
    with IngestSite() as site:
        body = lines(talk(2)) + b"{\n\n" + b'{"key":"x","text":"secret-word"}\n' + lines(talk(1, 2)) + b"\xff\xfe\n"
        status, _, answer = site.post(body)
        assert (status, answer["stored"], answer["refused"]) == (400, 3, 3), answer
        assert [p["line"] for p in answer["problems"]] == [3, 5, 7], answer
        assert all(p["reason"].startswith("ingest.") and p["message"] for p in answer["problems"]), answer
        assert "secret-word" not in json.dumps(answer) and "secret-word" not in site.log()
        status, _, answer = site.post([event("f", "zoe@second.example", ALICE, "forged")] + talk(1, 3))
        assert (status, answer["stored"], answer["problems"][0]["reason"]) == (403, 1, "ingest.domain"), answer
        assert answer["problems"][0]["key"] == "f", answer
        changed = event("k0", ALICE, BOB, "another text", ago(4000))
        status, _, answer = site.post([changed] + talk(1, 4))
        assert (status, answer["conflicts"], answer["stored"]) == (409, 1, 1), answer
        assert answer["problems"][0] == dict(answer["problems"][0], line=1, key="k0", result="conflict")
        status, _, answer = site.post([changed])
        assert (status, answer["repeated"]) == (200, 1), answer
        said = {r["what"]: r["value"] for r in json.loads(site.ok("archive", "status", "--json"))}
        assert said["conflicting copies, kept"] == "1", said
        odd = [event("t1", ALICE, BOB, "x", "2099-01-01T00:00:00Z"), event("t2", ALICE, BOB, "x", "2001-01-01")]
        status, _, answer = site.post(odd)
        assert (status, answer["stored"], answer["marked"]) == (200, 2, 2), answer
        assert site.post(odd)[2]["repeated"] == 2
        assert site.post(b"")[2]["lines"] == 0
        site.ok("policy", "set", "archive", "none", "--domain", "im.example")
        status, _, answer = site.post([event("n", ALICE, BOB, "private")])
        assert (status, answer["unwanted"], answer["stored"]) == (200, 1, 0), answer


def post_too_much(site, body, chunked):
    """A server that refuses closes while the client still sends; the answer is lost then, as HTTP has it."""
    for _ in range(20):
        try:
            return site.post(body, chunked=chunked)
        except OSError as error:  # of the socket or of TLS
            lost = error
    raise lost


@tap.test("limits: size told before and size found, lines, rate, disk; nothing that was answered is lost")
def _():
    with IngestSite(more="[ingest]\nmax_request_mb = 1\nmax_line_kb = 4\nmax_lines = 50\nmax_rate = 20\n") as site:
        big = lines([event("b%d" % i, ALICE, BOB, "y" * 3000) for i in range(400)])
        for chunked in False, True:
            status, _, answer = post_too_much(site, big, chunked)
            assert status == 413 and answer["error"] in ("ingest.too_large", "ingest.too_many"), answer
        status, _, answer = site.post(talk(60, 1000))
        assert status == 413 and answer["error"] == "ingest.too_many" and answer["stored"] == 50, answer
        status, _, answer = site.post([event("long", ALICE, BOB, "z" * 5000)])
        assert status == 400 and answer["problems"][0]["reason"] == "ingest.too_large", answer
        while True:
            status, headers, answer = site.post(talk(50, 2000))
            if status != 200:
                break
        assert status == 429 and answer["error"] == "ingest.rate" and int(headers["Retry-After"]) >= 1, answer
    with IngestSite(more="[ingest]\nmin_free_mb = 100000000\n") as site:
        status, headers, answer = site.post(talk(1))
        assert status == 429 and answer["error"] == "ingest.full" and headers["Retry-After"], answer


@tap.test("many at once, the same and different events: each is stored once; too many at once are told to wait")
def _():
    with both_stores() as stores:
        for store in stores:
            with IngestSite(store=store, more="[ingest]\nmax_parallel = 4\n") as site:
                totals, waited = [], []

                def work(worker):
                    for turn in range(6):
                        body = lines(talk(20, 20 * turn)) + lines(talk(20, 1000 + 200 * worker + 20 * turn))
                        while True:
                            status, headers, answer = site.post(body)
                            if status != 429:
                                break
                            waited.append(int(headers["Retry-After"]))
                        assert status == 200, (status, answer)
                        totals.append((answer["stored"], answer["repeated"]))

                threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert len(totals) == 36, totals
                assert sum(t[0] for t in totals) == 120 + 6 * 120, (store, totals)
                assert sum(t[1] for t in totals) == 5 * 120, (store, totals)
                # Four that do not come to their end hold all the places.
                open_ones = []
                for _ in range(4):
                    connection = site.connect(site.im1)
                    connection.putrequest("POST", "/v1/messages")
                    connection.putheader("Content-Length", "100")
                    connection.endheaders(b'{"key"')
                    open_ones.append(connection)
                site.until(lambda: site.post(talk(1))[0] == 429, "the fifth is told to wait")
                for connection in open_ones:
                    connection.close()
                site.until(lambda: site.post(talk(1))[0] == 200, "the places are free again")


@tap.test("SIGHUP: a request under way ends under the configuration it began with; one without end is broken off")
def _():
    with IngestSite() as site:
        def begin(body, length):
            connection = site.connect(site.im1)
            connection.putrequest("POST", "/v1/messages")
            connection.putheader("Content-Length", str(length))
            connection.endheaders(body)
            return connection

        def gate():
            return site.ask("GET", "/v1/gate?user=carol@second.example", client=site.im1)[0]
        body = lines(talk(4))
        half = len(body) // 2
        slow = begin(body[:half], len(body))
        endless = begin(b" ", 1000000)
        assert gate() == 403
        with open(site.config) as f:
            text = f.read()
        with open(site.config, "w") as f:
            f.write(text.replace("domains = im.example\n", "domains = im.example, second.example\n", 1))
        site.process.send_signal(signal.SIGHUP)
        site.until(lambda: gate() == 200, "the new configuration answers")
        assert site.log().count("imexd.ready") == 1, "it did not wait for those under way"
        slow.send(body[half:])
        answer = slow.getresponse()
        assert answer.status == 200 and json.loads(answer.read())["stored"] == 4
        broken = False

        def trickle():
            nonlocal broken
            try:
                endless.send(b" ")
            except OSError:
                broken = True
            return broken and site.log().count("imexd.ready") == 2
        site.until(trickle, "the endless request is broken off, and imexd is at work")
        slow.close()
        endless.close()
        assert site.post(talk(4))[2]["repeated"] == 4


@tap.test("running numbers that never came are gaps, which are filled when they come; health is told")
def _():
    with both_stores() as stores:
        for store in stores:
            with IngestSite(store=store) as site:
                site.post(talk(2) + talk(1, 5))
                done = site.run("archive", "gaps", "--json")
                rows = json.loads(done.stdout)
                assert done.returncode == 3 and len(rows) == 1, (store, done)
                assert (rows[0]["source"], rows[0]["key"], rows[0]["reason"], rows[0]["filled"]) == (
                    "sender/im1", "2-4", "sequence.missing", None), rows
                site.post(talk(1, 3))
                rows = {r["key"]: r["filled"] for r in json.loads(site.run("archive", "gaps", "--json").stdout)}
                assert rows["2-4"] and rows["2-2"] is None and rows["4-4"] is None, rows
                site.post(talk(5))
                rows = json.loads(site.ok("archive", "gaps", "--json"))
                assert len(rows) == 3 and all(r["filled"] for r in rows), rows
                assert site.ask("GET", "/health")[::2] == (200, b"ok\n")


tap.main()
