noinst_LIBRARIES += libimex-core.a
libimex_core_a_SOURCES = \
	src/core/address.c src/core/address.h \
	src/core/auto.h \
	src/core/clock.c src/core/clock.h \
	src/core/config.c src/core/config.h \
	src/core/digest.c src/core/digest.h \
	src/core/error.c src/core/error.h src/core/heap.h \
	src/core/log.c src/core/log.h \
	src/core/secret.c src/core/secret.h \
	src/core/settings.c \
	src/core/step.c src/core/step.h \
	src/core/thread.c src/core/thread.h
