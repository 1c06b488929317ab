# One program per layer; each test_<module>.c gives one suite.
check_LIBRARIES += libunit.a
libunit_a_SOURCES = tests/unit/rerun.c tests/unit/rerun.h tests/unit/runner.c tests/unit/runner.h
libunit_a_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_SRCDIR='"$(abs_top_srcdir)"'
libunit_a_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
UNIT_LDADD = libunit.a $(IMEX_LDADD) $(CHECK_LIBS)

# core
check_PROGRAMS += unit_core
ALL_TESTS += unit_core
SMOKE_TESTS += unit_core
unit_core_SOURCES = \
	tests/unit/core/suites.c \
	tests/unit/core/test_address.c \
	tests/unit/core/test_clock.c \
	tests/unit/core/test_config.c \
	tests/unit/core/test_digest.c \
	tests/unit/core/test_error.c \
	tests/unit/core/test_secret.c
unit_core_LDADD = $(UNIT_LDADD)

# model
check_PROGRAMS += unit_model
ALL_TESTS += unit_model
SMOKE_TESTS += unit_model
unit_model_SOURCES = \
	tests/unit/model/suites.c \
	tests/unit/model/test_contact.c \
	tests/unit/model/test_contact_card.c \
	tests/unit/model/test_message.c
unit_model_LDADD = $(UNIT_LDADD)

# db
check_PROGRAMS += unit_db
ALL_TESTS += unit_db
SMOKE_TESTS += unit_db
unit_db_SOURCES = \
	tests/unit/db/engines.c tests/unit/db/engines.h \
	tests/unit/db/suites.c \
	tests/unit/db/test_db.c \
	tests/unit/db/test_db_fault.c
unit_db_LDADD = $(UNIT_LDADD)

# sync
check_PROGRAMS += unit_sync
ALL_TESTS += unit_sync
SMOKE_TESTS += unit_sync
unit_sync_SOURCES = \
	tests/unit/sync/suites.c \
	tests/unit/sync/test_plan.c \
	tests/unit/sync/test_usermap.c \
	tests/unit/sync/test_wanted.c
unit_sync_LDADD = $(UNIT_LDADD)

# Random histories of contact lists.
check_PROGRAMS += unit_sync_model unit_sync_crash unit_sync_twins
ALL_TESTS += unit_sync_model unit_sync_crash unit_sync_twins
SYNC_MODEL_SOURCES = \
	tests/unit/sync/fake_ends.c tests/unit/sync/fake_ends.h \
	tests/unit/sync/model.h \
	tests/unit/sync/model_edits.c \
	tests/unit/sync/model_judge.c \
	tests/unit/sync/model_run.c
unit_sync_model_SOURCES = $(SYNC_MODEL_SOURCES) tests/unit/sync/model_main.c
unit_sync_model_LDADD = $(UNIT_LDADD)
unit_sync_crash_SOURCES = $(SYNC_MODEL_SOURCES) tests/unit/sync/crash_main.c
unit_sync_crash_LDADD = $(UNIT_LDADD)
unit_sync_twins_SOURCES = $(SYNC_MODEL_SOURCES) tests/unit/sync/twins_main.c
unit_sync_twins_LDADD = $(UNIT_LDADD)

# archive
check_PROGRAMS += unit_archive
ALL_TESTS += unit_archive
SMOKE_TESTS += unit_archive
unit_archive_SOURCES = \
	tests/unit/archive/suites.c \
	tests/unit/archive/talk.c tests/unit/archive/talk.h \
	tests/unit/archive/test_mime.c \
	tests/unit/archive/test_presence.c \
	tests/unit/archive/test_render.c \
	tests/unit/archive/test_segment.c \
	tests/unit/archive/test_text.c \
	tests/unit/archive/test_transcript.c
unit_archive_LDADD = $(UNIT_LDADD)

# wire
check_PROGRAMS += unit_wire
ALL_TESTS += unit_wire
TSAN_TESTS += unit_wire
SMOKE_TESTS += unit_wire
unit_wire_SOURCES = \
	tests/unit/wire/suites.c \
	tests/unit/wire/test_http.c \
	tests/unit/wire/test_json.c \
	tests/unit/wire/test_xml_mend.c \
	tests/unit/wire/test_xml_read.c \
	tests/unit/wire/test_xml_write.c
