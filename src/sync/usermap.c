#include "sync/usermap.h"

#include "core/address.h"
#include "core/error.h"
#include "sync/usermap_private.h"

#include <string.h>

static void free_entry(gpointer data)
{
	usermap_entry_free(data);
}

struct domain {
	char *name; /* of the IM addresses, canonical */
	char *sip_domain; /* of the same people on the mail side, canonical */
	char *server; /* NULL: only contacts of this domain are mapped */
};

static void free_domain(gpointer data)
{
	struct domain *domain = data;
	g_free(domain->name);
	g_free(domain->sip_domain);
	g_free(domain->server);
	g_free(domain);
}

struct usermap {
	char *mode; /* same, file, rule, source or ldap */
	char *rule;
	bool keep_foreign;
	GHashTable *domains; /* by name; owns */
	GHashTable *sip_domains; /* the same by sip_domain */
	GHashTable *entries; /* by owner; owns */
	GHashTable *entries_by_sip;
	GHashTable *entries_by_mailbox; /* by "server smtp"; owns its keys */
	GPtrArray *owners; /* of the file, in its order; ended by NULL; borrowed from entries */
};

void usermap_free(struct usermap *map)
{
	g_free(map->mode);
	g_free(map->rule);
	g_hash_table_unref(map->sip_domains);
	g_hash_table_unref(map->domains);
	g_hash_table_unref(map->entries_by_sip);
	g_hash_table_unref(map->entries_by_mailbox);
	g_hash_table_unref(map->entries);
	g_ptr_array_unref(map->owners);
	g_free(map);
}

static char *canonical_domain(
        const struct config *config, const char *instance, const char *domain, GError **error)
{
	g_autoptr(GError) cause = NULL;
	char *canonical = address_canonical(domain, &cause);
	if (canonical != NULL && strchr(canonical, '@') == NULL && !address_is_tel(canonical))
		return canonical;
	g_free(canonical);
	error_set(error, ERROR_CONFIG, "usermap.domain",
	        "%s: [domain %s] names %s, which is not a domain: write a name such as "
	        "corp.example",
	        config_path(config), instance, domain);
	return NULL;
}

static bool check_server(
        const struct config *config, const char *server, const char *who, GError **error)
{
	if (config_has_section(config, "server", server))
		return true;
	error_set(error, ERROR_CONFIG, "usermap.domain",
	        "%s names the mail server %s, but %s has no section [server %s]: add it or correct "
	        "the name",
	        who, server, config_path(config), server);
	return false;
}

static bool add_domain(
        struct usermap *map, const struct config *config, const char *instance, GError **error)
{
	char *name = canonical_domain(config, instance, instance, error);
	if (name == NULL)
		return false;
	if (g_hash_table_contains(map->domains, name)) {
		error_set(error, ERROR_CONFIG, "usermap.domain",
		        "%s: [domain %s] stands there twice in different spellings: keep one",
		        config_path(config), name);
		g_free(name);
		return false;
	}
	struct domain *domain = g_new0(struct domain, 1);
	domain->name = name;
	g_hash_table_insert(map->domains, domain->name, domain);
	const char *sip_domain = config_string(config, "domain", instance, "sip_domain");
	domain->sip_domain = canonical_domain(
	        config, instance, sip_domain != NULL ? sip_domain : instance, error);
	if (domain->sip_domain == NULL)
		return false;
	g_autofree char *who = g_strdup_printf("[domain %s]", instance);
	domain->server = g_strdup(config_string(config, "domain", instance, "server"));
	if (domain->server != NULL && !check_server(config, domain->server, who, error))
		return false;
	const struct domain *twin = g_hash_table_lookup(map->sip_domains, domain->sip_domain);
	if (twin != NULL) {
		error_set(error, ERROR_CONFIG, "usermap.domain",
		        "%s: [domain %s] and [domain %s] both have the sip_domain %s, so that "
		        "nobody "
		        "could say who is meant: give each its own",
		        config_path(config), twin->name, domain->name, domain->sip_domain);
		return false;
	}
	g_hash_table_insert(map->sip_domains, domain->sip_domain, domain);
	return true;
}

static bool add_domains(struct usermap *map, const struct config *config, GError **error)
{
	for (const char *const *name = config_names(config, "domain"); *name != NULL; name++)
		if (!add_domain(map, config, *name, error))
			return false;
	return true;
}

static char *mailbox_key(const char *server, const char *smtp)
{
	return g_strdup_printf("%s %s", server, smtp);
}

