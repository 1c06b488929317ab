#include "devx.h"
#include "fid.h"
#include "habits.h"
#include "item_read.h"
#include "notify.h"
#include "operations.h"
#include "shape.h"

#include <string.h>

struct create {
	struct folder *folder; /* SavedItemFolderId, or NULL */
	bool save, send;
};

static bool is_contacts_folder(const struct folder *folder)
{
	return folder->class_name != NULL && g_str_has_prefix(folder->class_name, "IPF.Contact");
}

static struct folder *default_folder(struct ctx *ctx, const struct item *item, bool send)
{
	bool message = item->kind == ITEM_MESSAGE || item->kind == ITEM_OTHER;

	ctx_use(ctx, ctx->self);
	return folder_distinguished(ctx->self, !message ? "contacts"
	                                       : send   ? "sentitems"
	                                                : "drafts");
}

void attachments_number(struct mailbox *mb, struct item *item)
{
	for (guint i = 0; item->attachments != NULL && i < item->attachments->len; i++) {
		struct attachment *a = item->attachments->pdata[i];
		if (a->id == 0)
			a->id = mb->next_attachment++;
		if (a->item != NULL)
			attachments_number(mb, a->item);
	}
}

/* --- sending, to mailboxes of this server */

static void add_recipients(GPtrArray *to, const struct item *item, uint32_t id)
{
	char **list = props_get_list(item->props, id);

	for (; list != NULL && *list != NULL; list++) {
		struct person p = person_decode(*list);
		if (p.address != NULL)
			g_ptr_array_add(to, g_strdup(p.address));
		person_clear(&p);
	}
}

static void deliver(struct ctx *ctx, const struct item *item)
{
	GPtrArray *to = g_ptr_array_new_with_free_func(g_free);

	add_recipients(to, item, fid.to);
	add_recipients(to, item, fid.cc);
	add_recipients(to, item, fid.bcc);
	for (guint i = 0; i < to->len; i++) {
		struct mailbox *mb = store_find(ctx->devx->store, to->pdata[i]);
		if (mb == NULL)
			continue;
		struct item *copy = item_copy(item);
		ctx_use(ctx, mb);
		props_set(copy->props, fid.message_flags, "0");
		props_set(copy->props, fid.bcc, NULL);
		item_set_read(copy, false);
		attachments_number(mb, copy);
		item_insert(folder_distinguished(mb, "inbox"), copy);
		event_item(mb, EVENT_NEW_MAIL, copy, NULL, 0);
	}
	g_ptr_array_free(to, TRUE);
}

static const char *prepare_sending(struct ctx *ctx, struct item *item)
{
	char *self = person_encode(&(struct person){.name = ctx->self->name,
	        .address = ctx->self->smtp,
	        .routing = NULL,
	        .type = (char *)(uintptr_t) "Mailbox"});
	bool any = props_get_list(item->props, fid.to) != NULL ||
	           props_get_list(item->props, fid.cc) != NULL ||
	           props_get_list(item->props, fid.bcc) != NULL;

	props_set(item->props, fid.sender, self);
	props_set(item->props, fid.from, self);
	props_set(item->props, fid.message_flags, "0");
	item_set_read(item, true);
	g_free(self);
	return any ? NULL : "ErrorInvalidRecipients";
}

/* --- one item */

static const char *place(struct ctx *ctx, const struct create *c, struct item *item)
{
	struct folder *folder = c->folder != NULL ? c->folder : default_folder(ctx, item, c->send);

	if ((item->kind == ITEM_CONTACT || item->kind == ITEM_DISTLIST) &&
	        !is_contacts_folder(folder))
		return "ErrorCannotCreateContactInNonContactFolder";
	ctx_use(ctx, folder->mailbox);
	attachments_number(folder->mailbox, item);
	item_insert(folder, item);
	return NULL;
}

static void answer_saved(struct ctx *ctx, const struct item *item)
{
	rsp_ok(ctx);
	xml_open(ctx->out, "m:Items");
	item_write_new(ctx->out, item);
	xml_close(ctx->out, "m:Items");
	rsp_end(ctx);
}

static void answer_sent(struct ctx *ctx)
{
	rsp_ok(ctx);
	g_string_append(ctx->out, "<m:Items/>");
	rsp_end(ctx);
}

static void create_one(struct ctx *ctx, const struct create *c, const struct xml_node *element)
{
	const char *code;
	struct item *item = item_read(element, &code);
	bool send = item != NULL && c->send && item->kind == ITEM_MESSAGE;

	if (item != NULL && send)
		code = prepare_sending(ctx, item);
	struct item *copy = code == NULL && send ? item_copy(item) : NULL;
	bool saved = c->save || !send;
	if (code == NULL && saved)
		code = place(ctx, c, item);
	if (code != NULL) {
		rsp_error(ctx, code, "m:Items");
		if (item != NULL)
			item_free(item);
	} else if (saved && (!send || grommunio())) {
		answer_saved(ctx, item);
	} else {
		answer_sent(ctx);
		if (!saved)
			item_free(item);
	}
	if (copy != NULL) {
		if (code == NULL)
			deliver(ctx, copy);
		item_free(copy);
		/* The folder was found in this mailbox; whoever comes next needs it locked. */
		if (c->folder != NULL)
			ctx_use(ctx, c->folder->mailbox);
	}
}

void op_create_item(struct ctx *ctx)
{
	const struct xml_node *items = xml_child(ctx->body, "Items");
	const struct xml_node *target = xml_child(ctx->body, "SavedItemFolderId");
	const char *disposition = xml_attr(ctx->body, "MessageDisposition"), *code = NULL;
	struct create c = {.save = disposition == NULL || strcmp(disposition, "SendOnly") != 0,
	        .send = disposition != NULL && strcmp(disposition, "SaveOnly") != 0};
	int index = 0;

	if (target != NULL)
		code = ctx_folder_in(ctx, target, &c.folder);
	rsp_open(ctx);
	for (const struct xml_node *e = items->first; e != NULL; e = e->next, index++) {
		const char *wrong = ctx_item_fault(ctx, index);
		if (wrong == NULL)
			wrong = code;
		if (wrong == NULL && disposition == NULL && strcmp(e->name, "Message") == 0)
			wrong = "ErrorMessageDispositionRequired";
		if (wrong != NULL)
			rsp_error(ctx, wrong, "m:Items");
		else
			create_one(ctx, &c, e);
	}
	rsp_close(ctx);
}
