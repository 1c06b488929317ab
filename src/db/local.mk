noinst_LIBRARIES += libimex-db.a
libimex_db_a_SOURCES =
