/*
 * Shared by the formats of contact list files.
 */
#ifndef IMEX_IM_LISTFILE_PRIVATE_H
#define IMEX_IM_LISTFILE_PRIVATE_H

#include "im/listfile.h"

void listfile_odd(const struct listfile_sink *sink, const char *what, const char *format, ...)
        G_GNUC_PRINTF(3, 4);

/* A contact of an entry's address; NULL, and the sink told, when it is none. */
struct contact *listfile_contact(
        const struct listfile_sink *sink, const char *what, const char *address);
/* Takes the contact; one whose key is there already is told to the sink and freed. */
void listfile_take(struct listfile *list, GHashTable *keys, struct contact *contact,
        const struct listfile_sink *sink);

/* "mailbox" or "im" */
const char *listfile_mode(const struct listfile *list);
/* Stamps the list when mode and generation make sense. */
void listfile_stamp(struct listfile *list, const char *mode, int64_t generation);

bool listfile_json_read(GPtrArray *lists, const char *bytes, size_t len,
        const struct listfile_sink *sink, GError **error);
char *listfile_json_write(const GPtrArray *lists, const struct listfile_sink *sink, GError **error);
bool listfile_vcard_read(GPtrArray *lists, const char *bytes, size_t len,
        const struct listfile_sink *sink, GError **error);
char *listfile_vcard_write(
        const GPtrArray *lists, const struct listfile_sink *sink, GError **error);
bool listfile_xep0227_read(GPtrArray *lists, const char *bytes, size_t len,
        const struct listfile_sink *sink, GError **error);
char *listfile_xep0227_write(
        const GPtrArray *lists, const struct listfile_sink *sink, GError **error);

/* NULL: there is none. */
const struct contact_card *listfile_card(const struct listfile *list, const char *key);

#endif
