#include "folder_write.h"
#include "habits.h"
#include "operations.h"
#include "sync_state.h"

#include <string.h>

struct hierarchy {
	struct ctx *ctx;
	struct folder *root;
	struct folder_shape shape;
	struct sync_state state;
};

static void visit(struct hierarchy *h)
{
	GPtrArray *all = folder_below(h->root);
	GString *out = h->ctx->out;

	for (guint i = 0; i < all->len; i++) {
		struct folder *child = all->pdata[i];
		bool known = sync_state_has(&h->state, child->id);
		const char *tag = known ? "t:Update" : "t:Create";
		if (!known || child->mod > h->state.mod) {
			xml_open(out, tag);
			folder_write(out, child, &h->shape);
			xml_close(out, tag);
			sync_state_give(&h->state, child->id);
		}
	}
	g_ptr_array_free(all, TRUE);
}

static void removed(struct hierarchy *h)
{
	struct mailbox *mb = h->root->mailbox;
	GSequenceIter *i = g_sequence_get_begin_iter(mb->folder_tombstones);

	for (; !g_sequence_iter_is_end(i); i = g_sequence_iter_next(i)) {
		const struct tombstone *t = g_sequence_get(i);
		char id[ID_TEXT_MAX];
		if (t->mod <= h->state.mod || !sync_state_has(&h->state, t->id))
			continue;
		id_format(id, &(struct object_id){
		                      .kind = ID_FOLDER, .mailbox = mb->guid, .number = t->id});
		g_string_append_printf(
		        h->ctx->out, "<t:Delete><t:FolderId Id=\"%s\"/></t:Delete>", id);
	}
}

static const char *open_state(struct hierarchy *h, const char *text)
{
	if (text != NULL && *text != '\0') {
		if (sync_state_parse(text, &h->state)) {
			if (sync_state_fits(&h->state, 'F', h->root))
				return NULL;
			sync_state_clear(&h->state);
		}
		if (!grommunio())
			return "ErrorInvalidSyncStateData";
	}
	sync_state_init(&h->state, 'F', h->root);
	return NULL;
}

static void run(struct hierarchy *h)
{
	GString *all = h->ctx->out, *changes = g_string_new(NULL);

	h->ctx->out = changes;
	visit(h);
	removed(h);
	h->ctx->out = all;
	h->state.mod = h->root->mailbox->mod;
	char *state = sync_state_format(&h->state);
	rsp_ok(h->ctx);
	xml_put(all, "m:SyncState", state);
	xml_put_bool(all, "m:IncludesLastFolderInRange", true);
	xml_open(all, "m:Changes");
	g_string_append_len(all, changes->str, (gssize)changes->len);
	xml_close(all, "m:Changes");
	rsp_end(h->ctx);
	g_free(state);
	g_string_free(changes, TRUE);
}

void op_sync_folder_hierarchy(struct ctx *ctx)
{
	struct hierarchy h = {.ctx = ctx};
	const struct xml_node *id = xml_child(ctx->body, "SyncFolderId");
	const char *code = folder_shape_parse(xml_child(ctx->body, "FolderShape"), &h.shape);

	if (code == NULL && id != NULL)
		code = ctx_folder_in(ctx, id, &h.root);
	if (code == NULL && id == NULL) {
		ctx_use(ctx, ctx->self);
		h.root = folder_distinguished(ctx->self, grommunio() ? "msgfolderroot" : "root");
	}
	if (code != NULL && strcmp(code, "ErrorFolderNotFound") == 0)
		code = "ErrorSyncFolderNotFound";
	if (code == NULL)
		code = open_state(&h, xml_child_text(ctx->body, "SyncState"));
	rsp_open(ctx);
	if (code == NULL) {
		run(&h);
		sync_state_clear(&h.state);
	} else {
		rsp_sync_error(ctx, code, "IncludesLastFolderInRange");
	}
	rsp_close(ctx);
	folder_shape_clear(&h.shape);
}
