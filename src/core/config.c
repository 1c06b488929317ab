#include "core/config.h"

#include "core/error.h"

#include <errno.h>
#include <string.h>

struct config {
	char *path;
	char *folder;
	GKeyFile *file;
	GHashTable *values; /* "section\ninstance\nname" -> char *; paths made absolute */
	GHashTable *lists; /* the same key -> char **, for LIST settings and names of sections */
};

static char *value_key(const char *section, const char *instance, const char *name)
{
	return g_strconcat(section, "\n", instance != NULL ? instance : "", "\n", name, NULL);
}

static bool is_named_section(const char *section)
{
	return g_strv_contains(config_named_sections, section);
}

static const struct setting *find_setting(const char *section, const char *name)
{
	for (const struct setting *row = config_settings; row->section != NULL; row++)
		if (g_str_equal(row->section, section) && g_str_equal(row->name, name))
			return row;
	return NULL;
}

static bool known_section(const char *section)
{
	for (const struct setting *row = config_settings; row->section != NULL; row++)
		if (g_str_equal(row->section, section))
			return true;
	return false;
}

bool config_parse_duration(const char *text, int64_t *seconds)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	char *end = NULL;
	if (!g_ascii_isdigit(text[0]))
		return false;
	errno = 0;
	gint64 number = g_ascii_strtoll(text, &end, 10);
	if (errno == ERANGE)
		return false;
	for (unsigned i = 0; i < G_N_ELEMENTS(units); i++) {
		if (g_str_equal(end, units[i].unit) && number <= INT64_MAX / units[i].seconds) {
			*seconds = number * units[i].seconds;
			return true;
		}
	}
	return false;
}

static bool parse_bool(const char *text, bool *value)
{
	*value = g_str_equal(text, "yes") || g_str_equal(text, "true");
	return *value || g_str_equal(text, "no") || g_str_equal(text, "false");
}

static bool choice_has(const char *choices, const char *value)
{
	g_auto(GStrv) names = g_strsplit(choices, "|", -1);
	return g_strv_contains((const char *const *)names, value);
}

/* NULL when value is good, else what is wrong with it. Owned. */
static char *value_problem(const struct setting *row, const char *value)
{
	int64_t number = 0;
	bool truth = false;
	char *end = NULL;
	switch (row->type) {
	case SETTING_INT:
		errno = 0;
		number = g_ascii_strtoll(value, &end, 10);
		if (end == value || *end != '\0' || errno == ERANGE || number < row->minimum ||
		        number > row->maximum)
			return g_strdup_printf("it must be a whole number from %" G_GINT64_FORMAT
			                       " to %" G_GINT64_FORMAT,
			        row->minimum, row->maximum);
		return NULL;
	case SETTING_DURATION:
		if (!config_parse_duration(value, &number) || number < row->minimum ||
		        number > row->maximum)
			return g_strdup_printf("it must be a time from %" G_GINT64_FORMAT
			                       " to %" G_GINT64_FORMAT
			                       " seconds, such as 30s, 10m, 24h or 7d",
			        row->minimum, row->maximum);
		return NULL;
	case SETTING_BOOL:
		return parse_bool(value, &truth) ? NULL : g_strdup("it must be yes or no");
	case SETTING_CHOICE:
		return choice_has(row->choices, value)
		               ? NULL
		               : g_strdup_printf("it must be one of %s", row->choices);
	case SETTING_URL:
		return strstr(value, "://") != NULL ? NULL : g_strdup("it must be a URL");
	case SETTING_STRING:
	case SETTING_PATH:
	case SETTING_LIST:
		return value[0] != '\0' ? NULL : g_strdup("it is empty");
	}
	return NULL;
}

/* The edit distance of two short names, for "did you mean". */
static unsigned distance(const char *a, const char *b)
{
	size_t width = strlen(b) + 1;
	g_autofree unsigned *row = g_new(unsigned, width);
	for (size_t j = 0; j < width; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j < width; j++) {
			unsigned above = row[j];
			unsigned changed = diagonal + (a[i - 1] != b[j - 1]);
			row[j] = MIN(MIN(above + 1, row[j - 1] + 1), changed);
			diagonal = above;
		}
	}
	return row[width - 1];
}

static const char *nearest_setting(const char *section, const char *name)
{
	const char *best = NULL;
	unsigned best_distance = UINT_MAX;
	for (const struct setting *row = config_settings; row->section != NULL; row++) {
		if (!g_str_equal(row->section, section))
			continue;
		unsigned d = distance(name, row->name);
		if (d < best_distance) {
			best_distance = d;
			best = row->name;
		}
	}
	return best;
}

