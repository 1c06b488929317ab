#include "core/error.h"
#include "im/source_private.h"

#include <string.h>

static const struct im_source_driver *const drivers[] = {&prosody_driver};

const char *const *im_source_schemes(void)
{
	static const char *all[16];
	unsigned n = 0;
	for (unsigned i = 0; i < G_N_ELEMENTS(drivers); i++)
		for (unsigned j = 0; drivers[i]->schemes[j] != NULL; j++)
			all[n++] = drivers[i]->schemes[j];
	return all;
}

static const struct im_source_driver *find_driver(const char *url)
{
	g_autofree char *scheme = g_strndup(url, strcspn(url, ":"));
	for (unsigned i = 0; i < G_N_ELEMENTS(drivers); i++)
		if (g_strv_contains(drivers[i]->schemes, scheme))
			return drivers[i];
	return NULL;
}

/* "prosody+postgresql://user:secret@host/db" without the secret. */
static char *without_password(const char *url)
{
	const char *start = strstr(url, "://");
	const char *at = start != NULL ? strchr(start, '@') : NULL;
	const char *colon = start != NULL ? strchr(start + 3, ':') : NULL;
	g_autofree char *shown = at != NULL && colon != NULL && colon < at
	                                 ? g_strdup_printf("%.*s%s", (int)(colon - url), url, at)
	                                 : g_strdup(url);
	char *parameter = strstr(shown, "password=");
	if (parameter != NULL) {
		char *end = parameter + strcspn(parameter, "&");
		g_autofree char *rest = g_strdup(end);
		parameter[strlen("password=")] = '\0';
		return g_strconcat(shown, "...", rest, NULL);
	}
	return g_steal_pointer(&shown);
}

static bool unknown_scheme(const char *url, GError **error)
{
	g_autofree char *known = g_strjoinv("://, ", (char **)(uintptr_t)im_source_schemes());
	g_autofree char *scheme = g_strndup(url, strcspn(url, ":"));
	error_set(error, ERROR_CONFIG, "source.url",
	        "\"%s\" is no kind of source: give a URL that begins with one of %s://", scheme,
	        known);
	return false;
}

struct im_source *im_source_open_url(const struct im_source_options *options, GError **error)
{
	const struct im_source_driver *driver = find_driver(options->url);
	if (driver == NULL) {
		unknown_scheme(options->url, error);
		return NULL;
	}
	struct im_source *source = driver->open(options, options->url, error);
	if (source == NULL)
		return NULL;
	source->driver = driver;
	source->name = g_strdup(options->name != NULL ? options->name : driver->kind);
	source->shown_url = without_password(options->url);
	source->write = options->write;
	return source;
}

struct im_source *im_source_open(const struct config *config, const char *name, GError **error)
{
	if (!config_has_section(config, "source", name)) {
		error_set(error, ERROR_CONFIG, "source.unknown",
		        "%s has no section [source %s]: add it, with the url of the IM server's "
		        "data",
		        config_path(config), name);
		return NULL;
	}
	const char *url = config_require(config, "source", name, "url", error);
	if (url == NULL)
		return NULL;
	const char *write = config_string(config, "source", name, "write");
	const struct im_source_options options = {.name = name,
	        .url = url,
	        .write = g_strcmp0(write, "sql-offline") == 0 ? IM_WRITE_SQL_OFFLINE
	                                                      : IM_WRITE_NONE};
	return im_source_open_url(&options, error);
}

void im_source_close(struct im_source *source)
{
	g_free(source->name);
	g_free(source->shown_url);
	source->driver->close(source);
}

const char *im_source_name(const struct im_source *source)
{
	return source->name;
}

const char *im_source_kind(const struct im_source *source)
{
	return source->driver->kind;
}

const char *im_source_url(const struct im_source *source)
{
	return source->shown_url;
}

bool im_source_writable(const struct im_source *source)
{
	return source->write != IM_WRITE_NONE && source->driver->roster_write != NULL;
}

bool im_source_owners(struct im_source *source, im_owner_fn each, void *data, GError **error)
{
	return source->driver->owners(source, each, data, error);
}

