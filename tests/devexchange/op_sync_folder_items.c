#include "habits.h"
#include "operations.h"
#include "shape.h"
#include "sync_state.h"

#include <stdlib.h>
#include <string.h>

struct sync {
	struct ctx *ctx;
	struct folder *folder;
	struct shape *shape;
	struct sync_state state;
	GHashTable *ignore; /* item numbers, or NULL */
	bool associated;
	int left; /* changes that may still be returned */
	GString *changes;
};

static bool ignored(const struct sync *s, uint64_t id)
{
	return s->ignore != NULL && g_hash_table_contains(s->ignore, &id);
}

static bool hidden(const struct sync *s, const struct item *item)
{
	return item->associated && !s->associated;
}

static void put_item(struct sync *s, const char *tag, const struct item *item)
{
	xml_open(s->changes, tag);
	item_write(s->changes, item, s->shape);
	xml_close(s->changes, tag);
	s->left--;
}

static void put_read_flag(struct sync *s, const struct item *item)
{
	g_string_append(s->changes, "<t:ReadFlagChange>");
	item_id_write(s->changes, "t:ItemId", item);
	xml_put_bool(s->changes, "t:IsRead", item_is_read(item));
	g_string_append(s->changes, "</t:ReadFlagChange>");
	s->left--;
}

static void put_delete(struct sync *s, const struct tombstone *t)
{
	char id[ID_TEXT_MAX];

	id_format(
	        id, &(struct object_id){
	                    .kind = ID_ITEM, .mailbox = s->folder->mailbox->guid, .number = t->id});
	g_string_append_printf(s->changes, "<t:Delete><t:ItemId Id=\"%s\"/></t:Delete>", id);
	s->left--;
}

/* --- the first pass: everything that is there, newest first */

static GSequenceIter *below(struct folder *folder, uint64_t uid)
{
	struct item probe = {.uid = uid - 1};

	/* g_sequence_search() gives the place after the last that is not greater. */
	return g_sequence_search(folder->by_uid, &probe, item_by_uid, NULL);
}

/* Returns true when nothing is left to enumerate. */
static bool first_pass(struct sync *s)
{
	if (s->folder->by_uid == NULL)
		return true;
	GSequenceIter *i = below(s->folder, s->state.below);
	while (!g_sequence_iter_is_begin(i)) {
		i = g_sequence_iter_prev(i);
		const struct item *item = g_sequence_get(i);
		if (s->left == 0)
			return false;
		s->state.below = item->uid;
		sync_state_give(&s->state, item->uid);
		if (!hidden(s, item) && !ignored(s, item->id))
			put_item(s, "t:Create", item);
	}
	return true;
}

/* --- later: changes and removals in the order of their change numbers */

static int tombstone_order(gconstpointer a, gconstpointer b, gpointer data)
{
	const struct tombstone *x = a, *y = b;
	(void)data;
	return (x->mod > y->mod) - (x->mod < y->mod);
}

static void one_change(struct sync *s, const struct item *item, uint64_t since)
{
	bool known = sync_state_has(&s->state, item->uid);

	sync_state_give(&s->state, item->uid);
	if (hidden(s, item) || ignored(s, item->id))
		return;
	if (!known)
		put_item(s, "t:Create", item);
	else if (item->content_mod <= since)
		put_read_flag(s, item);
	else
		put_item(s, "t:Update", item);
}

static bool later_changes(struct sync *s)
{
	if (s->folder->by_uid == NULL)
		return true;
	uint64_t since = s->state.mod;
	struct item item_probe = {.mod = since};
	struct tombstone tomb_probe = {.mod = since};
	GSequenceIter *i = g_sequence_search(s->folder->by_mod, &item_probe, item_by_mod, NULL);
	GSequenceIter *t =
	        g_sequence_search(s->folder->tombstones, &tomb_probe, tombstone_order, NULL);

	for (;;) {
		const struct item *item = g_sequence_iter_is_end(i) ? NULL : g_sequence_get(i);
		const struct tombstone *tomb = g_sequence_iter_is_end(t) ? NULL : g_sequence_get(t);
		if (item == NULL && tomb == NULL)
			return true;
		if (s->left == 0)
			return false;
		if (tomb == NULL || (item != NULL && item->mod < tomb->mod)) {
			one_change(s, item, since);
			s->state.mod = item->mod;
			i = g_sequence_iter_next(i);
		} else {
			if (sync_state_has(&s->state, tomb->uid) && !ignored(s, tomb->id))
				put_delete(s, tomb);
			s->state.mod = tomb->mod;
			t = g_sequence_iter_next(t);
		}
	}
}

