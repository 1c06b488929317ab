#include "schema.h"

#include "grammar.h"
#include "props.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum simple {
	S_STRING,
	S_NONEMPTY,
	S_BOOL,
	S_INT,
	S_FLOAT,
	S_TIME,
	S_BASE64,
	S_GUID,
	S_ANY,
	S_WORDS
};

struct type {
	enum simple simple;
	int64_t low, high;
	const struct rule *rule; /* a structure, or the words */
};

struct alternative {
	enum xml_ns ns;
	char *name;
	struct type type;
};

struct particle {
	struct alternative *alternatives;
	int n;
	bool optional, many;
};

struct attribute {
	char *name;
	struct type type;
	bool required;
};

struct rule {
	const struct grammar_row *row;
	bool text; /* text content of type `text_type` */
	struct type text_type;
	GArray *particles, *attributes;
	GHashTable *words;
};

static GHashTable *rules; /* name -> struct rule * */
static pthread_once_t compiled = PTHREAD_ONCE_INIT;

static struct type type_parse(const char *name)
{
	static const struct {
		const char *name;
		enum simple simple;
	} simple[] = {{"string", S_STRING}, {"nonempty", S_NONEMPTY}, {"bool", S_BOOL},
	        {"int", S_INT}, {"long", S_INT}, {"float", S_FLOAT}, {"dateTime", S_TIME},
	        {"base64", S_BASE64}, {"guid", S_GUID}, {"Any", S_ANY}};
	bool is_long = strcmp(name, "long") == 0;
	struct type t = {
	        .low = is_long ? INT64_MIN : INT32_MIN, .high = is_long ? INT64_MAX : INT32_MAX};
	char **part = g_strsplit(name, ":", 3);
	bool found = false;

	for (size_t i = 0; i < G_N_ELEMENTS(simple); i++)
		if (strcmp(part[0], simple[i].name) == 0) {
			t.simple = simple[i].simple;
			found = true;
		}
	if (!found) {
		t.rule = g_hash_table_lookup(rules, part[0]);
		if (t.rule == NULL)
			g_error("grammar: unknown type %s", part[0]);
		t.simple = t.rule->words != NULL ? S_WORDS : S_ANY;
	}
	if (part[1] != NULL && part[2] != NULL) {
		t.low = g_ascii_strtoll(part[1], NULL, 10);
		t.high = g_ascii_strtoll(part[2], NULL, 10);
	}
	g_strfreev(part);
	return t;
}

static struct alternative alternative_parse(const char *text, char ns)
{
	struct alternative a = {.ns = ns == 't' ? NS_T : NS_M};

	if (text[1] == '.') {
		a.ns = text[0] == 't' ? NS_T : NS_M;
		text += 2;
	}
	const char *colon = strchr(text, ':');
	a.name = g_strndup(text, (gsize)(colon - text));
	a.type = type_parse(colon + 1);
	return a;
}

static void particle_parse(struct rule *rule, char *token)
{
	struct particle p = {0};
	size_t n = strlen(token);
	char last = token[n - 1];

	p.optional = last == '?' || last == '*';
	p.many = last == '+' || last == '*';
	if (p.optional || p.many)
		token[--n] = '\0';
	if (token[0] == '(') {
		token[n - 1] = '\0';
		token++;
	}
	char **names = g_strsplit(token, "|", -1);
	p.n = (int)g_strv_length(names);
	p.alternatives = g_new0(struct alternative, p.n);
	for (int i = 0; i < p.n; i++)
		p.alternatives[i] = alternative_parse(names[i], rule->row->ns);
	g_strfreev(names);
	g_array_append_val(rule->particles, p);
}

static void attributes_parse(struct rule *rule)
{
	char **token = g_strsplit(rule->row->attrs, " ", -1);

	for (char **t = token; *t != NULL; t++) {
		struct attribute a = {0};
		size_t n = strlen(*t);
		a.required = (*t)[n - 1] == '!';
		if (a.required)
			(*t)[n - 1] = '\0';
		char *colon = strchr(*t, ':');
		a.name = g_strndup(*t, (gsize)(colon - *t));
		a.type = type_parse(colon + 1);
		g_array_append_val(rule->attributes, a);
	}
	g_strfreev(token);
}

static void rule_compile(struct rule *rule)
{
	const char *content = rule->row->content;

	if (rule->row->attrs != NULL)
		attributes_parse(rule);
	if (content == NULL || *content == '=')
		return;
	if (*content == '#') {
		rule->text = true;
		rule->text_type = type_parse(content + 1);
		return;
	}
	char **token = g_strsplit(content, " ", -1);
	for (char **t = token; *t != NULL; t++)
		if (**t != '\0')
			particle_parse(rule, *t);
	g_strfreev(token);
}

