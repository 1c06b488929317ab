/*
 * Runs, and what is known of the folders that they write into.
 *
 * A run is one `imex archive deliver`, or one day of one imexd; each delivery names the run that
 * sent it last, so that what a run made can be removed again.
 */
#ifndef IMEX_STORE_DELIVERY_RUN_H
#define IMEX_STORE_DELIVERY_RUN_H

#include "store/delivery.h"

/* A new id: "20261125T144512-" and six random hexadecimal digits. Owned. */
char *delivery_run_id(int64_t now_utc_us);
/* For a program that runs for months: the day, and those digits of the id it began with. Owned. */
char *delivery_run_of_day(const char *begun, int64_t now_utc_us);

struct delivery_run {
	char *id;
	int64_t first_sent_utc_us, last_sent_utc_us;
	int64_t deliveries; /* sent by it, whatever became of them */
	int64_t confirmed; /* of these, the ones that are in the mailbox as far as we know */
	int64_t undone;
};
void delivery_run_free(struct delivery_run *run);

/* The newest first, at most limit. Owned: struct delivery_run. */
GPtrArray *store_delivery_runs(struct store *store, unsigned limit, GError **error);

/* The run's confirmed deliveries in that mailbox whose items have not been removed. Owned. */
GPtrArray *store_deliveries_of_run(
        struct store *store, const char *run, int64_t mailbox_id, GError **error);

/* Its item is gone, by an undo. detail says how: "removed", "gone". */
bool store_delivery_undone(struct store *store, const struct lease *lease,
        const struct delivery *delivery, const char *detail, int64_t now_utc_us, GError **error);

/* Makes everything due at once that waits for its next try; *n is how many. mailbox_id 0: all. */
bool store_deliveries_hurry(
        struct store *store, int64_t mailbox_id, int64_t now_utc_us, int64_t *n, GError **error);

/* Bytes of the messages that wait for delivery, failed and held ones included. */
bool store_queue_bytes(struct store *store, int64_t *bytes, GError **error);

/* What happened to one delivery, oldest first. Owned: struct delivery_step. */
struct delivery_step {
	int64_t at_utc_us;
	char *what;
	char *detail; /* or NULL */
};
void delivery_step_free(struct delivery_step *step);
GPtrArray *store_delivery_history(struct store *store, const char *uuid, GError **error);

/* The state of a folder's changes that was saved last; *state is owned, NULL when there is none. */
bool store_folder_state_get(
        struct store *store, int64_t mailbox_id, const char *folder, char **state, GError **error);
/* state NULL forgets it. */
bool store_folder_state_put(struct store *store, const struct lease *lease, const char *folder,
        const char *state, int64_t now_utc_us, GError **error);

#endif
