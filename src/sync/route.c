#include "sync/route.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"

#include <string.h>

const struct route_place route_places[] = {
        {ROUTE_HISTORY, "history", "Conversation History", false, "exchange|grommunio|other"},
        {ROUTE_PURGES, "purges", "Recoverable Items/Purges", true, "exchange"},
        {ROUTE_LOCAL, "local", "the local archive", true, "exchange|grommunio|other"},
        {0, NULL, NULL, false, NULL},
};

struct router {
	const struct config *config;
	const struct usermap *map;
	GHashTable *excluded; /* canonical addresses */
	struct holds *holds;
	unsigned folders; /* targets of [archive] folder */
	GPtrArray *ours; /* domains, borrowed: people of others are foreign */
};

static bool add_excluded(struct router *router, const char *word, GError **error)
{
	g_autoptr(GError) cause = NULL;
	char *address = address_canonical(word, &cause);
	if (address != NULL) {
		g_hash_table_add(router->excluded, address);
		return true;
	}
	error_set(error, ERROR_CONFIG, "archive.exclude",
	        "\"%s\" in [archive] exclude is no address of a person or a room: correct it in %s",
	        word, config_path(router->config));
	return false;
}

static unsigned folders_of(const struct config *config)
{
	const char *folder = config_string(config, "archive", NULL, "folder");
	if (g_str_equal(folder, "both"))
		return ROUTE_HISTORY | ROUTE_PURGES;
	return g_str_equal(folder, "purges") ? ROUTE_PURGES : ROUTE_HISTORY;
}

/* The names of the domains and their SIP domains. */
static GPtrArray *domains_of(const struct config *config)
{
	GPtrArray *domains = g_ptr_array_new();
	for (const char *const *name = config_names(config, "domain"); *name != NULL; name++) {
		const char *sip = config_string(config, "domain", *name, "sip_domain");
		g_ptr_array_add(domains, (gpointer)(uintptr_t)*name);
		if (sip != NULL)
			g_ptr_array_add(domains, (gpointer)(uintptr_t)sip);
	}
	return domains;
}

struct router *router_new(const struct config *config, const struct usermap *map, GError **error)
{
	autoptr(router) router = g_new0(struct router, 1);
	router->config = config;
	router->map = map;
	router->folders = folders_of(config);
	router->excluded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (const char *const *word = config_list(config, "archive", NULL, "exclude");
	        *word != NULL; word++)
		if (!add_excluded(router, *word, error))
			return NULL;
	router->ours = domains_of(config);
	router->holds = holds_load(config, error);
	return router->holds != NULL ? g_steal_pointer(&router) : NULL;
}

void router_free(struct router *router)
{
	g_hash_table_unref(router->excluded);
	g_clear_pointer(&router->ours, g_ptr_array_unref);
	g_clear_pointer(&router->holds, holds_free);
	g_free(router);
}

bool router_excludes(const struct router *router, const char *address)
{
	return address != NULL && g_hash_table_contains(router->excluded, address);
}

static bool is_of(const char *domain, const char *ours)
{
	size_t len = strlen(domain), own = strlen(ours);
	return len >= own && g_str_equal(domain + len - own, ours) &&
	       (len == own || domain[len - own - 1] == '.');
}

static bool is_of_any(const GPtrArray *domains, const char *address)
{
	for (guint i = 0; i < domains->len; i++)
		if (is_of(address_domain(address), domains->pdata[i]))
			return true;
	return false;
}

bool router_is_foreign(const struct router *router, const char *address)
{
	return !is_of_any(router->ours, address);
}

bool route_is_foreign(const struct config *config, const char *address)
{
	g_autoptr(GPtrArray) ours = domains_of(config);
	return !is_of_any(ours, address);
}

void route_clear(struct route *route)
{
	g_free(route->what);
	g_free(route->who);
	g_free(route->route);
	g_free(route->because);
	g_clear_pointer(&route->mailbox, mailbox_free);
	*route = (struct route){0};
}

bool route_takes(const struct route *route, enum route_talk talk)
{
	if (route->targets == 0)
		return false;
	return talk == ROUTE_TALK_UNKNOWN || g_str_equal(route->who, "all") ||
	       g_str_equal(route->who, "external") == (talk == ROUTE_TALK_EXTERNAL);
}

char *route_targets_title(unsigned targets)
{
	GString *title = g_string_new(NULL);
	for (const struct route_place *place = route_places; place->name != NULL; place++)
		if ((targets & place->target) != 0)
			g_string_append_printf(
			        title, "%s%s", title->len > 0 ? " and " : "", place->title);
	return g_string_free(title, FALSE);
}

