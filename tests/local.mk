EXTRA_DIST += tests/lsan.supp tests/tsan.supp tests/lib/pgcluster.py tests/lib/tap.py
