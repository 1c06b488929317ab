/*
 * /control/...: JSON, guarded by the secret of the ready file in the header X-Control-Secret.
 *
 *   GET    faults              every rule, how often it matched and struck
 *   POST   faults              adds a rule (see fault.h for its members); {"id": N}
 *   DELETE faults | faults/N   removes all, or one
 *   GET    counters            {"requests": N, "operation.GetItem": N, "code.NoError": N, ...}
 *   DELETE counters
 *   GET    mailboxes           [{"smtp", "name", "items": {"folder": N}}]
 *   POST   mailboxes           {"smtp", "name"?, "password"?, "upn"?, "sip"?, "alias"?,
 *                               "impersonator"?, "disabled"?, "photo"?}: adds or changes
 *   GET    partners
 *   POST   partners            {"metadata", "ca"?} adds; {"issuer", "enabled"} changes
 *   POST   partners/refresh    reads all metadata documents again
 *   GET    signing             {"current": x5t, "next": ..., "previous": ...}
 *   POST   signing/VERB        stage, publish, clear-previous, roll: see signing.h
 *   POST   tokens              {"audience", "user"?, "slot"?, "lifetime_s"?}: {"app_only",
 * "user"?}, as this server would call a partner application POST   clock               {"skew_s":
 * N}: what time tokens are checked against POST   groups              {"smtp"}: adds a directory
 * distribution group POST   shutdown
 */
#include "http.h"
#include "mint.h"
#include "partner.h"
#include "signing.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static enum MHD_Result reply(struct exchange *x, int status, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	enum MHD_Result rc = http_text(x, status, "application/json", text, NULL);

	free(text);
	json_decref(value);
	return rc;
}

static enum MHD_Result problem(struct exchange *x, const char *why)
{
	return reply(x, 400, json_pack("{s:s}", "error", why));
}

static enum MHD_Result done(struct exchange *x)
{
	return reply(x, 200, json_object());
}

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static enum MHD_Result get_faults(struct exchange *x, const json_t *in, const char *rest)
{
	(void)in;
	(void)rest;
	return reply(x, 200, faults_list(x->devx->faults));
}

static enum MHD_Result post_faults(struct exchange *x, const json_t *in, const char *rest)
{
	char *reason = NULL;
	(void)rest;

	uint64_t id = faults_add(x->devx->faults, in, &reason);
	if (id != 0)
		return reply(x, 200, json_pack("{s:I}", "id", (json_int_t)id));
	enum MHD_Result rc = problem(x, reason);
	g_free(reason);
	return rc;
}

static enum MHD_Result delete_faults(struct exchange *x, const json_t *in, const char *rest)
{
	uint64_t id = *rest == '/' ? g_ascii_strtoull(rest + 1, NULL, 10) : 0;
	(void)in;

	if (!faults_remove(x->devx->faults, id))
		return problem(x, "there is no such fault");
	return done(x);
}

static enum MHD_Result get_counters(struct exchange *x, const json_t *in, const char *rest)
{
	(void)in;
	(void)rest;
	return reply(x, 200, counters_json());
}

static enum MHD_Result delete_counters(struct exchange *x, const json_t *in, const char *rest)
{
	(void)in;
	(void)rest;
	counters_reset();
	return done(x);
}

static json_t *mailbox_json(struct mailbox *mb)
{
	json_t *items = json_object();
	GHashTableIter i;
	gpointer value;

	mailbox_lock(mb);
	g_hash_table_iter_init(&i, mb->folders);
	while (g_hash_table_iter_next(&i, NULL, &value)) {
		struct folder *f = value;
		if (folder_count(f) > 0)
			json_object_set_new(items,
			        f->distinguished != NULL ? f->distinguished : f->name,
			        json_integer(folder_count(f)));
	}
	json_t *object = json_pack("{s:s,s:s,s:s,s:s,s:b,s:o}", "smtp", mb->smtp, "name", mb->name,
	        "upn", mb->upn, "sip", mb->sip, "migrated", (int)mb->migration_completed, "items",
	        items);
	mailbox_unlock(mb);
	return object;
}

static enum MHD_Result get_mailboxes(struct exchange *x, const json_t *in, const char *rest)
{
	struct store *store = x->devx->store;
	json_t *list = json_array();
	(void)in;
	(void)rest;

