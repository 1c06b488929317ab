#include "sync/hold.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/thread.h"
#include "im/directory.h"

#include <glib/gstdio.h>
#include <string.h>

/* A directory of half a million mailboxes. */
#define FILE_MAX_BYTES (64 * 1024 * 1024)

struct entry {
	enum hold_state state;
	int64_t learned_utc_us;
	unsigned line;
};

struct holds {
	GHashTable *entries; /* canonical address -> struct entry */
	int64_t max_age_us;
	char *absent; /* why there is nothing, or NULL */
};

/* The directory is asked so often. */
#define ASK_US (300 * CLOCK_US_PER_S)

/* What the directory said last, for all who ask in this process; its table does not change. */
static struct mutex mutex = MUTEX_INIT;
static struct {
	char *where; /* which directory, and what was asked */
	GHashTable *entries; /* as in struct holds; NULL: it never answered */
	char *failure; /* of the last question; NULL: it was answered */
	int64_t asked_mono_us;
} said;

static const char *const state_names[] = {"unknown", "free", "held"};

const char *hold_state_name(enum hold_state state)
{
	return state_names[state];
}

void holds_free(struct holds *holds)
{
	g_clear_pointer(&holds->entries, g_hash_table_unref);
	g_free(holds->absent);
	g_free(holds);
}

const char *holds_absent(const struct holds *holds)
{
	return holds->absent;
}

static bool refuse(const char *path, unsigned line, const char *why, GError **error)
{
	error_set(error, ERROR_CONFIG, "hold.file",
	        "%s line %u %s: a line is ADDRESS held|free [TIME]", path, line, why);
	return false;
}

static bool unreadable(const char *path, const char *why, GError **error)
{
	error_set(error, ERROR_CONFIG, "hold.file",
	        "the hold file %s cannot be read (%s): correct hold_file in [archive], or the "
	        "file's permissions",
	        path != NULL ? path : "(not set)", why);
	return false;
}

/* Words of a line without its comment, separated by any number of blanks. */
static unsigned split(char *line, char **words, unsigned most)
{
	unsigned n = 0;
	char *rest = line;
	char *comment = strchr(line, '#');
	if (comment != NULL)
		*comment = '\0';
	for (char *word; n <= most && (word = strsep(&rest, " \t\r")) != NULL;)
		if (*word != '\0')
			words[n++] = word;
	return n;
}

/* The same address may come as SMTP and as IM address; it must not come with two answers. */
static bool add(struct holds *holds, const char *path, char *address, const struct entry *entry,
        GError **error)
{
	const struct entry *before = g_hash_table_lookup(holds->entries, address);
	if (before != NULL && before->state != entry->state) {
		g_autofree char *why = g_strdup_printf(
		        "says of %s what line %u contradicts", address, before->line);
		g_free(address);
		return refuse(path, entry->line, why, error);
	}
	g_hash_table_replace(holds->entries, address, g_memdup2(entry, sizeof *entry));
	return true;
}

static bool take_line(
        struct holds *holds, const char *path, char *line, struct entry entry, GError **error)
{
	char *words[4];
	if (!g_utf8_validate(line, -1, NULL))
		return refuse(path, entry.line, "is not UTF-8", error);
	unsigned n = split(line, words, G_N_ELEMENTS(words) - 1);
	if (n == 0)
		return true;
	if (n < 2 || n > 3)
		return refuse(path, entry.line, "does not have two or three words", error);
	if (g_str_equal(words[1], "held"))
		entry.state = HOLD_HELD;
	else if (g_str_equal(words[1], "free"))
		entry.state = HOLD_FREE;
	else
		return refuse(path, entry.line, "says neither held nor free", error);
	if (n == 3 && !clock_parse_iso(words[2], &entry.learned_utc_us, NULL))
		return refuse(path, entry.line, "has no ISO 8601 time as its third word", error);
	char *address = address_canonical(words[0], NULL);
	if (address == NULL)
		return refuse(path, entry.line, "does not begin with an address", error);
	return add(holds, path, address, &entry, error);
}

static bool take_text(
        struct holds *holds, const char *path, char *text, int64_t file_utc_us, GError **error)
{
	struct entry entry = {.learned_utc_us = file_utc_us};
	if (g_str_has_prefix(text, "\xef\xbb\xbf"))
		text += 3;
	for (char *line; (line = strsep(&text, "\n")) != NULL;) {
		entry.line++;
		if (!take_line(holds, path, line, entry, error))
			return false;
	}
	return true;
}

static bool load(struct holds *holds, const char *path, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) cause = NULL;
	GStatBuf seen;
	gsize len = 0;
	if (path == NULL)
		return unreadable(path, "hold = file needs it", error);
	if (g_stat(path, &seen) != 0 || !g_file_get_contents(path, &text, &len, &cause))
		return unreadable(path, cause != NULL ? cause->message : "it is not there", error);
	if (len > FILE_MAX_BYTES)
		return unreadable(path, "it has more than 64 MiB", error);
	if (strlen(text) != len)
		return unreadable(path, "there is a NUL in it", error);
	return take_text(holds, path, text, seen.st_mtime * CLOCK_US_PER_S, error);
}

