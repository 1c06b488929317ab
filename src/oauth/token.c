#include "oauth/token.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/thread.h"
#include "oauth/challenge.h"
#include "oauth/issuer.h"
#include "oauth/jws.h"
#include "oauth/principal.h"
#include "wire/http.h"

#include <string.h>

/* A token is made anew this long before its end. */
#define RENEW_S 300
/* A token that was made because of a refusal and is refused within this time is a lost case. */
#define REFUSED_AGAIN_US (60 * CLOCK_US_PER_S)

struct cached {
	struct actor_token token;
	char *audience;
	char *partner;
	uint64_t generation;
};

struct token_source {
	struct mutex mutex;
	char *app_id, *realm, *issuer_name;
	int64_t lifetime_s;
	struct keyring *keyring;
	const struct actor_issuer *issuer;
	GPtrArray *partners; /* struct partner * */
	GHashTable *server_origins; /* partner name -> GPtrArray of char * */
	GHashTable *cache; /* "partner\nhost\nkind" -> struct cached */
	GHashTable *refused; /* partner name -> int64_t *: monotonic time of the last refusal */
	uint64_t generation, handed_out;
};

static void cached_free(gpointer data)
{
	struct cached *cached = data;
	actor_token_clear(&cached->token);
	g_free(cached->audience);
	g_free(cached->partner);
	g_free(cached);
}

static void partner_destroy(gpointer partner)
{
	partner_free(partner);
}

static void array_destroy(gpointer array)
{
	g_ptr_array_unref(array);
}

const char *token_realm(const struct config *config, GError **error)
{
	const char *realm = config_string(config, "oauth", NULL, "realm");
	const char *const *domains = config_names(config, "domain");
	if (realm == NULL && domains[0] != NULL) {
		realm = config_string(config, "domain", domains[0], "sip_domain");
		if (realm == NULL)
			realm = domains[0];
	}
	if (realm == NULL || !principal_is_realm(realm)) {
		error_set(error, ERROR_CONFIG, "token.realm",
		        "%s: there is no usable realm for tokens: set oauth.realm, or add a "
		        "[domain NAME] section whose name is the first SIP domain",
		        config_path(config));
		return NULL;
	}
	return realm;
}

/* The operator's own [server NAME] sections say where a partner's mailboxes are. */
static GHashTable *origins_of_servers(const struct config *config)
{
	GHashTable *origins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, array_destroy);
	for (const char *const *name = config_names(config, "server"); *name != NULL; name++) {
		const char *url = config_string(config, "server", *name, "url");
		const char *partner = config_string(config, "server", *name, "partner");
		const char *auth = config_string(config, "server", *name, "auth");
		char *origin = url != NULL ? http_origin(url) : NULL;
		if (origin == NULL || partner == NULL || !g_str_equal(auth, "token")) {
			g_free(origin);
			continue;
		}
		GPtrArray *list = g_hash_table_lookup(origins, partner);
		if (list == NULL) {
			list = g_ptr_array_new_with_free_func(g_free);
			g_hash_table_insert(origins, g_strdup(partner), list);
		}
		g_ptr_array_add(list, origin);
	}
	return origins;
}

static char *configured_app_id(const struct config *config, GError **error)
{
	const char *text = config_string(config, "imex", NULL, "app_id");
	if (text != NULL)
		return principal_id(text, error);
	error_set(error, ERROR_CONFIG, "token.app_id",
	        "%s: imex.app_id is not set, and partners know this installation by it: run imex "
	        "init, or set it to a new GUID",
	        config_path(config));
	return NULL;
}