	pthread_rwlock_rdlock(&store->lock);
	for (guint i = 0; i < store->mailboxes->len; i++)
		json_array_append_new(list, mailbox_json(store->mailboxes->pdata[i]));
	pthread_rwlock_unlock(&store->lock);
	return reply(x, 200, list);
}

/* Base64; an empty text takes the photo away. */
static void set_photo(struct mailbox *mb, const char *text)
{
	gsize length;
	guchar *bytes = g_base64_decode(text, &length);

	mailbox_lock(mb);
	if (mb->photo != NULL)
		g_bytes_unref(mb->photo);
	mb->photo = length > 0 ? g_bytes_new(bytes, length) : NULL;
	mailbox_unlock(mb);
	g_free(bytes);
}

static enum MHD_Result post_mailboxes(struct exchange *x, const json_t *in, const char *rest)
{
	struct store *store = x->devx->store;
	const char *smtp = text_of(in, "smtp"), *alias = text_of(in, "alias");
	struct mailbox *mb = smtp != NULL ? store_find(store, smtp) : NULL;
	(void)rest;

	if (mb == NULL && smtp != NULL)
		mb = store_add(store, smtp, text_of(in, "name"));
	if (mb == NULL)
		return problem(x, "'smtp' is missing or not an address");
	if (text_of(in, "password") != NULL) {
		g_free(mb->password);
		mb->password = g_strdup(text_of(in, "password"));
	}
	if (text_of(in, "upn") != NULL)
		mailbox_set_upn(store, mb, text_of(in, "upn"));
	if (text_of(in, "sip") != NULL)
		mailbox_set_sip(store, mb, text_of(in, "sip"));
	if (alias != NULL && !store_add_address(store, mb, alias))
		return problem(x, "'alias' is taken or not an address");
	if (text_of(in, "photo") != NULL)
		set_photo(mb, text_of(in, "photo"));
	if (json_object_get(in, "impersonator") != NULL)
		mb->impersonator = json_is_true(json_object_get(in, "impersonator"));
	if (json_object_get(in, "disabled") != NULL)
		mb->disabled = json_is_true(json_object_get(in, "disabled"));
	mailbox_lock(mb);
	mb->mod++; /* so that it is kept */
	mailbox_unlock(mb);
	return reply(x, 200, mailbox_json(mb));
}

static enum MHD_Result get_partners(struct exchange *x, const json_t *in, const char *rest)
{
	struct partners *ps = x->devx->partners;
	json_t *list = json_array();
	(void)in;
	(void)rest;

	pthread_mutex_lock(&ps->lock);
	for (guint i = 0; i < ps->list->len; i++) {
		const struct partner *p = ps->list->pdata[i];
		json_array_append_new(
		        list, json_pack("{s:s,s:s?,s:b,s:b,s:i}", "metadata", p->source, "issuer",
		                      p->issuer, "enabled", (int)p->enabled, "loaded",
		                      (int)p->loaded, "keys", (int)p->keys->len));
	}
	pthread_mutex_unlock(&ps->lock);
	return reply(x, 200, list);
}

static bool partner_change(struct partners *ps, const json_t *in)
{
	const char *issuer = text_of(in, "issuer");
	bool found = false;

	pthread_mutex_lock(&ps->lock);
	for (guint i = 0; i < ps->list->len; i++) {
		struct partner *p = ps->list->pdata[i];
		if (issuer == NULL || p->issuer == NULL || strcmp(p->issuer, issuer) != 0)
			continue;
		found = true;
		if (json_object_get(in, "enabled") != NULL)
			p->enabled = json_is_true(json_object_get(in, "enabled"));
		if (json_object_get(in, "full_trust") != NULL)
			p->full_trust = json_is_true(json_object_get(in, "full_trust"));
	}
	pthread_mutex_unlock(&ps->lock);
	return found;
}

static enum MHD_Result post_partners(struct exchange *x, const json_t *in, const char *rest)
{
	struct partners *ps = x->devx->partners;

	if (strcmp(rest, "/refresh") == 0)
		partners_refresh(ps, REFRESH_ALL);
	else if (text_of(in, "metadata") != NULL)
		partner_add(ps, text_of(in, "metadata"), text_of(in, "ca"));
	else if (!partner_change(ps, in))
		return problem(x, "'metadata' or the 'issuer' of a known partner is missing");
	partners_refresh(ps, REFRESH_UNLOADED);
	return get_partners(x, in, rest);
}