static void add_words(struct rule *rule, const char *list)
{
	char **words = g_strsplit(list, " ", -1);

	for (char **w = words; *w != NULL; w++)
		g_hash_table_add(rule->words, *w);
	g_free(words);
}

static void rule_add(const struct grammar_row *row)
{
	struct rule *rule = g_hash_table_lookup(rules, row->name);

	if (rule != NULL) {
		add_words(rule, row->content + 1);
		return;
	}
	rule = g_new0(struct rule, 1);
	rule->row = row;
	rule->particles = g_array_new(FALSE, FALSE, sizeof(struct particle));
	rule->attributes = g_array_new(FALSE, FALSE, sizeof(struct attribute));
	if (row->content != NULL && *row->content == '=') {
		rule->words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		add_words(rule, row->content + 1);
	}
	g_hash_table_insert(rules, (gpointer)(uintptr_t)row->name, rule);
}

static void compile(void)
{
	GHashTableIter i;
	gpointer rule;

	rules = g_hash_table_new(g_str_hash, g_str_equal);
	for (size_t k = 0; k < n_grammar; k++)
		rule_add(&grammar[k]);
	for (size_t k = 0; k < n_grammar_words; k++)
		rule_add(&grammar_words[k]);
	g_hash_table_iter_init(&i, rules);
	while (g_hash_table_iter_next(&i, NULL, &rule))
		rule_compile(rule);
}

/* --- checking */

static bool bad(struct schema_error *e, const struct xml_node *at, const char *format, ...)
        G_GNUC_PRINTF(3, 4);

static bool bad(struct schema_error *e, const struct xml_node *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	e->line = at->line;
	e->column = at->column;
	e->message = g_strdup_vprintf(format, args);
	va_end(args);
	return false;
}

static bool integer_fits(const char *text, int64_t low, int64_t high)
{
	char *end;

	errno = 0;
	gint64 v = g_ascii_strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && v >= low && v <= high;
}

static bool value_fits(const struct type *t, const char *text)
{
	char *canonical = NULL;
	bool ok = true;

	switch (t->simple) {
	case S_NONEMPTY:
		return *text != '\0';
	case S_BOOL:
		canonical = value_canonical(PT_BOOL, text);
		ok = canonical != NULL;
		break;
	case S_INT:
		return integer_fits(text, t->low, t->high);
	case S_FLOAT:
		canonical = value_canonical(PT_DOUBLE, text);
		ok = canonical != NULL;
		break;
	case S_TIME:
		canonical = value_canonical(PT_TIME, text);
		ok = canonical != NULL;
		break;
	case S_BASE64:
		canonical = value_canonical(PT_BINARY, text);
		ok = canonical != NULL;
		break;
	case S_GUID:
		return g_uuid_string_is_valid(text);
	case S_WORDS:
		return g_hash_table_contains(t->rule->words, text);
	case S_STRING:
	case S_ANY:
		return true;
	}
	g_free(canonical);
	return ok;
}

static bool check_attributes(
        const struct rule *rule, const struct xml_node *node, struct schema_error *e)
{
	for (const struct xml_attr *a = node->attrs; a != NULL; a = a->next) {
		const struct attribute *known = NULL;
		if (*a->name == '\0')
			continue;
		for (guint i = 0; i < rule->attributes->len && known == NULL; i++) {
			const struct attribute *k =
			        &g_array_index(rule->attributes, struct attribute, i);
			if (strcmp(k->name, a->name) == 0)
				known = k;
		}
		if (known == NULL)
			return bad(e, node, "The '%s' attribute is not declared.", a->name);
		if (!value_fits(&known->type, a->value))
			return bad(e, node,
			        "The '%s' attribute is invalid - The value '%s' is invalid "
			        "according to "
			        "its datatype.",
			        a->name, a->value);
	}
	for (guint i = 0; i < rule->attributes->len; i++) {
		const struct attribute *k = &g_array_index(rule->attributes, struct attribute, i);
		if (k->required && xml_attr(node, k->name) == NULL)
			return bad(e, node, "The required attribute '%s' is missing.", k->name);
	}
	return true;
}

static bool check_node(
        const struct rule *rule, const struct xml_node *node, struct schema_error *e);

