noinst_LIBRARIES += libimex-wire.a
libimex_wire_a_SOURCES = \
	src/wire/http.h \
	src/wire/json.h \
	src/wire/xml_read.h \
	src/wire/xml_write.h
