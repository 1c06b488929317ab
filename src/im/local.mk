noinst_LIBRARIES += libimex-im.a
libimex_im_a_SOURCES = \
	src/im/source.h
