#include "page.h"

#include <stdlib.h>
#include <string.h>

static int64_t number(const struct xml_node *node, const char *name, int64_t otherwise)
{
	const char *text = xml_attr(node, name);

	return text != NULL ? g_ascii_strtoll(text, NULL, 10) : otherwise;
}

static const struct xml_node *view_of(const struct xml_node *body, const char *kind)
{
	for (const struct xml_node *c = body->first; c != NULL; c = c->next)
		if (g_str_has_prefix(c->name, kind))
			return c;
	return NULL;
}

const char *page_parse(const struct xml_node *body, struct page *page)
{
	const struct xml_node *indexed = view_of(body, "IndexedPage");
	const struct xml_node *fractional = view_of(body, "FractionalPage");

	*page = (struct page){.max = -1};
	if (indexed != NULL) {
		page->paged = true;
		page->offset = number(indexed, "Offset", 0);
		page->max = number(indexed, "MaxEntriesReturned", -1);
		page->from_end = strcmp(xml_attr(indexed, "BasePoint"), "End") == 0;
		if (page->offset < 0 || page->max == 0)
			return "ErrorInvalidIndexedPagingParameters";
	} else if (fractional != NULL) {
		page->paged = true;
		page->max = number(fractional, "MaxEntriesReturned", -1);
		page->numerator = number(fractional, "Numerator", 0);
		page->denominator = number(fractional, "Denominator", 0);
		if (page->denominator <= 0 || page->numerator < 0 ||
		        page->numerator > page->denominator || page->max == 0)
			return "ErrorInvalidFractionalPagingParameters";
	}
	return NULL;
}

struct range page_range(const struct page *page, int64_t total, int64_t limit)
{
	int64_t count = page->max < 0 || page->max > limit ? limit : page->max;
	struct range r;

	if (page->from_end) {
		r.end = MAX(total - page->offset, 0);
		r.first = MAX(r.end - count, 0);
		r.last = r.first == 0;
		r.next = total - r.first;
		return r;
	}
	r.first =
	        page->denominator > 0 ? total * page->numerator / page->denominator : page->offset;
	r.first = MIN(r.first, total);
	r.end = MIN(r.first + count, total);
	r.next = r.end;
	r.last = r.end >= total;
	return r;
}

void page_open(GString *out, const struct page *page, const struct range *r, int64_t total)
{
	g_string_append(out, "<m:RootFolder");
	if (page->denominator > 0)
		g_string_append_printf(out,
		        " NumeratorOffset=\"%" G_GINT64_FORMAT
		        "\" AbsoluteDenominator=\"%" G_GINT64_FORMAT "\"",
		        r->next, total);
	else if (page->paged)
		g_string_append_printf(
		        out, " IndexedPagingOffset=\"%" G_GINT64_FORMAT "\"", r->next);
	g_string_append_printf(out,
	        " TotalItemsInView=\"%" G_GINT64_FORMAT "\" IncludesLastItemInRange=\"%s\">", total,
	        r->last ? "true" : "false");
}
