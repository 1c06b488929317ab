#include "cli/migrate_plan.h"

#include "core/clock.h"
#include "core/digest.h"
#include "core/thread.h"
#include "store/journal.h"
#include "wire/json.h"

#include <string.h>

#define FORMAT "imex-migration-plan-1"
#define MAX_BYTES (512 * 1024 * 1024)
#define MAX_DEPTH 16
#define BEGUN_PREFIX "migrate.plan."

struct migrate_plan {
	struct mutex mutex; /* over users while plans are collected */
	GHashTable *users; /* owner -> json_t object */
	GHashTable *begun; /* owner -> digest of the plan that has begun */
	bool adopt;
	char *from;
};

static void free_json(void *value)
{
	json_decref(value);
}

struct migrate_plan *migrate_plan_new(void)
{
	struct migrate_plan *plan = g_new0(struct migrate_plan, 1);
	mutex_init(&plan->mutex);
	plan->users = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_json);
	plan->begun = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return plan;
}

void migrate_plan_free(struct migrate_plan *plan)
{
	mutex_destroy(&plan->mutex);
	g_hash_table_unref(plan->users);
	g_hash_table_unref(plan->begun);
	g_free(plan->from);
	g_free(plan);
}

bool migrate_plan_adopt(const struct migrate_plan *plan)
{
	return plan->adopt;
}

const char *migrate_plan_from(const struct migrate_plan *plan)
{
	return plan->from;
}

static int by_text(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *migrate_plan_users(const struct migrate_plan *plan)
{
	GPtrArray *users = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer owner;
	g_hash_table_iter_init(&iter, plan->users);
	while (g_hash_table_iter_next(&iter, &owner, NULL))
		g_ptr_array_add(users, g_strdup(owner));
	g_ptr_array_sort(users, by_text);
	g_ptr_array_add(users, NULL);
	return users;
}

/*
 * One user's plan as JSON.
 */

static json_t *contact_json(const struct contact *contact)
{
	if (contact == NULL)
		return json_null();
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	for (guint i = 0; i < contact->groups->len; i++)
		g_ptr_array_add(names, contact->groups->pdata[i]);
	g_ptr_array_sort(names, by_text);
	json_t *groups = json_array();
	for (guint i = 0; i < names->len; i++)
		json_array_append_new(groups, json_string(names->pdata[i]));
	return json_pack("{s:s?, s:o, s:s?}", "name", contact->name, "groups", groups, "tel",
	        contact->tel_uri);
}

static json_t *step_json(const struct journal_step *step)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "contact", step->key, "mailbox",
	        journal_op_name(step->mail), "im", journal_op_name(step->im), "mailbox_before",
	        contact_json(step->mail_before), "mailbox_after", contact_json(step->mail_after),
	        "im_before", contact_json(step->im_before), "im_after",
	        contact_json(step->im_after));
}

static char *digest_of_user(const json_t *user)
{
	json_auto_t *bare = json_copy((json_t *)(uintptr_t)user);
	json_object_del(bare, "digest");
	char *text = json_dumps(bare, JSON_SORT_KEYS | JSON_COMPACT);
	char *digest = digest_of(text != NULL ? text : "", text != NULL ? strlen(text) : 0);
	free(text);
	return digest;
}

static json_t *user_json(const struct contacts_run *run, const GPtrArray *planned,
        const struct contacts_report *report)
{
	const struct mailbox *mailbox = run->lease->mailbox;
	json_t *steps = json_array(), *refused = json_array();
	for (guint i = 0; i < planned->len; i++)
		json_array_append_new(steps, step_json(planned->pdata[i]));
	for (guint i = 0; report->refusals != NULL && i < report->refusals->len; i++) {
		const struct contacts_refusal *refusal = report->refusals->pdata[i];
		json_array_append_new(refused, json_pack("{s:s, s:s}", "contact", refusal->key,
		                                       "reason", refusal->reason));
	}
	json_t *user = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "user", mailbox->owner,
	        "mailbox", mailbox->smtp, "server", mailbox->server, "contacts",
	        (json_int_t)report->plan.ours, "link", (json_int_t)report->plan.linked, "skip",
	        (json_int_t)report->plan.unchanged, "steps", steps, "refused", refused);
	g_autofree char *digest = user != NULL ? digest_of_user(user) : NULL;
	if (user != NULL)
		json_object_set_new(user, "digest", json_string(digest));
	return user;
}

