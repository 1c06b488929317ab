/* CreateAttachment, GetAttachment and DeleteAttachment. */
#include "habits.h"
#include "item_read.h"
#include "operations.h"
#include "shape.h"

#include <string.h>

#define MAX_ATTACHMENT (35 * 1024 * 1024)

struct place {
	struct item *root; /* in a folder */
	GPtrArray *list; /* the attachments of that item, or of one attached to it */
	guint at;
};

static bool search(GPtrArray *list, uint64_t id, struct place *p)
{
	for (guint i = 0; list != NULL && i < list->len; i++) {
		const struct attachment *a = list->pdata[i];
		if (a->id == id) {
			p->list = list;
			p->at = i;
			return true;
		}
		if (a->item != NULL && search(a->item->attachments, id, p))
			return true;
	}
	return false;
}

/* Where an attachment id leads. */
static const char *find(struct ctx *ctx, const struct xml_node *node, struct place *p)
{
	struct object_id id;
	const char *code = id_parse(xml_attr(node, "Id"), &id);

	if (code != NULL || id.kind != ID_ATTACHMENT)
		return "ErrorInvalidAttachmentId";
	struct mailbox *mb = store_find_guid_for(ctx, id.mailbox);
	if (mb == NULL)
		return "ErrorItemNotFound";
	ctx_use(ctx, mb);
	p->root = item_find(mb, id.number);
	if (p->root == NULL || !search(p->root->attachments, id.part, p))
		return "ErrorItemNotFound";
	return NULL;
}

static const char *add(struct item *item, const struct xml_node *node, struct attachment **out)
{
	const char *code = attachment_read(node, out);

	if (code != NULL)
		return code;
	if (attachment_size(*out) > MAX_ATTACHMENT) {
		attachment_free(*out);
		return "ErrorAttachmentSizeLimitExceeded";
	}
	item_attach(item, *out);
	attachments_number(item->folder->mailbox, item);
	item_touch(item, false);
	return NULL;
}

/* In answers to a change the attachment id names the item and its new change key. */
static void write_created(GString *out, const struct item *item, const struct attachment *a)
{
	const char *tag = a->item != NULL ? "t:ItemAttachment" : "t:FileAttachment";
	char id[ID_TEXT_MAX], root[ID_TEXT_MAX], key[ID_TEXT_MAX];

	id_format(id, &(struct object_id){.kind = ID_ATTACHMENT,
	                      .mailbox = item->folder->mailbox->guid,
	                      .number = item->id,
	                      .part = a->id});
	item_id_text(root, item);
	change_key_text(key, item->folder->mailbox->guid, item_key_kind(item), item->mod);
	g_string_append_printf(out,
	        "<m:Attachments><%s><t:AttachmentId Id=\"%s\" RootItemId=\"%s\" "
	        "RootItemChangeKey=\"%s\"/></%s></m:Attachments>",
	        tag, id, root, key, tag);
}

/* grommunio answers with all of it. */
static void write_whole(GString *out, const struct item *root, const struct attachment *a)
{
	struct shape shape;

	shape_parse(NULL, false, &shape);
	xml_open(out, "m:Attachments");
	attachment_write(out, root, a, &shape);
	xml_close(out, "m:Attachments");
	shape_clear(&shape);
}

void op_create_attachment(struct ctx *ctx)
{
	struct item *item;
	const char *missing = ctx_item(ctx, xml_child(ctx->body, "ParentItemId"), &item);
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *n = xml_child(ctx->body, "Attachments")->first; n != NULL;
	        n = n->next, index++) {
		struct attachment *a;
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL)
			code = missing;
		if (code == NULL)
			code = add(item, n, &a);
		if (code != NULL) {
			rsp_error(ctx, code, "m:Attachments");
			continue;
		}
		rsp_ok(ctx);
		if (grommunio())
			write_whole(ctx->out, item, a);
		else
			write_created(ctx->out, item, a);
		rsp_end(ctx);
	}
	rsp_close(ctx);
}

void op_get_attachment(struct ctx *ctx)
{
	struct shape shape;
	const char *wrong = shape_parse(xml_child(ctx->body, "AttachmentShape"), false, &shape);
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *n = xml_child(ctx->body, "AttachmentIds")->first; n != NULL;
	        n = n->next, index++) {
		struct place p;
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL)
			code = wrong;
		if (code == NULL)
			code = find(ctx, n, &p);
		if (code != NULL) {
			rsp_error(ctx, code, "m:Attachments");
			continue;
		}
		rsp_ok(ctx);
		xml_open(ctx->out, "m:Attachments");
		attachment_write(ctx->out, p.root, p.list->pdata[p.at], &shape);
		xml_close(ctx->out, "m:Attachments");
		rsp_end(ctx);
	}
	rsp_close(ctx);
	shape_clear(&shape);
}

void op_delete_attachment(struct ctx *ctx)
{
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *n = xml_child(ctx->body, "AttachmentIds")->first; n != NULL;
	        n = n->next, index++) {
		struct place p;
		char root[ID_TEXT_MAX], key[ID_TEXT_MAX];
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL)
			code = find(ctx, n, &p);
		if (code != NULL) {
			rsp_error(ctx, code, NULL);
			continue;
		}
		g_ptr_array_remove_index(p.list, p.at);
		item_touch(p.root, false);
		item_id_text(root, p.root);
		change_key_text(
		        key, p.root->folder->mailbox->guid, item_key_kind(p.root), p.root->mod);
		rsp_ok(ctx);
		g_string_append_printf(ctx->out,
		        "<m:RootItemId RootItemId=\"%s\" RootItemChangeKey=\"%s\"/>", root, key);
		rsp_end(ctx);
	}
	rsp_close(ctx);
}
