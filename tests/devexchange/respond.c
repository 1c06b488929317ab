/* Finding what ids name, and the frames of answers. */
#include "devx.h"
#include "habits.h"
#include "soap.h"

#include <string.h>

/* May this request touch that mailbox? Delegation is not modelled: one's own only. */
static bool may_open(const struct ctx *ctx, const struct mailbox *mb)
{
	return mb == ctx->self || (ctx->who.kind == ID_USER && ctx->who.user->impersonator);
}

static const char *distinguished(struct ctx *ctx, const struct xml_node *id, struct folder **out)
{
	const char *address = xml_child_text(xml_child(id, "Mailbox"), "EmailAddress");
	const char *name = xml_attr(id, "Id");
	struct mailbox *mb = ctx->self;

	if (address != NULL) {
		mb = store_find(ctx->devx->store, address);
		if (mb == NULL)
			return "ErrorNonExistentMailbox";
		if (!may_open(ctx, mb))
			return grommunio() ? "ErrorAccessDenied" : "ErrorFolderNotFound";
	}
	ctx_use(ctx, mb);
	*out = folder_distinguished(mb, name);
	return *out != NULL ? NULL : "ErrorFolderNotFound";
}

static const char *invalid_id(const char *code)
{
	return grommunio() ? "ErrorInvalidId" : code;
}

const char *ctx_folder(struct ctx *ctx, const struct xml_node *node, struct folder **out)
{
	struct object_id id;
	uint64_t mod;

	*out = NULL;
	if (node == NULL)
		return "ErrorInvalidIdEmpty";
	if (strcmp(node->name, "DistinguishedFolderId") == 0)
		return distinguished(ctx, node, out);
	const char *code = id_parse(xml_attr(node, "Id"), &id);
	if (code != NULL)
		return invalid_id(code);
	if (id.kind != ID_FOLDER)
		return invalid_id(
		        id.kind == ID_ITEM ? "ErrorCannotUseItemIdForFolderId" : "ErrorInvalidId");
	const char *key = xml_attr(node, "ChangeKey");
	if (key != NULL && *key != '\0' && change_key_parse(key, &mod) != NULL)
		return "ErrorInvalidChangeKey";
	struct mailbox *mb = store_find_guid(ctx->devx->store, id.mailbox);
	if (mb == NULL)
		return "ErrorFolderNotFound";
	if (!may_open(ctx, mb))
		return "ErrorAccessDenied";
	ctx_use(ctx, mb);
	*out = folder_find(mb, (uint32_t)id.number);
	return *out != NULL ? NULL : "ErrorFolderNotFound";
}

const char *ctx_folder_in(struct ctx *ctx, const struct xml_node *parent, struct folder **out)
{
	return ctx_folder(ctx, parent != NULL ? parent->first : NULL, out);
}

const char *ctx_item(struct ctx *ctx, const struct xml_node *node, struct item **out)
{
	struct object_id id;
	uint64_t mod;

	*out = NULL;
	const char *code = id_parse(xml_attr(node, "Id"), &id);
	if (code != NULL)
		return invalid_id(code);
	if (id.kind != ID_ITEM)
		return invalid_id(id.kind == ID_FOLDER ? "ErrorCannotUseFolderIdForItemId"
		                                       : "ErrorInvalidId");
	const char *key = xml_attr(node, "ChangeKey");
	if (key != NULL && *key != '\0' && change_key_parse(key, &mod) != NULL)
		return "ErrorInvalidChangeKey";
	struct mailbox *mb = store_find_guid(ctx->devx->store, id.mailbox);
	if (mb == NULL)
		return "ErrorItemNotFound";
	if (!may_open(ctx, mb))
		return "ErrorAccessDenied";
	ctx_use(ctx, mb);
	*out = item_find(mb, id.number);
	return *out != NULL ? NULL : "ErrorItemNotFound";
}

struct mailbox *store_find_guid_for(struct ctx *ctx, uint64_t guid)
{
	struct mailbox *mb = store_find_guid(ctx->devx->store, guid);

	return mb != NULL && may_open(ctx, mb) ? mb : NULL;
}

