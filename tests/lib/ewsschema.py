"""The published EWS schema as the judge of recorded requests and answers; it is not part of this tree."""
import os
import subprocess

import tap

# Where real servers differ from the published schema, and clients rely on it: the child of m:Notifications in a stream
# is m:Notification, and there is a code for applications that name no user.
REAL = ((b"<m:Notifications><m:Notification>", b"<m:Notifications><t:Notification>"),
        (b"</m:Notification><m:Notification>", b"</t:Notification><t:Notification>"),
        (b"</m:Notification></m:Notifications>", b"</t:Notification></m:Notifications>"),
        (b"ErrorImpersonationRequired<", b"ErrorImpersonationFailed<"))


def path():
    """The schema's root file, or None without the shared data."""
    shared = tap.shared_data()
    found = os.path.join(shared, "ews-schema", "ews-soap.xsd") if shared else None
    return found if found and os.path.exists(found) else None


def forgive(name):
    with open(name, "rb") as f:
        text = changed = f.read()
    for real, published in REAL:
        changed = changed.replace(real, published)
    if changed != text:
        with open(name, "wb") as f:
            f.write(changed)


def complaints(files):
    """{file: what xmllint says of it} of those that are not valid."""
    bad = {}
    for start in range(0, len(files), 200):
        run = subprocess.run(["xmllint", "--noout", "--nonet", "--huge", "--schema", path(),
                              *files[start:start + 200]], capture_output=True, text=True)
        for line in run.stderr.splitlines():
            if not line.endswith(" validates"):
                bad.setdefault(line.split(":")[0], []).append(line)
    return bad


def check(files):
    """Raises when a file is not valid."""
    for name in files:
        forgive(name)
    bad = complaints(files)
    assert not bad, "%d of %d are not valid:\n%s" % (
        len(bad), len(files), "\n".join("\n".join(lines[:3]) for lines in list(bad.values())[:5]))
