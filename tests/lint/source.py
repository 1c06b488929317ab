"""What the lint tests share: the list of the project's own C files."""
import os

SRC = os.environ.get("srcdir", os.path.join(os.path.dirname(__file__), "..", ".."))
ROOTS = ("src", "ews", "store", "archive", "tests")


def files(*endings, roots=ROOTS):
    """Paths relative to the source tree, sorted."""
    found = []
    for root in roots:
        for folder, _, names in os.walk(os.path.join(SRC, root)):
            found += [os.path.relpath(os.path.join(folder, n), SRC) for n in names if n.endswith(endings)]
    return sorted(found)


def read(path):
    with open(os.path.join(SRC, path), encoding="utf-8") as f:
        return f.read()
