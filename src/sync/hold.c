#include "sync/hold.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"

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
	bool asked; /* [archive] hold is not none */
};

static const char *const state_names[] = {"unknown", "free", "held"};

const char *hold_state_name(enum hold_state state)
{
	return state_names[state];
}

void holds_free(struct holds *holds)
{
	g_hash_table_unref(holds->entries);
	g_free(holds);
}

const char *holds_absent(const struct holds *holds)
{
	return holds->asked ? NULL : "[archive] hold is none";
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

struct holds *holds_load(const struct config *config, GError **error)
{
	autoptr(holds) holds = g_new0(struct holds, 1);
	holds->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	holds->max_age_us =
	        config_duration_s(config, "archive", NULL, "hold_max_age") * CLOCK_US_PER_S;
	holds->asked = g_str_equal(config_string(config, "archive", NULL, "hold"), "file");
	if (holds->asked &&
	        !load(holds, config_string(config, "archive", NULL, "hold_file"), error))
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