struct token_source *token_source_new(const struct config *config, GError **error)
{
	const char *realm = token_realm(config, error);
	g_autofree char *app_id = realm != NULL ? configured_app_id(config, error) : NULL;
	if (app_id == NULL)
		return NULL;
	struct keyring *keyring =
	        keyring_open(config_string(config, "imex", NULL, "state_dir"), error);
	if (keyring == NULL)
		return NULL;
	struct token_source *source = g_new0(struct token_source, 1);
	mutex_init(&source->mutex);
	source->app_id = g_steal_pointer(&app_id);
	source->realm = g_strdup(realm);
	source->issuer_name = principal_issuer(source->app_id, realm);
	source->lifetime_s = config_duration_s(config, "oauth", NULL, "token_lifetime");
	source->keyring = keyring;
	source->issuer = &actor_issuer_self;
	source->partners = g_ptr_array_new_with_free_func(partner_destroy);
	source->server_origins = origins_of_servers(config);
	source->cache = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, cached_free);
	source->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return source;
}

void token_source_free(struct token_source *source)
{
	g_hash_table_unref(source->refused);
	g_hash_table_unref(source->cache);
	g_hash_table_unref(source->server_origins);
	g_ptr_array_unref(source->partners);
	keyring_close(source->keyring);
	g_free(source->issuer_name);
	g_free(source->realm);
	g_free(source->app_id);
	mutex_destroy(&source->mutex);
	g_free(source);
}

static const struct partner *find_partner(const struct token_source *source, const char *name)
{
	for (guint i = 0; i < source->partners->len; i++) {
		const struct partner *partner = g_ptr_array_index(source->partners, i);
		if (g_str_equal(partner->name, name))
			return partner;
	}
	return NULL;
}

void token_source_set_partners(struct token_source *source, const GPtrArray *partners)
{
	mutex_lock(&source->mutex);
	g_ptr_array_set_size(source->partners, 0);
	for (guint i = 0; i < partners->len; i++)
		g_ptr_array_add(source->partners, partner_copy(g_ptr_array_index(partners, i)));
	/* The audience holds id and realm: a token made for other ones is not found again. */
	g_hash_table_remove_all(source->cache);
	g_hash_table_remove_all(source->refused);
	mutex_unlock(&source->mutex);
}

void token_source_forget(struct token_source *source)
{
	mutex_lock(&source->mutex);
	g_hash_table_remove_all(source->cache);
	g_hash_table_remove_all(source->refused);
	mutex_unlock(&source->mutex);
}

/* The partner, when tokens may be made for it. */
static const struct partner *need_partner(
        const struct token_source *source, const char *name, GError **error)
{
	const struct partner *partner = find_partner(source, name);
	if (partner == NULL)
		error_set(error, ERROR_CONFIG, "token.no_partner",
		        "there is no partner application %s, so no token can be made for it: run "
		        "imex partner add %s --metadata URL",
		        name, name);
	else if (!partner->enabled)
		error_set(error, ERROR_CONFIG, "token.disabled",
		        "the partner application %s is disabled: run imex partner enable %s", name,
		        name);
	else if (partner->authorization_server != NULL)
		error_set(error, ERROR_CONFIG, "token.unsupported",
		        "tokens for %s come from the authorization server %s, which this version "
		        "cannot ask: give the partner's own keys",
		        name, partner->authorization_server);
	else
		return partner;
	return NULL;
}

static bool origin_recorded(
        const struct token_source *source, const struct partner *partner, const char *origin)
{
	const GPtrArray *list = g_hash_table_lookup(source->server_origins, partner->name);
	for (guint i = 0; list != NULL && i < list->len; i++)
		if (g_str_equal(g_ptr_array_index(list, i), origin))
			return true;
	return partner_has_origin(partner, origin);
}

/* The host that the audience names; NULL unless tokens may go to url. Owned. */
static char *allowed_host(const struct token_source *source, const struct partner *partner,
        const char *url, GError **error)
{
	g_autofree char *origin = http_origin(url);
	bool tls = origin != NULL && g_str_has_prefix(origin, "https://");
	if (tls && origin_recorded(source, partner, origin))
		return principal_origin_host(origin);
	error_set(error, ERROR_CONFIG, "token.origin", "no token of %s is sent to %s: %s",
	        partner->name, origin != NULL ? origin : url,
	        tls ? "it is no origin recorded for this partner; if it belongs to it, run imex "
	              "partner set NAME --origin URL"
	            : "tokens travel over https only; correct the URL");
	return NULL;
}

