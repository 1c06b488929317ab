#include "habits.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Extended properties met so far; numbers start at EXT_BASE and index ext_table. */
#define EXT_BASE 0x10000u

struct ext_def {
	char *key;
	enum prop_type type;
	bool multi;
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *registry; /* key -> number */
static GHashTable *field_keys; /* "uri|index" -> number + 1 */
static GPtrArray *ext_table; /* struct ext_def * */

static const struct {
	const char *name;
	const char *guid;
} property_sets[] = {
        {"Meeting", "6ed8da90-450b-101b-98da-00aa003f1305"},
        {"Appointment", "00062002-0000-0000-c000-000000000046"},
        {"Common", "00062008-0000-0000-c000-000000000046"},
        {"PublicStrings", "00020329-0000-0000-c000-000000000046"},
        {"Address", "00062004-0000-0000-c000-000000000046"},
        {"InternetHeaders", "00020386-0000-0000-c000-000000000046"},
        {"CalendarAssistant", "11000e07-b51b-40d6-af21-caa85edab1d0"},
        {"UnifiedMessaging", "4442858e-a9e3-4e80-b900-317a210cc15b"},
        {"Task", "00062003-0000-0000-c000-000000000046"},
        {"Sharing", "00062040-0000-0000-c000-000000000046"},
};

static const char *const type_names[PT_TYPES] = {"String", "Boolean", "Integer", "Long", "Short",
        "Float", "Double", "Currency", "SystemTime", "ApplicationTime", "Binary", "CLSID", "Null",
        "Error", "Object"};

static const char *set_guid(const char *set)
{
	for (size_t i = 0; i < G_N_ELEMENTS(property_sets); i++)
		if (strcmp(property_sets[i].name, set) == 0)
			return property_sets[i].guid;
	return NULL;
}

/* One spelling for every way to name a property; g_free() the result. */
static char *tag_key(uint16_t tag)
{
	return g_strdup_printf("tag:%04x", tag);
}

static char *id_key(const char *guid, uint32_t id)
{
	return g_strdup_printf("id:%s:%x", guid, id);
}

static char *name_key(const char *guid, const char *name)
{
	return g_strdup_printf("name:%s:%s", guid, name);
}

static char *key_of_field(const struct field *f)
{
	if (f->tag != 0)
		return tag_key(f->tag);
	if (f->set == NULL)
		return NULL;
	if (f->set_name != NULL)
		return name_key(set_guid(f->set), f->set_name);
	return id_key(set_guid(f->set), f->set_id);
}

static void registry_init(void)
{
	if (registry != NULL)
		return;
	registry = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	field_keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	ext_table = g_ptr_array_new();
	for (uint32_t i = 0; i < n_fields; i++) {
		const struct field *f = &fields[i];
		char *key = key_of_field(f);
		if (key != NULL)
			g_hash_table_insert(registry, key, GUINT_TO_POINTER(i));
		g_hash_table_insert(field_keys,
		        g_strdup_printf("%s|%s", f->uri, f->index != NULL ? f->index : ""),
		        GUINT_TO_POINTER(i + 1));
	}
}

uint32_t field_id(const char *uri, const char *index)
{
	char key[160];

	pthread_mutex_lock(&registry_lock);
	registry_init();
	g_snprintf(key, sizeof key, "%s|%s", uri, index != NULL ? index : "");
	guint found = GPOINTER_TO_UINT(g_hash_table_lookup(field_keys, key));
	pthread_mutex_unlock(&registry_lock);
	return found == 0 ? UINT32_MAX : found - 1;
}

const struct field *field_of(uint32_t prop_id)
{
	return prop_id < n_fields ? &fields[prop_id] : NULL;
}

static uint32_t intern_key(char *key, enum prop_type type, bool multi)
{
	gpointer value;

	pthread_mutex_lock(&registry_lock);
	registry_init();
	if (g_hash_table_lookup_extended(registry, key, NULL, &value)) {
		g_free(key);
	} else {
		struct ext_def *def = g_new0(struct ext_def, 1);
		def->key = key;
		def->type = type;
		def->multi = multi;
		value = GUINT_TO_POINTER(EXT_BASE + ext_table->len);
		g_ptr_array_add(ext_table, def);
		g_hash_table_insert(registry, g_strdup(key), value);
	}
	pthread_mutex_unlock(&registry_lock);
	return GPOINTER_TO_UINT(value);
}

enum prop_type prop_type_of(uint32_t prop_id)
{
	enum prop_type type = PT_STRING;

