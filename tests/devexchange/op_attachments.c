/* CreateAttachment, GetAttachment and DeleteAttachment. */
#include "habits.h"
#include "item_read.h"
#include "operations.h"
#include "shape.h"

#include <string.h>

#define MAX_ATTACHMENT (35 * 1024 * 1024)

/* Where an attachment id leads. */
static const char *find(struct ctx *ctx, const struct xml_node *node, struct item **item, guint *at)
{
	struct object_id id;
	const char *code = id_parse(xml_attr(node, "Id"), &id);

	if (code != NULL || id.kind != ID_ATTACHMENT)
		return "ErrorInvalidAttachmentId";
	struct mailbox *mb = store_find_guid_for(ctx, id.mailbox);
	if (mb == NULL)
		return "ErrorItemNotFound";
	ctx_use(ctx, mb);
	*item = item_find(mb, id.number);
	for (*at = 0;
	        *item != NULL && (*item)->attachments != NULL && *at < (*item)->attachments->len;
	        ++*at)
		if (((const struct attachment *)(*item)->attachments->pdata[*at])->id == id.part)
			return NULL;
	return "ErrorItemNotFound";
}

static const char *add(struct item *item, const struct xml_node *node, struct attachment **out)
{
	const char *code = attachment_read(node, out);

	if (code != NULL)
		return code;
	if (g_bytes_get_size((*out)->content) > MAX_ATTACHMENT) {
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
	char id[ID_TEXT_MAX], root[ID_TEXT_MAX], key[ID_TEXT_MAX];

	id_format(id, &(struct object_id){.kind = ID_ATTACHMENT,
	                      .mailbox = item->folder->mailbox->guid,
	                      .number = item->id,
	                      .part = a->id});
	item_id_text(root, item);
	change_key_text(key, item->folder->mailbox->guid, item_key_kind(item), item->mod);
	g_string_append_printf(out,
	        "<m:Attachments><t:FileAttachment><t:AttachmentId Id=\"%s\" RootItemId=\"%s\" "
	        "RootItemChangeKey=\"%s\"/></t:FileAttachment></m:Attachments>",
	        id, root, key);
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
		if (grommunio()) {
			xml_open(ctx->out, "m:Attachments");
			attachment_write(ctx->out, item, a, true);
			xml_close(ctx->out, "m:Attachments");
		} else {
			write_created(ctx->out, item, a);
		}
		rsp_end(ctx);
	}
	rsp_close(ctx);
}

void op_get_attachment(struct ctx *ctx)
{
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *n = xml_child(ctx->body, "AttachmentIds")->first; n != NULL;
	        n = n->next, index++) {
		struct item *item;
		guint at;
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL)
			code = find(ctx, n, &item, &at);
		if (code != NULL) {
			rsp_error(ctx, code, "m:Attachments");
			continue;
		}
		rsp_ok(ctx);
		xml_open(ctx->out, "m:Attachments");
		attachment_write(ctx->out, item, item->attachments->pdata[at], true);
		xml_close(ctx->out, "m:Attachments");
		rsp_end(ctx);
	}
	rsp_close(ctx);
}

void op_delete_attachment(struct ctx *ctx)
{
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *n = xml_child(ctx->body, "AttachmentIds")->first; n != NULL;
	        n = n->next, index++) {
		struct item *item;
		guint at;
		char root[ID_TEXT_MAX], key[ID_TEXT_MAX];
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL)
			code = find(ctx, n, &item, &at);
		if (code != NULL) {
			rsp_error(ctx, code, NULL);
			continue;
		}
		g_ptr_array_remove_index(item->attachments, at);
		item_touch(item, false);
		item_id_text(root, item);
		change_key_text(key, item->folder->mailbox->guid, item_key_kind(item), item->mod);
		rsp_ok(ctx);
		g_string_append_printf(ctx->out,
		        "<m:RootItemId RootItemId=\"%s\" RootItemChangeKey=\"%s\"/>", root, key);
		rsp_end(ctx);
	}
	rsp_close(ctx);
}
