# The programs against real servers and databases; each test prints TAP.
INTEGRATION_TESTS =
# One line for each, in the order of the alphabet.
INTEGRATION_TESTS += tests/integration/test_admin.py
INTEGRATION_TESTS += tests/crash/test_day.py
INTEGRATION_TESTS += tests/crash/test_deliver.py
INTEGRATION_TESTS += tests/crash/test_steps.py
INTEGRATION_TESTS += tests/crash/test_sync.py
INTEGRATION_TESTS += tests/integration/test_archive.py
INTEGRATION_TESTS += tests/integration/test_archive_failures.py
INTEGRATION_TESTS += tests/integration/test_archive_items.py
INTEGRATION_TESTS += tests/integration/test_archive_moves.py
INTEGRATION_TESTS += tests/integration/test_attachments.py
INTEGRATION_TESTS += tests/integration/test_cli.py
INTEGRATION_TESTS += tests/integration/test_contacts_cards.py
INTEGRATION_TESTS += tests/integration/test_contacts_files.py
INTEGRATION_TESTS += tests/integration/test_contacts_repeat.py
INTEGRATION_TESTS += tests/integration/test_contacts_verify.py
INTEGRATION_TESTS += tests/integration/test_contacts_versions.py
INTEGRATION_TESTS += tests/integration/test_credentials.py
INTEGRATION_TESTS += tests/integration/test_demo.py
INTEGRATION_TESTS += tests/integration/test_devexchange.py
INTEGRATION_TESTS += tests/integration/test_devexchange_data.py
INTEGRATION_TESTS += tests/integration/test_devexchange_demo.py
INTEGRATION_TESTS += tests/integration/test_devexchange_exchangelib.py
INTEGRATION_TESTS += tests/integration/test_devexchange_fields.py
INTEGRATION_TESTS += tests/integration/test_devexchange_grommunio.py
INTEGRATION_TESTS += tests/integration/test_devexchange_faults.py
INTEGRATION_TESTS += tests/integration/test_devexchange_operations.py
INTEGRATION_TESTS += tests/integration/test_devexchange_size.py
INTEGRATION_TESTS += tests/integration/test_doctor.py
INTEGRATION_TESTS += tests/integration/test_ews.py
INTEGRATION_TESTS += tests/integration/test_ews_schema.py
INTEGRATION_TESTS += tests/integration/test_gaps.py
INTEGRATION_TESTS += tests/integration/test_lifecycle.py
INTEGRATION_TESTS += tests/integration/test_gate.py
INTEGRATION_TESTS += tests/integration/test_ingest.py
INTEGRATION_TESTS += tests/integration/test_migrate.py
INTEGRATION_TESTS += tests/integration/test_export_many.py
INTEGRATION_TESTS += tests/integration/test_pages.py
INTEGRATION_TESTS += tests/integration/test_readme.py
INTEGRATION_TESTS += tests/integration/test_survey.py
INTEGRATION_TESTS += tests/integration/test_reload.py
INTEGRATION_TESTS += tests/integration/test_trust.py
INTEGRATION_TESTS += tests/integration/test_trust_sync.py
INTEGRATION_TESTS += tests/integration/test_second_server.py
INTEGRATION_TESTS += tests/integration/test_sync_addresses.py
INTEGRATION_TESTS += tests/integration/test_sync_contacts.py
INTEGRATION_TESTS += tests/integration/test_sync_cost.py
INTEGRATION_TESTS += tests/integration/test_sync_exchangelib.py
INTEGRATION_TESTS += tests/integration/test_sync_failures.py
INTEGRATION_TESTS += tests/integration/test_sync_groups.py
INTEGRATION_TESTS += tests/integration/test_sync_histories.py
INTEGRATION_TESTS += tests/integration/test_sync_many.py
INTEGRATION_TESTS += tests/integration/test_sync_size.py
INTEGRATION_TESTS += tests/integration/test_user.py
INTEGRATION_TESTS += tests/integration/test_usermap.py

ALL_TESTS += $(INTEGRATION_TESTS)
EXTRA_DIST += $(INTEGRATION_TESTS)

# Drives the Exchange client from a test.
check_PROGRAMS += ews_tool
ews_tool_SOURCES = \
	tests/integration/ews_replay.c \
	tests/integration/ews_tool.c tests/integration/ews_tool.h
ews_tool_LDADD = $(IMEX_LDADD)
EXTRA_DIST += tests/lib/ewstool.py

# The tests that kill, for longer, each on both stores, those of size in full size, and each fuzz
# target for a minute, in a build of its own because fuzzing needs clang.
FUZZ_CC = clang
check-long:
	IMEX_LONG=1 $(MAKE) $(AM_MAKEFLAGS) check TESTS='unit_sync_model $(filter tests/crash/% %_data.py %_cost.py %_histories.py %_export_many.py %_size.py,$(INTEGRATION_TESTS))'
	$(MAKE) $(AM_MAKEFLAGS) check-fuzz
check-fuzz:
	$(MKDIR_P) fuzz-build
	cd fuzz-build && { test -f Makefile || $(abs_top_srcdir)/configure -q --enable-fuzzers --enable-asan CC='$(FUZZ_CC)'; }
	$(MAKE) $(AM_MAKEFLAGS) -C fuzz-build fuzz
distclean-local:
	rm -rf fuzz-build
.PHONY: check-long check-fuzz
