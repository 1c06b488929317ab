bin_PROGRAMS += imex
imex_SOURCES = \
	src/cli/command.h \
	src/cli/commands.c \
	src/cli/context.c src/cli/context.h \
	src/cli/main.c \
	src/cli/progress.c \
	src/cli/table.c
imex_LDADD = $(IMEX_LDADD)
