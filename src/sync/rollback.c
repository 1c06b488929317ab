/*
 * Lists that are brought back: the mailbox's to the IM side, which is in charge again, and a
 * version or a file to where it belongs.
 */
#include "core/clock.h"
#include "core/error.h"
#include "store/life.h"
#include "store/policy.h"
#include "sync/contacts.h"

static void free_contact(void *contact)
{
	contact_free(contact);
}

struct contacts_target *contacts_target_new(
        enum contacts_target_use use, const char *cause, const GPtrArray *contacts)
{
	struct contacts_target *target = g_new0(struct contacts_target, 1);
	target->use = use;
	target->cause = cause;
	target->wanted = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_contact);
	target->doomed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < contacts->len; i++) {
		struct contact *copy = contact_copy(g_ptr_array_index(contacts, i));
		g_hash_table_replace(target->wanted, copy->key, copy);
	}
	return target;
}

void contacts_target_free(struct contacts_target *target)
{
	g_hash_table_unref(target->wanted);
	g_hash_table_unref(target->doomed);
	g_clear_pointer(&target->spared, g_hash_table_unref);
	g_free(target);
}

/*
 * A mailbox's end that is not asked: the mirror stands for it. Nothing is ever written through it,
 * because only the IM side is. The next pass that does ask reads the mailbox in full.
 */
static bool absent_confirm(void *data, GError **error)
{
	(void)data;
	(void)error;
	return true;
}

static bool absent_changes(void *data, const char *state_in, const struct ews_contacts_sink *sink,
        char **state_out, bool *full, GError **error)
{
	(void)data;
	(void)state_in;
	(void)sink;
	(void)error;
	*state_out = NULL;
	*full = false;
	return true;
}

static bool absent_find(
        void *data, const char *address, const char *op_uuid, GPtrArray *found, GError **error)
{
	(void)data;
	(void)address;
	(void)op_uuid;
	(void)found;
	(void)error;
	return true;
}

static const struct mail_end_driver absent = {
        .confirm = absent_confirm,
        .changes = absent_changes,
        .find = absent_find,
};

static bool refuse_read_only(const struct contacts_run *run, GError **error)
{
	error_set(error, ERROR_CONFIG, "source.read_only",
	        "the contacts of %s cannot be copied back, because the IM side is not to be "
	        "written: stop the IM server, set write = sql-offline in its [source], and run "
	        "this again",
	        run->lease->mailbox->owner);
	return false;
}

/* A pass that writes to the IM side alone. */
static bool pass_to_im(
        struct contacts_run *run, bool ask_mailbox, struct contacts_report *report, GError **error)
{
	const struct mail_end mail = run->mail;
	if (!run->im.writable)
		return refuse_read_only(run, error);
	run->policy.rule = PLAN_RULE_MAILBOX;
	run->policy.to_mailbox = false;
	run->policy.to_im = true;
	run->options.force = true;
	run->options.rollback = true;
	if (!ask_mailbox)
		run->mail.driver = &absent;
	bool good = contacts_pass(run, report, error);
	run->mail = mail;
	return good;
}

/* What was agreed is forgotten: another migration links the two lists anew. */
static bool forget_agreement(struct contacts_run *run, bool mailbox_told, GError **error)
{
	struct store *store = run->store;
	autoptr(contact_status) status =
	        store_contact_status(store, run->lease->mailbox->id, error);
	if (status == NULL)
		return false;
	status->rolled_back_utc_us = clock_utc_us();
	status->migrated_utc_us = 0;
	status->generation++;
	status->dirty = true;
	struct contact_life life;
	if (!store_life(store, run->lease->mailbox->id, &life, error))
		return false;
	life = (struct contact_life){
	        .occupied = LIFE_NO, .completed = mailbox_told ? LIFE_NO : life.completed};
	return store_contact_forget(store, run->lease, error) &&
	       store_contact_status_save(store, run->lease, status, error) &&
	       store_life_save(store, run->lease, &life, error) &&
	       store_policy_set(store, POLICY_USER, run->lease->mailbox->owner, "contacts",
	               "not-allowed", error);
}

static bool refuse_partial(
        const struct contacts_run *run, const struct contacts_report *report, GError **error)
{
	const char *owner = run->lease->mailbox->owner;
	error_set(error, ERROR_MAILBOX, "contacts.rollback_partial",
	        "%u contacts of %s could not be copied back, so that the mailbox stays in charge: "
	        "see imex contacts status %s",
	        report->refusals->len, owner, owner);
	return false;
}

