# Checks of the source tree itself.
LINT_TESTS = tests/lint/test_layers.py tests/lint/test_manual.py tests/lint/test_sizes.py tests/lint/test_style.py
ALL_TESTS += $(LINT_TESTS)
EXTRA_DIST += $(LINT_TESTS) tests/lint/source.py