	if (prop_id < n_fields)
		return fields[prop_id].type;
	pthread_mutex_lock(&registry_lock);
	if (prop_id >= EXT_BASE && prop_id - EXT_BASE < ext_table->len)
		type = ((struct ext_def *)ext_table->pdata[prop_id - EXT_BASE])->type;
	pthread_mutex_unlock(&registry_lock);
	return type;
}

const char *prop_type_name(enum prop_type type)
{
	return type_names[type];
}

bool prop_type_parse(const char *text, enum prop_type *type, bool *multi)
{
	char name[32];

	if (text == NULL || strlen(text) >= sizeof name)
		return false;
	g_strlcpy(name, text, sizeof name);
	*multi = g_str_has_suffix(name, "Array");
	if (*multi)
		name[strlen(name) - 5] = '\0';
	for (int i = 0; i < PT_TYPES; i++)
		if (strcmp(name, type_names[i]) == 0) {
			*type = (enum prop_type)i;
			return true;
		}
	return false;
}

static bool parse_number(const char *text, int64_t low, int64_t high, int64_t *out)
{
	char *end;

	if (text == NULL || *text == '\0')
		return false;
	errno = 0;
	gint64 v = g_ascii_strtoll(text, &end, g_str_has_prefix(text, "0x") ? 16 : 10);
	if (errno != 0 || *end != '\0' || v < low || v > high)
		return false;
	*out = v;
	return true;
}

static bool valid_guid(const char *text)
{
	return g_uuid_string_is_valid(text);
}

static bool path_fill(struct ext_path *path, const struct xml_node *node)
{
	const char *tag = xml_attr(node, "PropertyTag"), *id = xml_attr(node, "PropertyId");
	const char *guid = xml_attr(node, "PropertySetId");
	int64_t number;

	path->set = g_strdup(xml_attr(node, "DistinguishedPropertySetId"));
	path->guid = guid != NULL ? g_ascii_strdown(guid, -1) : NULL;
	path->name = g_strdup(xml_attr(node, "PropertyName"));
	if (tag != NULL) {
		if (!parse_number(tag, 1, 0xffff, &number))
			return false;
		path->tag = (uint16_t)number;
		path->has_tag = true;
	}
	if (id != NULL) {
		if (!parse_number(id, 0, INT32_MAX, &number))
			return false;
		path->id = (uint32_t)number;
		path->has_id = true;
	}
	if (path->has_tag)
		return path->set == NULL && path->guid == NULL && path->name == NULL &&
		       !path->has_id && path->tag < 0x8000;
	if ((path->set != NULL) == (path->guid != NULL))
		return false;
	if (path->set != NULL && set_guid(path->set) == NULL)
		return false;
	if (path->guid != NULL && !valid_guid(path->guid))
		return false;
	return path->has_id != (path->name != NULL);
}

struct ext_path ext_path_of_node(const struct xml_node *node, const char **code)
{
	struct ext_path path = {0};

