#include "sync/ingest.h"

#include "archive/segment.h"
#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/step.h"
#include "im/ingest.h"
#include "store/ingest.h"
#include "sync/interest.h"

#include <string.h>

/* Of one transaction. */
#define BATCH_LINES 500
#define BATCH_BYTES (1024 * 1024)

/* An event that waits to be stored. */
struct waiting {
	uint64_t line;
	struct ingest_line event;
};

struct ingest {
	struct store *store;
	const struct config *config;
	const struct router *router;
	const char *sender;
	char *source;
	struct interest *interest;
	uint64_t number; /* of the line that is being read */
	uint64_t max_lines;
	size_t max_line;
	int64_t max_skew_us;
	GString *line; /* what is there of the line so far */
	bool skipping; /* the line is too long: the rest of it is thrown away */
	GArray *waiting; /* struct waiting */
	size_t bytes; /* of them */
	struct ingest_report report;
};

static void problem_free(gpointer data)
{
	struct ingest_problem *problem = data;
	g_free(problem->key);
	g_free(problem->reason);
	g_free(problem->message);
	g_free(problem);
}

static void waiting_clear(gpointer data)
{
	struct waiting *waiting = data;
	ingest_line_clear(&waiting->event);
}

struct ingest *ingest_new(struct store *store, const struct config *config,
        const struct router *router, const char *sender)
{
	struct ingest *ingest = g_new0(struct ingest, 1);
	ingest->store = store;
	ingest->config = config;
	ingest->router = router;
	ingest->sender = sender;
	ingest->source = g_strconcat(MESSAGE_POSTED_PREFIX, sender, NULL);
	ingest->interest = interest_new(store, router);
	ingest->max_lines = (uint64_t)config_int(config, "ingest", NULL, "max_lines");
	ingest->max_line = (size_t)config_int(config, "ingest", NULL, "max_line_kb") * 1024;
	ingest->max_skew_us =
	        config_duration_s(config, "ingest", NULL, "max_skew") * CLOCK_US_PER_S;
	ingest->line = g_string_new(NULL);
	ingest->waiting = g_array_new(FALSE, FALSE, sizeof(struct waiting));
	g_array_set_clear_func(ingest->waiting, waiting_clear);
	ingest->report.problems = g_ptr_array_new_with_free_func(problem_free);
	return ingest;
}

void ingest_free(struct ingest *ingest)
{
	g_free(ingest->source);
	interest_free(ingest->interest);
	g_string_free(ingest->line, TRUE);
	g_array_unref(ingest->waiting);
	g_ptr_array_unref(ingest->report.problems);
	g_free(ingest);
}

const struct ingest_report *ingest_report(const struct ingest *ingest)
{
	return &ingest->report;
}

static void add_problem(struct ingest *ingest, uint64_t line, const char *key, const char *result,
        const char *reason, const char *message)
{
	struct ingest_problem *problem = g_new0(struct ingest_problem, 1);
	problem->line = line;
	problem->key = g_strdup(key);
	problem->result = result;
	problem->reason = g_strdup(reason);
	problem->message = g_strdup(message);
	g_ptr_array_add(ingest->report.problems, problem);
}

static void refuse(struct ingest *ingest, const char *key, const GError *cause)
{
	ingest->report.refused++;
	add_problem(ingest, ingest->number, key, "refused", error_reason(cause), cause->message);
}

/* Who may say what */

bool ingest_speaks_for(const struct config *config, const char *sender, const char *address)
{
	const char *domain = address_domain(address);
	for (const char *const *own = config_list(config, "sender", sender, "domains");
	        *own != NULL; own++)
		if (g_ascii_strcasecmp(*own, domain) == 0)
			return true;
	return false;
}

/* A room's service has a domain of its own, below that of its users. */
static bool speaks_for_room(const struct ingest *ingest, const char *room)
{
	const char *domain = address_domain(room);
	for (const char *dot = domain; dot != NULL; dot = strchr(dot, '.')) {
		if (*dot == '.')
			dot++;
		if (ingest_speaks_for(ingest->config, ingest->sender, dot))
			return true;
	}
	return false;
}

/*
 * The author must be the sender's, unless he is nobody's here: then the other side must be, who
 * heard it. owner becomes the side that is the sender's.
 */