static bool refuse_twin(const char *path, unsigned line, const char *what,
        const struct usermap_entry *twin, GError **error)
{
	error_set(error, ERROR_CONFIG, "usermap.duplicate",
	        "%s, line %u: %s stands in line %u already (for %s): keep one of the two lines",
	        path, line, what, twin->line, twin->owner);
	return false;
}

/* The domain's server and the SMTP address stand in where the line names none. */
static bool complete(const struct usermap *map, const struct config *config, const char *path,
        struct usermap_entry *entry, GError **error)
{
	const struct domain *domain =
	        g_hash_table_lookup(map->domains, address_domain(entry->owner));
	if (entry->server == NULL && domain != NULL)
		entry->server = g_strdup(domain->server);
	if (entry->sip == NULL)
		entry->sip = g_strdup(entry->smtp);
	g_autofree char *who = g_strdup_printf("%s, line %u", path, entry->line);
	if (entry->server != NULL)
		return check_server(config, entry->server, who, error);
	error_set(error, ERROR_CONFIG, "usermap.file",
	        "%s: %s has no mail server: set server in [domain %s], or add server=NAME to the "
	        "line",
	        who, entry->owner, address_domain(entry->owner));
	return false;
}

/* Owns entry. */
static bool add_entry(struct usermap *map, const struct config *config, const char *path,
        struct usermap_entry *entry, GError **error)
{
	unsigned line = entry->line;
	const struct usermap_entry *twin = g_hash_table_lookup(map->entries, entry->owner);
	if (twin != NULL) {
		bool good = refuse_twin(path, line, entry->owner, twin, error);
		free_entry(entry);
		return good;
	}
	g_hash_table_insert(map->entries, entry->owner, entry);
	g_ptr_array_insert(map->owners, (int)map->owners->len - 1, entry->owner);
	if (!complete(map, config, path, entry, error))
		return false;
	twin = g_hash_table_lookup(map->entries_by_sip, entry->sip);
	if (twin != NULL)
		return refuse_twin(path, line, entry->sip, twin, error);
	g_hash_table_insert(map->entries_by_sip, entry->sip, entry);
	char *key = mailbox_key(entry->server, entry->smtp);
	twin = g_hash_table_lookup(map->entries_by_mailbox, key);
	if (twin != NULL) {
		g_free(key);
		return refuse_twin(path, line, entry->smtp, twin, error);
	}
	g_hash_table_insert(map->entries_by_mailbox, key, entry);
	return true;
}

/* Nobody could say who is meant: neither of the two has it. */
static void refuse_shared(struct usermap_entry *entry, struct usermap_entry *twin, const char *what)
{
	struct usermap_entry *both[] = {entry, twin};
	for (unsigned i = 0; i < 2; i++) {
		/* A line of the file was written by somebody who knew, and stays. */
		if (both[i]->line != 0)
			continue;
		g_free(both[i]->problem);
		both[i]->problem = g_strdup_printf("%s is given to %s as well: correct one of the "
		                                   "two, or add a line to the user map file",
		        what, both[1 - i]->owner);
		both[i]->shared = true;
	}
}

static void complete_found(
        const struct usermap *map, const struct config *config, struct usermap_entry *entry)
{
	const struct domain *domain =
	        g_hash_table_lookup(map->domains, address_domain(entry->owner));
	if (entry->server == NULL && domain != NULL)
		entry->server = g_strdup(domain->server);
	if (entry->sip == NULL)
		entry->sip = g_strdup(entry->smtp);
	if (entry->problem != NULL)
		return;
	if (entry->server == NULL)
		entry->problem = g_strdup_printf("its domain has no mail server: add [domain %s] "
		                                 "with server to the configuration file",
		        address_domain(entry->owner));
	else if (!config_has_section(config, "server", entry->server))
		entry->problem = g_strdup_printf("its mail server %s has no section [server %s] "
		                                 "in the configuration file",
		        entry->server, entry->server);
}

/* Owns entry. */
static void add_found_one(
        struct usermap *map, const struct config *config, struct usermap_entry *entry)
{
	struct usermap_entry *twin = g_hash_table_lookup(map->entries, entry->owner);
	if (twin != NULL) {
		if (twin->line == 0) {
			g_free(twin->problem);
			twin->problem =
			        g_strdup("its IM address stands in two places: keep one, or "
			                 "add a line to the user map file");
			twin->shared = true;
		}
		usermap_entry_free(entry);
		return;
	}
	g_hash_table_insert(map->entries, entry->owner, entry);
	complete_found(map, config, entry);
	twin = entry->sip != NULL ? g_hash_table_lookup(map->entries_by_sip, entry->sip) : NULL;
	if (twin != NULL)
		refuse_shared(entry, twin, entry->sip);
	else if (entry->sip != NULL)
		g_hash_table_insert(map->entries_by_sip, entry->sip, entry);
	if (entry->smtp == NULL || entry->server == NULL)
		return;
	char *key = mailbox_key(entry->server, entry->smtp);
	twin = g_hash_table_lookup(map->entries_by_mailbox, key);
	if (twin == NULL) {
		g_hash_table_insert(map->entries_by_mailbox, key, entry);
		return;
	}
	refuse_shared(entry, twin, entry->smtp);
	g_free(key);
}

