noinst_LIBRARIES += libimex-wire.a
libimex_wire_a_SOURCES = \
	src/wire/http.h \
	src/wire/json.c src/wire/json.h \
	src/wire/xml_chars.c src/wire/xml_chars.h \
	src/wire/xml_mend.c src/wire/xml_mend.h \
	src/wire/xml_read.c src/wire/xml_read.h \
	src/wire/xml_write.c src/wire/xml_write.h
