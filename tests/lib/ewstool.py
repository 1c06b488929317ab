"""Drives the Exchange client through build/ews_tool: one JSON line for each verb.

    with EwsTool("--url", ..., "--mailbox", ...) as ews:
        answer = ews.ok("changes", dialect="folder")
        answer = ews.fails("ews.not_found", "mime", id="x")
"""
import json
import os
import subprocess


class EwsTool:
    def __init__(self, *arguments):
        path = os.path.join(os.environ.get("builddir", "."), "ews_tool")
        self.process = subprocess.Popen([path, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self, verb, **arguments):
        self.process.stdin.write(json.dumps(dict(arguments, verb=verb)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "ews_tool ended during " + verb
        return json.loads(line)

    def ok(self, verb, **arguments):
        answer = self.call(verb, **arguments)
        assert answer["ok"], (verb, answer)
        return answer

    def fails(self, reason, verb, **arguments):
        answer = self.call(verb, **arguments)
        assert not answer["ok"] and answer["reason"] == reason, (verb, reason, answer)
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        status = self.process.wait(timeout=60)
        self.process.stdout.close()
        if exc[0] is None:
            assert status == 0, "ews_tool ended with %s" % status
