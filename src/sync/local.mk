noinst_LIBRARIES += libimex-sync.a
libimex_sync_a_SOURCES = \
	src/sync/plan.c src/sync/plan.h \
	src/sync/plan_groups.c
# capture
libimex_sync_a_SOURCES += \
	src/sync/capture.h
# who is whom
libimex_sync_a_SOURCES += \
	src/sync/usermap.c src/sync/usermap.h \
	src/sync/usermap_file.c src/sync/usermap_private.h
# archive
libimex_sync_a_SOURCES += \
	src/sync/deliver.c src/sync/deliver.h \
	src/sync/deliver_plan.c \
	src/sync/mailserver.c src/sync/mailserver.h \
	src/sync/segmenter.c src/sync/segmenter.h \
	src/sync/transcribe.c src/sync/transcribe.h
