#include "store/contact_card.h"

#include "store/store_private.h"

bool store_card_put(struct store *store, const struct lease *lease, int64_t round,
        const char *item_id, const struct contact_card *card, GError **error)
{
	int64_t id = lease->mailbox->id;
	if (contact_card_is_empty(card))
		return lease_run(store, lease,
		        "DELETE FROM contact_card WHERE mailbox_id = $1 AND item_id = $2",
		        DB_VALUES(db_int(id), db_text(item_id)), error);
	return lease_run(store, lease,
	        "INSERT INTO contact_card (mailbox_id, item_id, phones, birthday, photo_due,"
	        " round) VALUES ($1, $2, $3, $4, $5, $6)"
	        " ON CONFLICT (mailbox_id, item_id) DO UPDATE SET phones = excluded.phones,"
	        " birthday = excluded.birthday, photo_due = excluded.photo_due,"
	        " round = excluded.round,"
	        " photo_type = CASE WHEN excluded.photo_due = 1 THEN contact_card.photo_type END,"
	        " photo = CASE WHEN excluded.photo_due = 1 THEN contact_card.photo END",
	        DB_VALUES(db_int(id), db_text(item_id), db_text(card->phones),
	                db_text(card->birthday), db_int(card->has_photo), db_int(round)),
	        error);
}

bool store_card_photo(struct store *store, const struct lease *lease, const char *item_id,
        const char *type, GBytes *photo, GError **error)
{
	gsize len = 0;
	const void *bytes = photo != NULL ? g_bytes_get_data(photo, &len) : NULL;
	return lease_run(store, lease,
	        "UPDATE contact_card SET photo_due = 0, photo_type = $3, photo = $4"
	        " WHERE mailbox_id = $1 AND item_id = $2",
	        DB_VALUES(db_int(lease->mailbox->id), db_text(item_id), db_text(type),
	                db_blob(bytes, len)),
	        error);
}

GPtrArray *store_card_due(struct store *store, int64_t mailbox_id, unsigned limit, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT item_id FROM contact_card WHERE mailbox_id = $1 AND photo_due = 1"
	        " ORDER BY item_id LIMIT $2",
	        DB_VALUES(db_int(mailbox_id), db_int(limit)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0)
		g_ptr_array_add(list, db_column_dup(rows, 0));
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

bool store_card_sweep(
        struct store *store, const struct lease *lease, bool full, int64_t round, GError **error)
{
	return lease_run(store, lease,
	        "DELETE FROM contact_card WHERE mailbox_id = $1 AND (round < $2 OR NOT EXISTS"
	        " (SELECT 1 FROM contact_theirs t WHERE t.mailbox_id = $1"
	        " AND t.item_id = contact_card.item_id))",
	        DB_VALUES(db_int(lease->mailbox->id), db_int(full ? round : 0)), error);
}

static struct contact_card *card_of(const struct db_result *row)
{
	struct contact_card *card = contact_card_new();
	size_t len = 0;
	card->phones = db_column_dup(row, 1);
	card->birthday = db_column_dup(row, 2);
	card->photo_type = db_column_dup(row, 3);
	const void *bytes = db_column_blob(row, 4, &len);
	if (card->photo_type != NULL && bytes != NULL)
		card->photo = g_bytes_new(bytes, len);
	card->has_photo = card->photo != NULL || db_column_int64(row, 5) != 0;
	return card;
}

static void free_card(void *card)
{
	contact_card_free(card);
}

GHashTable *store_cards(struct store *store, int64_t mailbox_id, GError **error)
{
	g_autoptr(GHashTable) cards =
	        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_card);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT t.key, c.phones, c.birthday, c.photo_type, c.photo, c.photo_due"
	        " FROM contact_card c JOIN contact_theirs t ON t.mailbox_id = c.mailbox_id"
	        " AND t.item_id = c.item_id WHERE c.mailbox_id = $1 AND t.key IS NOT NULL"
	        " ORDER BY t.item_id DESC",
	        DB_VALUES(db_int(mailbox_id)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0)
		g_hash_table_replace(cards, db_column_dup(rows, 0), card_of(rows));
	return got == 0 ? g_steal_pointer(&cards) : NULL;
}