const char *error_payload(const char *operation)
{
	static const struct {
		const char *operation, *payload;
	} needed[] = {
	        {"GetItem", "<m:Items/>"},
	        {"CreateItem", "<m:Items/>"},
	        {"UpdateItem", "<m:Items/>"},
	        {"MoveItem", "<m:Items/>"},
	        {"CopyItem", "<m:Items/>"},
	        {"CreateAttachment", "<m:Attachments/>"},
	        {"GetAttachment", "<m:Attachments/>"},
	        {"GetUserPhoto", "<m:HasChanged>false</m:HasChanged>"},
	        {"GetServerTimeZones", "<m:TimeZoneDefinitions/>"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(needed); i++)
		if (strcmp(needed[i].operation, operation) == 0)
			return needed[i].payload;
	return "";
}

void rsp_open(struct ctx *ctx)
{
	g_string_append_printf(ctx->out,
	        "<m:%sResponse xmlns:m=\"" NS_URI_M "\" xmlns:t=\"" NS_URI_T
	        "\"><m:ResponseMessages>",
	        ctx->operation);
}

void rsp_close(struct ctx *ctx)
{
	g_string_append_printf(ctx->out, "</m:ResponseMessages></m:%sResponse>", ctx->operation);
}

/* The name of a message's element; grommunio calls that of GetEvents otherwise. */
static void message_name(struct ctx *ctx, const char *bracket)
{
	if (grommunio() && strcmp(ctx->operation, "GetEvents") == 0)
		g_string_append_printf(ctx->out, "%sm:x", bracket);
	else
		g_string_append_printf(ctx->out, "%sm:%sResponseMessage", bracket, ctx->operation);
}

void rsp_ok(struct ctx *ctx)
{
	message_name(ctx, "<");
	g_string_append(
	        ctx->out, " ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>");
}

static void message_head(struct ctx *ctx, const char *class, const char *code)
{
	g_string_append_printf(ctx->out, " ResponseClass=\"%s\"><m:MessageText>", class);
	xml_escape(ctx->out, code_text(code));
	g_string_append_printf(ctx->out,
	        "</m:MessageText><m:ResponseCode>%s</m:ResponseCode>"
	        "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>",
	        code);
}

void rsp_warning(struct ctx *ctx, const char *code)
{
	message_name(ctx, "<");
	message_head(ctx, "Warning", code);
}

void rsp_end(struct ctx *ctx)
{
	message_name(ctx, "</");
	g_string_append_c(ctx->out, '>');
}

void rsp_error(struct ctx *ctx, const char *code, const char *empty)
{
	bool stopped = strcmp(code, "ErrorBatchProcessingStopped") == 0;

	message_name(ctx, "<");
	message_head(ctx, stopped ? "Warning" : "Error", code);
	if (empty != NULL)
		g_string_append_printf(ctx->out, "<%s/>", empty);
	rsp_end(ctx);
}

void rsp_sync_error(struct ctx *ctx, const char *code, const char *last)
{
	message_name(ctx, "<");
	message_head(ctx, "Error", code);
	if (grommunio())
		g_string_append(ctx->out, "<m:Changes/>");
	else
		g_string_append_printf(ctx->out, "<m:SyncState/><m:%s>true</m:%s>", last, last);
	rsp_end(ctx);
}

void direct_ok(struct ctx *ctx)
{
	g_string_append_printf(ctx->out,
	        "<m:%sResponse ResponseClass=\"Success\" xmlns:m=\"" NS_URI_M
	        "\" xmlns:t=\"" NS_URI_T "\"><m:ResponseCode>NoError</m:ResponseCode>",
	        ctx->operation);
}

void direct_end(struct ctx *ctx)
{
	g_string_append_printf(ctx->out, "</m:%sResponse>", ctx->operation);
}

void direct_error(struct ctx *ctx, const char *code)
{
	g_string_append_printf(ctx->out,
	        "<m:%sResponse xmlns:m=\"" NS_URI_M "\" xmlns:t=\"" NS_URI_T "\"", ctx->operation);
	message_head(ctx, "Error", code);
	g_string_append(ctx->out, error_payload(ctx->operation));
	direct_end(ctx);
}
