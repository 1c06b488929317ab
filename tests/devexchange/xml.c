#include "xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/SAX2.h>
#include <string.h>

struct xml_doc {
	GStringChunk *strings;
	GPtrArray *blocks; /* of BLOCK_NODES nodes each */
	GPtrArray *attrs;
	struct xml_node *root;
};

struct build {
	struct xml_doc *doc;
	struct xml_node *current;
	GPtrArray *texts; /* one GString per open element */
	xmlParserCtxtPtr parser;
	size_t used; /* nodes taken from the last block */
	int depth;
	bool refused;
	const char *why;
	char *parser_message;
};

#define BLOCK_NODES 64

static struct xml_node *node_new(struct build *b)
{
	if (b->doc->blocks->len == 0 || b->used == BLOCK_NODES) {
		g_ptr_array_add(b->doc->blocks, g_new0(struct xml_node, BLOCK_NODES));
		b->used = 0;
	}
	struct xml_node *block = b->doc->blocks->pdata[b->doc->blocks->len - 1];
	return &block[b->used++];
}

static void refuse(struct build *b, const char *why)
{
	if (!b->refused) {
		b->refused = true;
		b->why = why;
		xmlStopParser(b->parser);
	}
}

static enum xml_ns ns_of(const xmlChar *uri)
{
	static const struct {
		const char *uri;
		enum xml_ns ns;
	} known[] = {{NS_URI_T, NS_T}, {NS_URI_M, NS_M}, {NS_URI_SOAP, NS_SOAP}};

	if (uri == NULL)
		return NS_NONE;
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (strcmp((const char *)uri, known[i].uri) == 0)
			return known[i].ns;
	return NS_OTHER;
}

static void add_attrs(struct build *b, struct xml_node *node, int n, const xmlChar **attrs)
{
	struct xml_attr **tail = &node->attrs;

	for (int i = 0; i < n; i++) {
		const xmlChar **a = attrs + (ptrdiff_t)i * 5;
		struct xml_attr *attr = g_new0(struct xml_attr, 1);
		g_ptr_array_add(b->doc->attrs, attr);
		/* Attributes with a prefix (xml:lang, xsi:type) are not the schema's business. */
		attr->name = a[2] != NULL ? ""
		                          : g_string_chunk_insert_const(
		                                    b->doc->strings, (const char *)a[0]);
		attr->value = g_string_chunk_insert_len(
		        b->doc->strings, (const char *)a[3], (gssize)(a[4] - a[3]));
		*tail = attr;
		tail = &attr->next;
	}
}

/* The place of the element's name: the parser is at the end of its start tag. */
static void mark_place(const xmlParserInput *in, struct xml_node *node)
{
	const xmlChar *at = in->cur;

	node->line = in->line;
	node->column = in->col + 1;
	for (; at > in->base && *at != '<'; at--) {
		node->line -= *at == '\n';
		node->column -= (*at & 0xc0) != 0x80;
	}
	if (node->line == in->line)
		return;
	/* The tag is spread over lines: count anew from the beginning of its first. */
	for (node->column = 1; at >= in->base && *at != '\n'; at--)
		node->column += (*at & 0xc0) != 0x80;
}

static void on_start(void *data, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
        int n_ns, const xmlChar **namespaces, int n_attrs, int n_default, const xmlChar **attrs)
{
	struct build *b = data;
	(void)prefix;
	(void)n_ns;
	(void)namespaces;
	(void)n_default;

	if (++b->depth > XML_MAX_DEPTH) {
		refuse(b, "The request is nested too deeply.");
		return;
	}
	struct xml_node *node = node_new(b);
	node->ns = ns_of(uri);
	node->name = g_string_chunk_insert_const(b->doc->strings, (const char *)local);
	node->text = "";
	mark_place(b->parser->input, node);
	add_attrs(b, node, n_attrs, attrs);
	node->parent = b->current;
	if (b->current == NULL)
		b->doc->root = node;
	else if (b->current->last == NULL)
		b->current->first = b->current->last = node;
	else
		b->current->last = b->current->last->next = node;
	b->current = node;
	g_ptr_array_add(b->texts, NULL);
}

static void on_end(void *data, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
	struct build *b = data;
	(void)local;
	(void)prefix;
	(void)uri;

	b->depth--;
	if (b->current == NULL || b->texts->len == 0)
		return;
	GString *text = g_ptr_array_steal_index(b->texts, b->texts->len - 1);
	if (text != NULL) {
		b->current->text =
		        g_string_chunk_insert_len(b->doc->strings, text->str, (gssize)text->len);
		g_string_free(text, TRUE);
	}
	b->current = b->current->parent;
}

static void on_text(void *data, const xmlChar *chars, int length)
{
	struct build *b = data;

	if (b->texts->len == 0)
		return;
	gpointer *slot = &b->texts->pdata[b->texts->len - 1];
	if (*slot == NULL)
		*slot = g_string_sized_new((gsize)length + 1);
	g_string_append_len(*slot, (const char *)chars, length);
}

static void on_doctype(
        void *data, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	(void)name;
	(void)external;
	(void)system;
	refuse(data, "For security reasons DTD is prohibited in this XML document.");
}

static void on_error(void *data, const xmlError *error)
{
	struct build *b = data;

	if (b->parser_message == NULL && error->level >= XML_ERR_ERROR && error->message != NULL)
		b->parser_message = g_strchomp(g_strdup(error->message));
}

static void structured_error(void *data, xmlErrorPtr error)
{
	on_error(data, error);
}

static void text_free(gpointer text)
{
	if (text != NULL)
		g_string_free(text, TRUE);
}

