noinst_LIBRARIES += libimex-sync.a
libimex_sync_a_SOURCES = \
	src/sync/adopt.c \
	src/sync/apply.c \
	src/sync/contacts.c src/sync/contacts.h \
	src/sync/contacts_guard.c \
	src/sync/contacts_photo.c \
	src/sync/contacts_plan.c src/sync/contacts_private.h \
	src/sync/contacts_read.c \
	src/sync/contacts_regroup.c \
	src/sync/contacts_settle.c \
	src/sync/ends.c src/sync/ends.h \
	src/sync/lifecycle.c src/sync/lifecycle.h \
	src/sync/limiter.c src/sync/limiter.h \
	src/sync/plan.c src/sync/plan.h \
	src/sync/plan_groups.c \
	src/sync/plan_settle.c \
	src/sync/rollback.c \
	src/sync/schedule.c src/sync/schedule.h \
	src/sync/worker.c src/sync/worker.h
# capture
libimex_sync_a_SOURCES += \
	src/sync/capture.c src/sync/capture.h \
	src/sync/interest.c src/sync/interest.h
# who is whom
libimex_sync_a_SOURCES += \
	src/sync/usermap.c src/sync/usermap.h \
	src/sync/usermap_file.c src/sync/usermap_private.h \
	src/sync/usermap_found.c
# archive
libimex_sync_a_SOURCES += \
	src/sync/attach.c src/sync/attach.h \
	src/sync/deliver.c src/sync/deliver.h \
	src/sync/deliver_plan.c src/sync/deliver_private.h \
	src/sync/deliver_settle.c \
	src/sync/deliver_undo.c src/sync/deliver_undo.h \
	src/sync/gate.c src/sync/gate.h \
	src/sync/hold.c src/sync/hold.h \
	src/sync/ingest.c src/sync/ingest.h \
	src/sync/lag.c src/sync/lag.h \
	src/sync/mailserver.c src/sync/mailserver.h \
	src/sync/queue.c src/sync/queue.h \
	src/sync/reconcile.c src/sync/reconcile.h \
	src/sync/route.c src/sync/route.h \
	src/sync/segmenter.c src/sync/segmenter.h \
	src/sync/transcribe.c src/sync/transcribe.h
