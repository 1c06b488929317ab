#include "daemon/keeper.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/thread.h"
#include "oauth/trust.h"
#include "oauth/watch.h"
#include "store/partner.h"

/* How often the store is asked whether a partner has changed. */
#define POLL_US (2 * CLOCK_US_PER_S)

struct keeper {
	const struct config *config;
	struct token_source *tokens;
	struct store *store; /* of the thread, once it runs */
	struct thread *thread;
	struct mutex mutex;
	struct cond cond;
	bool stopping;
	GPtrArray *partners; /* struct partner *, as of version */
	GHashTable *wanted; /* names of partners one of whose keys was unknown */
	int64_t version;
	int64_t warned_utc_us;
	GHashTable *told; /* certificate -> limit that it was told at */
};

static void partner_destroy(gpointer partner)
{
	partner_free(partner);
}

/* Following the store */

static bool load_partners(struct keeper *keeper, GError **error)
{
	int64_t version = 0;
	if (!store_partner_version(keeper->store, &version, error))
		return false;
	if (version == keeper->version)
		return true;
	GPtrArray *partners = store_partner_list(keeper->store, error);
	if (partners == NULL)
		return false;
	token_source_set_partners(keeper->tokens, partners);
	mutex_lock(&keeper->mutex);
	g_ptr_array_unref(keeper->partners);
	keeper->partners = partners;
	mutex_unlock(&keeper->mutex);
	if (keeper->version != 0)
		log_info("partners.changed", "partners were changed: there are %u now",
		        partners->len);
	keeper->version = version;
	return true;
}

/* Refresh */

/* The partner is read anew, so that a command that ran meanwhile is not undone. */
static bool save_refresh(struct keeper *keeper, const char *name, const struct metadata *metadata,
        struct trust_change *change, GError **error)
{
	autoptr(partner) known = store_partner_get(keeper->store, name, error);
	struct partner *fresh = NULL;
	int64_t hold_s = config_duration_s(keeper->config, "partner", NULL, "key_hold");
	bool good = known != NULL &&
	            trust_refresh(known, metadata, hold_s, false, &fresh, change, error);
	autoptr(partner) updated = fresh;
	return good && store_partner_put(keeper->store, updated, error);
}

static bool refresh(struct keeper *keeper, const struct partner *partner,
        struct trust_change *change, GError **error)
{
	autoptr(http_client) client =
	        trust_client_new(keeper->config, partner->metadata_url, error);
	autoptr(metadata) metadata =
	        client != NULL ? trust_fetch(client, partner->metadata_url, error) : NULL;
	if (metadata == NULL || !store_begin(keeper->store, error))
		return false;
	return store_end(
	        keeper->store, save_refresh(keeper, partner->name, metadata, change, error), error);
}

static void refresh_and_tell(struct keeper *keeper, const struct partner *partner)
{
	struct trust_change change = {0};
	g_autoptr(GError) cause = NULL;
	if (refresh(keeper, partner, &change, &cause)) {
		if (change.held > 0)
			log_error("partner.keys_held",
			        "%s replaced all of its keys at once; the new ones are held back: "
			        "see imex partner show %s",
			        partner->name, partner->name);
		else if (change.added + change.removed > 0)
			log_info("partner.refreshed", "%s: %u new keys, %u gone", partner->name,
			        change.added, change.removed);
		return;
	}
	bool alarm = error_is(cause, "partner.changed");
	log_warn("partner.refresh", "%s", cause->message);
	store_partner_tried(keeper->store, partner->name, clock_utc_us(),
	        alarm ? cause->message : partner->alarm, NULL);
}

static bool is_due(struct keeper *keeper, const struct partner *partner)
{
	const struct config *config = keeper->config;
	if (partner->metadata_url == NULL || !partner->enabled)
		return false;
	int64_t since_us = clock_utc_us() - partner->tried_utc_us;
	int64_t every_s = config_duration_s(config, "partner", NULL, "refresh");
	int64_t least_s = config_duration_s(config, "partner", NULL, "refresh_min");
	mutex_lock(&keeper->mutex);
	bool wanted = g_hash_table_contains(keeper->wanted, partner->name);
	bool due = since_us >= every_s * CLOCK_US_PER_S ||
	           (wanted && since_us >= least_s * CLOCK_US_PER_S) || since_us < 0;
	if (wanted)
		g_hash_table_remove(keeper->wanted, partner->name);
	mutex_unlock(&keeper->mutex);
	return due;
}

/* Asked of the store, because several imexd may share the work and tried is not a change. */
static void refresh_due(struct keeper *keeper)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(GPtrArray) partners = store_partner_list(keeper->store, &cause);
	if (partners == NULL) {
		log_warn("partners.unreadable", "%s", cause->message);
		return;
	}
	for (guint i = 0; i < partners->len; i++) {
		const struct partner *partner = g_ptr_array_index(partners, i);
		if (is_due(keeper, partner))
			refresh_and_tell(keeper, partner);
	}
}

/* Warnings */

