#include "budget.h"
#include "devx.h"
#include "fid.h"
#include "habits.h"
#include "operations.h"
#include "page.h"
#include "restrict.h"
#include "shape.h"

#include <string.h>

struct find {
	const struct xml_node *restriction, *sort;
	const char *query; /* the words of m:QueryString, or NULL */
	bool associated;
	struct page page;
};

/* Without restriction and order the newest item is first, and positions are looked up directly. */
static bool is_plain(const struct find *f, const struct folder *folder)
{
	(void)folder;
	return f->restriction == NULL && f->sort == NULL && f->query == NULL && !f->associated;
}

static bool query_match(const struct item *item, const char *query)
{
	static const char *const uris[] = {"item:Subject", "item:Body", "contacts:DisplayName",
	        "contacts:FileAs", "message:From", "message:ToRecipients"};
	char *want = g_utf8_casefold(query, -1);
	bool match = false;

	for (size_t i = 0; i < G_N_ELEMENTS(uris) && !match; i++) {
		char *value = item_value(item, field_id(uris[i], NULL));
		char *have = value != NULL ? g_utf8_casefold(value, -1) : NULL;
		match = have != NULL && strstr(have, want) != NULL;
		g_free(value);
		g_free(have);
	}
	g_free(want);
	return match;
}

static bool selected(const struct find *f, const struct item *item)
{
	if (item->associated != f->associated)
		return false;
	if (f->query != NULL && !query_match(item, f->query))
		return false;
	return f->restriction == NULL || restriction_match(f->restriction, item, item_path_value);
}

static int by_sort_order(gconstpointer a, gconstpointer b, gpointer data)
{
	const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
	int order = sort_compare(data, x, y, item_path_value);

	return order != 0 ? order : (x->uid < y->uid) - (x->uid > y->uid);
}

static GPtrArray *scan(const struct find *f, struct folder *folder)
{
	GPtrArray *found = g_ptr_array_new();

	if (folder->by_uid == NULL)
		return found;
	GSequenceIter *i = g_sequence_get_end_iter(folder->by_uid);
	while (!g_sequence_iter_is_begin(i)) {
		i = g_sequence_iter_prev(i);
		if (selected(f, g_sequence_get(i)))
			g_ptr_array_add(found, g_sequence_get(i));
	}
	if (f->sort != NULL)
		g_ptr_array_sort_with_data(found, by_sort_order, (gpointer)(uintptr_t)f->sort);
	return found;
}

static bool limit_exceeded(struct ctx *ctx, const struct find *f, int64_t total)
{
	return !f->page.paged && total > ctx->devx->options.find_limit;
}

static void write_range(struct ctx *ctx, const struct find *f, struct shape *shape, int64_t total,
        GPtrArray *found, struct folder *folder)
{
	struct range r = page_range(&f->page, total, ctx->devx->options.find_limit);

	rsp_ok(ctx);
	page_open(ctx->out, &f->page, &r, total);
	xml_open(ctx->out, "t:Items");
	if (found != NULL) {
		for (int64_t k = r.first; k < r.end; k++)
			item_write(ctx->out, found->pdata[k], shape);
	} else if (r.first < r.end) {
		GSequenceIter *i =
		        g_sequence_get_iter_at_pos(folder->by_uid, (int)(total - 1 - r.first));
		for (int64_t k = r.first; k < r.end; k++, i = g_sequence_iter_prev(i))
			item_write(ctx->out, g_sequence_get(i), shape);
	}
	g_string_append(ctx->out,
	        grommunio() ? "</t:Items><t:Groups/></m:RootFolder>" : "</t:Items></m:RootFolder>");
	rsp_end(ctx);
}

static void find_in(
        struct ctx *ctx, const struct find *f, const struct xml_node *id, struct shape *shape)
{
	struct folder *folder;
	const char *code = ctx_folder(ctx, id, &folder);

	if (code != NULL) {
		rsp_error(ctx, code, NULL);
		return;
	}
	GPtrArray *found = NULL;
	if (!is_plain(f, folder)) {
		budget_charge(ctx, folder_count(folder));
		found = scan(f, folder);
	}
	int64_t total = found != NULL ? (int64_t)found->len : (int64_t)folder_count(folder);
	if (limit_exceeded(ctx, f, total))
		rsp_error(ctx, "ErrorExceededFindCountLimit", NULL);
	else
		write_range(ctx, f, shape, total, found, folder);
	if (found != NULL)
		g_ptr_array_free(found, TRUE);
}

static const char *find_parse(struct ctx *ctx, struct find *f)
{
	const char *traversal = xml_attr(ctx->body, "Traversal"), *code;
	const struct xml_node *group = xml_child(ctx->body, "GroupBy");

	f->restriction = xml_child(ctx->body, "Restriction");
	f->sort = xml_child(ctx->body, "SortOrder");
	f->query = xml_child_text(ctx->body, "QueryString");
	f->associated = strcmp(traversal, "Associated") == 0;
	code = page_parse(ctx->body, &f->page);
	if (code == NULL && (group != NULL || strcmp(traversal, "SoftDeleted") == 0))
		code = "ErrorInvalidOperation";
	if (code == NULL && f->restriction != NULL)
		code = restriction_check(f->restriction, false);
	for (const struct xml_node *o = f->sort != NULL ? f->sort->first : NULL;
	        o != NULL && code == NULL; o = o->next)
		code = restriction_check(o, false) != NULL ? "ErrorUnsupportedPathForSortGroup"
		                                           : NULL;
	return code;
}

void op_find_item(struct ctx *ctx)
{
	struct find f = {0};
	struct shape shape;
	const char *code = shape_parse(xml_child(ctx->body, "ItemShape"), true, &shape);
	int index = 0;

	if (code == NULL)
		code = find_parse(ctx, &f);
	rsp_open(ctx);
	for (const struct xml_node *id = xml_child(ctx->body, "ParentFolderIds")->first; id != NULL;
	        id = id->next, index++) {
		const char *fault = ctx_item_fault(ctx, index);
		if (fault != NULL || code != NULL)
			rsp_error(ctx, fault != NULL ? fault : code, NULL);
		else
			find_in(ctx, &f, id, &shape);
	}
	rsp_close(ctx);
	shape_clear(&shape);
}
