# The programs against real servers and databases; each test prints TAP.
INTEGRATION_TESTS =
# One line for each, in the order of the alphabet.

ALL_TESTS += $(INTEGRATION_TESTS)
EXTRA_DIST += $(INTEGRATION_TESTS)
