noinst_LIBRARIES += libimex-ews.a
libimex_ews_a_SOURCES =
