noinst_LIBRARIES += libimex-store.a
libimex_store_a_SOURCES = \
	store/lease.h \
	store/mailbox.h \
	store/migrations.h \
	store/pass.h \
	store/pause.h \
	store/policy.h \
	store/store.c store/store.h \
	store/store_private.h
nodist_libimex_store_a_SOURCES = store/migrations.c