static bool add_found(struct usermap *map, const struct config *config, GError **error)
{
	g_autoptr(GPtrArray) entries = NULL;
	if (g_str_equal(map->mode, "source"))
		entries = usermap_source_read(config, error);
	else if (g_str_equal(map->mode, "ldap"))
		entries = usermap_ldap_read(config, error);
	else
		return true;
	for (unsigned i = 0; entries != NULL && i < entries->len; i++)
		add_found_one(map, config, entries->pdata[i]);
	return entries != NULL;
}

static bool add_file(struct usermap *map, const struct config *config, GError **error)
{
	const char *path = config_string(config, "users", NULL, "file");
	if (path == NULL && g_str_equal(map->mode, "file"))
		path = config_require(config, "users", NULL, "file", error);
	else if (path == NULL)
		return true;
	g_autoptr(GPtrArray) entries = path != NULL ? usermap_file_read(path, error) : NULL;
	if (entries == NULL)
		return false;
	bool good = true;
	for (unsigned i = 0; i < entries->len; i++) {
		if (good)
			good = add_entry(map, config, path, entries->pdata[i], error);
		else
			free_entry(entries->pdata[i]);
	}
	return good;
}

/* Every name in braces must be one of ours, and without {local} all would get one mailbox. */
static bool check_rule(const struct config *config, const char *rule, GError **error)
{
	const char *problem = strstr(rule, "{local}") == NULL ? "it has no {local}" : NULL;
	for (const char *at = rule; problem == NULL && (at = strpbrk(at, "{}")) != NULL;) {
		static const char *const names[] = {"{local}", "{domain}", "{sip_domain}"};
		size_t length = 0;
		for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
			if (g_str_has_prefix(at, names[i]))
				length = strlen(names[i]);
		if (length == 0)
			problem = "only {local}, {domain} and {sip_domain} may stand in braces";
		at += length;
	}
	if (problem == NULL)
		return true;
	error_set(error, ERROR_CONFIG, "usermap.rule",
	        "%s: rule = %s in [users] cannot be used: %s; write it like {local}@corp.example",
	        config_path(config), rule, problem);
	return false;
}

struct usermap *usermap_new(const struct config *config, GError **error)
{
	autoptr(usermap) map = g_new0(struct usermap, 1);
	map->mode = g_strdup(config_string(config, "users", NULL, "map"));
	map->rule = g_strdup(config_string(config, "users", NULL, "rule"));
	map->keep_foreign = g_str_equal(config_string(config, "users", NULL, "foreign"), "keep");
	map->domains = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_domain);
	map->sip_domains = g_hash_table_new(g_str_hash, g_str_equal);
	map->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_entry);
	map->entries_by_sip = g_hash_table_new(g_str_hash, g_str_equal);
	map->entries_by_mailbox = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	map->owners = g_ptr_array_new();
	g_ptr_array_add(map->owners, NULL);
	bool good = check_rule(config, map->rule, error) && add_domains(map, config, error) &&
	            add_file(map, config, error) && add_found(map, config, error);
	return good ? g_steal_pointer(&map) : NULL;
}

/* FNV-1a, over all texts of an entry; the sum over all entries does not depend on their order. */
static guint64 entry_hash(const struct usermap_entry *entry)
{
	const char *const texts[] = {
	        entry->owner, entry->smtp, entry->upn, entry->sip, entry->server, entry->problem};
	guint64 hash = G_GUINT64_CONSTANT(14695981039346656037);
	for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
		for (const char *at = texts[i] != NULL ? texts[i] : ""; *at != '\0'; at++)
			hash = (hash ^ (guint64)(unsigned char)*at) *
			       G_GUINT64_CONSTANT(1099511628211);
		hash = (hash ^ 0xff) * G_GUINT64_CONSTANT(1099511628211);
	}
	return hash;
}

