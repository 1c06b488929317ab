/* Who is whom, by what the IM servers or a directory know. */
#include "core/address.h"
#include "core/error.h"
#include "core/log.h"
#include "im/directory.h"
#include "im/source.h"
#include "sync/usermap_private.h"

#include <string.h>

static char *mail_address(const char *text)
{
	char *canonical = address_canonical(text, NULL);
	if (canonical != NULL && !address_is_tel(canonical) && strchr(canonical, '@') != NULL)
		return canonical;
	g_free(canonical);
	return NULL;
}

static bool take_mail(void *data, const char *owner, const char *mail, GError **error)
{
	(void)error;
	struct usermap_entry *entry = g_new0(struct usermap_entry, 1);
	entry->owner = g_strdup(owner);
	entry->smtp = mail_address(mail);
	if (entry->smtp == NULL)
		entry->problem =
		        g_strdup_printf("the e-mail address of its IM account (%s) is none: "
		                        "correct it there, or add a line to the user map "
		                        "file",
		                mail);
	g_ptr_array_add(data, entry);
	return true;
}

static void free_entries(GPtrArray *entries)
{
	for (guint i = 0; i < entries->len; i++)
		usermap_entry_free(entries->pdata[i]);
	g_ptr_array_unref(entries);
}

GPtrArray *usermap_source_read(const struct config *config, GError **error)
{
	GPtrArray *entries = g_ptr_array_new();
	const char *const *names = config_names(config, "source");
	for (const char *const *name = names; *name != NULL; name++) {
		autoptr(im_source) source = im_source_open(config, *name, error);
		if (source != NULL && im_source_mails(source, take_mail, entries, error))
			continue;
		free_entries(entries);
		return NULL;
	}
	return entries;
}

/*
 * Settings made of attributes: "{uid}@im.corp.example".
 */

enum part { PART_IM, PART_MAIL, PART_UPN, PART_SIP, PART_SERVER, PARTS };
static const char *const part_names[PARTS] = {"im", "mail", "upn", "sip", "server"};

struct reading {
	const char *templates[PARTS]; /* NULL: not set */
	GPtrArray *attributes; /* char *, ended by NULL */
	GPtrArray *entries;
};

static bool refuse_template(const char *name, const char *text, const char *why, GError **error)
{
	error_set(error, ERROR_CONFIG, "usermap.ldap",
	        "%s = %s in [ldap] cannot be used: %s; attributes stand in braces, such as "
	        "{uid}@im.corp.example",
	        name, text, why);
	return false;
}