static enum MHD_Result get_signing(struct exchange *x, const json_t *in, const char *rest)
{
	(void)in;
	(void)rest;
	return reply(x, 200, signing_slots(x->devx->signing));
}

static enum MHD_Result post_signing(struct exchange *x, const json_t *in, const char *rest)
{
	if (*rest != '/' || !signing_change(x->devx->signing, rest + 1))
		return problem(x, "there is no such verb, or no certificate for it");
	return get_signing(x, in, rest);
}

/* Both in one answer: without a user, and in the name of the one that is given. */
static enum MHD_Result post_tokens(struct exchange *x, const json_t *in, const char *rest)
{
	const char *smtp = text_of(in, "user"), *slot = text_of(in, "slot");
	const json_t *lifetime_s = json_object_get(in, "lifetime_s");
	const struct mailbox *user = smtp != NULL ? store_find(x->devx->store, smtp) : NULL;
	struct mint mint = {.audience = text_of(in, "audience"),
	        .slot = slot != NULL ? slot : "current",
	        .lifetime_s = lifetime_s != NULL ? json_integer_value(lifetime_s) : 28800};
	(void)rest;

	if (mint.audience == NULL)
		return problem(x, "'audience' is missing");
	if (smtp != NULL && user == NULL)
		return problem(x, "'user' is no mailbox");
	char *app_only = mint_token(x->devx, &mint, NULL);
	if (app_only == NULL)
		return problem(x, "there is no key in that 'slot'");
	char *for_user = user != NULL ? mint_token(x->devx, &mint, user) : NULL;
	json_t *tokens = json_pack("{s:s,s:s*}", "app_only", app_only, "user", for_user);
	g_free(app_only);
	g_free(for_user);
	return reply(x, 200, tokens);
}

static enum MHD_Result post_clock(struct exchange *x, const json_t *in, const char *rest)
{
	const json_t *skew = json_object_get(in, "skew_s");
	(void)rest;

	if (!json_is_integer(skew))
		return problem(x, "'skew_s' is missing");
	x->devx->clock_skew_s = (int)json_integer_value(skew);
	return done(x);
}

static enum MHD_Result post_groups(struct exchange *x, const json_t *in, const char *rest)
{
	(void)rest;

	if (text_of(in, "smtp") == NULL)
		return problem(x, "'smtp' is missing");
	store_add_group(x->devx->store, text_of(in, "smtp"));
	return done(x);
}

static enum MHD_Result post_shutdown(struct exchange *x, const json_t *in, const char *rest)
{
	(void)in;
	(void)rest;
	kill(getpid(), SIGTERM);
	return done(x);
}

static const struct {
	const char *method, *name;
	enum MHD_Result (*run)(struct exchange *x, const json_t *in, const char *rest);
} verbs[] = {
        {"GET", "faults", get_faults},
        {"POST", "faults", post_faults},
        {"DELETE", "faults", delete_faults},
        {"GET", "counters", get_counters},
        {"DELETE", "counters", delete_counters},
        {"GET", "mailboxes", get_mailboxes},
        {"POST", "mailboxes", post_mailboxes},
        {"GET", "partners", get_partners},
        {"POST", "partners", post_partners},
        {"GET", "signing", get_signing},
        {"POST", "signing", post_signing},
        {"POST", "tokens", post_tokens},
        {"POST", "clock", post_clock},
        {"POST", "groups", post_groups},
        {"POST", "shutdown", post_shutdown},
};

enum MHD_Result route_control(struct exchange *x)
{
	const char *secret = http_header(x, "X-Control-Secret");
	const char *path = x->url + strlen("/control/");
	size_t n = strcspn(path, "/");
	json_t *in = NULL;

	if (secret == NULL || strcmp(secret, x->devx->secret) != 0)
		return reply(x, 403, json_pack("{s:s}", "error", "wrong or no X-Control-Secret"));
	if (x->body->len > 0) {
		in = json_loadb(x->body->str, x->body->len, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(in)) {
			json_decref(in);
			return problem(x, "the body is not a JSON object");
		}
	}
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (strcmp(verbs[i].method, x->method) != 0 || strlen(verbs[i].name) != n ||
		        strncmp(verbs[i].name, path, n) != 0)
			continue;
		json_t *body = in != NULL ? in : json_object();
		enum MHD_Result rc = verbs[i].run(x, body, path + n);
		json_decref(body);
		return rc;
	}
	json_decref(in);
	return problem(x, "there is no such control verb");
}
