/*
 * Identifiers and change keys as clients see them: opaque base64, checked on the way in.
 *
 * An id holds the mailbox's guid, the folder's and the item's (or attachment's) number and
 * a checksum; a change key holds the object's kind and its change number.
 */
#ifndef DEVX_IDS_H
#define DEVX_IDS_H

#include "model.h"

enum id_kind { ID_ITEM = 1, ID_FOLDER = 2, ID_ATTACHMENT = 3, ID_PERSONA = 4 };

struct object_id {
	enum id_kind kind;
	uint64_t mailbox; /* guid */
	uint64_t number; /* item or folder number */
	uint64_t part; /* attachment number */
};

#define ID_TEXT_MAX 80
void id_format(char text[ID_TEXT_MAX], const struct object_id *id);
/* NULL when fine; else ErrorInvalidIdEmpty, ErrorInvalidIdMalformed. */
const char *id_parse(const char *text, struct object_id *id);

void item_id_text(char text[ID_TEXT_MAX], const struct item *item);
void folder_id_text(char text[ID_TEXT_MAX], const struct folder *folder);
void change_key_text(char text[ID_TEXT_MAX], uint64_t guid, char kind, uint64_t mod);
char item_key_kind(const struct item *item);
/* NULL when fine, else ErrorInvalidChangeKey. */
const char *change_key_parse(const char *text, uint64_t *mod);

/* <t:ItemId Id=".." ChangeKey=".."/>, and the same for folders under any tag. */
void item_id_write(GString *out, const char *tag, const struct item *item);
void folder_id_write(GString *out, const char *tag, const struct folder *folder);
/* <t:ParentFolderId/>; its change key is not given out under every profile. */
void parent_id_write(GString *out, const struct folder *folder);

uint32_t checksum32(const void *bytes, size_t length);

#endif
