/*
 * Properties: what an item consists of.
 *
 * Every property has a number. The fields of the schema have the numbers of their rows in
 * the table `fields[]` (fields.c), whose order is the element order of the schema; extended
 * properties that are not the other name of such a field get numbers of their own when first seen.
 * So PropertyTag 0x3001 and contacts:DisplayName are one property, as in a real store.
 *
 * Values are text in canonical form (times `YYYY-MM-DDThh:mm:ssZ`, booleans "true"/"false");
 * a property of a multi-valued type holds a list.
 */
#ifndef DEVX_PROPS_H
#define DEVX_PROPS_H

#include "xml.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum prop_type {
	PT_STRING,
	PT_BOOL,
	PT_INT,
	PT_LONG,
	PT_SHORT,
	PT_FLOAT,
	PT_DOUBLE,
	PT_CURRENCY,
	PT_TIME,
	PT_APPTIME,
	PT_BINARY,
	PT_GUID,
	PT_NULL,
	PT_ERROR,
	PT_OBJECT,
	PT_TYPES
};

struct prop {
	uint32_t id;
	bool is_list;
	union {
		char *text;
		char **list;
	} v;
};

enum field_flags {
	F_CONTACT = 1, /* belongs to t:Contact */
	F_MESSAGE = 2,
	F_DISTLIST = 4,
	F_ITEM = 8, /* t:Item */
	F_ANY = 15,
	F_DEFAULT = 16, /* in BaseShape Default */
	F_NOT_ALL = 32, /* not in BaseShape AllProperties */
	F_READ_ONLY = 64, /* refused in CreateItem and UpdateItem */
	F_NOT_FIND = 128, /* not returned by FindItem and SyncFolderItems */
	F_NO_DELETE = 256, /* DeleteItemField is refused */
	F_SENT_ONLY = 512, /* settable while the item is created, not later */
	F_APPEND = 1024, /* AppendToItemField is allowed */
	F_KEEP_EMPTY = 2048, /* an empty value is written as an empty element */
};

/* How a field is kept and written. */
enum field_form {
	FORM_TEXT,
	FORM_LIST, /* t:String children */
	FORM_PEOPLE, /* t:Mailbox children, encoded by person_encode() */
	FORM_PERSON, /* one t:Mailbox */
	FORM_ENTRY, /* one t:Entry of a dictionary */
	FORM_EMAIL, /* t:Entry with name and routing type */
	FORM_ADDRESS, /* one sub-field of a physical address */
	FORM_RAW, /* kept as its XML */
	FORM_SPECIAL, /* written by name: see write_item.c */
};

struct field {
	const char *uri; /* "contacts:PhoneNumber" */
	const char *index; /* "HomePhone", or NULL */
	const char *element; /* local name in t:; of the dictionary for entries */
	enum field_form form;
	enum prop_type type;
	unsigned flags;
	uint16_t tag; /* MAPI property number, 0 = none */
	const char *set; /* or distinguished property set ... */
	uint32_t set_id; /* ... with id ... */
	const char *set_name; /* ... or name */
};

extern const struct field fields[];
extern const uint32_t n_fields;

/* Numbers of fields that code names. */
uint32_t field_id(const char *uri, const char *index);
const struct field *field_of(uint32_t prop_id); /* NULL for extended properties */

/* An extended property's path, as in t:ExtendedFieldURI. */
struct ext_path {
	char *set; /* distinguished set name, or NULL */
	char *guid; /* lower-case property set GUID, or NULL */
	char *name;
	uint32_t id; /* property id, valid when has_id */
	uint16_t tag;
	bool has_id, has_tag, multi;
	enum prop_type type;
};

/*
 * The number of the property that t:ExtendedFieldURI (or the attributes of t:ExtendedProperty in
 * the Im* operations) names; 0 when the path is invalid, with *code set to the response code.
 * Number 0 is a field's row and never an extended property.
 */
uint32_t ext_prop_from_node(const struct xml_node *node, const char **code);
/* The path under which an extended property was asked; for fields: the MAPI name of the row. */
struct ext_path ext_path_of_node(const struct xml_node *node, const char **code);
void ext_path_clear(struct ext_path *path);
/* Writes <t:ExtendedFieldURI .../> for the path as the client spelt it. */
void ext_path_write(GString *out, const struct xml_node *asked);
enum prop_type prop_type_of(uint32_t prop_id);
const char *prop_type_name(enum prop_type type);
bool prop_type_parse(const char *text, enum prop_type *type, bool *multi);

/* Checks and brings a value into canonical form; NULL when it does not fit the type. */
char *value_canonical(enum prop_type type, const char *text);
int value_compare(enum prop_type type, const char *a, const char *b);

GArray *props_new(void);
const char *props_get(const GArray *props, uint32_t id); /* first value of a list */
char **props_get_list(const GArray *props, uint32_t id);
const struct prop *props_find(const GArray *props, uint32_t id);
void props_set(GArray *props, uint32_t id, const char *text); /* NULL removes */
void props_take(GArray *props, uint32_t id, char *text);
void props_take_list(GArray *props, uint32_t id, char **list);
GArray *props_copy(const GArray *props);

/* Time in seconds since 1970, UTC. */
char *time_format(int64_t utc_s);
bool time_parse(const char *text, int64_t *utc_s);

/* A mailbox address as one string. */
struct person {
	char *name, *address, *routing, *type;
};
char *person_encode(const struct person *person);
struct person person_decode(const char *text);
void person_clear(struct person *person);
char *person_from_node(const struct xml_node *mailbox);

/* For --data: a name that finds the same property again. */
char *prop_name(uint32_t prop_id);
uint32_t prop_by_name(const char *name);

#endif