/* --- the operation */

static const char *open_state(struct sync *s, const char *text)
{
	struct mailbox *mb = s->folder->mailbox;

	if (text != NULL && *text != '\0') {
		if (ctx_fault(s->ctx, FAULT_SYNC_STATE))
			return "ErrorInvalidSyncStateData";
		if (sync_state_parse(text, &s->state)) {
			if (sync_state_fits(&s->state, 'I', s->folder))
				return NULL;
			sync_state_clear(&s->state);
		}
		/* grommunio takes a state that it cannot read as the beginning. */
		if (!grommunio())
			return "ErrorInvalidSyncStateData";
	}
	sync_state_init(&s->state, 'I', s->folder);
	s->state.first_pass = true;
	s->state.below = s->folder->next_uid;
	s->state.mod = mb->mod;
	return NULL;
}

static void read_ignore(struct sync *s, const struct xml_node *node)
{
	if (node == NULL)
		return;
	s->ignore = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	for (const struct xml_node *n = node->first; n != NULL; n = n->next) {
		struct object_id id;
		if (id_parse(xml_attr(n, "Id"), &id) == NULL)
			g_hash_table_add(s->ignore, g_memdup2(&id.number, sizeof id.number));
	}
}

/* A change whose item is not there: the id is well-formed and will never be found. */
static void put_ghost(struct sync *s)
{
	char id[ID_TEXT_MAX], key[ID_TEXT_MAX];
	uint64_t guid = s->folder->mailbox->guid;

	id_format(id,
	        &(struct object_id){.kind = ID_ITEM, .mailbox = guid, .number = UINT64_C(1) << 60});
	change_key_text(key, guid, 0x11, 1);
	g_string_append_printf(s->changes,
	        "<t:Create><t:Contact><t:ItemId Id=\"%s\" "
	        "ChangeKey=\"%s\"/></t:Contact></t:Create>",
	        id, key);
}

static void run(struct sync *s)
{
	GString *out = s->ctx->out;
	const char *before = xml_child_text(s->ctx->body, "SyncState");
	bool all = true;

	if (s->state.first_pass) {
		all = first_pass(s);
		if (all)
			s->state.first_pass = false;
	}
	if (all)
		all = later_changes(s);
	if (ctx_fault(s->ctx, FAULT_GHOST_ITEM))
		put_ghost(s);
	char *after = sync_state_format(&s->state);
	if (before != NULL && ctx_fault(s->ctx, FAULT_SAME_STATE)) {
		g_free(after);
		after = g_strdup(before);
		all = false;
		g_string_truncate(s->changes, 0);
	}
	rsp_ok(s->ctx);
	xml_put(out, "m:SyncState", after);
	xml_put_bool(out, "m:IncludesLastItemInRange", all);
	xml_open(out, "m:Changes");
	g_string_append_len(out, s->changes->str, (gssize)s->changes->len);
	xml_close(out, "m:Changes");
	rsp_end(s->ctx);
	g_free(after);
}

void op_sync_folder_items(struct ctx *ctx)
{
	struct sync s = {.ctx = ctx};
	struct shape shape;
	const char *scope = xml_child_text(ctx->body, "SyncScope");
	const char *code = shape_parse(xml_child(ctx->body, "ItemShape"), true, &shape);
	const char *fault = ctx_item_fault(ctx, 0);

	s.shape = &shape;
	s.left = atoi(xml_child_text(ctx->body, "MaxChangesReturned"));
	s.associated = scope != NULL && strcmp(scope, "NormalAndAssociatedItems") == 0;
	if (code == NULL)
		code = fault;
	if (code == NULL)
		code = ctx_folder_in(ctx, xml_child(ctx->body, "SyncFolderId"), &s.folder);
	if (code != NULL && strcmp(code, "ErrorFolderNotFound") == 0)
		code = "ErrorSyncFolderNotFound";
	if (code == NULL)
		code = open_state(&s, xml_child_text(ctx->body, "SyncState"));
	rsp_open(ctx);
	if (code == NULL) {
		s.changes = g_string_new(NULL);
		read_ignore(&s, xml_child(ctx->body, "Ignore"));
		run(&s);
		g_string_free(s.changes, TRUE);
		sync_state_clear(&s.state);
		if (s.ignore != NULL)
			g_hash_table_destroy(s.ignore);
	} else {
		rsp_sync_error(ctx, code, "IncludesLastItemInRange");
	}
	rsp_close(ctx);
	shape_clear(&shape);
}