bool im_source_mails(struct im_source *source, im_mail_fn each, void *data, GError **error)
{
	return source->driver->mails(source, each, data, error);
}

char *im_source_roster_version(struct im_source *source, const char *owner, GError **error)
{
	return source->driver->roster_version(source, owner, error);
}

bool im_source_roster_went_back(const struct im_source *source, const char *before, const char *now)
{
	return before != NULL && now != NULL && source->driver->roster_went_back(before, now);
}

struct im_roster *im_source_roster_read(
        struct im_source *source, const char *owner, im_odd_fn odd, void *data, GError **error)
{
	return source->driver->roster_read(source, owner, odd, data, error);
}

static bool check_writable(const struct im_source *source, GError **error)
{
	if (im_source_writable(source))
		return true;
	error_set(error, ERROR_CONFIG, "source.read_only",
	        "Source %s is not written to: stop the IM server and set write = sql-offline in "
	        "[source %s], or make the change there",
	        source->name, source->name);
	return false;
}

bool im_source_roster_set(struct im_source *source, const char *owner,
        const struct contact *contact, char **version, GError **error)
{
	return check_writable(source, error) &&
	       source->driver->roster_write(source, owner, contact->key, contact, version, error);
}

bool im_source_roster_remove(struct im_source *source, const char *owner, const char *key,
        char **version, GError **error)
{
	return check_writable(source, error) &&
	       source->driver->roster_write(source, owner, key, NULL, version, error);
}

char *im_source_cursor_now(struct im_source *source, GError **error)
{
	return source->driver->cursor_now(source, error);
}

char *im_source_cursor_since(struct im_source *source, int64_t since_utc_us, GError **error)
{
	return source->driver->cursor_since(source, since_utc_us, error);
}

char *im_source_cursor_floor(const struct im_source *source, const char *cursor, GError **error)
{
	return source->driver->cursor_floor(source, cursor, error);
}

bool im_source_messages(struct im_source *source, const char *cursor, const char *until,
        unsigned limit, const struct im_message_sink *sink, struct im_page *page, GError **error)
{
	*page = (struct im_page){0};
	if (source->driver->messages(source, cursor, until, limit, sink, page, error))
		return true;
	im_page_clear(page);
	return false;
}

bool im_source_rooms(
        struct im_source *source, im_room_fn each, im_odd_fn odd, void *data, GError **error)
{
	return source->driver->rooms(source, each, odd, data, error);
}

static void contact_destroy(gpointer contact)
{
	contact_free(contact);
}

struct im_roster *im_roster_new(void)
{
	struct im_roster *roster = g_new0(struct im_roster, 1);
	roster->contacts = g_ptr_array_new_with_free_func(contact_destroy);
	roster->unreadable = g_ptr_array_new_with_free_func(g_free);
	roster->requests = g_ptr_array_new_with_free_func(g_free);
	return roster;
}

static int compare_contacts(const void *a, const void *b)
{
	const struct contact *const *first = a;
	const struct contact *const *second = b;
	return strcmp((*first)->key, (*second)->key);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void im_roster_sort(struct im_roster *roster)
{
	g_ptr_array_sort(roster->contacts, compare_contacts);
	g_ptr_array_sort(roster->unreadable, compare_texts);
	g_ptr_array_sort(roster->requests, compare_texts);
}

void im_roster_free(struct im_roster *roster)
{
	g_free(roster->version);
	g_ptr_array_unref(roster->contacts);
	g_ptr_array_unref(roster->unreadable);
	g_ptr_array_unref(roster->requests);
	g_free(roster);
}

void im_page_clear(struct im_page *page)
{
	g_free(page->cursor);
	*page = (struct im_page){0};
}

struct im_room *im_room_new(const char *address)
{
	struct im_room *room = g_new0(struct im_room, 1);
	room->address = g_strdup(address);
	room->anonymous = true;
	room->members = g_ptr_array_new_with_free_func(g_free);
	return room;
}

void im_room_free(struct im_room *room)
{
	g_free(room->address);
	g_free(room->name);
	g_ptr_array_unref(room->members);
	g_free(room);
}
