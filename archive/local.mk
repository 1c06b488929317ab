noinst_LIBRARIES += libimex-archive.a
libimex_archive_a_SOURCES = \
	archive/export.c archive/export.h archive/export_private.h \
	archive/export_formats.c \
	archive/export_index.c \
	archive/export_journal.c \
	archive/mime.c archive/mime.h \
	archive/page.c archive/page.h \
	archive/presence.c archive/presence.h \
	archive/render.c archive/render.h archive/render_private.h \
	archive/render_html.c \
	archive/render_text.c \
	archive/segment.c archive/segment.h \
	archive/text.c archive/text.h \
	archive/transcript.c archive/transcript.h
