noinst_LIBRARIES += libimex-im.a
libimex_im_a_SOURCES = \
	src/im/directory.c src/im/directory.h \
	src/im/ingest.c src/im/ingest.h \
	src/im/prosody.c src/im/prosody_private.h \
	src/im/prosody_json.c src/im/prosody_json.h \
	src/im/prosody_message.c \
	src/im/prosody_room.c \
	src/im/prosody_roster.c \
	src/im/prosody_write.c \
	src/im/listfile.c src/im/listfile.h src/im/listfile_private.h \
	src/im/listfile_json.c src/im/listfile_vcard.c src/im/listfile_xep0227.c \
	src/im/source.c src/im/source.h src/im/source_private.h \
	src/im/stanza.c src/im/stanza.h \
	src/im/survey.c src/im/survey.h \
	src/im/upload.c src/im/upload.h
