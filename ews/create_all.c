/* Many items, in batches that adapt to what the server takes. */
#include "ews/contact_driver.h"

#include "core/error.h"

void ews_outcome_unsent(struct ews_outcome *outcome, const GError *failure)
{
	if (error_class_of(failure) == ERROR_UNCERTAIN)
		error_set(&outcome->error, ERROR_RETRY, "ews.unsent",
		        "it was not sent, because a request before it failed (%s); it is tried "
		        "again",
		        error_reason(failure));
	else
		outcome->error = g_error_copy(failure);
}

/* Nothing of the batch was done, and another cut of it may do better. */
static bool worth_splitting(const GError *failure)
{
	return error_class_of(failure) == ERROR_ITEM || error_is(failure, "ews.request");
}

static size_t batch_of(const struct ews_session *session, const struct ews_create_all *all,
        size_t first, size_t limit)
{
	size_t n = 0, bytes = 0;
	while (first + n < all->n && n < limit) {
		bytes += all->size == NULL ? 0 : all->size(first + n, all->data);
		if (n > 0 && bytes > session->batch_bytes)
			break;
		n++;
	}
	return n;
}

struct shifted {
	const struct ews_create_all *all;
	size_t first;
};

static void write_shifted(struct xml_writer *w, size_t index, const void *data)
{
	const struct shifted *shifted = data;
	shifted->all->write(w, shifted->first + index, shifted->all->data);
}

/* Fills outcomes from first to end; those at or after unsent were not part of the request. */
static void fail_rest(
        const struct ews_create_all *all, size_t first, size_t unsent, const GError *failure)
{
	for (size_t i = first; i < all->n; i++) {
		if (i < unsent)
			all->outcomes[i].error = g_error_copy(failure);
		else
			ews_outcome_unsent(&all->outcomes[i], failure);
	}
}

static bool first_failure(const struct ews_create_all *all, GError **error)
{
	for (size_t i = 0; i < all->n; i++) {
		if (all->outcomes[i].error == NULL)
			continue;
		g_propagate_error(error, g_error_copy(all->outcomes[i].error));
		return false;
	}
	return true;
}

bool ews_create_all(struct ews_session *session, const struct ews_create_all *all, GError **error)
{
	size_t first = 0, limit = session->batch_items;
	while (first < all->n) {
		struct shifted shifted = {.all = all, .first = first};
		struct ews_create create = {
		        .folder = all->folder,
		        .messages = all->messages,
		        .n = batch_of(session, all, first, limit),
		        .write = write_shifted,
		        .data = &shifted,
		        .outcomes = all->outcomes + first,
		};
		g_autoptr(GError) failure = NULL;
		bool ok = ews_create_items(session, &create, &failure);
		size_t unsent = first + create.n;
		first += create.answered;
		if (ok && create.answered == 0) {
			/* Stopped before the first: another try would end the same. */
			error_set(&all->outcomes[first].error, ERROR_RETRY, "ews.transient",
			        "the mail server left an item of a batch undone; it is tried "
			        "again");
			first++;
		} else if (ok) {
			limit = MIN(limit * 2, session->batch_items);
		} else if (create.answered == 0 && worth_splitting(failure)) {
			if (create.n == 1)
				all->outcomes[first++].error = g_steal_pointer(&failure);
			limit = MAX(create.n / 2, 1);
		} else {
			fail_rest(all, first, unsent, failure);
			break;
		}
	}
	return first_failure(all, error);
}
