EXTRA_DIST += tests/lsan.supp tests/tsan.supp tests/lib/tap.py
