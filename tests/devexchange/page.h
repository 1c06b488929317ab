/* Paging of find operations: indexed and fractional views. */
#ifndef DEVX_PAGE_H
#define DEVX_PAGE_H

#include "soap.h"

struct page {
	bool paged;
	bool from_end;
	int64_t offset, max; /* max < 0: not limited */
	int64_t numerator, denominator; /* denominator > 0: a fractional view */
};

struct range {
	int64_t first, end; /* half-open, in view order */
	int64_t next; /* IndexedPagingOffset */
	bool last;
};

const char *page_parse(const struct xml_node *body, struct page *page);
struct range page_range(const struct page *page, int64_t total, int64_t limit);
/* Opens <m:RootFolder ...>. */
void page_open(GString *out, const struct page *page, const struct range *range, int64_t total);

#endif
