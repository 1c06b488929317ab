#include "core/address.h"
#include "core/error.h"
#include "sync/usermap_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

void usermap_entry_free(struct usermap_entry *entry)
{
	g_free(entry->owner);
	g_free(entry->smtp);
	g_free(entry->upn);
	g_free(entry->sip);
	g_free(entry->server);
	g_free(entry->problem);
	g_free(entry);
}

static bool refuse(
        const char *path, unsigned line, const char *word, const char *why, GError **error)
{
	error_set(error, ERROR_CONFIG, "usermap.file",
	        "%s, line %u: %s %s; a line is IM-ADDRESS SMTP-ADDRESS [upn=UPN] [sip=ADDRESS] "
	        "[server=NAME]",
	        path, line, word, why);
	return false;
}

static bool take_address(
        const char *path, unsigned line, const char *word, char **out, GError **error)
{
	*out = address_canonical(word, NULL);
	if (*out != NULL && !address_is_tel(*out) && strchr(*out, '@') != NULL)
		return true;
	g_clear_pointer(out, g_free);
	return refuse(path, line, word, "is not an address", error);
}

static bool take_option(
        const char *path, struct usermap_entry *entry, const char *word, GError **error)
{
	const char *equals = strchr(word, '=');
	if (equals == NULL || equals[1] == '\0')
		return refuse(path, entry->line, word, "is not NAME=VALUE", error);
	bool upn = g_str_has_prefix(word, "upn="), sip = g_str_has_prefix(word, "sip="),
	     server = g_str_has_prefix(word, "server=");
	char **slot = upn ? &entry->upn : sip ? &entry->sip : server ? &entry->server : NULL;
	if (slot == NULL)
		return refuse(path, entry->line, word, "is not known", error);
	if (*slot != NULL)
		return refuse(path, entry->line, word, "is given twice", error);
	if (sip)
		return take_address(path, entry->line, equals + 1, slot, error);
	*slot = g_strdup(equals + 1);
	return true;
}

static bool take_words(const char *path, struct usermap_entry *entry, char **words, GError **error)
{
	char **second = words + 1;
	if (*second == NULL)
		return refuse(path, entry->line, words[0], "has no SMTP address behind it", error);
	if (!take_address(path, entry->line, words[0], &entry->owner, error) ||
	        !take_address(path, entry->line, *second, &entry->smtp, error))
		return false;
	for (char **word = second + 1; *word != NULL; word++)
		if (!take_option(path, entry, *word, error))
			return false;
	return true;
}

/* Words are separated by any number of blanks; "#" begins a comment where a word would begin. */
static char **split(const char *text)
{
	g_auto(GStrv) raw = g_strsplit_set(text, " \t\r", -1);
	GPtrArray *words = g_ptr_array_new();
	for (char **word = raw; *word != NULL && **word != '#'; word++)
		if (**word != '\0')
			g_ptr_array_add(words, g_strdup(*word));
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

static bool take_line(
        const char *path, unsigned line, const char *text, GPtrArray *out, GError **error)
{
	if (!g_utf8_validate(text, -1, NULL))
		return refuse(path, line, "the line", "is not UTF-8", error);
	g_auto(GStrv) words = split(text);
	if (words[0] == NULL)
		return true;
	struct usermap_entry *entry = g_new0(struct usermap_entry, 1);
	entry->line = line;
	if (take_words(path, entry, words, error)) {
		g_ptr_array_add(out, entry);
		return true;
	}
	usermap_entry_free(entry);
	return false;
}

static bool take_text(const char *path, char *text, GPtrArray *out, GError **error)
{
	unsigned line = 1;
	if (g_str_has_prefix(text, "\xef\xbb\xbf"))
		text += 3;
	while (text != NULL) {
		char *end = strchr(text, '\n');
		if (end != NULL)
			*end++ = '\0';
		if (!take_line(path, line++, text, out, error))
			return false;
		text = end;
	}
	return true;
}

static bool unreadable(const char *path, const char *why, GError **error)
{
	error_set(error, ERROR_CONFIG, "usermap.file",
	        "the user map file %s cannot be read (%s): correct file in [users], or the file's "
	        "permissions",
	        path, why);
	return false;
}

static bool read_text(const char *path, char **text, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return unreadable(path, g_strerror(errno), error);
	g_autoptr(GError) cause = NULL;
	g_autoptr(GMappedFile) mapped = g_mapped_file_new_from_fd(fd, FALSE, &cause);
	close(fd);
	if (mapped == NULL)
		return unreadable(path, cause->message, error);
	gsize length = g_mapped_file_get_length(mapped);
	if (length > USERMAP_FILE_MAX_BYTES)
		return unreadable(path, "it is larger than 64 MiB", error);
	const char *bytes = g_mapped_file_get_contents(mapped);
	if (length > 0 && memchr(bytes, '\0', length) != NULL)
		return unreadable(path, "it is not a text file", error);
	*text = g_strndup(length > 0 ? bytes : "", length);
	return true;
}

GPtrArray *usermap_file_read(const char *path, GError **error)
{
	g_autofree char *text = NULL;
	if (!read_text(path, &text, error))
		return NULL;
	GPtrArray *entries = g_ptr_array_new();
	if (take_text(path, text, entries, error))
		return entries;
	for (unsigned i = 0; i < entries->len; i++)
		usermap_entry_free(entries->pdata[i]);
	g_ptr_array_unref(entries);
	return NULL;
}