/* Splits a group's header "server exchange" into section and instance (NULL when there is none). */
static void split_group(const char *group, char **section, char **instance)
{
	const char *space = strchr(group, ' ');
	*section = space != NULL ? g_strndup(group, (gsize)(space - group)) : g_strdup(group);
	*instance = space != NULL ? g_strstrip(g_strdup(space)) : NULL;
}

static bool check_group(struct config *config, const char *group, const char *section,
        const char *instance, GError **error)
{
	if (!known_section(section)) {
		error_set(error, ERROR_CONFIG, "config.unknown",
		        "%s has a section [%s] that imex does not know: see imex.conf(5) for the "
		        "names",
		        config->path, group);
		return false;
	}
	if (is_named_section(section) != (instance != NULL && instance[0] != '\0')) {
		error_set(error, ERROR_CONFIG, "config.section_name",
		        is_named_section(section)
		                ? "%s has a section [%s] without a name: write [%s NAME]"
		                : "%s has a section [%s] with a name that it does not take: write "
		                  "[%s]",
		        config->path, group, section);
		return false;
	}
	return true;
}

static bool take_value(struct config *config, const char *group, const char *section,
        const char *instance, const char *name, GError **error)
{
	const struct setting *row = find_setting(section, name);
	if (row == NULL) {
		error_set(error, ERROR_CONFIG, "config.unknown",
		        "%s sets %s in [%s], which imex does not know: did you mean %s?",
		        config->path, name, group, nearest_setting(section, name));
		return false;
	}
	g_autofree char *value = g_key_file_get_value(config->file, group, name, NULL);
	g_strstrip(value);
	g_autofree char *problem = value_problem(row, value);
	if (problem != NULL) {
		error_set(error, ERROR_CONFIG, "config.value",
		        "%s: %s = %s in [%s] cannot be used: %s", config->path, name, value, group,
		        problem);
		return false;
	}
	if (row->type == SETTING_PATH && !g_path_is_absolute(value)) {
		char *absolute = g_build_filename(config->folder, value, NULL);
		g_free(value);
		value = absolute;
	}
	g_hash_table_replace(
	        config->values, value_key(section, instance, name), g_steal_pointer(&value));
	return true;
}

static bool take_group(struct config *config, const char *group, GHashTable *names, GError **error)
{
	g_autofree char *section = NULL;
	g_autofree char *instance = NULL;
	split_group(group, &section, &instance);
	if (!check_group(config, group, section, instance, error))
		return false;
	if (instance != NULL) {
		GPtrArray *list = g_hash_table_lookup(names, section);
		if (list == NULL) {
			list = g_ptr_array_new();
			g_hash_table_insert(names, g_strdup(section), list);
		}
		g_ptr_array_add(list, g_strdup(instance));
	}
	g_auto(GStrv) keys = g_key_file_get_keys(config->file, group, NULL, NULL);
	for (char **key = keys; key != NULL && *key != NULL; key++)
		if (!take_value(config, group, section, instance, *key, error))
			return false;
	return true;
}

/* Lists are split once, so that a loaded config is read-only for every thread. */
static void split_lists(struct config *config, GHashTable *names)
{
	GHashTableIter iter;
	gpointer key, value;
	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		g_ptr_array_add(value, NULL);
		g_hash_table_insert(
		        config->lists, value_key(key, NULL, ""), g_ptr_array_free(value, FALSE));
	}
	g_hash_table_iter_init(&iter, config->values);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		g_auto(GStrv) parts = g_strsplit(key, "\n", 3);
		const struct setting *row = find_setting(parts[0], parts[2]);
		if (row == NULL || row->type != SETTING_LIST)
			continue;
		g_auto(GStrv) raw = g_strsplit_set(value, ", \t", -1);
		GPtrArray *kept = g_ptr_array_new();
		for (char **item = raw; *item != NULL; item++)
			if (**item != '\0')
				g_ptr_array_add(kept, g_strdup(*item));
		g_ptr_array_add(kept, NULL);
		g_hash_table_insert(config->lists, g_strdup(key), g_ptr_array_free(kept, FALSE));
	}
}

static void strv_free(gpointer list)
{
	g_strfreev(list);
}

