/* Beside the lists: groups, conflicts, waiting changes, problems, uncertain creates, copies. */
#include "store/contact.h"
#include "store/image.h"
#include "store/store_private.h"

#include "core/clock.h"

#define PROBLEM_FIRST_WAIT_US (3600 * CLOCK_US_PER_S)
#define PROBLEM_DOUBLINGS 5 /* at most 32 hours */

void contact_group_free(struct contact_group *group)
{
	group_free(group->group);
	g_free(group->agreed_name);
	g_free(group);
}

void contact_conflict_free(struct contact_conflict *conflict)
{
	g_free(conflict->key);
	g_free(conflict->field);
	g_free(conflict->im_value);
	g_free(conflict->mail_value);
	g_free(conflict);
}

void contact_pending_free(struct contact_pending *pending)
{
	g_free(pending->key);
	if (pending->contact != NULL)
		contact_free(pending->contact);
	g_free(pending);
}

void contact_problem_free(struct contact_problem *problem)
{
	g_free(problem->key);
	g_free(problem->reason);
	g_free(problem->message);
	g_free(problem);
}

static void free_group(void *group)
{
	contact_group_free(group);
}

static void free_conflict(void *conflict)
{
	contact_conflict_free(conflict);
}

static void free_pending(void *pending)
{
	contact_pending_free(pending);
}

static void free_problem(void *problem)
{
	contact_problem_free(problem);
}

static bool put_group(struct store *store, int64_t mailbox_id, int64_t round,
        const struct group *group, GError **error)
{
	if (group->name == NULL)
		return db_run(store->db,
		        "DELETE FROM contact_group WHERE mailbox_id = $1 AND store_id = $2",
		        DB_VALUES(db_int(mailbox_id), db_text(group->store_id)), error);
	return db_run(store->db,
	        "INSERT INTO contact_group (mailbox_id, store_id, name, kind, smtp, change_key,"
	        " round) VALUES ($1, $2, $3, $4, $5, $6, $7)"
	        " ON CONFLICT (mailbox_id, store_id) DO UPDATE SET name = excluded.name,"
	        " kind = excluded.kind, smtp = excluded.smtp, change_key = excluded.change_key,"
	        " round = excluded.round",
	        DB_VALUES(db_int(mailbox_id), db_text(group->store_id), db_text(group->name),
	                db_text(group_kind_name(group->kind)), db_text(group->smtp),
	                db_text(group->change_key), db_int(round)),
	        error);
}

static bool stage_groups(struct store *store, const struct lease *lease, int64_t round,
        const GPtrArray *groups, GError **error)
{
	bool good = lease_check(store, lease, error);
	for (guint i = 0; good && i < groups->len; i++)
		good = put_group(
		        store, lease->mailbox->id, round, g_ptr_array_index(groups, i), error);
	return good;
}

bool store_contact_stage_groups(struct store *store, const struct lease *lease, int64_t round,
        const GPtrArray *groups, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, stage_groups(store, lease, round, groups, error), error);
}

static struct contact_group *group_of(const struct db_result *row)
{
	struct contact_group *group = g_new0(struct contact_group, 1);
	enum group_kind kind = GROUP_KIND_USER;
	group_kind_parse(db_column_text(row, 2), &kind);
	group->group = group_new(db_column_text(row, 1), kind);
	group->group->store_id = db_column_dup(row, 0);
	group->group->smtp = db_column_dup(row, 3);
	group->group->change_key = db_column_dup(row, 4);
	group->agreed_name = db_column_dup(row, 5);
	return group;
}

GPtrArray *store_contact_groups(struct store *store, int64_t mailbox_id, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_group);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT store_id, name, kind, smtp, change_key, agreed_name FROM contact_group"
	        " WHERE mailbox_id = $1 ORDER BY name, store_id",
	        DB_VALUES(db_int(mailbox_id)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0)
		g_ptr_array_add(list, group_of(rows));
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

bool store_contact_groups_agree(struct store *store, const struct lease *lease, GError **error)
{
	return lease_run(store, lease,
	        "UPDATE contact_group SET agreed_name = name WHERE mailbox_id = $1"
	        " AND agreed_name IS DISTINCT FROM name",
	        DB_VALUES(db_int(lease->mailbox->id)), error);
}

bool store_contact_group_agree(struct store *store, const struct lease *lease, const char *store_id,
        const char *name, GError **error)
{
	return lease_run(store, lease,
	        "UPDATE contact_group SET agreed_name = name"
	        " WHERE mailbox_id = $1 AND store_id = $2 AND name = $3",
	        DB_VALUES(db_int(lease->mailbox->id), db_text(store_id), db_text(name)), error);
}

