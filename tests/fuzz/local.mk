# Fuzz targets. Each is a program of its own, and its corpus is a test. Under --enable-fuzzers
# `make fuzz` runs each for IMEX_FUZZ_S seconds instead.
if FUZZERS
MAIN_FUZZ =
LDFLAGS_FUZZ = $(AM_LDFLAGS) -fsanitize=fuzzer
LOG_COMPILER = $(top_srcdir)/tests/fuzz/run.sh
fuzz: $(FUZZ_TARGETS)
	$(MAKE) $(AM_MAKEFLAGS) check_PROGRAMS='$(FUZZ_TARGETS)' check_LIBRARIES= check-TESTS
else
MAIN_FUZZ = tests/fuzz/replay.c
LDFLAGS_FUZZ = $(AM_LDFLAGS)
ALL_TESTS += $(FUZZ_TARGETS)
endif
CPPFLAGS_FUZZ = $(AM_CPPFLAGS) -DTEST_SRCDIR='"$(abs_top_srcdir)"'
FUZZ_TARGETS = fuzz_ews fuzz_json fuzz_xml_mend fuzz_xml_read
check_PROGRAMS += $(FUZZ_TARGETS)
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/fuzz.h
dist_noinst_SCRIPTS += tests/fuzz/run.sh

fuzz_ews_SOURCES = tests/fuzz/fuzz_ews.c $(MAIN_FUZZ)
fuzz_ews_CPPFLAGS = $(CPPFLAGS_FUZZ)
fuzz_ews_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_ews_LDADD = $(IMEX_LDADD)

fuzz_json_SOURCES = tests/fuzz/fuzz_json.c $(MAIN_FUZZ)
fuzz_json_CPPFLAGS = $(CPPFLAGS_FUZZ)
fuzz_json_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_json_LDADD = $(IMEX_LDADD)

fuzz_xml_mend_SOURCES = tests/fuzz/fuzz_xml_mend.c $(MAIN_FUZZ)
fuzz_xml_mend_CPPFLAGS = $(CPPFLAGS_FUZZ)
fuzz_xml_mend_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_xml_mend_LDADD = $(IMEX_LDADD)

fuzz_xml_read_SOURCES = tests/fuzz/fuzz_xml_read.c $(MAIN_FUZZ)
fuzz_xml_read_CPPFLAGS = $(CPPFLAGS_FUZZ)
fuzz_xml_read_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_xml_read_LDADD = $(IMEX_LDADD)

FUZZ_TARGETS += fuzz_prosody_json fuzz_stanza
fuzz_prosody_json_SOURCES = tests/fuzz/fuzz_prosody_json.c $(MAIN_FUZZ)
fuzz_prosody_json_CPPFLAGS = $(CPPFLAGS_FUZZ)
fuzz_prosody_json_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_prosody_json_LDADD = $(IMEX_LDADD)
fuzz_stanza_SOURCES = tests/fuzz/fuzz_stanza.c $(MAIN_FUZZ)
fuzz_stanza_CPPFLAGS = $(CPPFLAGS_FUZZ)
fuzz_stanza_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_stanza_LDADD = $(IMEX_LDADD)

FUZZ_TARGETS += fuzz_archive
fuzz_archive_SOURCES = tests/fuzz/fuzz_archive.c $(MAIN_FUZZ)
fuzz_archive_CPPFLAGS = $(CPPFLAGS_FUZZ)
fuzz_archive_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_archive_LDADD = $(IMEX_LDADD)

FUZZ_TARGETS += fuzz_challenge fuzz_metadata fuzz_token
fuzz_challenge_SOURCES = tests/fuzz/fuzz_challenge.c $(MAIN_FUZZ)
fuzz_challenge_CPPFLAGS = $(CPPFLAGS_FUZZ)
fuzz_challenge_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_challenge_LDADD = $(IMEX_LDADD)
fuzz_metadata_SOURCES = tests/fuzz/fuzz_metadata.c $(MAIN_FUZZ)
fuzz_metadata_CPPFLAGS = $(CPPFLAGS_FUZZ)
fuzz_metadata_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_metadata_LDADD = $(IMEX_LDADD)
fuzz_token_SOURCES = tests/fuzz/fuzz_token.c $(MAIN_FUZZ)
fuzz_token_CPPFLAGS = $(CPPFLAGS_FUZZ)
fuzz_token_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_token_LDADD = $(IMEX_LDADD)

# One source, compiled once per format.
FUZZ_TARGETS += fuzz_contacts_json fuzz_vcard fuzz_xep0227
fuzz_contacts_json_SOURCES = tests/fuzz/fuzz_listfile.c $(MAIN_FUZZ)
fuzz_contacts_json_CPPFLAGS = $(CPPFLAGS_FUZZ) -DFUZZ_FORMAT=LISTFILE_JSON
fuzz_contacts_json_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_contacts_json_LDADD = $(IMEX_LDADD)
fuzz_vcard_SOURCES = tests/fuzz/fuzz_listfile.c $(MAIN_FUZZ)
fuzz_vcard_CPPFLAGS = $(CPPFLAGS_FUZZ) -DFUZZ_FORMAT=LISTFILE_VCARD
fuzz_vcard_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_vcard_LDADD = $(IMEX_LDADD)
fuzz_xep0227_SOURCES = tests/fuzz/fuzz_listfile.c $(MAIN_FUZZ)
fuzz_xep0227_CPPFLAGS = $(CPPFLAGS_FUZZ) -DFUZZ_FORMAT=LISTFILE_XEP0227
fuzz_xep0227_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_xep0227_LDADD = $(IMEX_LDADD)

FUZZ_TARGETS += fuzz_ingest
fuzz_ingest_SOURCES = tests/fuzz/fuzz_ingest.c $(MAIN_FUZZ)
fuzz_ingest_CPPFLAGS = $(CPPFLAGS_FUZZ)
fuzz_ingest_LDFLAGS = $(LDFLAGS_FUZZ)
fuzz_ingest_LDADD = $(IMEX_LDADD)