static struct config *config_new(const char *path)
{
	struct config *config = g_new0(struct config, 1);
	config->path = g_strdup(path);
	g_autofree char *absolute = g_canonicalize_filename(path, NULL);
	config->folder = g_path_get_dirname(absolute);
	config->file = g_key_file_new();
	config->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	config->lists = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, strv_free);
	return config;
}

struct config *config_parse(const char *path, const char *text, GError **error)
{
	autoptr(config) config = config_new(path);
	g_autoptr(GError) cause = NULL;
	if (!g_key_file_load_from_data(config->file, text, strlen(text), G_KEY_FILE_NONE, &cause)) {
		error_set(error, ERROR_CONFIG, "config.syntax",
		        "%s is not a configuration file (%s): correct that line", path,
		        cause->message);
		return NULL;
	}
	g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_auto(GStrv) groups = g_key_file_get_groups(config->file, NULL);
	bool good = true;
	for (char **group = groups; good && *group != NULL; group++)
		good = take_group(config, *group, names, error);
	split_lists(config, names);
	return good ? g_steal_pointer(&config) : NULL;
}

struct config *config_load(const char *path, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) cause = NULL;
	if (!g_file_get_contents(path, &text, NULL, &cause)) {
		error_set(error, ERROR_CONFIG, "config.unreadable",
		        "the configuration file %s cannot be read (%s): run imex init to make one, "
		        "or name "
		        "it with --config",
		        path, g_strerror(errno));
		return NULL;
	}
	return config_parse(path, text, error);
}

void config_free(struct config *config)
{
	g_free(config->path);
	g_free(config->folder);
	g_key_file_free(config->file);
	g_hash_table_unref(config->values);
	g_hash_table_unref(config->lists);
	g_free(config);
}

const char *config_path(const struct config *config)
{
	return config->path;
}

static const char *const empty_list[] = {NULL};

static const char *const *lookup_list(
        const struct config *config, const char *section, const char *instance, const char *name)
{
	g_autofree char *key = value_key(section, instance, name);
	const char *const *list = g_hash_table_lookup(config->lists, key);
	return list != NULL ? list : empty_list;
}

const char *const *config_names(const struct config *config, const char *section)
{
	return lookup_list(config, section, NULL, "");
}

bool config_has_section(const struct config *config, const char *section, const char *instance)
{
	g_autofree char *group =
	        instance != NULL ? g_strconcat(section, " ", instance, NULL) : g_strdup(section);
	return g_key_file_has_group(config->file, group);
}

static const char *lookup(const struct config *config, const char *section, const char *instance,
        const char *name, enum setting_type type)
{
	const struct setting *row = find_setting(section, name);
	if (row == NULL || row->type != type) {
		g_critical("[%s] %s is not a setting of the type asked for", section, name);
		abort();
	}
	g_autofree char *key = value_key(section, instance, name);
	const char *value = g_hash_table_lookup(config->values, key);
	return value != NULL ? value : row->default_value;
}

const char *config_string(
        const struct config *config, const char *section, const char *instance, const char *name)
{
	const struct setting *row = find_setting(section, name);
	return lookup(config, section, instance, name, row != NULL ? row->type : SETTING_STRING);
}

int64_t config_int(
        const struct config *config, const char *section, const char *instance, const char *name)
{
	const char *value = lookup(config, section, instance, name, SETTING_INT);
	return value != NULL ? g_ascii_strtoll(value, NULL, 10) : 0;
}

bool config_bool(
        const struct config *config, const char *section, const char *instance, const char *name)
{
	bool truth = false;
	const char *value = lookup(config, section, instance, name, SETTING_BOOL);
	return value != NULL && parse_bool(value, &truth) && truth;
}

int64_t config_duration_s(
        const struct config *config, const char *section, const char *instance, const char *name)
{
	int64_t seconds = 0;
	const char *value = lookup(config, section, instance, name, SETTING_DURATION);
	if (value != NULL)
		config_parse_duration(value, &seconds);
	return seconds;
}

const char *const *config_list(
        const struct config *config, const char *section, const char *instance, const char *name)
{
	lookup(config, section, instance, name, SETTING_LIST);
	return lookup_list(config, section, instance, name);
}

const char *config_require(const struct config *config, const char *section, const char *instance,
        const char *name, GError **error)
{
	const char *value = config_string(config, section, instance, name);
	if (value == NULL)
		error_set(error, ERROR_CONFIG, "config.missing",
		        "%s does not set %s in [%s%s%s], which is needed: add it", config->path,
		        name, section, instance != NULL ? " " : "",
		        instance != NULL ? instance : "");
	return value;
}
