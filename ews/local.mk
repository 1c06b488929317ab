noinst_LIBRARIES += libimex-ews.a
libimex_ews_a_SOURCES = \
	ews/contacts.h \
	ews/ews.h \
	ews/folders.h \
	ews/messages.h \
	ews/session.h