bool store_contact_conflict_add(struct store *store, const struct lease *lease,
        const struct contact_conflict *conflict, GError **error)
{
	return lease_run(store, lease,
	        "INSERT INTO contact_conflict (mailbox_id, key, field, seen_utc_us, im_value,"
	        " mail_value, mailbox_won) SELECT $1, $2, $3, COALESCE((SELECT max(l.seen_utc_us) "
	        "+ 1"
	        " FROM contact_conflict l WHERE l.mailbox_id = $1 AND l.key = $2 AND l.field = $3"
	        " AND l.seen_utc_us >= $4), $4), $5, $6, $7 WHERE NOT EXISTS"
	        " (SELECT 1 FROM contact_conflict c WHERE c.mailbox_id = $1 AND c.key = $2"
	        " AND c.field = $3 AND c.im_value IS NOT DISTINCT FROM $5"
	        " AND c.mail_value IS NOT DISTINCT FROM $6 AND c.seen_utc_us > $8)"
	        " ON CONFLICT DO NOTHING",
	        DB_VALUES(db_int(lease->mailbox->id), db_text(conflict->key),
	                db_text(conflict->field), db_int(conflict->seen_utc_us),
	                db_text(conflict->im_value), db_text(conflict->mail_value),
	                db_int(conflict->mailbox_won),
	                db_int(conflict->seen_utc_us - CLOCK_US_PER_DAY)),
	        error);
}

GPtrArray *store_contact_conflicts(
        struct store *store, int64_t mailbox_id, unsigned limit, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_conflict);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT key, field, im_value, mail_value, mailbox_won, seen_utc_us"
	        " FROM contact_conflict WHERE mailbox_id = $1"
	        " ORDER BY seen_utc_us DESC, key, field LIMIT $2",
	        DB_VALUES(db_int(mailbox_id), db_int(limit)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0) {
		struct contact_conflict *conflict = g_new0(struct contact_conflict, 1);
		conflict->key = db_column_dup(rows, 0);
		conflict->field = db_column_dup(rows, 1);
		conflict->im_value = db_column_dup(rows, 2);
		conflict->mail_value = db_column_dup(rows, 3);
		conflict->mailbox_won = db_column_int64(rows, 4) != 0;
		conflict->seen_utc_us = db_column_int64(rows, 5);
		g_ptr_array_add(list, conflict);
	}
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

bool store_contact_pending_add(struct store *store, const struct lease *lease, const char *key,
        const struct contact *contact, int64_t now_utc_us, GError **error)
{
	g_autofree char *image = image_write(contact);
	return lease_run(store, lease,
	        "INSERT INTO contact_pending (mailbox_id, key, image, since_utc_us)"
	        " VALUES ($1, $2, $3, $4) ON CONFLICT (mailbox_id, key)"
	        " DO UPDATE SET image = excluded.image",
	        DB_VALUES(db_int(lease->mailbox->id), db_text(key), db_text(image),
	                db_int(now_utc_us)),
	        error);
}

bool store_contact_pending_clear(struct store *store, const struct lease *lease, GError **error)
{
	return lease_run(store, lease, "DELETE FROM contact_pending WHERE mailbox_id = $1",
	        DB_VALUES(db_int(lease->mailbox->id)), error);
}

GPtrArray *store_contact_pending(struct store *store, int64_t mailbox_id, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_pending);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT key, image, since_utc_us FROM contact_pending WHERE mailbox_id = $1"
	        " ORDER BY key",
	        DB_VALUES(db_int(mailbox_id)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0) {
		struct contact_pending *pending = g_new0(struct contact_pending, 1);
		pending->key = db_column_dup(rows, 0);
		pending->contact = image_read(pending->key, db_column_text(rows, 1));
		pending->since_utc_us = db_column_int64(rows, 2);
		g_ptr_array_add(list, pending);
	}
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

static bool add_problem(struct store *store, const struct lease *lease, const char *key,
        const GError *cause, int64_t now_utc_us, GError **error)
{
	int64_t id = lease->mailbox->id, tries = 0;
	if (!lease_check(store, lease, error) ||
	        !db_get_int64(store->db,
	                "SELECT tries FROM contact_problem WHERE mailbox_id = $1 AND key = $2",
	                DB_VALUES(db_int(id), db_text(key)), &tries, NULL, error))
		return false;
	int64_t wait = PROBLEM_FIRST_WAIT_US << MIN(tries, PROBLEM_DOUBLINGS);
	return db_run(store->db,
	        "INSERT INTO contact_problem (mailbox_id, key, reason, message, tries,"
	        " next_try_utc_us) VALUES ($1, $2, $3, $4, $5, $6)"
	        " ON CONFLICT (mailbox_id, key) DO UPDATE SET reason = excluded.reason,"
	        " message = excluded.message, tries = excluded.tries,"
	        " next_try_utc_us = excluded.next_try_utc_us",
	        DB_VALUES(db_int(id), db_text(key), db_text(error_reason(cause)),
	                db_text(cause->message), db_int(tries + 1), db_int(now_utc_us + wait)),
	        error);
}

bool store_contact_problem_add(struct store *store, const struct lease *lease, const char *key,
        const GError *cause, int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, add_problem(store, lease, key, cause, now_utc_us, error), error);
}

bool store_contact_problem_clear(
        struct store *store, const struct lease *lease, const char *key, GError **error)
{
	return lease_run(store, lease,
	        "DELETE FROM contact_problem WHERE mailbox_id = $1 AND key = $2",
	        DB_VALUES(db_int(lease->mailbox->id), db_text(key)), error);
}

