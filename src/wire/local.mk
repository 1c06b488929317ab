noinst_LIBRARIES += libimex-wire.a
libimex_wire_a_SOURCES = \
	src/wire/http.c src/wire/http.h \
	src/wire/http_address.c \
	src/wire/http_error.c \
	src/wire/http_private.h \
	src/wire/http_share.c \
	src/wire/json.c src/wire/json.h \
	src/wire/xml_chars.c src/wire/xml_chars.h \
	src/wire/xml_mend.c src/wire/xml_mend.h \
	src/wire/xml_read.c src/wire/xml_read.h \
	src/wire/xml_write.c src/wire/xml_write.h
EXTRA_DIST += doc/internals-wire.md