/* Says what else can be done when the mailbox, or what it shows, cannot be used. */
static void name_snapshot(const struct contacts_run *run, GError *cause, GError **error)
{
	const char *owner = run->lease->mailbox->owner, *reason = error_reason(cause);
	autoptr(snapshot) newest =
	        store_snapshot_find(run->store, run->lease->mailbox->id, 0, NULL);
	bool of_mailbox = g_str_has_prefix(reason, "http.") || g_str_has_prefix(reason, "ews.") ||
	                  g_str_equal(reason, "plan.mass_delete");
	if (!of_mailbox || newest == NULL) {
		g_propagate_error(error, cause);
		return;
	}
	g_autofree char *taken = clock_format_iso(newest->taken_utc_us);
	error_set(error, error_class_of(cause), "contacts.mailbox_unusable",
	        "the contacts of %s were not taken back, and the mailbox stays in charge (%s): "
	        "should its list be gone for good, imex contacts rollback %s --from-snapshot takes "
	        "version %" G_GINT64_FORMAT " of %s with %" G_GINT64_FORMAT " contacts",
	        owner, cause->message, owner, newest->version, taken, newest->contacts);
	g_error_free(cause);
}

static void spare_new(struct contacts_target *target)
{
	target->spared = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static struct contacts_target *stand_in(
        const struct contacts_run *run, int64_t version, GError **error)
{
	int64_t id = run->lease->mailbox->id;
	autoptr(snapshot) snapshot = store_snapshot_find(run->store, id, version, error);
	g_autoptr(GPtrArray) list =
	        snapshot != NULL ? store_snapshot_read(run->store, id, snapshot->version, error)
	                         : NULL;
	if (list == NULL)
		return NULL;
	struct contacts_target *target = contacts_target_new(TARGET_STANDS_IN, "rollback", list);
	spare_new(target);
	return target;
}

static bool copy_back(struct contacts_run *run, const struct contacts_way_back *way,
        struct contacts_report *report, GError **error)
{
	GError *cause = NULL;
	if (pass_to_im(run, !way->from_snapshot, report, &cause))
		return true;
	name_snapshot(run, cause, error);
	return false;
}

/* Everything is on the IM side: it is put in charge. */
static bool hand_over(struct contacts_run *run, const struct contacts_way_back *way, GError **error)
{
	GError *cause = NULL;
	if (!way->from_snapshot &&
	        !run->mail.driver->migration_completed(run->mail.data, false, &cause)) {
		name_snapshot(run, cause, error);
		return false;
	}
	return store_begin(run->store, error) &&
	       store_end(run->store, forget_agreement(run, !way->from_snapshot, error), error);
}

/* A way back that is interrupted is known as one, and no pass works against it. */
static bool note_begun(const struct contacts_run *run, bool begun, GError **error)
{
	struct contact_life life;
	if (!store_life(run->store, run->lease->mailbox->id, &life, error))
		return false;
	if (!begun)
		life.rolling_back_utc_us = 0;
	else if (life.rolling_back_utc_us == 0)
		life.rolling_back_utc_us = clock_utc_us();
	return store_life_save(run->store, run->lease, &life, error);
}

bool contacts_rollback(struct contacts_run *run, const struct contacts_way_back *way,
        struct contacts_report *report, GError **error)
{
	autoptr(contacts_target) target =
	        way->from_snapshot ? stand_in(run, way->version, error) : NULL;
	if (way->from_snapshot && target == NULL)
		return false;
	if (!run->options.plan_only && !note_begun(run, true, error))
		return false;
	run->target = target;
	bool good = copy_back(run, way, report, error);
	run->target = NULL;
	/* Where nothing was written, the mailbox is in charge as before. */
	if (!good && !run->options.plan_only && !plan_counts_writes(&report->done))
		note_begun(run, false, NULL);
	if (!good || run->options.plan_only)
		return good;
	if (report->refusals != NULL && report->refusals->len > report->unmapped)
		return refuse_partial(run, report, error);
	return hand_over(run, way, error);
}

bool contacts_bring(struct contacts_run *run, struct contacts_report *report, GError **error)
{
	autoptr(contact_status) status =
	        store_contact_status(run->store, run->lease->mailbox->id, error);
	if (status == NULL)
		return false;
	run->options.force = true;
	if (status->migrated_utc_us == 0)
		return pass_to_im(run, false, report, error) &&
		       (run->options.plan_only ||
		               store_contact_forget(run->store, run->lease, error));
	spare_new(run->target);
	run->policy.to_mailbox = run->policy.to_im = true;
	return contacts_pass(run, report, error);
}
