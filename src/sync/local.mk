noinst_LIBRARIES += libimex-sync.a
libimex_sync_a_SOURCES =
