/*
 * XML in and out for the stand-in server.
 *
 * Requests are read with libxml2's SAX2 interface into a small tree of our own, because libxml2's
 * tree keeps lines but not columns, and a schema fault names both. Namespaces become a small enum.
 * A DOCTYPE, an entity declaration or more than XML_MAX_DEPTH levels refuse the document.
 *
 * Answers are appended to a GString; every text goes through xml_escape(), which also replaces
 * characters that XML 1.0 cannot carry.
 */
#ifndef DEVX_XML_H
#define DEVX_XML_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define XML_MAX_DEPTH 64

#define NS_URI_SOAP "http://schemas.xmlsoap.org/soap/envelope/"
#define NS_URI_T "http://schemas.microsoft.com/exchange/services/2006/types"
#define NS_URI_M "http://schemas.microsoft.com/exchange/services/2006/messages"
#define NS_URI_E "http://schemas.microsoft.com/exchange/services/2006/errors"

enum xml_ns { NS_NONE, NS_SOAP, NS_T, NS_M, NS_OTHER };

struct xml_attr {
	const char *name;
	const char *value;
	struct xml_attr *next;
};

struct xml_node {
	enum xml_ns ns;
	const char *name;
	const char *text; /* own character data joined; never NULL */
	struct xml_attr *attrs;
	struct xml_node *first, *last, *next, *parent;
	int line, column;
};

struct xml_doc; /* owns every node and string of one document */

/* Parses one document. On failure returns NULL and sets *message (g_free), *line and *column. */
struct xml_doc *xml_parse(const char *bytes, size_t length, char **message, int *line, int *column);
void xml_doc_free(struct xml_doc *doc);
struct xml_node *xml_root(const struct xml_doc *doc);

/* Child and attribute look-ups; NULL when absent. A NULL node is allowed and has no children. */
struct xml_node *xml_child(const struct xml_node *node, const char *name);
const char *xml_child_text(const struct xml_node *node, const char *name);
const char *xml_attr(const struct xml_node *node, const char *name);
bool xml_is(const struct xml_node *node, enum xml_ns ns, const char *name);
const char *xml_ns_prefix(enum xml_ns ns);

/* "true"/"1" are true, everything else (and NULL) is false: the schema has checked the rest. */
bool xml_bool(const char *text);

void xml_escape(GString *out, const char *text);

/* <tag>text</tag>; nothing at all when text is NULL. */
void xml_put(GString *out, const char *tag, const char *text);
void xml_put_bool(GString *out, const char *tag, bool value);
void xml_put_int(GString *out, const char *tag, int64_t value);
void xml_open(GString *out, const char *tag);
void xml_close(GString *out, const char *tag);
/* ` name="value"` with escaping; for use between g_string_append("<tag") and ">". */
void xml_put_attr(GString *out, const char *name, const char *value);

#endif
