#include "devx.h"
#include "folder_write.h"
#include "operations.h"
#include "page.h"
#include "restrict.h"

#include <string.h>

static void collect(
        struct folder *parent, bool deep, const struct xml_node *restriction, GPtrArray *out)
{
	for (guint i = 0; i < parent->children->len; i++) {
		struct folder *child = parent->children->pdata[i];
		if (restriction == NULL || restriction_match(restriction, child, folder_path_value))
			g_ptr_array_add(out, child);
		if (deep)
			collect(child, deep, restriction, out);
	}
}

static void find_below(struct ctx *ctx, const struct xml_node *id, const struct folder_shape *shape,
        const struct page *page)
{
	bool deep = strcmp(xml_attr(ctx->body, "Traversal"), "Deep") == 0;
	bool none = strcmp(xml_attr(ctx->body, "Traversal"), "SoftDeleted") == 0;
	struct folder *parent;
	const char *code = ctx_folder(ctx, id, &parent);

	if (code != NULL) {
		rsp_error(ctx, code, NULL);
		return;
	}
	GPtrArray *found = g_ptr_array_new();
	if (!none)
		collect(parent, deep, xml_child(ctx->body, "Restriction"), found);
	struct range r = page_range(page, found->len, ctx->devx->options.find_limit);
	rsp_ok(ctx);
	page_open(ctx->out, page, &r, found->len);
	xml_open(ctx->out, "t:Folders");
	for (int64_t i = r.first; i < r.end; i++)
		folder_write(ctx->out, found->pdata[i], shape);
	g_string_append(ctx->out, "</t:Folders></m:RootFolder>");
	rsp_end(ctx);
	g_ptr_array_free(found, TRUE);
}

void op_find_folder(struct ctx *ctx)
{
	const struct xml_node *restriction = xml_child(ctx->body, "Restriction");
	struct folder_shape shape;
	struct page page;
	const char *code = folder_shape_parse(xml_child(ctx->body, "FolderShape"), &shape);
	int index = 0;

	if (code == NULL)
		code = page_parse(ctx->body, &page);
	if (code == NULL && restriction != NULL)
		code = restriction_check(restriction, true);
	rsp_open(ctx);
	for (const struct xml_node *id = xml_child(ctx->body, "ParentFolderIds")->first; id != NULL;
	        id = id->next, index++) {
		const char *fault = ctx_item_fault(ctx, index);
		if (fault != NULL || code != NULL)
			rsp_error(ctx, fault != NULL ? fault : code, NULL);
		else
			find_below(ctx, id, &shape, &page);
	}
	rsp_close(ctx);
	folder_shape_clear(&shape);
}
