/*
 * The request schema: which children, in which order, how often, with which attributes and
 * simple types. The grammar is a table of our own (grammar.c); see there for its notation.
 */
#ifndef DEVX_SCHEMA_H
#define DEVX_SCHEMA_H

#include "xml.h"

struct schema_error {
	int line, column;
	char *message; /* g_free */
};

/* False sets *error to the first violation in document order. */
bool schema_check(const struct xml_node *operation, struct schema_error *error);
bool schema_check_header(const struct xml_node *header, struct schema_error *error);

#endif