	*code = NULL;
	if (!prop_type_parse(xml_attr(node, "PropertyType"), &path.type, &path.multi) ||
	        !path_fill(&path, node))
		*code = "ErrorInvalidExtendedProperty";
	return path;
}

void ext_path_clear(struct ext_path *path)
{
	g_free(path->set);
	g_free(path->guid);
	g_free(path->name);
}

uint32_t ext_prop_from_node(const struct xml_node *node, const char **code)
{
	struct ext_path path = ext_path_of_node(node, code);
	uint32_t id = 0;

	if (*code == NULL) {
		const char *guid = path.set != NULL ? set_guid(path.set) : path.guid;
		char *key = path.has_tag        ? tag_key(path.tag)
		            : path.name != NULL ? name_key(guid, path.name)
		                                : id_key(guid, path.id);
		id = intern_key(key, path.type, path.multi);
	}
	ext_path_clear(&path);
	return id;
}

void ext_path_write(GString *out, const struct xml_node *asked)
{
	static const char *const names[] = {"DistinguishedPropertySetId", "PropertySetId",
	        "PropertyTag", "PropertyName", "PropertyId", "PropertyType"};

	const char *set = xml_attr(asked, names[0]), *tag = xml_attr(asked, names[2]);
	char *low = grommunio() && tag != NULL ? g_ascii_strdown(tag, -1) : NULL;

	g_string_append(out, "<t:ExtendedFieldURI");
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		xml_put_attr(
		        out, names[i], low != NULL && i == 2 ? low : xml_attr(asked, names[i]));
	if (grommunio() && set != NULL)
		xml_put_attr(out, "PropertySetId", set_guid(set));
	g_free(low);
	g_string_append(out, "/>");
}

char *prop_name(uint32_t prop_id)
{
	if (prop_id < n_fields)
		return g_strdup_printf("field:%s|%s", fields[prop_id].uri,
		        fields[prop_id].index != NULL ? fields[prop_id].index : "");
	pthread_mutex_lock(&registry_lock);
	const struct ext_def *def = ext_table->pdata[prop_id - EXT_BASE];
	char *name = g_strdup_printf(
	        "%s%s|%s", type_names[def->type], def->multi ? "Array" : "", def->key);
	pthread_mutex_unlock(&registry_lock);
	return name;
}

uint32_t prop_by_name(const char *name)
{
	const char *bar = strchr(name, '|');

	if (bar == NULL)
		return UINT32_MAX;
	if (g_str_has_prefix(name, "field:")) {
		char *uri = g_strndup(name + 6, (gsize)(bar - name - 6));
		uint32_t id = field_id(uri, bar[1] != '\0' ? bar + 1 : NULL);
		g_free(uri);
		return id;
	}
	enum prop_type type;
	bool multi;
	char *type_text = g_strndup(name, (gsize)(bar - name));
	bool known = prop_type_parse(type_text, &type, &multi);
	g_free(type_text);
	return known ? intern_key(g_strdup(bar + 1), type, multi) : UINT32_MAX;
}

static void prop_clear(gpointer data)
{
	struct prop *p = data;

	if (p->is_list)
		g_strfreev(p->v.list);
	else
		g_free(p->v.text);
}

GArray *props_new(void)
{
	GArray *props = g_array_new(FALSE, FALSE, sizeof(struct prop));
	g_array_set_clear_func(props, prop_clear);
	return props;
}

/* Position of the property, or where it would stand. */
static bool props_search(const GArray *props, uint32_t id, guint *at)
{
	guint low = 0, high = props->len;

	while (low < high) {
		guint mid = (low + high) / 2;
		uint32_t here = g_array_index(props, struct prop, mid).id;
		if (here == id) {
			*at = mid;
			return true;
		}
		if (here < id)
			low = mid + 1;
		else
			high = mid;
	}
	*at = low;
	return false;
}

const struct prop *props_find(const GArray *props, uint32_t id)
{
	guint at;
	return props_search(props, id, &at) ? &g_array_index(props, struct prop, at) : NULL;
}

const char *props_get(const GArray *props, uint32_t id)
{
	const struct prop *p = props_find(props, id);

	if (p == NULL)
		return NULL;
	return p->is_list ? p->v.list[0] : p->v.text;
}

char **props_get_list(const GArray *props, uint32_t id)
{
	const struct prop *p = props_find(props, id);
	return p != NULL && p->is_list ? p->v.list : NULL;
}

static void props_put(GArray *props, struct prop value)
{
	guint at;

	if (props_search(props, value.id, &at)) {
		struct prop *p = &g_array_index(props, struct prop, at);
		prop_clear(p);
		*p = value;
	} else {
		g_array_insert_val(props, at, value);
	}
}

void props_take(GArray *props, uint32_t id, char *text)
{
	guint at;

	if (text != NULL)
		props_put(props, (struct prop){.id = id, .v.text = text});
	else if (props_search(props, id, &at))
		g_array_remove_index(props, at);
}

void props_set(GArray *props, uint32_t id, const char *text)
{
	props_take(props, id, g_strdup(text));
}

void props_take_list(GArray *props, uint32_t id, char **list)
{
	if (list != NULL && list[0] != NULL) {
		props_put(props, (struct prop){.id = id, .is_list = true, .v.list = list});
	} else {
		g_strfreev(list);
		props_take(props, id, NULL);
	}
}

GArray *props_copy(const GArray *props)
{
	GArray *copy = props_new();

	for (guint i = 0; i < props->len; i++) {
		struct prop p = g_array_index(props, struct prop, i);
		if (p.is_list)
			p.v.list = g_strdupv(p.v.list);
		else
			p.v.text = g_strdup(p.v.text);
		g_array_append_val(copy, p);
	}
	return copy;
}
