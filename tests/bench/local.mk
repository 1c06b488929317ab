# Measurements; each wants a build without sanitizers. Time decides no test: see CONTRIBUTING.md.
BENCHES = tests/bench/bench_devexchange.py tests/bench/bench_contacts.py tests/bench/bench_archive.py
EXTRA_DIST += $(BENCHES) tests/bench/peer.py tests/lib/measure.py

# The bare loop that a reading client is held against.
check_PROGRAMS += bare_read
bare_read_SOURCES = tests/bench/bare_read.c
bare_read_LDADD = $(CURL_LIBS) $(XML_LIBS)

# make bench, or one of them: make bench BENCHES=tests/bench/bench_contacts.py
bench: devexchange imex imexd ews_tool bare_read
	@for bench in $(BENCHES); do \
		echo "== $$bench"; \
		srcdir='$(abs_top_srcdir)' builddir='$(abs_top_builddir)' PYTHONDONTWRITEBYTECODE=1 IMEX_BENCH=1 \
			/usr/bin/python3 $(srcdir)/$$bench || exit 1; \
	done
bench-devexchange:
	$(MAKE) $(AM_MAKEFLAGS) bench BENCHES=tests/bench/bench_devexchange.py
.PHONY: bench bench-devexchange
