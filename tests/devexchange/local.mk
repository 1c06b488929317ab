# The stand-in Exchange: no part of it is shared with the programs that it tests.
noinst_PROGRAMS += devexchange
devexchange_SOURCES = \
	tests/devexchange/auth.c tests/devexchange/auth.h \
	tests/devexchange/codes.c \
	tests/devexchange/control.c \
	tests/devexchange/counters.c \
	tests/devexchange/devx.h \
	tests/devexchange/fault.c tests/devexchange/fault.h \
	tests/devexchange/fields.c \
	tests/devexchange/folder_write.c tests/devexchange/folder_write.h \
	tests/devexchange/folders.c \
	tests/devexchange/grammar.c tests/devexchange/grammar.h \
	tests/devexchange/grammar_words.c \
	tests/devexchange/http.h \
	tests/devexchange/ids.c tests/devexchange/ids.h \
	tests/devexchange/main.c \
	tests/devexchange/metadata.c \
	tests/devexchange/model.h \
	tests/devexchange/notify.c tests/devexchange/notify.h \
	tests/devexchange/op_get_folder.c \
	tests/devexchange/operations.c tests/devexchange/operations.h \
	tests/devexchange/partner.c tests/devexchange/partner.h \
	tests/devexchange/props.c tests/devexchange/props.h \
	tests/devexchange/respond.c \
	tests/devexchange/route_ews.c \
	tests/devexchange/schema.c tests/devexchange/schema.h \
	tests/devexchange/server.c tests/devexchange/server.h \
	tests/devexchange/soap.c tests/devexchange/soap.h \
	tests/devexchange/store.c \
	tests/devexchange/tls.c tests/devexchange/tls.h \
	tests/devexchange/token.c tests/devexchange/token.h \
	tests/devexchange/values.c \
	tests/devexchange/xml.c tests/devexchange/xml.h
devexchange_LDADD = $(MHD_LIBS) $(XML_LIBS) $(JANSSON_LIBS) $(GMIME_LIBS) $(CURL_LIBS) $(GLIB_LIBS) \
	-lpthread -lm