/* The realm that a token for this partner names: its own, or ours when it serves any. */
static const char *audience_realm(const struct token_source *source, const struct partner *partner)
{
	return g_str_equal(partner->realm, "*") ? source->realm : partner->realm;
}

static bool is_fresh(const struct cached *cached, const char *audience, const char *key)
{
	int64_t now_s = clock_utc_us() / CLOCK_US_PER_S;
	return cached != NULL && g_str_equal(cached->audience, audience) &&
	       g_str_equal(cached->token.key, key) && now_s >= cached->token.nbf_s &&
	       now_s < cached->token.exp_s - RENEW_S;
}

/* The kept actor token for this audience and kind, or a new one. Borrowed. Mutex held. */
static const struct cached *actor_for(struct token_source *source, const struct partner *partner,
        const char *host, bool delegate, GError **error)
{
	g_autofree char *key = source->issuer->key(source->keyring, error);
	if (key == NULL)
		return NULL;
	g_autofree char *audience =
	        principal_audience(partner->app_id, host, audience_realm(source, partner));
	g_autofree char *place =
	        g_strconcat(partner->name, "\n", host, delegate ? "\nuser" : "\napp", NULL);
	struct cached *cached = g_hash_table_lookup(source->cache, place);
	if (is_fresh(cached, audience, key))
		return cached;
	const struct actor_request request = {.app_id = source->app_id,
	        .realm = source->realm,
	        .audience = audience,
	        .delegate = delegate,
	        .lifetime_s = source->lifetime_s};
	struct actor_token token = {0};
	if (!source->issuer->issue(source->keyring, &request, &token, error))
		return NULL;
	cached = g_new0(struct cached, 1);
	cached->token = token;
	cached->audience = g_steal_pointer(&audience);
	cached->partner = g_strdup(partner->name);
	cached->generation = ++source->generation;
	g_hash_table_replace(source->cache, g_steal_pointer(&place), cached);
	return cached;
}

static void set_text(json_t *claims, const char *name, const char *value)
{
	if (value != NULL)
		json_object_set_new(claims, name, json_string(value));
}

/* The unsigned token that names the user and carries the actor token. Owned. */
static char *wrap(const struct cached *cached, const struct mailbox *user)
{
	g_autofree char *nbf = g_strdup_printf("%" G_GINT64_FORMAT, cached->token.nbf_s);
	g_autofree char *exp = g_strdup_printf("%" G_GINT64_FORMAT, cached->token.exp_s);
	json_auto_t *claims = json_object();
	set_text(claims, "aud", cached->audience);
	set_text(claims, "iss", cached->token.nameid);
	set_text(claims, "nbf", nbf);
	set_text(claims, "exp", exp);
	set_text(claims, "nameid", user->upn != NULL ? user->upn : user->smtp);
	set_text(claims, "smtp", user->smtp);
	set_text(claims, "sip", user->sip);
	set_text(claims, "upn", user->upn);
	set_text(claims, "actortoken", cached->token.compact);
	return jws_unsigned(claims);
}

static char *header_locked(struct token_source *source, const char *name, const char *url,
        const struct mailbox *user, uint64_t *generation, GError **error)
{
	const struct partner *partner = need_partner(source, name, error);
	g_autofree char *host = partner != NULL ? allowed_host(source, partner, url, error) : NULL;
	if (host == NULL)
		return NULL;
	const struct cached *cached = actor_for(source, partner, host, user != NULL, error);
	if (cached == NULL)
		return NULL;
	if (generation != NULL)
		*generation = cached->generation;
	source->handed_out++;
	if (user == NULL)
		return g_strconcat("Bearer ", cached->token.compact, NULL);
	g_autofree char *outer = wrap(cached, user);
	return g_strconcat("Bearer ", outer, NULL);
}