static bool authorize(const struct ingest *ingest, struct message *message, GError **error)
{
	const char *author = message->sender;
	bool own = author != NULL && ingest_speaks_for(ingest->config, ingest->sender, author);
	bool stranger = author == NULL || router_is_foreign(ingest->router, author);
	bool heard = message->is_room
	                     ? speaks_for_room(ingest, message->peer)
	                     : ingest_speaks_for(ingest->config, ingest->sender, message->peer);
	if (own)
		return true;
	if (!stranger || !heard) {
		error_set(error, ERROR_ITEM, "ingest.domain",
		        "sender %s does not speak for %s: domains in [sender %s] says for whom it "
		        "does",
		        ingest->sender,
		        !stranger ? address_domain(author) : address_domain(message->peer),
		        ingest->sender);
		return false;
	}
	if (!message->is_room) {
		g_free(message->owner);
		message->owner = message->peer;
		message->peer = g_strdup(message->sender);
	}
	return true;
}

/* Storing */

/* A later time than that of receipt would keep the talk open until then. */
static void judge_time(const struct ingest *ingest, struct message *message, int64_t now_utc_us)
{
	int64_t claimed = message->sent_utc_us;
	if (ABS(now_utc_us - claimed) <= ingest->max_skew_us)
		return;
	message->claimed_utc_us = claimed;
	message->sent_utc_us = MIN(claimed, now_utc_us);
}

static bool store_one(struct ingest *ingest, const struct waiting *waiting,
        struct ingest_report *report, int64_t now_utc_us, GError **error)
{
	struct message *message = waiting->event.message;
	enum interest_in what;
	enum message_put outcome;
	if (!interest_find(ingest->interest, message, &what, error))
		return false;
	if (what == INTEREST_NONE) {
		report->unwanted++;
		return true;
	}
	judge_time(ingest, message, now_utc_us);
	autoptr(message) fact = what == INTEREST_FACT ? interest_withhold(message) : NULL;
	g_autofree char *conversation = conversation_key(message);
	if (!store_ingest_put(ingest->store, ingest->sender, conversation,
	            fact != NULL ? fact : message, now_utc_us, &outcome, error))
		return false;
	report->stored += outcome == MESSAGE_PUT_NEW || outcome == MESSAGE_PUT_COPY;
	report->repeated += outcome == MESSAGE_PUT_SAME;
	report->conflicts += outcome == MESSAGE_PUT_CONFLICT;
	report->marked += outcome != MESSAGE_PUT_SAME && message->claimed_utc_us != 0;
	if (outcome == MESSAGE_PUT_CONFLICT)
		add_problem(ingest, waiting->line, message->source_key, "conflict",
		        "ingest.conflict",
		        "another event had this key before: both are kept, and a person should "
		        "look");
	return true;
}

static int compare_numbers(gconstpointer a, gconstpointer b)
{
	const int64_t *left = a;
	const int64_t *right = b;
	return (*left > *right) - (*left < *right);
}

static bool store_sequence(struct ingest *ingest, GError **error)
{
	g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(int64_t));
	for (guint i = 0; i < ingest->waiting->len; i++) {
		int64_t number = g_array_index(ingest->waiting, struct waiting, i).event.sequence;
		if (number >= 0)
			g_array_append_val(numbers, number);
	}
	g_array_sort(numbers, compare_numbers);
	guint kept = 0;
	for (guint i = 0; i < numbers->len; i++) {
		int64_t number = g_array_index(numbers, int64_t, i);
		if (kept == 0 || g_array_index(numbers, int64_t, kept - 1) != number)
			g_array_index(numbers, int64_t, kept++) = number;
	}
	return store_ingest_sequence(ingest->store, ingest->sender,
	        (const int64_t *)(const void *)numbers->data, kept, error);
}

static bool store_waiting(struct ingest *ingest, struct ingest_report *report, GError **error)
{
	int64_t now = clock_utc_us();
	if (!store_ingest_hold(ingest->store, ingest->sender, ingest->waiting->len, now, error))
		return false;
	for (guint i = 0; i < ingest->waiting->len; i++)
		if (!store_one(ingest, &g_array_index(ingest->waiting, struct waiting, i), report,
		            now, error))
			return false;
	step_reached("ingest.stored");
	return store_sequence(ingest, error);
}

