noinst_LIBRARIES += libimex-oauth.a
libimex_oauth_a_SOURCES = \
	src/oauth/certificate.h \
	src/oauth/challenge.h \
	src/oauth/keyring.h \
	src/oauth/metadata.h \
	src/oauth/token.h