unit_wire_LDADD = $(UNIT_LDADD)
EXTRA_DIST += tests/unit/wire/http_server.py

# store
check_PROGRAMS += unit_store
ALL_TESTS += unit_store
TSAN_TESTS += unit_store
unit_store_SOURCES = \
	tests/unit/store/fixture.c tests/unit/store/fixture.h \
	tests/unit/store/suites.c \
	tests/unit/store/test_journal.c \
	tests/unit/store/test_lease.c \
	tests/unit/store/test_life.c \
	tests/unit/store/test_loss.c \
	tests/unit/store/test_mailbox.c \
	tests/unit/store/test_partner.c \
	tests/unit/store/test_pass.c \
	tests/unit/store/test_policy.c \
	tests/unit/store/test_snapshot.c \
	tests/unit/store/test_store.c
unit_store_LDADD = $(UNIT_LDADD)

# oauth
check_PROGRAMS += unit_oauth
ALL_TESTS += unit_oauth
TSAN_TESTS += unit_oauth
SMOKE_TESTS += unit_oauth
unit_oauth_SOURCES = \
	tests/unit/oauth/fixture.c tests/unit/oauth/fixture.h \
	tests/unit/oauth/mint.c tests/unit/oauth/mint.h \
	tests/unit/oauth/suites.c \
	tests/unit/oauth/test_base64.c \
	tests/unit/oauth/test_challenge.c \
	tests/unit/oauth/test_keyring.c \
	tests/unit/oauth/test_metadata.c \
	tests/unit/oauth/test_principal.c \
	tests/unit/oauth/test_token.c \
	tests/unit/oauth/test_token_threads.c \
	tests/unit/oauth/test_trust.c \
	tests/unit/oauth/test_verify.c \
	tests/unit/oauth/test_watch.c
unit_oauth_LDADD = $(UNIT_LDADD)
# ews
check_PROGRAMS += unit_ews
ALL_TESTS += unit_ews
SMOKE_TESTS += unit_ews
unit_ews_SOURCES = \
	tests/unit/ews/contact_case.c tests/unit/ews/contact_case.h \
	tests/unit/ews/fake.c tests/unit/ews/fake.h \
	tests/unit/ews/suites.c \
	tests/unit/ews/test_codes.c \
	tests/unit/ews/test_driver_folder.c \
	tests/unit/ews/test_driver_ucs.c \
	tests/unit/ews/test_messages.c \
	tests/unit/ews/test_session.c \
	tests/unit/ews/test_ucs_read.c \
	tests/unit/ews/ucs_case.h
unit_ews_LDADD = $(UNIT_LDADD)

# im
check_PROGRAMS += unit_im
ALL_TESTS += unit_im
unit_im_SOURCES = \
	tests/unit/im/fixture.c tests/unit/im/fixture.h \
	tests/unit/im/suites.c \
	tests/unit/im/test_capture.c \
	tests/unit/im/test_ingest.c \
	tests/unit/im/test_listfile.c \
	tests/unit/im/test_prosody.c \
	tests/unit/im/test_prosody_json.c \
	tests/unit/im/test_source.c \
	tests/unit/im/test_stanza.c
unit_im_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_SRCDIR='"$(abs_top_srcdir)"'
unit_im_LDADD = $(UNIT_LDADD)

# the directory
check_PROGRAMS += unit_directory
ALL_TESTS += unit_directory
unit_directory_SOURCES = tests/unit/im/test_directory.c
unit_directory_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_SRCDIR='"$(abs_top_srcdir)"'
unit_directory_LDADD = $(UNIT_LDADD)

# deliveries
check_PROGRAMS += unit_deliver
ALL_TESTS += unit_deliver
unit_deliver_SOURCES = \
	tests/unit/store/fixture.c tests/unit/store/fixture.h \
	tests/unit/sync/captured.c tests/unit/sync/captured.h \
	tests/unit/sync/deliver_suites.c \
	tests/unit/sync/test_delivery.c \
	tests/unit/sync/test_ingest.c \
	tests/unit/sync/test_route.c \
	tests/unit/sync/test_segmenter.c
unit_deliver_LDADD = $(UNIT_LDADD)