bool migrate_plan_collect(void *data, const struct contacts_run *run, const GPtrArray *steps,
        const struct contacts_report *report, GError **error)
{
	struct migrate_plan *plan = data;
	json_t *user = user_json(run, steps, report);
	if (user == NULL) {
		error_set(error, ERROR_MAILBOX, "plan.file",
		        "the plan of %s holds a text that is not UTF-8",
		        run->lease->mailbox->owner);
		return false;
	}
	mutex_lock(&plan->mutex);
	g_hash_table_replace(plan->users, g_strdup(run->lease->mailbox->owner), user);
	mutex_unlock(&plan->mutex);
	return true;
}

/*
 * Checking against what was approved.
 */

static char *step_text(const json_t *step)
{
	return json_dumps(step, JSON_SORT_KEYS | JSON_COMPACT);
}

static bool all_among(const json_t *now, const json_t *approved)
{
	g_autoptr(GHashTable) allowed = g_hash_table_new_full(g_str_hash, g_str_equal, free, NULL);
	const json_t *lists[] = {json_object_get(approved, "steps"), json_object_get(now, "steps")};
	size_t i;
	json_t *step;
	json_array_foreach (lists[0], i, step)
		g_hash_table_add(allowed, step_text(step));
	bool all = true;
	json_array_foreach (lists[1], i, step) {
		char *text = step_text(step);
		all = all && g_hash_table_contains(allowed, text);
		free(text);
	}
	return all;
}

static const char *digest_in(const json_t *user)
{
	return json_string_value(json_object_get(user, "digest"));
}

static bool refuse_changed(const char *owner, GError **error)
{
	error_set(error, ERROR_MAILBOX, "plan.changed",
	        "the contacts of %s are not as they were when the plan was made: nothing was "
	        "written; make a new plan with --plan-out",
	        owner);
	return false;
}

bool migrate_plan_check(void *data, const struct contacts_run *run, const GPtrArray *steps,
        const struct contacts_report *report, GError **error)
{
	const struct migrate_plan *plan = data;
	const char *owner = run->lease->mailbox->owner;
	json_auto_t *now = user_json(run, steps, report);
	const json_t *approved = g_hash_table_lookup(plan->users, owner);
	if (now == NULL || approved == NULL)
		return refuse_changed(owner, error);
	const char *digest = digest_in(approved);
	bool begun = report->rounds > 1 ||
	             g_strcmp0(g_hash_table_lookup(plan->begun, owner), digest) == 0;
	if (begun)
		return all_among(now, approved) || refuse_changed(owner, error);
	if (g_strcmp0(digest_in(now), digest) != 0)
		return refuse_changed(owner, error);
	g_autofree char *name = g_strconcat(BEGUN_PREFIX, owner, NULL);
	return run->options.plan_only || store_property_set(run->store, name, digest, error);
}

bool migrate_plan_load_begun(struct migrate_plan *plan, struct store *store, GError **error)
{
	GHashTableIter iter;
	gpointer owner;
	g_hash_table_iter_init(&iter, plan->users);
	while (g_hash_table_iter_next(&iter, &owner, NULL)) {
		g_autofree char *name = g_strconcat(BEGUN_PREFIX, owner, NULL);
		char *digest = NULL;
		if (!store_property_get(store, name, &digest, error))
			return false;
		if (digest != NULL)
			g_hash_table_replace(plan->begun, g_strdup(owner), digest);
	}
	return true;
}

