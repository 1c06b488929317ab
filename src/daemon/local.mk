sbin_PROGRAMS += imexd
imexd_SOURCES = \
	src/daemon/auth.c src/daemon/auth.h \
	src/daemon/imexd.c \
	src/daemon/pass.c src/daemon/pass.h \
	src/daemon/privilege.c src/daemon/privilege.h
imexd_LDADD = $(IMEX_LDADD)
