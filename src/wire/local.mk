noinst_LIBRARIES += libimex-wire.a
libimex_wire_a_SOURCES =
