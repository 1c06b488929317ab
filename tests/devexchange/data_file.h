/*
 * --data FILE: the mailboxes kept across restarts.
 *
 * The file is an SQLite database. What a request changed is written in one transaction when its
 * mailbox is released, before the answer leaves, so whatever a client was told survives a kill of
 * the process. Change numbers say what to write: everything above the number at the last time.
 * Ids, change keys and sync states are made of numbers that are kept, and stay valid; subscriptions
 * end with the process, as they do when a real server is restarted.
 *
 * A mailbox, folder or item is one row with a GVariant; extended properties are kept by name,
 * because their numbers are those of one process.
 */
#ifndef DEVX_DATA_FILE_H
#define DEVX_DATA_FILE_H

#include "model.h"

struct data_file;

/*
 * Opens or makes the file and reads the mailboxes in it into the store, which is empty. NULL, with
 * one sentence on standard error, when the file is damaged, is something else, is of the other
 * profile, or another process has it.
 */
struct data_file *data_file_open(const char *path, struct store *store);
/* Writes everything that is not in the file yet, and from now on what mailbox_unlock() leaves. */
void data_file_attach(struct data_file *file, struct store *store);
void data_file_close(struct data_file *file);

/* With the mailbox locked. A failure to write ends the process: nothing may be promised then. */
void data_file_save(struct data_file *file, struct mailbox *mailbox);
/* The directory's groups. */
void data_file_save_groups(struct data_file *file, struct store *store);

#endif
