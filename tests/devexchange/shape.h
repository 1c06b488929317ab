/* Item shapes: which properties of an item an answer shall hold, and writing the item so. */
#ifndef DEVX_SHAPE_H
#define DEVX_SHAPE_H

#include "habits.h"
#include "soap.h"

enum body_form { BODY_BEST, BODY_HTML, BODY_TEXT };

struct shape {
	enum item_base base;
	bool find; /* for FindItem and SyncFolderItems: no bodies, recipients, attachments */
	bool mime;
	enum body_form body;
	int64_t max_body; /* 0: no limit */
	bool *extra; /* n_fields flags: asked in AdditionalProperties */
	GPtrArray *extended; /* const struct xml_node *: t:ExtendedFieldURI as asked */
	GPtrArray *headers; /* const char *: item:InternetMessageHeader names */
	bool *rows[ITEM_KINDS]; /* made when first needed: what each kind of item shows */
};

/* Reads m:ItemShape; NULL on success, else a response code. Clear it in either case. */
const char *shape_parse(const struct xml_node *node, bool find, struct shape *shape);
void shape_clear(struct shape *shape);

void item_write(GString *out, const struct item *item, struct shape *shape);
/* <t:Contact><t:ItemId/></t:Contact> */
void item_write_id_only(GString *out, const struct item *item);
/* The same for an item just made; grommunio says when it arrived. */
void item_write_new(GString *out, const struct item *item);
/* One t:ExtendedProperty under the path as asked; nothing when the item has no such value. */
void item_extended_write(GString *out, const struct item *item, const struct xml_node *path);
const char *item_element(enum item_kind kind); /* "t:Contact" */
/* t:FileAttachment or t:ItemAttachment; root: the item in a folder that it hangs on, at whatever
 * depth. The shape is for an attached item; NULL: without its content. */
void attachment_write(
        GString *out, const struct item *root, const struct attachment *a, struct shape *content);
/* The value of any property for restrictions and sorting, computed ones included; g_free. */
char *item_value(const struct item *item, uint32_t prop);

#endif
