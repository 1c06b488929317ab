noinst_LIBRARIES += libimex-oauth.a
libimex_oauth_a_SOURCES =
