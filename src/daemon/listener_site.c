#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/thread.h"
#include "daemon/gate_json.h"
#include "daemon/listener_private.h"
#include "oauth/metadata.h"
#include "oauth/principal.h"
#include "store/mailbox.h"
#include "sync/ingest.h"
#include "sync/lag.h"
#include "sync/usermap.h"
#include "wire/http.h"
#include "wire/json.h"

/* How old what was read of the hold file may be. */
#define ROUTER_US (10 * CLOCK_US_PER_S)

struct listener_site {
	const struct config *config;
	struct keeper *keeper;
	struct verify_rules rules;
	GPtrArray *hosts, *domains; /* NULL-ended, what the rules point to */
	char *public_url;
	struct usermap *map;
	struct listener_senders *senders;
	struct listener_inlet *inlet; /* or NULL */
	struct mutex mutex; /* of what follows, which one thread at a time may use */
	struct store *store;
	struct router *router; /* or NULL */
	int64_t routed_mono_us;
};

void listener_answer_clear(struct listener_answer *answer)
{
	g_free(answer->challenge);
	g_free(answer->body);
}

/* Who has an address */

/* Whether a mailbox has that address under that name; without a UPN or SIP address of its own it
 * is the SMTP address. */
static bool has_name(const struct mailbox *mailbox, enum verify_name kind, const char *address)
{
	const char *name = mailbox->smtp;
	if (kind == VERIFY_UPN && mailbox->upn != NULL)
		name = mailbox->upn;
	else if (kind == VERIFY_SIP && mailbox->sip != NULL)
		name = mailbox->sip;
	return g_ascii_strcasecmp(name, address) == 0;
}

/* Only users whose mailbox is pinned are known; the map alone would know everybody. */
static bool find_user(
        void *data, enum verify_name kind, const char *address, char **owner, GError **error)
{
	struct listener_site *site = data;
	struct mailbox *found = NULL;
	*owner = NULL;
	g_autofree char *im = usermap_to_im(site->map, address, NULL);
	if (im == NULL)
		return true;
	mutex_lock(&site->mutex);
	bool good = store_mailbox_by_owner(site->store, im, &found, error);
	mutex_unlock(&site->mutex);
	autoptr(mailbox) mailbox = found;
	if (good && mailbox != NULL && has_name(mailbox, kind, address))
		*owner = g_steal_pointer(&im);
	return good;
}

/* Making */

static void add_host(GPtrArray *hosts, const char *url)
{
	g_autofree char *origin = url != NULL ? http_origin(url) : NULL;
	char *host = origin != NULL ? principal_origin_host(origin) : NULL;
	if (host != NULL)
		g_ptr_array_add(hosts, host);
}

static void add_domains(GPtrArray *domains, const struct config *config)
{
	for (const char *const *name = config_names(config, "domain"); *name != NULL; name++) {
		const char *sip = config_string(config, "domain", *name, "sip_domain");
		g_ptr_array_add(domains, g_strdup(sip != NULL ? sip : *name));
	}
}

struct listener_site *listener_site_new(
        const struct config *config, struct keeper *keeper, GError **error)
{
	autoptr(listener_site) site = g_new0(struct listener_site, 1);
	struct token_source *tokens = keeper_tokens(keeper);
	mutex_init(&site->mutex);
	site->config = config;
	site->keeper = keeper;
	site->public_url = g_strdup(config_string(config, "listen", NULL, "public_url"));
	site->hosts = g_ptr_array_new_with_free_func(g_free);
	site->domains = g_ptr_array_new_with_free_func(g_free);
	add_host(site->hosts, site->public_url);
	add_domains(site->domains, config);
	g_ptr_array_add(site->hosts, NULL);
	g_ptr_array_add(site->domains, NULL);
	site->map = usermap_new(config, error);
	if (site->map == NULL)
		return NULL;
	site->senders = listener_senders_new(config, error);
	if (site->senders == NULL || !listener_inlet_new(config, site->map, &site->inlet, error))
		return NULL;
	site->store =
	        store_open(config_string(config, "imex", NULL, "store"), STORE_EXISTING, error);
	if (site->store == NULL)
		return NULL;
	site->rules = (struct verify_rules){.app_id = token_source_app_id(tokens),
	        .realm = token_source_realm(tokens),
	        .hosts = (const char *const *)site->hosts->pdata,
	        .domains = (const char *const *)site->domains->pdata,
	        .skew_s = config_duration_s(config, "oauth", NULL, "skew"),
	        .find_user = find_user,
	        .find_user_data = site};
	if (site->public_url == NULL)
		log_warn("listener.no_name",
		        "listen.public_url is not set, so no token can be made for this listener");
	return g_steal_pointer(&site);
}