/* Once at each limit, and daily in the last week. */
static void tell_end(struct keeper *keeper, const struct watched *watched)
{
	int64_t now = clock_utc_us();
	int limit = watched_limit(watched, now);
	g_autofree char *key = g_strconcat(watched->what, "\n", watched->whose, "\n",
	        watched->subject != NULL ? watched->subject : "", NULL);
	gpointer told = NULL;
	bool again = g_hash_table_lookup_extended(keeper->told, key, NULL, &told);
	if (limit == WATCH_NONE || (again && GPOINTER_TO_INT(told) == limit && limit > 7))
		return;
	g_hash_table_replace(keeper->told, g_steal_pointer(&key), GINT_TO_POINTER(limit));
	if (watched->trouble != NULL)
		log_error("cert.ending", "the certificate of %s (%s): %s: %s", watched->whose,
		        watched->what, watched->trouble, watched->next);
	else if (limit <= 7)
		log_error("cert.ending",
		        "the certificate %s of %s (%s) ends in %" G_GINT64_FORMAT " days: %s",
		        watched->subject, watched->whose, watched->what, watched_days(watched, now),
		        watched->next);
	else
		log_warn("cert.ending",
		        "the certificate %s of %s (%s) ends in %" G_GINT64_FORMAT " days: %s",
		        watched->subject, watched->whose, watched->what, watched_days(watched, now),
		        watched->next);
}

static void warn_daily(struct keeper *keeper)
{
	int64_t now = clock_utc_us();
	if (now - keeper->warned_utc_us < CLOCK_US_PER_DAY)
		return;
	keeper->warned_utc_us = now;
	g_autoptr(GPtrArray) list = watch_certificates(
	        keeper->config, token_source_keyring(keeper->tokens), keeper->partners, true);
	for (guint i = 0; i < list->len; i++)
		tell_end(keeper, g_ptr_array_index(list, i));
}

/* The thread */

static bool wait_for_work(struct keeper *keeper)
{
	mutex_lock(&keeper->mutex);
	int64_t until = clock_mono_us() + POLL_US;
	while (!keeper->stopping && g_hash_table_size(keeper->wanted) == 0 &&
	        cond_wait_until(&keeper->cond, &keeper->mutex, until))
		;
	bool go_on = !keeper->stopping;
	mutex_unlock(&keeper->mutex);
	return go_on;
}

static void follow_keys(struct keeper *keeper)
{
	g_autoptr(GError) cause = NULL;
	if (!keyring_follow(token_source_keyring(keeper->tokens), &cause))
		log_error("keys.unreadable", "%s; the keys that were read before stay in use",
		        cause->message);
}

static void run(void *data)
{
	struct keeper *keeper = data;
	bool troubled = false;
	while (wait_for_work(keeper)) {
		g_autoptr(GError) cause = NULL;
		follow_keys(keeper);
		bool good = load_partners(keeper, &cause);
		if (!good && !troubled)
			log_warn("partners.unreadable", "%s; those known before stay in use",
			        cause->message);
		troubled = !good;
		if (!good)
			continue;
		refresh_due(keeper);
		warn_daily(keeper);
		load_partners(keeper, NULL);
	}
}

static bool begin(struct keeper *keeper, GError **error)
{
	keeper->tokens = token_source_new(keeper->config, error);
	if (keeper->tokens == NULL)
		return false;
	keeper->store = store_open(
	        config_string(keeper->config, "imex", NULL, "store"), STORE_EXISTING, error);
	if (keeper->store == NULL || !load_partners(keeper, error))
		return false;
	if (keeper->partners->len == 0)
		log_info("partners.none",
		        "there is no partner application: no token is made or taken");
	keeper->thread = thread_start("keeper", run, keeper);
	return true;
}

struct keeper *keeper_start(const struct config *config, GError **error)
{
	struct keeper *keeper = g_new0(struct keeper, 1);
	keeper->config = config;
	mutex_init(&keeper->mutex);
	cond_init(&keeper->cond);
	keeper->partners = g_ptr_array_new_with_free_func(partner_destroy);
	keeper->wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	keeper->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (begin(keeper, error))
		return keeper;
	keeper_stop(keeper);
	return NULL;
}

void keeper_stop(struct keeper *keeper)
{
	if (keeper->thread != NULL) {
		mutex_lock(&keeper->mutex);
		keeper->stopping = true;
		cond_signal(&keeper->cond);
		mutex_unlock(&keeper->mutex);
		thread_join(keeper->thread);
	}
	g_clear_pointer(&keeper->store, store_close);
	g_clear_pointer(&keeper->tokens, token_source_free);
	g_ptr_array_unref(keeper->partners);
	g_hash_table_unref(keeper->wanted);
	g_hash_table_unref(keeper->told);
	cond_destroy(&keeper->cond);
	mutex_destroy(&keeper->mutex);
	g_free(keeper);
}

struct token_source *keeper_tokens(struct keeper *keeper)
{
	return keeper->tokens;
}

struct verify_identity *keeper_verify(struct keeper *keeper, const struct verify_rules *rules,
        const char *const *authorization, GError **error)
{
	char *unknown = NULL;
	mutex_lock(&keeper->mutex);
	struct verify_identity *identity =
	        verify_authorization(rules, keeper->partners, authorization, &unknown, error);
	if (unknown != NULL) {
		g_hash_table_add(keeper->wanted, unknown);
		cond_signal(&keeper->cond);
	}
	mutex_unlock(&keeper->mutex);
	return identity;
}

char *keeper_challenge(struct keeper *keeper, const struct verify_rules *rules, bool invalid)
{
	mutex_lock(&keeper->mutex);
	char *text = verify_challenge(rules, keeper->partners, invalid);
	mutex_unlock(&keeper->mutex);
	return text;
}
