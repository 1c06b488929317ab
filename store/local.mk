noinst_LIBRARIES += libimex-store.a
libimex_store_a_SOURCES = \
	store/store.c store/store.h