guint64 usermap_fingerprint(const struct usermap *map)
{
	guint64 sum = 0;
	GHashTableIter iter;
	gpointer entry;
	g_hash_table_iter_init(&iter, map->entries);
	while (g_hash_table_iter_next(&iter, NULL, &entry))
		sum += entry_hash(entry);
	return sum;
}

const char *const *usermap_file_owners(const struct usermap *map)
{
	return (const char *const *)map->owners->pdata;
}

static bool refuse_unmapped(const char *owner, const char *why, GError **error)
{
	error_set(error, ERROR_MAILBOX, "usermap.unmapped", "no mailbox is known for %s: %s", owner,
	        why);
	if (error != NULL)
		error_set_subject(*error, owner);
	return false;
}

/* Owned; NULL when the rule makes no address of this owner. */
static char *apply_rule(const struct usermap *map, const struct domain *domain, const char *owner)
{
	g_autofree char *local = address_local_part(owner);
	if (local == NULL)
		return NULL;
	g_autoptr(GString) text =
	        g_string_new(g_str_equal(map->mode, "same") ? "{local}@{domain}" : map->rule);
	/* The user's own text goes in last, so that braces in it are not replaced. */
	g_string_replace(text, "{domain}", domain->name, 0);
	g_string_replace(text, "{sip_domain}", domain->sip_domain, 0);
	g_string_replace(text, "{local}", local, 0);
	char *smtp = address_canonical(text->str, NULL);
	if (smtp != NULL && strchr(smtp, '@') != NULL)
		return smtp;
	g_free(smtp);
	return NULL;
}

static bool from_entry(const struct usermap_entry *entry, struct mailbox **out, GError **error)
{
	if (entry->shared) {
		error_set(error, ERROR_MAILBOX, "usermap.duplicate",
		        "no mailbox is known for %s: %s", entry->owner, entry->problem);
		if (error != NULL)
			error_set_subject(*error, entry->owner);
		return false;
	}
	if (entry->problem != NULL)
		return refuse_unmapped(entry->owner, entry->problem, error);
	*out = mailbox_new(entry->owner, entry->smtp, entry->server);
	(*out)->upn = g_strdup(entry->upn);
	(*out)->sip = g_strdup(entry->sip);
	return true;
}

static bool from_rule(
        const struct usermap *map, const char *owner, struct mailbox **out, GError **error)
{
	const struct domain *domain = g_hash_table_lookup(map->domains, address_domain(owner));
	if (domain == NULL || domain->server == NULL)
		return refuse_unmapped(owner,
		        "its domain has no mail server; add [domain NAME] with server to the "
		        "configuration file",
		        error);
	g_autofree char *smtp = apply_rule(map, domain, owner);
	if (smtp == NULL)
		return refuse_unmapped(owner,
		        "rule in [users] makes no address of it; add a line for it to the user map "
		        "file",
		        error);
	g_autofree char *key = mailbox_key(domain->server, smtp);
	const struct usermap_entry *taken = g_hash_table_lookup(map->entries_by_mailbox, key);
	if (taken != NULL) {
		error_set(error, ERROR_MAILBOX, "usermap.duplicate",
		        "%s would be mapped to %s, which line %u of the user map file gives to %s: "
		        "add a line for %s",
		        owner, smtp, taken->line, taken->owner, owner);
		if (error != NULL)
			error_set_subject(*error, owner);
		return false;
	}
	g_autofree char *local = address_local_part(owner);
	*out = mailbox_new(owner, smtp, domain->server);
	(*out)->sip = address_join(local, domain->sip_domain);
	return true;
}

bool usermap_lookup(
        const struct usermap *map, const char *owner, struct mailbox **out, GError **error)
{
	static const struct {
		const char *mode, *advice;
	} listed[] = {
	        {"file", "add a line for it to the user map file"},
	        {"source",
	                "its IM account has no e-mail address; set it there, or add a line to the "
	                "user map file"},
	        {"ldap", "no entry of the directory has this IM address; correct im and filter in "
	                 "[ldap], or add a line to the user map file"},
	};
	*out = NULL;
	const struct usermap_entry *entry = g_hash_table_lookup(map->entries, owner);
	if (entry != NULL)
		return from_entry(entry, out, error);
	for (unsigned i = 0; i < G_N_ELEMENTS(listed); i++)
		if (g_str_equal(map->mode, listed[i].mode))
			return refuse_unmapped(owner, listed[i].advice, error);
	return from_rule(map, owner, out, error);
}

static char *refuse_contact(const char *address, const char *why, GError **error)
{
	error_set(error, ERROR_ITEM, "usermap.contact", "contact %s is left out: %s", address, why);
	if (error != NULL)
		error_set_subject(*error, address);
	return NULL;
}

