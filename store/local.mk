noinst_LIBRARIES += libimex-store.a
libimex_store_a_SOURCES = \
	store/contact.c store/contact.h \
	store/contact_card.c store/contact_card.h \
	store/contact_notes.c \
	store/image.c store/image.h \
	store/journal.c store/journal.h \
	store/lease.c store/lease.h \
	store/life.c store/life.h \
	store/loss.c store/loss.h \
	store/mailbox.c store/mailbox.h \
	store/migrate.c \
	store/migrations.h \
	store/partner.c store/partner.h \
	store/pass.c store/pass.h \
	store/pause.c store/pause.h \
	store/policy.c store/policy.h \
	store/snapshot.c store/snapshot.h \
	store/store.c store/store.h \
	store/store_private.h
nodist_libimex_store_a_SOURCES = store/migrations.c
# what is captured
libimex_store_a_SOURCES += \
	store/cursor.c store/cursor.h \
	store/message.c store/message.h \
	store/message_read.c
# what the archive holds
libimex_store_a_SOURCES += \
	store/file.c store/file.h \
	store/delivery.c store/delivery.h store/delivery_private.h \
	store/delivery_run.c store/delivery_run.h \
	store/ingest.c store/ingest.h \
	store/local.c store/local.h \
	store/record.c store/record.h \
	store/segment.c store/segment.h
