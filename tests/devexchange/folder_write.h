/* Folders as elements. */
#ifndef DEVX_FOLDER_WRITE_H
#define DEVX_FOLDER_WRITE_H

#include "soap.h"

struct folder_shape {
	unsigned fields; /* bits of the table in folder_write.c */
	GPtrArray *extended; /* const struct xml_node *: t:ExtendedFieldURI as asked */
};

/* Reads m:FolderShape; NULL on success, else a response code. Clear it in either case. */
const char *folder_shape_parse(const struct xml_node *node, struct folder_shape *shape);
void folder_shape_clear(struct folder_shape *shape);
void folder_write(GString *out, struct folder *folder, const struct folder_shape *shape);
/* <t:ContactsFolder><t:FolderId/></t:ContactsFolder> */
void folder_write_id_only(GString *out, struct folder *folder);
/* The value of a folder field for restrictions and sorting; g_free, NULL when there is none. */
char *folder_field_value(struct folder *folder, const char *uri);
const char *folder_element(const struct folder *folder);
/* Sets what t:ExtendedProperty says; NULL on success. */
const char *folder_set_extended(struct folder *folder, const struct xml_node *node);

#endif