/* The directory */

static GHashTable *new_entries(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

struct answer {
	GHashTable *entries;
	struct entry entry;
};

static bool take_entry(void *data, const struct directory_entry *entry, GError **error)
{
	struct answer *answer = data;
	unsigned count = 0;
	(void)error;
	const char *mail = directory_value(entry, "mail", &count);
	char *address = mail != NULL ? address_canonical(mail, NULL) : NULL;
	if (address != NULL)
		g_hash_table_replace(
		        answer->entries, address, g_memdup2(&answer->entry, sizeof answer->entry));
	return true;
}

/* Everybody is free, and then those who match are held. */
static GHashTable *ask_directory(const struct config *config, GError **error)
{
	static const char *const attributes[] = {"mail", NULL};
	const char *base = config_require(config, "ldap", NULL, "base", error);
	const char *people = config_string(config, "ldap", NULL, "filter");
	autoptr(directory) directory = base != NULL ? directory_open_config(config, error) : NULL;
	if (directory == NULL)
		return NULL;
	g_autofree char *held = g_strdup_printf(
	        "(&%s%s)", people, config_string(config, "ldap", NULL, "hold_filter"));
	g_autoptr(GHashTable) entries = new_entries();
	struct answer answer = {entries, {HOLD_FREE, clock_utc_us(), 0}};
	if (!directory_search(directory, base, people, attributes, take_entry, &answer, error))
		return NULL;
	answer.entry.state = HOLD_HELD;
	if (!directory_search(directory, base, held, attributes, take_entry, &answer, error))
		return NULL;
	return g_steal_pointer(&entries);
}

static char *where_of(const struct config *config)
{
	const char *const names[] = {"url", "base", "filter", "hold_filter", "bind_dn"};
	GString *where = g_string_new(NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		const char *value = config_string(config, "ldap", NULL, names[i]);
		g_string_append_printf(where, "%s\n", value != NULL ? value : "");
	}
	return g_string_free(where, FALSE);
}

/* Mutex held. */
static void ask_again(const struct config *config)
{
	g_autoptr(GError) cause = NULL;
	GHashTable *entries = ask_directory(config, &cause);
	said.asked_mono_us = clock_mono_us();
	g_clear_pointer(&said.failure, g_free);
	if (entries == NULL) {
		said.failure = g_strdup(cause->message);
		log_warn("hold.ldap", "what mailboxes are on hold is not known anew: %s",
		        cause->message);
		return;
	}
	g_clear_pointer(&said.entries, g_hash_table_unref);
	said.entries = entries;
}

static void load_directory(struct holds *holds, const struct config *config)
{
	g_autofree char *where = where_of(config);
	mutex_lock(&mutex);
	bool other = g_strcmp0(said.where, where) != 0;
	if (other) {
		g_clear_pointer(&said.entries, g_hash_table_unref);
		g_free(said.where);
		said.where = g_steal_pointer(&where);
	}
	if (other || clock_mono_us() - said.asked_mono_us >= ASK_US)
		ask_again(config);
	if (said.entries != NULL) {
		g_hash_table_unref(holds->entries);
		holds->entries = g_hash_table_ref(said.entries);
	} else {
		holds->absent = g_strdup(said.failure);
	}
	mutex_unlock(&mutex);
}

struct holds *holds_load(const struct config *config, GError **error)
{
	autoptr(holds) holds = g_new0(struct holds, 1);
	const char *hold = config_string(config, "archive", NULL, "hold");
	holds->entries = new_entries();
	holds->max_age_us =
	        config_duration_s(config, "archive", NULL, "hold_max_age") * CLOCK_US_PER_S;
	if (g_str_equal(hold, "none"))
		holds->absent = g_strdup("[archive] hold is none");
	else if (g_str_equal(hold, "ldap"))
		load_directory(holds, config);
	else if (!load(holds, config_string(config, "archive", NULL, "hold_file"), error))
		return NULL;
	return g_steal_pointer(&holds);
}

struct hold holds_find(const struct holds *holds, const char *owner, const struct mailbox *mailbox,
        int64_t now_utc_us)
{
	const struct entry *entry = g_hash_table_lookup(holds->entries, owner);
	if (entry == NULL && mailbox != NULL)
		entry = g_hash_table_lookup(holds->entries, mailbox->smtp);
	if (entry == NULL)
		return (struct hold){HOLD_UNKNOWN, 0};
	bool fresh = now_utc_us - entry->learned_utc_us <= holds->max_age_us;
	return (struct hold){fresh ? entry->state : HOLD_UNKNOWN, entry->learned_utc_us};
}
