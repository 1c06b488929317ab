"""TAP output for the integration tests.

    import tap
    @tap.test("what must hold")
    def _(): assert ...
    tap.main()

Every test runs, each prints one line, and a failing one prints its traceback as a comment.
tap.skip("why") leaves a test as skipped: only for data that a checkout need not have.
"""
import os
import sys
import traceback

_tests = []


class Skip(Exception):
    pass


def skip(why):
    raise Skip(why)


def test(name):
    def add(function):
        _tests.append((name, function))
        return function
    return add


def comment(text):
    for line in str(text).splitlines():
        print("# " + line, flush=True)


def shared_data():
    """The optional folder of shared test data, or None."""
    here = os.environ.get("IMEX_SHARED") or os.path.join(os.environ.get("srcdir", "."), "..", "shared")
    return os.path.realpath(here) if os.path.isdir(here) else None


def main():
    print("1..%d" % len(_tests), flush=True)
    failed = 0
    for number, (name, function) in enumerate(_tests, 1):
        try:
            function()
            print("ok %d - %s" % (number, name), flush=True)
        except Skip as why:
            print("ok %d - %s # SKIP %s" % (number, name, why), flush=True)
        except BaseException:
            failed += 1
            print("not ok %d - %s" % (number, name), flush=True)
            comment(traceback.format_exc())
    sys.exit(1 if failed else 0)
