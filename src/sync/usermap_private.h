/*
 * The file of the user map, line by line; for usermap.c only.
 */
#ifndef IMEX_SYNC_USERMAP_PRIVATE_H
#define IMEX_SYNC_USERMAP_PRIVATE_H

#include <glib.h>

/* A larger file is no user map: this holds 500,000 users. */
#define USERMAP_FILE_MAX_BYTES (64 * 1024 * 1024)

struct usermap_entry {
	char *owner; /* canonical, as all addresses here */
	char *smtp;
	char *upn; /* NULL unless given */
	char *sip; /* NULL unless given */
	char *server; /* NULL unless given */
	unsigned line;
};

/*
 * A GPtrArray of struct usermap_entry, which the caller takes one by one; it frees only itself.
 * NULL with usermap.file, which names the file and the line.
 */
GPtrArray *usermap_file_read(const char *path, GError **error);

#endif
