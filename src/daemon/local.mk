sbin_PROGRAMS += imexd
imexd_SOURCES = \
	src/daemon/auth.c src/daemon/auth.h \
	src/daemon/gate_json.c src/daemon/gate_json.h \
	src/daemon/imexd.c \
	src/daemon/keeper.c src/daemon/keeper.h \
	src/daemon/listener.c src/daemon/listener.h src/daemon/listener_private.h \
	src/daemon/listener_ingest.c \
	src/daemon/listener_sender.c \
	src/daemon/listener_site.c \
	src/daemon/listener_tls.c \
	src/daemon/pass.c src/daemon/pass.h \
	src/daemon/privilege.c src/daemon/privilege.h
imexd_LDADD = $(IMEX_LDADD) $(MHD_LIBS)
