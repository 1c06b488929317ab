EXTRA_DIST += tests/lib/devexchange.py tests/lib/ewsschema.py tests/lib/partner.py
EXTRA_DIST += tests/lsan.supp tests/tsan.supp tests/lib/installation.py tests/lib/pgcluster.py tests/lib/tap.py
EXTRA_DIST += tests/lib/archivesite.py tests/lib/browser.py tests/lib/ingestsite.py
EXTRA_DIST += tests/lib/prosodygen.py tests/data/prosody.sql tests/data/prosody-pg.sql
EXTRA_DIST += tests/lib/slapd.py tests/lib/syncsite.py tests/lib/usersite.py
EXTRA_DIST += tests/demo/demo.sh tests/demo/imclient.py tests/demo/mailclient.py tests/demo/summary.py