struct xml_doc *xml_parse(const char *bytes, size_t length, char **message, int *line, int *column)
{
	xmlSAXHandler sax = {0};
	struct build b = {0};

	*message = NULL;
	*line = *column = 0;
	if (length > INT_MAX / 2) {
		*message = g_strdup("The request is too large.");
		return NULL;
	}
	sax.initialized = XML_SAX2_MAGIC;
	sax.startElementNs = on_start;
	sax.endElementNs = on_end;
	sax.characters = on_text;
	sax.cdataBlock = on_text;
	sax.ignorableWhitespace = on_text;
	sax.internalSubset = on_doctype;
	sax.serror = structured_error;

	b.doc = g_new0(struct xml_doc, 1);
	b.doc->strings = g_string_chunk_new(4096);
	b.doc->blocks = g_ptr_array_new_with_free_func(g_free);
	b.doc->attrs = g_ptr_array_new_with_free_func(g_free);
	b.texts = g_ptr_array_new_with_free_func(text_free);
	b.parser = xmlCreatePushParserCtxt(&sax, &b, NULL, 0, NULL);
	xmlCtxtUseOptions(b.parser, XML_PARSE_NONET | XML_PARSE_HUGE);
	b.parser->linenumbers = 1;

	int rc = xmlParseChunk(b.parser, bytes, (int)length, 1);
	if (b.parser->input != NULL) {
		*line = b.parser->input->line;
		*column = b.parser->input->col;
	}
	bool ok = rc == 0 && b.parser->wellFormed && !b.refused && b.doc->root != NULL;
	if (!ok)
		*message = g_strdup(b.refused          ? b.why
		                    : b.parser_message ? b.parser_message
		                                       : "Root element is missing.");
	g_free(b.parser_message);
	xmlFreeParserCtxt(b.parser);
	g_ptr_array_free(b.texts, TRUE);
	if (!ok) {
		xml_doc_free(b.doc);
		return NULL;
	}
	return b.doc;
}

void xml_doc_free(struct xml_doc *doc)
{
	if (doc == NULL)
		return;
	g_string_chunk_free(doc->strings);
	g_ptr_array_free(doc->blocks, TRUE);
	g_ptr_array_free(doc->attrs, TRUE);
	g_free(doc);
}

struct xml_node *xml_root(const struct xml_doc *doc)
{
	return doc->root;
}

struct xml_node *xml_child(const struct xml_node *node, const char *name)
{
	if (node == NULL)
		return NULL;
	for (struct xml_node *c = node->first; c != NULL; c = c->next)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

const char *xml_child_text(const struct xml_node *node, const char *name)
{
	const struct xml_node *child = xml_child(node, name);
	return child != NULL ? child->text : NULL;
}

const char *xml_attr(const struct xml_node *node, const char *name)
{
	if (node == NULL)
		return NULL;
	for (const struct xml_attr *a = node->attrs; a != NULL; a = a->next)
		if (strcmp(a->name, name) == 0)
			return a->value;
	return NULL;
}

bool xml_is(const struct xml_node *node, enum xml_ns ns, const char *name)
{
	return node != NULL && node->ns == ns && strcmp(node->name, name) == 0;
}

const char *xml_ns_prefix(enum xml_ns ns)
{
	static const char *const prefixes[] = {"", "s:", "t:", "m:", "?:"};
	return prefixes[ns];
}

bool xml_bool(const char *text)
{
	return text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

/* Bytes that need no work at all: printable ASCII but for the markup characters. */
static bool plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '<' && c != '>' && c != '&' && c != '"';
}

static void escape_one(GString *out, gunichar c)
{
	if (c == '<')
		g_string_append(out, "&lt;");
	else if (c == '>')
		g_string_append(out, "&gt;");
	else if (c == '&')
		g_string_append(out, "&amp;");
	else if (c == '"')
		g_string_append(out, "&quot;");
	else if (c == '\r')
		g_string_append(out, "&#xD;");
	else if ((c < 0x20 && c != '\t' && c != '\n') || c == 0xfffe || c == 0xffff)
		g_string_append_unichar(out, 0xfffd);
	else
		g_string_append_unichar(out, c);
}

void xml_escape(GString *out, const char *text)
{
	const char *p = text;

	while (*p != '\0') {
		const char *run = p;
		while (plain((unsigned char)*p))
			p++;
		if (p > run)
			g_string_append_len(out, run, (gssize)(p - run));
		if (*p == '\0')
			break;
		gunichar c = g_utf8_get_char_validated(p, -1);
		if (c == (gunichar)-1 || c == (gunichar)-2) {
			g_string_append_unichar(out, 0xfffd);
			p++;
			continue;
		}
		escape_one(out, c);
		p += g_utf8_skip[(unsigned char)*p];
	}
}

void xml_open(GString *out, const char *tag)
{
	g_string_append_c(out, '<');
	g_string_append(out, tag);
	g_string_append_c(out, '>');
}

void xml_close(GString *out, const char *tag)
{
	g_string_append(out, "</");
	g_string_append(out, tag);
	g_string_append_c(out, '>');
}

void xml_put(GString *out, const char *tag, const char *text)
{
	if (text == NULL)
		return;
	xml_open(out, tag);
	xml_escape(out, text);
	xml_close(out, tag);
}

void xml_put_bool(GString *out, const char *tag, bool value)
{
	xml_put(out, tag, value ? "true" : "false");
}

void xml_put_int(GString *out, const char *tag, int64_t value)
{
	char text[24];
	g_snprintf(text, sizeof text, "%" G_GINT64_FORMAT, value);
	xml_put(out, tag, text);
}

void xml_put_attr(GString *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	g_string_append_printf(out, " %s=\"", name);
	xml_escape(out, value);
	g_string_append_c(out, '"');
}
