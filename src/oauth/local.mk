noinst_LIBRARIES += libimex-oauth.a
libimex_oauth_a_SOURCES = \
	src/oauth/base64.c src/oauth/base64.h \
	src/oauth/certificate.c src/oauth/certificate.h src/oauth/certificate_private.h \
	src/oauth/challenge.c src/oauth/challenge.h \
	src/oauth/issuer.c src/oauth/issuer.h \
	src/oauth/jws.c src/oauth/jws.h \
	src/oauth/keypair.c src/oauth/keypair_private.h \
	src/oauth/keyring.c src/oauth/keyring.h \
	src/oauth/metadata.c src/oauth/metadata.h \
	src/oauth/principal.c src/oauth/principal.h \
	src/oauth/token.c src/oauth/token.h \
	src/oauth/trust.c src/oauth/trust.h \
	src/oauth/verify.c src/oauth/verify.h \
	src/oauth/watch.c src/oauth/watch.h
