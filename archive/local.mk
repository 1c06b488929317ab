noinst_LIBRARIES += libimex-archive.a
libimex_archive_a_SOURCES = \
	archive/export.h \
	archive/mime.h \
	archive/render.h \
	archive/segment.c archive/segment.h \
	archive/text.c archive/text.h \
	archive/transcript.c archive/transcript.h