static bool check_typed(const struct type *t, const struct xml_node *node, struct schema_error *e)
{
	if (t->rule != NULL && t->simple != S_WORDS)
		return check_node(t->rule, node, e);
	if (t->simple == S_ANY)
		return true;
	if (node->first != NULL)
		return bad(e, node->first,
		        "The element '%s' cannot contain child element '%s' because the parent "
		        "element's content model is text only.",
		        node->name, node->first->name);
	if (!value_fits(t, node->text))
		return bad(e, node,
		        "The '%s' element is invalid - The value '%s' is invalid according to its "
		        "datatype.",
		        node->name, node->text);
	return true;
}

static const struct alternative *particle_find(
        const struct particle *p, const struct xml_node *node)
{
	for (int i = 0; i < p->n; i++)
		if (p->alternatives[i].ns == node->ns &&
		        strcmp(p->alternatives[i].name, node->name) == 0)
			return &p->alternatives[i];
	return NULL;
}

static char *expected_names(const struct rule *rule, guint from)
{
	GString *s = g_string_new(NULL);

	for (guint i = from; i < rule->particles->len && s->len < 400; i++) {
		const struct particle *p = &g_array_index(rule->particles, struct particle, i);
		for (int k = 0; k < p->n; k++)
			g_string_append_printf(s, "%s%s%s", s->len > 0 ? ", " : "",
			        xml_ns_prefix(p->alternatives[k].ns), p->alternatives[k].name);
		if (!p->optional)
			break;
	}
	return g_string_free(s, FALSE);
}

static bool bad_child(const struct rule *rule, const struct xml_node *node,
        const struct xml_node *child, guint at, struct schema_error *e)
{
	char *expected = expected_names(rule, at);

	if (child != NULL)
		bad(e, child,
		        "The element '%s' has invalid child element '%s%s'. List of possible "
		        "elements "
		        "expected: '%s'.",
		        node->name, xml_ns_prefix(child->ns), child->name, expected);
	else
		bad(e, node,
		        "The element '%s' has incomplete content. List of possible elements "
		        "expected: '%s'.",
		        node->name, expected);
	g_free(expected);
	return false;
}

/* Particles are tried in order; a choice is one particle, so no step back is ever needed. */
static bool check_children(
        const struct rule *rule, const struct xml_node *node, struct schema_error *e)
{
	guint at = 0;
	bool seen = false; /* the current particle has matched once */

	for (const struct xml_node *child = node->first; child != NULL; child = child->next) {
		const struct alternative *found = NULL;
		while (at < rule->particles->len && found == NULL) {
			const struct particle *p =
			        &g_array_index(rule->particles, struct particle, at);
			if (!seen || p->many)
				found = particle_find(p, child);
			if (found != NULL)
				break;
			if (!seen && !p->optional)
				return bad_child(rule, node, child, at, e);
			at++;
			seen = false;
		}
		if (found == NULL)
			return bad_child(rule, node, child, at, e);
		seen = true;
		if (!check_typed(&found->type, child, e))
			return false;
	}
	for (guint i = at + (seen ? 1 : 0); i < rule->particles->len; i++)
		if (!g_array_index(rule->particles, struct particle, i).optional)
			return bad_child(rule, node, NULL, i, e);
	return true;
}

static bool blank(const char *text)
{
	while (g_ascii_isspace(*text))
		text++;
	return *text == '\0';
}

static bool check_node(const struct rule *rule, const struct xml_node *node, struct schema_error *e)
{
	if (!check_attributes(rule, node, e))
		return false;
	if (rule->text)
		return check_typed(&rule->text_type, node, e);
	if (!check_children(rule, node, e))
		return false;
	if (!blank(node->text))
		return bad(e, node,
		        "The element '%s' cannot contain text. List of possible elements expected.",
		        node->name);
	return true;
}

bool schema_check(const struct xml_node *operation, struct schema_error *e)
{
	pthread_once(&compiled, compile);
	*e = (struct schema_error){0};
	const struct rule *rule = g_hash_table_lookup(rules, operation->name);
	if (rule == NULL)
		return bad(e, operation, "The element '%s' is not an operation.", operation->name);
	return check_node(rule, operation, e);
}

bool schema_check_header(const struct xml_node *header, struct schema_error *e)
{
	pthread_once(&compiled, compile);
	*e = (struct schema_error){0};
	const struct xml_node *imp = xml_child(header, "ExchangeImpersonation");
	if (imp == NULL)
		return true;
	return check_node(g_hash_table_lookup(rules, "ExchangeImpersonation"), imp, e);
}