void listener_site_free(struct listener_site *site)
{
	g_clear_pointer(&site->store, store_close);
	g_clear_pointer(&site->router, router_free);
	g_clear_pointer(&site->inlet, listener_inlet_free);
	g_clear_pointer(&site->senders, listener_senders_free);
	g_clear_pointer(&site->map, usermap_free);
	g_ptr_array_unref(site->hosts);
	g_ptr_array_unref(site->domains);
	g_free(site->public_url);
	mutex_destroy(&site->mutex);
	g_free(site);
}

/* Answers */

void listener_answer_plain(struct listener_answer *answer, unsigned status, const char *text)
{
	answer->status = status;
	answer->type = "text/plain; charset=utf-8";
	answer->cache = "no-store";
	answer->body = g_strdup(text);
}

void listener_answer_json(struct listener_answer *answer, unsigned status, json_t *json)
{
	answer->status = status;
	answer->type = "application/json; charset=utf-8";
	answer->cache = "no-store";
	answer->body = json_dumps(json, JSON_INDENT(1));
	json_decref(json);
}

void listener_answer_error(
        struct listener_answer *answer, unsigned status, const char *reason, const char *message)
{
	listener_answer_json(
	        answer, status, json_pack("{s:s, s:s}", "error", reason, "message", message));
}

bool listener_site_asks(const struct listener_site *site)
{
	return listener_senders_ask(site->senders);
}

struct listener_inlet *listener_site_inlet(struct listener_site *site)
{
	return site->inlet;
}

static void answer_health(struct listener_site *site, const struct listener_request *request,
        struct listener_answer *answer)
{
	static const char *const words[] = {"ok\n", "warning\n", "critical\n"};
	enum lag_level level = LAG_CRITICAL;
	g_autoptr(GError) cause = NULL;
	(void)request;
	mutex_lock(&site->mutex);
	if (!lag_worst(site->store, site->config, &level, &cause))
		log_error("listener.health", "%s", cause->message);
	mutex_unlock(&site->mutex);
	listener_answer_plain(answer, level == LAG_CRITICAL ? 503 : 200, words[level]);
}

static void answer_metadata(struct listener_site *site, const struct listener_request *request,
        struct listener_answer *answer)
{
	(void)request;
	struct keyring *keyring = token_source_keyring(keeper_tokens(site->keeper));
	g_autoptr(GError) cause = NULL;
	if (!keyring_follow(keyring, &cause))
		log_error("keys.unreadable", "%s; the keys that were read before stay in use",
		        cause->message);
	g_autoptr(GPtrArray) certificates = keyring_published(keyring);
	if (certificates->len == 0) {
		listener_answer_plain(answer, 503, "there is no key yet\n");
		return;
	}
	const struct metadata_own own = {.app_id = site->rules.app_id,
	        .realm = site->rules.realm,
	        .name = "imex",
	        .public_url = site->public_url,
	        .certificates = certificates};
	answer->status = 200;
	answer->type = "application/json; charset=utf-8";
	answer->cache = "public, max-age=300";
	answer->body = metadata_print(&own);
}

/* A stranger learns that he is not let in, and nothing of the reason; the log has it. */
static void answer_unauthorized(
        struct listener_site *site, const GError *cause, struct listener_answer *answer)
{
	bool asked = error_is(cause, "verify.absent");
	if (asked)
		log_debug("listener.challenge", "%s", cause->message);
	else
		log_info("listener.refused", "a token was refused (%s): %s", error_reason(cause),
		        cause->message);
	listener_answer_plain(answer, 401, "unauthorized\n");
	answer->challenge = keeper_challenge(site->keeper, &site->rules, !asked);
}

static void answer_whoami(struct listener_site *site, const struct listener_request *request,
        struct listener_answer *answer)
{
	g_autoptr(GError) cause = NULL;
	autoptr(verify_identity) who =
	        keeper_verify(site->keeper, &site->rules, request->authorization, &cause);
	if (who == NULL) {
		answer_unauthorized(site, cause, answer);
		return;
	}
	g_autofree char *expires = clock_format_iso(who->expires_utc_us);
	listener_answer_json(answer, 200,
	        json_pack("{s:s, s:s, s:s?, s:s}", "partner", who->partner, "application",
	                who->app_id, "user", who->owner, "expires", expires));
}