/* One batch is one transaction; what was rolled back did not happen. */
static bool flush(struct ingest *ingest, GError **error)
{
	struct ingest_report after = ingest->report;
	guint problems = ingest->report.problems->len;
	if (ingest->waiting->len == 0)
		return true;
	bool good = store_begin(ingest->store, error) &&
	            store_end(ingest->store, store_waiting(ingest, &after, error), error);
	step_reached("ingest.committed");
	if (good)
		ingest->report = after;
	else
		g_ptr_array_set_size(ingest->report.problems, (gint)problems);
	g_array_set_size(ingest->waiting, 0);
	ingest->bytes = 0;
	return good;
}

/* Lines */

static void take_line(struct ingest *ingest, const char *text, size_t len)
{
	struct waiting waiting = {.line = ingest->number};
	g_autoptr(GError) cause = NULL;
	ingest->report.lines++;
	if (!ingest_parse(text, len, &waiting.event, &cause)) {
		refuse(ingest, NULL, cause);
		return;
	}
	struct message *message = waiting.event.message;
	message->source = g_strdup(ingest->source);
	if (!authorize(ingest, message, &cause)) {
		refuse(ingest, message->source_key, cause);
		ingest->report.foreign++;
		ingest_line_clear(&waiting.event);
		return;
	}
	g_array_append_val(ingest->waiting, waiting);
	ingest->bytes += len;
}

static bool end_line(struct ingest *ingest, GError **error)
{
	GString *line = ingest->line;
	ingest->number++;
	if (line->len > 0 && line->str[line->len - 1] == '\r')
		g_string_truncate(line, line->len - 1);
	if (ingest->skipping) {
		g_autoptr(GError) cause = NULL;
		error_set(&cause, ERROR_ITEM, "ingest.too_large",
		        "the line has more than %zu bytes", ingest->max_line);
		ingest->report.lines++;
		refuse(ingest, NULL, cause);
	} else if (line->len > 0) {
		if (ingest->report.lines >= ingest->max_lines) {
			error_set(error, ERROR_ITEM, "ingest.too_many",
			        "there are more than %" G_GUINT64_FORMAT
			        " lines: post the rest in another request",
			        ingest->max_lines);
			g_string_truncate(line, 0);
			flush(ingest, NULL);
			return false;
		}
		take_line(ingest, line->str, line->len);
	}
	ingest->skipping = false;
	g_string_truncate(line, 0);
	return (ingest->waiting->len < BATCH_LINES && ingest->bytes < BATCH_BYTES) ||
	       flush(ingest, error);
}

/* A piece of a line, without its end. */
static void add_piece(struct ingest *ingest, const char *bytes, size_t len)
{
	if (ingest->skipping)
		return;
	if (ingest->line->len + len > ingest->max_line) {
		ingest->skipping = true;
		g_string_truncate(ingest->line, 0);
		return;
	}
	g_string_append_len(ingest->line, bytes, (gssize)len);
}

bool ingest_feed(struct ingest *ingest, const char *bytes, size_t len, GError **error)
{
	const char *end = bytes + len;
	while (bytes < end) {
		const char *feed = memchr(bytes, '\n', (size_t)(end - bytes));
		add_piece(ingest, bytes, (size_t)((feed != NULL ? feed : end) - bytes));
		if (feed == NULL)
			return true;
		if (!end_line(ingest, error))
			return false;
		bytes = feed + 1;
	}
	return true;
}

bool ingest_end(struct ingest *ingest, GError **error)
{
	const struct ingest_report *report = &ingest->report;
	bool rest = ingest->line->len > 0 || ingest->skipping;
	if ((rest && !end_line(ingest, error)) || !flush(ingest, error))
		return false;
	log_info("ingest.request",
	        "sender %s: %" G_GUINT64_FORMAT " events, %" G_GUINT64_FORMAT
	        " new, %" G_GUINT64_FORMAT " known, %" G_GUINT64_FORMAT
	        " conflicts, %" G_GUINT64_FORMAT " refused",
	        ingest->sender, report->lines, report->stored, report->repeated, report->conflicts,
	        report->refused);
	return true;
}
