#include "store/journal.h"

#include "store/image.h"
#include "store/store_private.h"

static const char *const state_names[] = {
        [JOURNAL_PLANNED] = "planned",
        [JOURNAL_MAIL_SENT] = "mail-sent",
        [JOURNAL_IM_SENT] = "im-sent",
};

static const char *const op_names[] = {
        [JOURNAL_KEEP] = "keep",
        [JOURNAL_CREATE] = "create",
        [JOURNAL_UPDATE] = "update",
        [JOURNAL_DELETE] = "delete",
        [JOURNAL_RENAME_GROUP] = "rename-group",
        [JOURNAL_DELETE_TWIN] = "delete-twin",
};

static unsigned index_of(const char *const *names, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (g_strcmp0(names[i], name) == 0)
			return i;
	return 0;
}

static void free_contact(struct contact *contact)
{
	if (contact != NULL)
		contact_free(contact);
}

const char *journal_op_name(enum journal_op op)
{
	return op_names[op];
}

static struct contact *copy_contact(const struct contact *contact)
{
	return contact != NULL ? contact_copy(contact) : NULL;
}

struct journal_step *journal_step_copy(const struct journal_step *step)
{
	struct journal_step *copy = g_new0(struct journal_step, 1);
	*copy = *step;
	copy->key = g_strdup(step->key);
	copy->item_id = g_strdup(step->item_id);
	copy->change_key = g_strdup(step->change_key);
	copy->op_uuid = g_strdup(step->op_uuid);
	copy->mail_before = copy_contact(step->mail_before);
	copy->mail_after = copy_contact(step->mail_after);
	copy->im_before = copy_contact(step->im_before);
	copy->im_after = copy_contact(step->im_after);
	return copy;
}

void journal_step_free(struct journal_step *step)
{
	g_free(step->key);
	g_free(step->item_id);
	g_free(step->change_key);
	g_free(step->op_uuid);
	free_contact(step->mail_before);
	free_contact(step->mail_after);
	free_contact(step->im_before);
	free_contact(step->im_after);
	g_free(step);
}

static void free_step(void *step)
{
	journal_step_free(step);
}

static bool put_step(
        struct store *store, int64_t mailbox_id, const struct journal_step *step, GError **error)
{
	g_autofree char *mail_before = image_write(step->mail_before);
	g_autofree char *mail_after = image_write(step->mail_after);
	g_autofree char *im_before = image_write(step->im_before);
	g_autofree char *im_after = image_write(step->im_after);
	return db_run(store->db,
	        "INSERT INTO journal (mailbox_id, seq, state, key, mail_op, im_op, item_id,"
	        " change_key, op_uuid, mail_before, mail_after, im_before, im_after, waits)"
	        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
	        DB_VALUES(db_int(mailbox_id), db_int(step->seq), db_text(state_names[step->state]),
	                db_text(step->key), db_text(op_names[step->mail]),
	                db_text(op_names[step->im]), db_text(step->item_id),
	                db_text(step->change_key), db_text(step->op_uuid), db_text(mail_before),
	                db_text(mail_after), db_text(im_before), db_text(im_after),
	                db_int(step->waits)),
	        error);
}

bool store_journal_put(struct store *store, const struct lease *lease,
        const struct journal_step *step, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) &&
	                       put_step(store, lease->mailbox->id, step, error),
	               error);
}

static struct journal_step *step_of(const struct db_result *row)
{
	struct journal_step *step = g_new0(struct journal_step, 1);
	step->seq = db_column_int64(row, 0);
	step->state = (enum journal_state)index_of(
	        state_names, G_N_ELEMENTS(state_names), db_column_text(row, 1));
	step->key = db_column_dup(row, 2);
	step->mail =
	        (enum journal_op)index_of(op_names, G_N_ELEMENTS(op_names), db_column_text(row, 3));
	step->im =
	        (enum journal_op)index_of(op_names, G_N_ELEMENTS(op_names), db_column_text(row, 4));
	step->item_id = db_column_dup(row, 5);
	step->change_key = db_column_dup(row, 6);
	step->op_uuid = db_column_dup(row, 7);
	step->mail_before = image_read(step->key, db_column_text(row, 8));
	step->mail_after = image_read(step->key, db_column_text(row, 9));
	step->im_before = image_read(step->key, db_column_text(row, 10));
	step->im_after = image_read(step->key, db_column_text(row, 11));
	step->waits = db_column_int64(row, 12) != 0;
	step->sent_utc_us = db_column_int64(row, 13);
	return step;
}

GPtrArray *store_journal_steps(
        struct store *store, int64_t mailbox_id, int64_t after_seq, unsigned limit, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_step);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT seq, state, key, mail_op, im_op, item_id, change_key, op_uuid, mail_before,"
	        " mail_after, im_before, im_after, waits, sent_utc_us FROM journal"
	        " WHERE mailbox_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
	        DB_VALUES(db_int(mailbox_id), db_int(after_seq), db_int(limit)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0)
		g_ptr_array_add(list, step_of(rows));
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