const char *listener_site_sender(struct listener_site *site, const struct listener_request *request,
        struct listener_answer *answer)
{
	g_autoptr(GError) cause = NULL;
	const char *name = NULL;
	if (request->session != NULL)
		name = listener_senders_by_certificate(site->senders, request->session);
	if (name != NULL)
		return name;
	autoptr(verify_identity) who =
	        keeper_verify(site->keeper, &site->rules, request->authorization, &cause);
	if (who == NULL) {
		answer_unauthorized(site, cause, answer);
		return NULL;
	}
	/* A token for one user does not speak for a whole domain. */
	if (who->owner == NULL)
		name = listener_senders_by_partner(site->senders, who->partner);
	if (name == NULL)
		listener_answer_error(answer, 403, "ingest.sender",
		        "no [sender NAME] of imex.conf has this partner, or the token speaks for "
		        "a user");
	return name;
}

/* The hold state may change; the file is read again every few seconds at most. Mutex held. */
static const struct router *current_router(struct listener_site *site, GError **error)
{
	int64_t now = clock_mono_us();
	if (site->router != NULL && now - site->routed_mono_us < ROUTER_US)
		return site->router;
	struct router *router = router_new(site->config, site->map, error);
	if (router == NULL)
		return NULL;
	g_clear_pointer(&site->router, router_free);
	site->router = router;
	site->routed_mono_us = now;
	return router;
}

static bool find_gate(struct listener_site *site, const char *user, const char *peer,
        struct gate *gate, GError **error)
{
	mutex_lock(&site->mutex);
	const struct router *router = current_router(site, error);
	bool good = router != NULL &&
	            gate_find(site->store, site->config, router, user, peer, gate, error);
	mutex_unlock(&site->mutex);
	return good;
}

/* In doubt nothing is answered but that it is not known; the caller goes by its own policy. */
static void answer_gate(struct listener_site *site, const struct listener_request *request,
        struct listener_answer *answer)
{
	const char *sender = listener_site_sender(site, request, answer);
	if (sender == NULL)
		return;
	g_autoptr(GError) cause = NULL;
	g_autofree char *user =
	        request->user != NULL ? address_canonical(request->user, NULL) : NULL;
	g_autofree char *peer =
	        request->peer != NULL ? address_canonical(request->peer, NULL) : NULL;
	struct gate gate;
	if (user == NULL || (request->peer != NULL && peer == NULL)) {
		listener_answer_error(answer, 400, "gate.address",
		        "give /v1/gate?user=ADDRESS and, for the disclaimer, &peer=ADDRESS");
	} else if (!ingest_speaks_for(site->config, sender, user)) {
		listener_answer_error(answer, 403, "ingest.domain",
		        "domains in [sender NAME] does not have this user's domain");
	} else if (!find_gate(site, user, peer, &gate, &cause)) {
		log_error("listener.gate", "%s", cause->message);
		listener_answer_error(
		        answer, 503, error_reason(cause), "the archive cannot be asked now");
	} else {
		listener_answer_json(answer, 200, gate_json(user, &gate));
		gate_clear(&gate);
	}
}

static const struct {
	const char *path;
	void (*answer)(struct listener_site *site, const struct listener_request *request,
	        struct listener_answer *answer);
} routes[] = {
        {"/metadata/json/1", answer_metadata},
        {"/v1/whoami", answer_whoami},
        {"/v1/gate", answer_gate},
        {"/health", answer_health},
};

static bool is_get(const char *method)
{
	return g_str_equal(method, "GET") || g_str_equal(method, "HEAD");
}

void listener_site_answer(struct listener_site *site, const struct listener_request *request,
        struct listener_answer *answer)
{
	bool post = g_str_equal(request->path, LISTENER_POST_PATH);
	if (post || !is_get(request->method)) {
		answer->allow = post ? "POST" : "GET, HEAD";
		listener_answer_plain(answer, 405, post ? "only POST\n" : "only GET and HEAD\n");
		return;
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(routes); i++) {
		if (g_str_equal(routes[i].path, request->path)) {
			routes[i].answer(site, request, answer);
			return;
		}
	}
	listener_answer_plain(answer, 404, "there is nothing here\n");
}