/* Deciding */

static bool resolve(struct store *store, const char *owner, const char *name, char **value,
        enum policy_scope *scope, GError **error)
{
	struct policy_decision decision = {0};
	if (!store_policy_resolve(store, owner, name, &decision, error))
		return false;
	*value = decision.value;
	*scope = decision.scope;
	return true;
}

static bool has_word(const char *words, const char *word)
{
	g_auto(GStrv) list = g_strsplit(words, "|", -1);
	return g_strv_contains((const char *const *)list, word);
}

/* The folders of the configuration; for one that the server does not have, the local archive. */
static void to_mailbox(const struct router *router, struct route *route, const char *why)
{
	const char *server = route->mailbox->server;
	const char *product = config_string(router->config, "server", server, "product");
	const char *missing = NULL;
	for (const struct route_place *place = route_places; place->name != NULL; place++) {
		if ((router->folders & place->target) == 0)
			continue;
		bool there = has_word(place->products, product);
		route->targets |= there ? place->target : ROUTE_LOCAL;
		if (!there)
			missing = place->title;
	}
	if (missing == NULL)
		route->because = g_strdup(why);
	else
		route->because = g_strdup_printf(
		        "%s, but server %s (%s) has no %s", why, server, product, missing);
}

static void to_local(struct route *route, const char *why)
{
	route->targets = ROUTE_LOCAL;
	route->because = g_strdup(why);
}

static void follow_hold(const struct router *router, const char *owner, struct route *route)
{
	route->hold = holds_find(router->holds, owner, route->mailbox, clock_utc_us());
	g_autofree char *learned = route->hold.learned_utc_us != 0
	                                   ? clock_format_iso(route->hold.learned_utc_us)
	                                   : NULL;
	g_autofree char *why = NULL;
	if (route->hold.state == HOLD_UNKNOWN)
		why = g_strdup_printf("archive.route is auto, and whether the mailbox is on hold "
		                      "is not known (%s%s)",
		        learned != NULL                       ? "what is known is too old: "
		        : holds_absent(router->holds) != NULL ? holds_absent(router->holds)
		                                              : "nobody said so",
		        learned != NULL ? learned : "");
	else
		why = g_strdup_printf("archive.route is auto, and the mailbox is %s as of %s",
		        route->hold.state == HOLD_HELD ? "on hold" : "not on hold", learned);
	if (route->hold.state == HOLD_HELD)
		to_mailbox(router, route, why);
	else
		to_local(route, why);
}

/* What needs no mailbox to be decided. */
static bool choose_early(const struct router *router, const char *owner, struct route *route)
{
	if (router_excludes(router, owner))
		route->because = g_strdup_printf("[archive] exclude names %s", owner);
	else if (g_str_equal(route->what, "none"))
		route->because = g_strdup("the policy archive is none");
	else if (g_str_equal(route->route, "none"))
		route->because = g_strdup("the policy archive.route is none");
	else if (router_is_foreign(router, owner))
		route->because = g_strdup("the user is of a domain that is not configured here");
	else if (g_str_equal(route->route, "local"))
		to_local(route, "the policy archive.route is local");
	return route->because != NULL;
}

/* That there is no mailbox is an answer; that it is in doubt whose it is, is none. */
static bool choose(
        const struct router *router, const char *owner, struct route *route, GError **error)
{
	g_autoptr(GError) unmapped = NULL;
	bool mapped = usermap_lookup(router->map, owner, &route->mailbox, &unmapped);
	if (choose_early(router, owner, route))
		return true;
	if (!mapped && !error_is(unmapped, "usermap.unmapped")) {
		g_propagate_error(error, g_steal_pointer(&unmapped));
		return false;
	}
	if (!mapped)
		to_local(route, unmapped->message);
	else if (g_str_equal(route->route, "auto"))
		follow_hold(router, owner, route);
	else
		to_mailbox(router, route, "the policy archive.route is mailbox");
	return true;
}

bool router_find(const struct router *router, struct store *store, const char *owner,
        struct route *out, GError **error)
{
	*out = (struct route){0};
	if (!resolve(store, owner, "archive", &out->what, &out->what_scope, error) ||
	        !resolve(store, owner, "archive.who", &out->who, &out->who_scope, error) ||
	        !resolve(store, owner, "archive.route", &out->route, &out->route_scope, error) ||
	        !choose(router, owner, out, error)) {
		route_clear(out);
		return false;
	}
	return true;
}