static void follow_keys(struct token_source *source)
{
	g_autoptr(GError) cause = NULL;
	if (!keyring_follow(source->keyring, &cause))
		log_error("keys.unreadable", "%s; the keys that were read before stay in use",
		        cause->message);
}

bool token_for(struct token_source *source, const char *partner, const char *url,
        const struct mailbox *user, char **header, uint64_t *generation, GError **error)
{
	mutex_lock(&source->mutex);
	follow_keys(source);
	*header = header_locked(source, partner, url, user, generation, error);
	mutex_unlock(&source->mutex);
	return *header != NULL;
}

/* Checks */

static char *list_text(const GPtrArray *list)
{
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < list->len; i++)
		g_string_append_printf(text, "%s%.200s", i > 0 ? ", " : "",
		        (const char *)g_ptr_array_index(list, i));
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static bool check_bearer(
        const struct partner *partner, const struct challenge *challenge, GError **error)
{
	if (challenge->bearer && challenge->client_id != NULL)
		return true;
	g_autofree char *schemes = list_text(challenge->schemes);
	if (challenge->bearer)
		error_set(error, ERROR_CONFIG, "token.challenge",
		        "%s takes tokens, but its challenge names no client_id, so it is not of "
		        "the server-to-server kind: check the URL",
		        partner->name);
	else
		error_set(error, ERROR_CONFIG, "token.challenge",
		        "%s takes no tokens (it offers %s): switch OAuth on there, or set auth = "
		        "basic for this server",
		        partner->name, schemes[0] != '\0' ? schemes : "nothing");
	return false;
}

static bool check_challenge(const struct token_source *source, const struct partner *partner,
        const struct challenge *challenge, GError **error)
{
	if (!check_bearer(partner, challenge, error))
		return false;
	if (!g_str_equal(challenge->client_id, partner->app_id)) {
		error_set(error, ERROR_CONFIG, "token.client_id",
		        "the server says that it is %.64s, but the partner %s is %s: check the "
		        "URL, or add that server as a partner of its own",
		        challenge->client_id, partner->name, partner->app_id);
		return false;
	}
	const char *realm = audience_realm(source, partner);
	if (challenge->realm != NULL && !g_str_equal(challenge->realm, realm)) {
		error_set(error, ERROR_CONFIG, "token.realm",
		        "the server is in the realm %.255s, but tokens for the partner %s name %s: "
		        "if that is right, run imex partner set %s --realm REALM",
		        challenge->realm, partner->name, realm, partner->name);
		return false;
	}
	if (challenge->lists_issuers && !challenge_trusts(challenge, source->issuer_name)) {
		g_autofree char *trusted = challenge->trusted_issuers->len > 0
		                                   ? list_text(challenge->trusted_issuers)
		                                   : g_strdup("nobody");
		error_set(error, ERROR_CONFIG, "token.not_trusted",
		        "%s does not trust us: it takes tokens of %s, and we are %s; run imex "
		        "partner recipe exchange and type its commands there",
		        partner->name, trusted, source->issuer_name);
		return false;
	}
	return true;
}

static bool explain_refusal(
        const struct partner *partner, const char *header, int64_t retry_utc_us, GError **error)
{
	int code = 0;
	g_autofree char *reason = NULL;
	const char *meaning = NULL;
	GError *made = NULL;
	bool known = diagnostics_parse(header, &code, &reason, &meaning);
	/* 2000005: the user of the token, not the token, is what the server does not like. */
	bool user = known && code == 2000005;
	if (known)
		error_set(&made, user ? ERROR_MAILBOX : ERROR_CONFIG,
		        user ? "token.user" : "token.refused", "%s refused us (%d%s%s): %s",
		        partner->name, code, reason != NULL ? ", " : "",
		        reason != NULL ? reason : "",
		        meaning != NULL ? meaning
		                        : "look the code up in its log, or run imex doctor");
	else
		error_set(&made, ERROR_CONFIG, "token.refused",
		        "%s refused a token that was just made, without saying why: run imex "
		        "doctor",
		        partner->name);
	error_set_retry_at(made, retry_utc_us);
	g_propagate_error(error, made);
	return false;
}

