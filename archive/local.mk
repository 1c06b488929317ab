noinst_LIBRARIES += libimex-archive.a
libimex_archive_a_SOURCES =