bool migrate_plan_forget_begun(
        const struct migrate_plan *plan, struct store *store, const char *owner, GError **error)
{
	(void)plan;
	g_autofree char *name = g_strconcat(BEGUN_PREFIX, owner, NULL);
	return store_property_set(store, name, NULL, error);
}

/*
 * The file.
 */

static bool refuse_file(const char *path, const char *why, GError **error)
{
	error_set(error, ERROR_CONFIG, "plan.file",
	        "%s is not used: %s; make a plan with imex migrate --plan-out", path, why);
	return false;
}

bool migrate_plan_write(const struct migrate_plan *plan, const char *path, bool adopt,
        const char *from, GError **error)
{
	g_autofree char *made = clock_format_iso(clock_utc_us());
	g_autoptr(GPtrArray) owners = migrate_plan_users(plan);
	json_t *users = json_array();
	for (guint i = 0; i + 1 < owners->len; i++)
		json_array_append(users, g_hash_table_lookup(plan->users, owners->pdata[i]));
	json_auto_t *whole = json_pack("{s:s, s:s, s:b, s:s?, s:o}", "format", FORMAT, "made", made,
	        "adopt", adopt, "from", from, "users", users);
	char *text = whole != NULL ? json_dumps(whole, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;
	g_autoptr(GError) cause = NULL;
	bool good = text != NULL && g_file_set_contents_full(path, text, -1,
	                                    G_FILE_SET_CONTENTS_CONSISTENT, 0600, &cause);
	free(text);
	if (!good)
		error_set(error, ERROR_CONFIG, "plan.file", "the plan cannot be written to %s: %s",
		        path, cause != NULL ? cause->message : "a text is not UTF-8");
	return good;
}

static bool take_user(struct migrate_plan *plan, const char *path, json_t *user, GError **error)
{
	const char *owner = json_string_value(json_object_get(user, "user"));
	const char *digest = digest_in(user);
	if (owner == NULL || digest == NULL || !json_is_array(json_object_get(user, "steps")))
		return refuse_file(path, "a user's plan is not whole", error);
	g_autofree char *expected = digest_of_user(user);
	if (!g_str_equal(expected, digest)) {
		error_set(error, ERROR_CONFIG, "plan.edited",
		        "%s is not used: the plan of %s in it was changed by hand; whole users may "
		        "be taken out, nothing else",
		        path, owner);
		return false;
	}
	if (!g_hash_table_insert(plan->users, g_strdup(owner), json_incref(user)))
		return refuse_file(path, "a user stands in it twice", error);
	return true;
}

static bool take_whole(
        struct migrate_plan *plan, const char *path, const json_t *whole, GError **error)
{
	const json_t *users = json_object_get(whole, "users");
	const char *format = json_string_value(json_object_get(whole, "format"));
	if (g_strcmp0(format, FORMAT) != 0 || !json_is_array(users))
		return refuse_file(path, "it is no plan of a migration", error);
	plan->adopt = json_is_true(json_object_get(whole, "adopt"));
	plan->from = g_strdup(json_string_value(json_object_get(whole, "from")));
	size_t i;
	json_t *user;
	json_array_foreach (users, i, user)
		if (!take_user(plan, path, user, error))
			return false;
	return true;
}

struct migrate_plan *migrate_plan_read(const char *path, GError **error)
{
	autoptr(migrate_plan) plan = migrate_plan_new();
	g_autofree char *text = NULL;
	g_autoptr(GError) cause = NULL;
	gsize len = 0;
	json_auto_t *whole = NULL;
	if (!g_file_get_contents(path, &text, &len, &cause) ||
	        !json_parse_limited(text, len, MAX_BYTES, MAX_DEPTH, &whole, &cause)) {
		refuse_file(path, cause->message, error);
		return NULL;
	}
	return take_whole(plan, path, whole, error) ? g_steal_pointer(&plan) : NULL;
}