GPtrArray *store_contact_problems(struct store *store, int64_t mailbox_id, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_problem);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT key, reason, message, tries, next_try_utc_us FROM contact_problem"
	        " WHERE mailbox_id = $1 ORDER BY key",
	        DB_VALUES(db_int(mailbox_id)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0) {
		struct contact_problem *problem = g_new0(struct contact_problem, 1);
		problem->key = db_column_dup(rows, 0);
		problem->reason = db_column_dup(rows, 1);
		problem->message = db_column_dup(rows, 2);
		problem->tries = db_column_int64(rows, 3);
		problem->next_try_utc_us = db_column_int64(rows, 4);
		g_ptr_array_add(list, problem);
	}
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

bool store_contact_uncertain_add(struct store *store, const struct lease *lease,
        const char *op_uuid, const struct contact *contact, int64_t now_utc_us, GError **error)
{
	g_autofree char *image = image_write(contact);
	return lease_run(store, lease,
	        "INSERT INTO contact_uncertain (mailbox_id, op_uuid, key, image, since_utc_us)"
	        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (mailbox_id, op_uuid) DO NOTHING",
	        DB_VALUES(db_int(lease->mailbox->id), db_text(op_uuid), db_text(contact->key),
	                db_text(image), db_int(now_utc_us)),
	        error);
}

static void free_contact(void *contact)
{
	contact_free(contact);
}

GHashTable *store_contact_uncertain(
        struct store *store, const struct lease *lease, int64_t before_utc_us, GError **error)
{
	int64_t id = lease->mailbox->id;
	if (!lease_run(store, lease,
	            "DELETE FROM contact_uncertain WHERE mailbox_id = $1 AND since_utc_us < $2",
	            DB_VALUES(db_int(id), db_int(before_utc_us)), error))
		return NULL;
	g_autoptr(GHashTable) map =
	        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_contact);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT op_uuid, key, image FROM contact_uncertain WHERE mailbox_id = $1",
	        DB_VALUES(db_int(id)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0)
		g_hash_table_insert(map, db_column_dup(rows, 0),
		        image_read(db_column_text(rows, 1), db_column_text(rows, 2)));
	return got == 0 ? g_steal_pointer(&map) : NULL;
}

static bool forget(struct store *store, const struct lease *lease, GError **error)
{
	static const char *const statements[] = {
	        "DELETE FROM contact_agreed WHERE mailbox_id = $1",
	        "DELETE FROM contact_pending WHERE mailbox_id = $1",
	        "DELETE FROM contact_problem WHERE mailbox_id = $1",
	        "UPDATE contact_group SET agreed_name = NULL WHERE mailbox_id = $1",
	};
	bool good = lease_check(store, lease, error);
	for (unsigned i = 0; good && i < G_N_ELEMENTS(statements); i++)
		good = db_run(
		        store->db, statements[i], DB_VALUES(db_int(lease->mailbox->id)), error);
	return good;
}

bool store_contact_forget(struct store *store, const struct lease *lease, GError **error)
{
	return store_begin(store, error) && store_end(store, forget(store, lease, error), error);
}

/* What a plan depends on beside the mirrors, which a dry run reads anew. */
static bool copy_agreed(
        struct store *to, const struct lease *lease, const GPtrArray *rows, GError **error)
{
	for (guint i = 0; i < rows->len; i++) {
		const struct contact_row *row = g_ptr_array_index(rows, i);
		if (row->agreed_im != NULL &&
		        !store_contact_agree(to, lease, row->key, row->agreed_item_id, NULL,
		                row->agreed_im, row->agreed_mail, 0, error))
			return false;
	}
	return true;
}

static bool copy_groups(struct store *from, int64_t mailbox_id, struct store *to,
        const struct lease *lease, GError **error)
{
	g_autoptr(GPtrArray) groups = store_contact_groups(from, mailbox_id, error);
	bool good = groups != NULL;
	for (guint i = 0; good && i < groups->len; i++) {
		const struct contact_group *group = g_ptr_array_index(groups, i);
		good = put_group(to, lease->mailbox->id, 0, group->group, error) &&
		       lease_run(to, lease,
		               "UPDATE contact_group SET agreed_name = $3"
		               " WHERE mailbox_id = $1 AND store_id = $2",
		               DB_VALUES(db_int(lease->mailbox->id),
		                       db_text(group->group->store_id),
		                       db_text(group->agreed_name)),
		               error);
	}
	return good;
}

#define COPY_PAGE 1024

bool store_contact_copy(struct store *from, int64_t mailbox_id, struct store *to,
        const struct lease *lease, GError **error)
{
	g_autofree char *after = g_strdup("");
	for (;;) {
		g_autoptr(GPtrArray) rows = NULL;
		if (!store_contact_rows(from, mailbox_id, after, COPY_PAGE, &rows, error) ||
		        !copy_agreed(to, lease, rows, error))
			return false;
		if (rows->len == 0)
			break;
		const struct contact_row *last = g_ptr_array_index(rows, rows->len - 1);
		g_free(after);
		after = g_strdup(last->key);
	}
	return copy_groups(from, mailbox_id, to, lease, error);
}
