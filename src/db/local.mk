noinst_LIBRARIES += libimex-db.a
libimex_db_a_SOURCES = \
	src/db/db.c src/db/db.h \
	src/db/db_driver.h \
	src/db/postgresql.c \
	src/db/sqlite.c
EXTRA_DIST += doc/internals-db.md
