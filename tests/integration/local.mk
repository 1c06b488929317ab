# The programs against real servers and databases; each test prints TAP.
INTEGRATION_TESTS =
# One line for each, in the order of the alphabet.
INTEGRATION_TESTS += tests/integration/test_admin.py
INTEGRATION_TESTS += tests/integration/test_cli.py
INTEGRATION_TESTS += tests/integration/test_user.py

ALL_TESTS += $(INTEGRATION_TESTS)
EXTRA_DIST += $(INTEGRATION_TESTS)