/* The attribute that begins at an opening brace; NULL when there is none. */
static char *attribute_at(const char *brace)
{
	size_t length = strspn(
	        brace + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.;-");
	return length > 0 && brace[1 + length] == '}' ? g_strndup(brace + 1, length) : NULL;
}

static bool note_attributes(struct reading *reading, enum part part, GError **error)
{
	const char *text = reading->templates[part];
	const char *at = text;
	unsigned found = 0;
	for (; at != NULL && (at = strpbrk(at, "{}")) != NULL; found++) {
		char *name = *at == '{' ? attribute_at(at) : NULL;
		if (name == NULL)
			return refuse_template(part_names[part], text,
			        "a brace does not enclose the name of an attribute", error);
		at += strlen(name) + 2;
		g_ptr_array_add(reading->attributes, name);
	}
	bool constant = text != NULL && found == 0 && (part == PART_IM || part == PART_MAIL);
	return !constant ||
	       refuse_template(part_names[part], text, "all users would have the same", error);
}

static bool read_templates(struct reading *reading, const struct config *config, GError **error)
{
	for (enum part part = 0; part < PARTS; part++)
		reading->templates[part] = config_string(config, "ldap", NULL, part_names[part]);
	if (config_require(config, "ldap", NULL, "im", error) == NULL)
		return false;
	for (enum part part = 0; part < PARTS; part++)
		if (!note_attributes(reading, part, error))
			return false;
	g_ptr_array_add(reading->attributes, NULL);
	return true;
}

/* Owned; NULL with the attribute of which there is none, or more than one. */
static char *expand(
        const char *text, const struct directory_entry *entry, char **bad, unsigned *count)
{
	g_autoptr(GString) out = g_string_new(NULL);
	for (const char *at = text; *at != '\0';) {
		if (*at != '{') {
			g_string_append_c(out, *at++);
			continue;
		}
		char *name = attribute_at(at);
		const char *value = directory_value(entry, name, count);
		if (*count != 1) {
			*bad = name;
			return NULL;
		}
		g_string_append(out, value);
		at += strlen(name) + 2;
		g_free(name);
	}
	return g_string_free(g_steal_pointer(&out), FALSE);
}

/* Sets the entry's problem, the first one only. */
static void note_problem(struct usermap_entry *found, const struct directory_entry *entry,
        const char *attribute, const char *what)
{
	if (found->problem == NULL)
		found->problem =
		        g_strdup_printf("%s of %s in the directory has %s: correct it there, "
		                        "or add a line to the user map file",
		                attribute, entry->dn, what);
}

/* One part as it stands there; NULL when the entry has none, or has a problem with it. */
static char *part_of(const struct reading *reading, enum part part,
        const struct directory_entry *entry, struct usermap_entry *found)
{
	g_autofree char *bad = NULL;
	unsigned count = 0;
	if (reading->templates[part] == NULL)
		return NULL;
	char *text = expand(reading->templates[part], entry, &bad, &count);
	/* Which of several values is meant is not for us to guess. */
	if (text == NULL && (count > 1 || part == PART_MAIL))
		note_problem(found, entry, bad, count > 1 ? "several values" : "no value");
	return text;
}

static void take_addresses(const struct reading *reading, const struct directory_entry *entry,
        struct usermap_entry *found)
{
	g_autofree char *mail = part_of(reading, PART_MAIL, entry, found);
	g_autofree char *sip = part_of(reading, PART_SIP, entry, found);
	found->upn = part_of(reading, PART_UPN, entry, found);
	found->server = part_of(reading, PART_SERVER, entry, found);
	found->smtp = mail != NULL ? mail_address(mail) : NULL;
	found->sip = sip != NULL ? mail_address(sip) : NULL;
	if (mail != NULL && found->smtp == NULL)
		note_problem(found, entry, reading->templates[PART_MAIL], "no address");
	if (sip != NULL && found->sip == NULL)
		note_problem(found, entry, reading->templates[PART_SIP], "no address");
}

static bool take_entry(void *data, const struct directory_entry *entry, GError **error)
{
	(void)error;
	struct reading *reading = data;
	g_autofree char *bad = NULL;
	unsigned count = 0;
	g_autofree char *im = expand(reading->templates[PART_IM], entry, &bad, &count);
	char *owner = im != NULL ? mail_address(im) : NULL;
	if (owner == NULL) {
		/* Whoever has no IM address at all is no IM user. */
		if (im != NULL || count > 1)
			log_warn("usermap.ldap", "%s of the directory is left out: %s", entry->dn,
			        im != NULL ? "its IM address is none"
			                   : "it has several IM addresses");
		return true;
	}
	struct usermap_entry *found = g_new0(struct usermap_entry, 1);
	found->owner = owner;
	take_addresses(reading, entry, found);
	g_ptr_array_add(reading->entries, found);
	return true;
}

static bool search(struct reading *reading, const struct config *config, GError **error)
{
	const char *base = config_require(config, "ldap", NULL, "base", error);
	if (base == NULL || !read_templates(reading, config, error))
		return false;
	autoptr(directory) directory = directory_open_config(config, error);
	return directory != NULL &&
	       directory_search(directory, base, config_string(config, "ldap", NULL, "filter"),
	               (const char *const *)reading->attributes->pdata, take_entry, reading, error);
}

GPtrArray *usermap_ldap_read(const struct config *config, GError **error)
{
	g_autoptr(GPtrArray) attributes = g_ptr_array_new_with_free_func(g_free);
	struct reading reading = {.attributes = attributes, .entries = g_ptr_array_new()};
	if (search(&reading, config, error))
		return reading.entries;
	free_entries(reading.entries);
	return NULL;
}
