/* Mailboxes, folders and items as GVariants, for the data file. */
#ifndef DEVX_DATA_PACK_H
#define DEVX_DATA_PACK_H

#include "model.h"

/* smtp, upn, sip, name, password, aliases, impersonator, disabled; counters: mod, item, attachment,
 * folder; migration completed; photo; moves */
#define MAILBOX_TYPE "(ssssmsasbbtttubmayu)"
/* parent (0: none), mod, created, name, class, distinguished, hidden, next uid, properties */
#define FOLDER_TYPE "(uttsmsmsbtay)"
/* id, name, content type, id and location, content, inline, photo, modified; an attached item */
#define ATTACHMENTS_TYPE "a(tsmsmsmsaybbxmv)"
/* kind, created and modified in s and ns, properties, attachments */
#define ATTACHED_TYPE "(yxixiay" ATTACHMENTS_TYPE ")"
/* uid, mod, content mod, kind, associated, created and modified in s and ns, properties,
 * attachments, history, members */
#define ITEM_TYPE "(tttybxixiay" ATTACHMENTS_TYPE "a(ut)mat)"

/* The numbers by which properties are kept, and those of this process. */
struct prop_numbers {
	GHashTable *kept, *here; /* to each other */
	/* Called, with `data`, when a property gets a number to be kept. */
	void (*added)(void *data, uint32_t number, const char *name);
	void *data;
};

void prop_numbers_init(struct prop_numbers *numbers,
        void (*added)(void *data, uint32_t number, const char *name), void *data);
void prop_numbers_clear(struct prop_numbers *numbers);
/* False when the name is no property's. */
bool prop_numbers_read(struct prop_numbers *numbers, uint32_t number, const char *name);

/* Floating references. */
GVariant *mailbox_pack(const struct mailbox *mailbox);
GVariant *folder_pack(const struct folder *folder, struct prop_numbers *numbers);
GVariant *item_pack(const struct item *item, struct prop_numbers *numbers);

/* False when the value makes no sense. */
bool mailbox_unpack(GVariant *state, uint64_t guid, struct store *store);
bool folder_unpack(
        GVariant *state, uint32_t id, struct mailbox *mailbox, struct prop_numbers *numbers);
bool item_unpack(GVariant *state, uint64_t id, struct folder *folder, struct prop_numbers *numbers);

#endif