static char *foreign(const struct usermap *map, const char *address, GError **error)
{
	if (map->keep_foreign)
		return g_strdup(address);
	return refuse_contact(address,
	        "its domain is not in the configuration file; add [domain NAME] for it, or set "
	        "foreign = keep in [users]",
	        error);
}

static char *moved(const char *address, const char *domain)
{
	g_autofree char *local = address_local_part(address);
	return local != NULL ? address_join(local, domain) : g_strdup(domain);
}

char *usermap_to_mail(const struct usermap *map, const char *im_address, GError **error)
{
	if (address_is_tel(im_address))
		return g_strdup(im_address);
	const struct usermap_entry *entry = g_hash_table_lookup(map->entries, im_address);
	if (entry != NULL && entry->sip != NULL && !entry->shared)
		return g_strdup(entry->sip);
	if (entry != NULL)
		return refuse_contact(im_address, entry->problem, error);
	const struct domain *domain = g_hash_table_lookup(map->domains, address_domain(im_address));
	/* A roster may name a colleague by the address that he has on the mail side. */
	bool mail_side = domain == NULL &&
	                 g_hash_table_contains(map->sip_domains, address_domain(im_address));
	if (mail_side)
		return g_strdup(im_address);
	if (domain == NULL)
		return foreign(map, im_address, error);
	g_autofree char *mail = moved(im_address, domain->sip_domain);
	if (g_hash_table_contains(map->entries_by_sip, mail))
		return refuse_contact(im_address,
		        "the user map gives its mail-side address to somebody else; add a "
		        "line "
		        "for it",
		        error);
	return g_steal_pointer(&mail);
}

char *usermap_to_im(const struct usermap *map, const char *mail_address, GError **error)
{
	if (address_is_tel(mail_address))
		return g_strdup(mail_address);
	const struct usermap_entry *entry = g_hash_table_lookup(map->entries_by_sip, mail_address);
	if (entry != NULL && !entry->shared)
		return g_strdup(entry->owner);
	if (entry != NULL)
		return refuse_contact(mail_address, entry->problem, error);
	const char *mail_domain = address_domain(mail_address);
	const struct domain *domain = g_hash_table_lookup(map->sip_domains, mail_domain);
	/* A mailbox may name a colleague by his address on the IM side. */
	if (domain == NULL && g_hash_table_contains(map->domains, mail_domain))
		return g_strdup(mail_address);
	if (domain == NULL)
		return foreign(map, mail_address, error);
	g_autofree char *im = moved(mail_address, domain->name);
	if (g_hash_table_contains(map->entries, im))
		return refuse_contact(mail_address,
		        "the user map file gives another mail-side address to the user of that "
		        "name",
		        error);
	return g_steal_pointer(&im);
}

static void free_mailbox(gpointer mailbox)
{
	mailbox_free(mailbox);
}

void usermap_report_clear(struct usermap_report *report)
{
	g_clear_pointer(&report->mapped, g_ptr_array_unref);
	g_clear_pointer(&report->unmapped, g_ptr_array_unref);
	g_clear_pointer(&report->duplicates, g_ptr_array_unref);
}

static void check_one(
        const struct usermap *map, const char *owner, GHashTable *taken, struct usermap_report *out)
{
	autoptr(mailbox) mailbox = NULL;
	g_autoptr(GError) cause = NULL;
	if (!usermap_lookup(map, owner, &mailbox, &cause)) {
		bool duplicate = error_is(cause, "usermap.duplicate");
		g_ptr_array_add(duplicate ? out->duplicates : out->unmapped,
		        g_strdup(duplicate ? cause->message : owner));
		return;
	}
	char *key = mailbox_key(mailbox->server, mailbox->smtp);
	const char *twin = g_hash_table_lookup(taken, key);
	if (twin != NULL && !g_str_equal(twin, owner))
		g_ptr_array_add(out->duplicates, g_strdup_printf("%s and %s are both mapped to %s",
		                                         twin, owner, mailbox->smtp));
	if (twin != NULL) {
		g_free(key);
		return;
	}
	g_hash_table_insert(taken, key, mailbox->owner);
	g_ptr_array_add(out->mapped, g_steal_pointer(&mailbox));
}

void usermap_check(const struct usermap *map, const char *const *owners, struct usermap_report *out)
{
	out->mapped = g_ptr_array_new_with_free_func(free_mailbox);
	out->unmapped = g_ptr_array_new_with_free_func(g_free);
	out->duplicates = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (; *owners != NULL; owners++)
		check_one(map, *owners, taken, out);
}
