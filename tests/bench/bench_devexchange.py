#!/usr/bin/python3
"""GetItem calls a second over kept-alive TLS, measured with wrk; fails below the floor of 3,000."""
import base64
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests", "lib"))

from devexchange import NS, Devexchange, envelope

FLOOR, SECONDS = 3000, 5
USER = "user0001@corp.example:p"

with Devexchange("--mailboxes", "100", "--contacts", "100", "--seed", "1", "--password", "p") as dx, \
        tempfile.TemporaryDirectory() as folder:
    _, root = dx.soap(
        '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>'
        '<m:ParentFolderIds><t:DistinguishedFolderId Id="contacts"/></m:ParentFolderIds></m:FindItem>',
        user=USER)
    bodies = [envelope("<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ItemIds>"
                       '<t:ItemId Id="%s"/></m:ItemIds></m:GetItem>' % item.get("Id"))
              for item in root.findall(".//t:Contact/t:ItemId", NS)[:11]]
    # Some of the contacts have long notes: the one whose answer is of middling length.
    body = sorted(bodies, key=lambda b: len(dx.post(b.encode(), user=USER)[2]))[5]
    script = os.path.join(folder, "post.lua")
    with open(script, "w") as f:
        f.write('wrk.method = "POST"\nwrk.body = [[%s]]\n'
                'wrk.headers["Content-Type"] = "text/xml; charset=utf-8"\n'
                'wrk.headers["Authorization"] = "Basic %s"\n'
                % (body, base64.b64encode(USER.encode()).decode()))
    run = subprocess.run(["wrk", "-t1", "-c8", "-d%ds" % SECONDS, "--latency", "-s", script, dx.ews],
                         capture_output=True, text=True, check=True)
    print(run.stdout)
    if "Non-2xx" in run.stdout:
        sys.exit("bench: some answers were errors")
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", run.stdout).group(1))
    print("%.0f GetItem/s, the floor is %d" % (rate, FLOOR))
    sys.exit(0 if rate >= FLOOR else 1)