struct drop {
	uint64_t generation;
	bool found;
};

static gboolean drop_generation(gpointer key, gpointer value, gpointer data)
{
	(void)key;
	const struct cached *cached = value;
	struct drop *drop = data;
	bool same = cached->generation == drop->generation;
	drop->found |= same;
	return same;
}

static bool refused_locked(struct token_source *source, const struct partner *partner,
        uint64_t generation, const char *diagnostics, GError **error)
{
	int code = 0;
	g_autofree char *reason = NULL;
	const char *meaning = NULL;
	int64_t now = clock_mono_us();
	if (diagnostics_parse(diagnostics, &code, &reason, &meaning) && code == 2000005)
		return explain_refusal(partner, diagnostics, 0, error);
	struct drop drop = {.generation = generation};
	g_hash_table_foreach_remove(source->cache, drop_generation, &drop);
	/* Somebody else has had it refused and made a new one, or it was renewed meanwhile. */
	if (!drop.found)
		return true;
	int64_t *last = g_hash_table_lookup(source->refused, partner->name);
	if (last != NULL && now - *last < REFUSED_AGAIN_US)
		return explain_refusal(
		        partner, diagnostics, clock_utc_us() + REFUSED_AGAIN_US, error);
	last = g_new(int64_t, 1);
	*last = now;
	g_hash_table_replace(source->refused, g_strdup(partner->name), last);
	return true;
}

bool token_refused(struct token_source *source, const char *name, uint64_t generation,
        const char *const *www_authenticate, const char *diagnostics, GError **error)
{
	autoptr(challenge) challenge = challenge_parse(www_authenticate, error);
	if (challenge == NULL)
		return false;
	mutex_lock(&source->mutex);
	const struct partner *partner = need_partner(source, name, error);
	bool again = partner != NULL && check_challenge(source, partner, challenge, error) &&
	             refused_locked(source, partner, generation, diagnostics, error);
	mutex_unlock(&source->mutex);
	return again;
}

bool token_check_challenge(struct token_source *source, const char *name,
        const char *const *www_authenticate, GError **error)
{
	autoptr(challenge) challenge = challenge_parse(www_authenticate, error);
	if (challenge == NULL)
		return false;
	mutex_lock(&source->mutex);
	const struct partner *partner = need_partner(source, name, error);
	bool good = partner != NULL && check_challenge(source, partner, challenge, error);
	mutex_unlock(&source->mutex);
	return good;
}

struct token_use token_use_of(
        struct token_source *source, const struct config *config, const char *server)
{
	return (struct token_use){.source = source,
	        .partner = config_string(config, "server", server, "partner"),
	        .url = config_string(config, "server", server, "url"),
	        .app_only = config_bool(config, "server", server, "app_only")};
}

bool token_authorize(void *data, const struct mailbox *mailbox, bool refused,
        const char *const *www_authenticate, const char *diagnostics, char **value, GError **error)
{
	struct token_use *use = data;
	*value = NULL;
	if (refused && !token_refused(use->source, use->partner, use->generation, www_authenticate,
	                       diagnostics, error))
		return false;
	return token_for(use->source, use->partner, use->url, use->app_only ? NULL : mailbox, value,
	        &use->generation, error);
}

const char *token_source_issuer(const struct token_source *source)
{
	return source->issuer_name;
}

const char *token_source_realm(const struct token_source *source)
{
	return source->realm;
}

const char *token_source_app_id(const struct token_source *source)
{
	return source->app_id;
}

struct keyring *token_source_keyring(struct token_source *source)
{
	return source->keyring;
}

void token_source_counts(struct token_source *source, uint64_t *handed_out, uint64_t *signatures)
{
	mutex_lock(&source->mutex);
	*handed_out = source->handed_out;
	mutex_unlock(&source->mutex);
	*signatures = keyring_signatures(source->keyring);
}
