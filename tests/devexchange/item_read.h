/* Items out of requests: elements into properties, the defaults of new items, FileAs. */
#ifndef DEVX_ITEM_READ_H
#define DEVX_ITEM_READ_H

#include "soap.h"

/* The kind of item that a t:Contact or other element makes; false when it is not spoken here. */
bool item_kind_of(const struct xml_node *element, enum item_kind *kind);
/* A new item from its element, in no folder; NULL with *code on error. */
struct item *item_read(const struct xml_node *element, const char **code);
/* Sets what one child of an item element says; NULL on success. */
const char *item_set_child(struct item *item, const struct xml_node *child, bool creating);
/* The property that a path names; UINT32_MAX with *code when it names none. */
uint32_t path_prop(const struct xml_node *path, const char **code);
/* Fills in what the server derives: FileAs, Subject of contacts, class, times. */
void item_derive(struct item *item, bool creating, bool file_as_given);
const char *attachment_read(const struct xml_node *node, struct attachment **out);

#endif
