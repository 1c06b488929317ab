/*
 * Restrictions and sort orders, for items and folders alike: both are reached through a
 * function that gives the value of a path.
 */
#ifndef DEVX_RESTRICT_H
#define DEVX_RESTRICT_H

#include "soap.h"

/* The value of the property that t:FieldURI and its kin name, g_free; NULL when there is none.
 * For multi-valued ones: all values, '\n' between. *type receives its type. */
typedef char *(*value_of_path)(
        const void *object, const struct xml_node *path, enum prop_type *type);

/* NULL when every path of the tree is known and of a kind that can be compared, else a code. */
const char *restriction_check(const struct xml_node *expression, bool folders);
bool restriction_match(const struct xml_node *expression, const void *object, value_of_path value);
/* Compares by m:SortOrder; 0 when it does not decide. */
int sort_compare(
        const struct xml_node *sort_order, const void *a, const void *b, value_of_path value);

char *item_path_value(const void *item, const struct xml_node *path, enum prop_type *type);
char *folder_path_value(const void *folder, const struct xml_node *path, enum prop_type *type);

#endif