bool store_journal_count(
        struct store *store, int64_t mailbox_id, int64_t *steps, int64_t *sent, GError **error)
{
	return db_get_int64(store->db,
	               "SELECT count(*) FROM journal WHERE mailbox_id = $1 OR $1 = 0",
	               DB_VALUES(db_int(mailbox_id)), steps, NULL, error) &&
	       db_get_int64(store->db,
	               "SELECT count(*) FROM journal WHERE (mailbox_id = $1 OR $1 = 0)"
	               " AND state <> 'planned'",
	               DB_VALUES(db_int(mailbox_id)), sent, NULL, error);
}

/* n steps that follow each other in the journal. */
static bool mark_run(struct store *store, int64_t mailbox_id, struct journal_step *const *steps,
        size_t n, enum journal_state state, int64_t now_utc_us, GError **error)
{
	if (!db_run(store->db,
	            "UPDATE journal SET state = $4, sent_utc_us = $5"
	            " WHERE mailbox_id = $1 AND seq >= $2 AND seq <= $3",
	            DB_VALUES(db_int(mailbox_id), db_int(steps[0]->seq), db_int(steps[n - 1]->seq),
	                    db_text(state_names[state]), db_int(now_utc_us)),
	            error))
		return false;
	g_assert(db_changes(store->db) == (int64_t)n);
	for (size_t i = 0; i < n; i++) {
		steps[i]->state = state;
		steps[i]->sent_utc_us = now_utc_us;
	}
	return true;
}

static size_t run_length(struct journal_step *const *steps, size_t n)
{
	size_t length = 1;
	while (length < n && steps[length]->seq == steps[length - 1]->seq + 1)
		length++;
	return length;
}

bool store_journal_mark(struct store *store, const struct lease *lease,
        struct journal_step *const *steps, size_t n, enum journal_state state, int64_t now_utc_us,
        GError **error)
{
	if (!store_begin_firm(store, error))
		return false;
	bool good = lease_check(store, lease, error);
	for (size_t i = 0, length; good && i < n; i += length) {
		length = run_length(steps + i, n - i);
		good = mark_run(
		        store, lease->mailbox->id, steps + i, length, state, now_utc_us, error);
	}
	return store_end(store, good, error);
}

/* Round -1: not read yet, so that the server is right to call it new. */
static bool put_mirror(struct store *store, int64_t mailbox_id, const struct journal_step *step,
        const char *address, int64_t now_utc_us, GError **error)
{
	g_autofree char *image = image_write(step->mail_after);
	return db_run(store->db,
	        "INSERT INTO contact_theirs (mailbox_id, item_id, key, address, change_key,"
	        " op_uuid, image, changed_utc_us, round, made_change_key)"
	        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, -1, $9)"
	        " ON CONFLICT (mailbox_id, item_id) DO UPDATE SET key = excluded.key,"
	        " change_key = excluded.change_key, image = excluded.image,"
	        " changed_utc_us = excluded.changed_utc_us",
	        DB_VALUES(db_int(mailbox_id), db_text(step->item_id), db_text(step->key),
	                db_text(address), db_text(step->change_key),
	                step->mail == JOURNAL_CREATE ? db_text(step->op_uuid) : db_null(),
	                db_text(image), db_int(now_utc_us),
	                step->mail == JOURNAL_CREATE ? db_text(step->change_key) : db_null()),
	        error);
}

static bool remove_mirror(
        struct store *store, int64_t mailbox_id, const char *item_id, GError **error)
{
	return db_run(store->db,
	        "DELETE FROM contact_theirs WHERE mailbox_id = $1 AND item_id = $2",
	        DB_VALUES(db_int(mailbox_id), db_text(item_id)), error);
}

/* The mirrored members stand under the new name, too. */
static bool rename_mirror(
        struct store *store, int64_t mailbox_id, const struct journal_step *step, GError **error)
{
	const char *to = g_ptr_array_index(step->mail_after->groups, 0);
	return db_run(store->db,
	        "UPDATE contact_group SET name = $3, agreed_name = $3"
	        " WHERE mailbox_id = $1 AND store_id = $2",
	        DB_VALUES(db_int(mailbox_id), db_text(step->item_id), db_text(to)), error);
}

/* What the mailbox holds now, into the step and into the mirror. */
static bool take_outcome(struct store *store, int64_t id, struct journal_step *step,
        const struct journal_outcome *outcome, const char *address, int64_t now_utc_us,
        GError **error)
{
	if (outcome != NULL && outcome->item_id != NULL) {
		/* Some servers move an item to another id when it changes. */
		if (step->item_id != NULL && !g_str_equal(step->item_id, outcome->item_id) &&
		        !remove_mirror(store, id, step->item_id, error))
			return false;
		g_free(step->item_id);
		g_free(step->change_key);
		step->item_id = g_strdup(outcome->item_id);
		step->change_key = g_strdup(outcome->change_key);
	}
	switch (step->mail) {
	case JOURNAL_CREATE:
	case JOURNAL_UPDATE:
		return put_mirror(store, id, step, address, now_utc_us, error);
	case JOURNAL_DELETE:
	case JOURNAL_DELETE_TWIN:
		return remove_mirror(store, id, step->item_id, error);
	case JOURNAL_RENAME_GROUP:
		return rename_mirror(store, id, step, error);
	case JOURNAL_KEEP:
	default:
		return true;
	}
}

bool store_journal_mail_done(struct store *store, const struct lease *lease,
        struct journal_step *step, const struct journal_outcome *outcome, const char *address,
        int64_t now_utc_us, GError **error)
{
	int64_t id = lease->mailbox->id;
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) &&
	                       mark_run(store, id, &step, 1, JOURNAL_MAIL_SENT, 0, error) &&
	                       take_outcome(store, id, step, outcome, address, now_utc_us, error),
	               error);
}

static bool drop(struct store *store, int64_t mailbox_id, int64_t seq, GError **error)
{
	return db_run(store->db, "DELETE FROM journal WHERE mailbox_id = $1 AND seq = $2",
	        DB_VALUES(db_int(mailbox_id), db_int(seq)), error);
}

/* What the IM side holds now is what was written, so that it is not taken for a change later. */
static bool follow_ours(struct store *store, int64_t mailbox_id, const struct journal_step *step,
        int64_t now_utc_us, GError **error)
{
	if (step->im == JOURNAL_KEEP || step->waits)
		return true;
	if (step->im_after == NULL)
		return db_run(store->db,
		        "DELETE FROM contact_ours WHERE mailbox_id = $1 AND key = $2",
		        DB_VALUES(db_int(mailbox_id), db_text(step->key)), error);
	g_autofree char *image = image_write(step->im_after);
	return db_run(store->db,
	        "INSERT INTO contact_ours (mailbox_id, key, image, changed_utc_us, round)"
	        " SELECT $1, $2, $3, $4, s.round FROM contact_status s WHERE s.mailbox_id = $1"
	        " ON CONFLICT (mailbox_id, key) DO UPDATE SET image = excluded.image,"
	        " changed_utc_us = excluded.changed_utc_us",
	        DB_VALUES(
	                db_int(mailbox_id), db_text(step->key), db_text(image), db_int(now_utc_us)),
	        error);
}

/*
 * A change that waits stays visible as the mailbox's: both images become what the IM side still
 * holds, but for what it could never hold.
 */
static bool agree_waiting(struct store *store, const struct lease *lease,
        const struct journal_step *step, int64_t now_utc_us, GError **error)
{
	if (step->im_before == NULL || step->mail_after == NULL)
		return true;
	autoptr(contact) mail = contact_copy(step->im_before);
	g_free(mail->tel_uri);
	mail->tel_uri = g_strdup(step->mail_after->tel_uri);
	return store_contact_agree(store, lease, step->key, step->item_id, step->change_key,
	        step->im_before, mail, now_utc_us, error);
}

static bool done(struct store *store, const struct lease *lease, const struct journal_step *step,
        int64_t now_utc_us, GError **error)
{
	int64_t id = lease->mailbox->id;
	if (!lease_check(store, lease, error) || !drop(store, id, step->seq, error))
		return false;
	if (step->mail == JOURNAL_RENAME_GROUP || step->mail == JOURNAL_DELETE_TWIN)
		return true;
	if (!store_contact_problem_clear(store, lease, step->key, error) ||
	        !follow_ours(store, id, step, now_utc_us, error))
		return false;
	if (step->waits)
		return agree_waiting(store, lease, step, now_utc_us, error);
	return store_contact_agree(store, lease, step->key,
	        step->item_id != NULL ? step->item_id : "", step->change_key, step->im_after,
	        step->mail_after, now_utc_us, error);
}

bool store_journal_done(struct store *store, const struct lease *lease,
        const struct journal_step *step, int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, done(store, lease, step, now_utc_us, error), error);
}

bool store_journal_mail_all_done(struct store *store, const struct lease *lease,
        struct journal_step *step, const struct journal_outcome *outcome, const char *address,
        int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) &&
	                       take_outcome(store, lease->mailbox->id, step, outcome, address,
	                               now_utc_us, error) &&
	                       done(store, lease, step, now_utc_us, error),
	               error);
}

bool store_journal_drop(struct store *store, const struct lease *lease,
        const struct journal_step *step, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) &&
	                       drop(store, lease->mailbox->id, step->seq, error),
	               error);
}

static bool drop_planned(struct store *store, int64_t mailbox_id, GError **error)
{
	return db_run(store->db, "DELETE FROM journal WHERE mailbox_id = $1 AND state = 'planned'",
	        DB_VALUES(db_int(mailbox_id)), error);
}

bool store_journal_drop_planned(struct store *store, const struct lease *lease, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) &&
	                       drop_planned(store, lease->mailbox->id, error),
	               error);
}
