#include "im/survey.h"

#include "cli/commands.h"
#include "core/clock.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define WEEK_DAYS 7
#define SHOWN_COUNTS 5

static char *source_url;

static const GOptionEntry options[] = {
        {"source", 's', 0, G_OPTION_ARG_STRING, &source_url,
                "The IM server's data: a URL, or the NAME of a [source NAME]", "URL"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static struct im_source *open_source(struct cli *cli, GError **error)
{
	struct im_source_options url = {.url = source_url};
	/* A survey needs no configuration, unless it is named there. */
	if (strchr(source_url, ':') != NULL)
		return im_source_open_url(&url, error);
	const struct config *config = cli_config(cli, error);
	return config != NULL ? im_source_open(config, source_url, error) : NULL;
}

static void on_progress(void *data, const char *what, uint64_t done, uint64_t total)
{
	cli_progress(data, what, done, total);
}

/* As JSON. */

static json_t *counts_json(const GPtrArray *counts)
{
	json_t *list = json_array();
	for (guint i = 0; i < counts->len; i++) {
		const struct im_survey_count *count = g_ptr_array_index(counts, i);
		json_t *one = json_pack(
		        "{s:s, s:I}", "name", count->name, "count", (json_int_t)count->count);
		if (count->example != NULL)
			json_object_set_new(one, "example", json_string(count->example));
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *time_json(int64_t utc_us)
{
	g_autofree char *text = utc_us != 0 ? clock_format_iso(utc_us) : NULL;
	return text != NULL ? json_string(text) : json_null();
}

static json_t *kinds_json(const struct im_survey *survey)
{
	json_t *kinds = json_object();
	for (unsigned i = 0; i < IM_SURVEY_KINDS; i++)
		json_object_set_new(kinds, message_kind_name((enum message_kind)i),
		        json_integer((json_int_t)survey->messages[i]));
	return kinds;
}

static void print_json(const struct im_source *source, const struct im_survey *survey)
{
	const struct {
		const char *name;
		uint64_t number;
	} numbers[] = {
	        {"users", survey->users},
	        {"users_without_contacts", survey->users_without_contacts},
	        {"contacts", survey->contacts},
	        {"groups", survey->groups},
	        {"requests", survey->requests},
	        {"unreadable_rosters", survey->unreadable_rosters},
	        {"unreadable_contacts", survey->unreadable_contacts},
	        {"rows", survey->rows},
	        {"left_out", survey->left_out},
	        {"messages", im_survey_messages(survey)},
	        {"conversations", survey->conversations},
	        {"rooms", survey->rooms},
	        {"anonymous_rooms", survey->anonymous_rooms},
	        {"talked_rooms", survey->talked_rooms},
	        {"talks", survey->talks},
	        {"items", survey->items},
	        {"untold_talks", survey->untold_talks},
	};
	json_t *root = json_object();
	json_object_set_new(root, "source", json_string(im_source_url(source)));
	json_object_set_new(root, "kind", json_string(im_source_kind(source)));
	for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++)
		json_object_set_new(
		        root, numbers[i].name, json_integer((json_int_t)numbers[i].number));
	json_object_set_new(root, "kinds", kinds_json(survey));
	json_object_set_new(root, "first", time_json(survey->first_utc_us));
	json_object_set_new(root, "last", time_json(survey->last_utc_us));
	json_object_set_new(root, "domains", counts_json(survey->domains));
	json_object_set_new(root, "foreign", counts_json(survey->foreign));
	json_object_set_new(root, "problems", counts_json(survey->problems));
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

/* For people. */

static void G_GNUC_PRINTF(2, 3) line(const char *label, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	printf("%-15s %s\n", label, text);
}

/* "im.example 4, other.example 2, 3 more" */
static char *counts_text(const GPtrArray *counts)
{
	GString *text = g_string_new(NULL);
	guint shown = MIN(counts->len, SHOWN_COUNTS);
	for (guint i = 0; i < shown; i++) {
		const struct im_survey_count *count = g_ptr_array_index(counts, i);
		g_string_append_printf(
		        text, "%s%s %" PRIu64, i > 0 ? ", " : "", count->name, count->count);
	}
	if (counts->len > shown)
		g_string_append_printf(text, ", %u more", counts->len - shown);
	return g_string_free(text, FALSE);
}

static uint64_t sum_counts(const GPtrArray *counts)
{
	uint64_t sum = 0;
	for (guint i = 0; i < counts->len; i++)
		sum += ((const struct im_survey_count *)g_ptr_array_index(counts, i))->count;
	return sum;
}

static void print_people(const struct im_survey *survey)
{
	g_autofree char *domains = counts_text(survey->domains);
	g_autofree char *foreign = counts_text(survey->foreign);
	line("Users", "%" PRIu64 "%s%s%s", survey->users, survey->users > 0 ? " (" : "", domains,
	        survey->users > 0 ? ")" : "");
	line("Contacts", "%" PRIu64 " in %" PRIu64 " groups; users without any: %" PRIu64,
	        survey->contacts, survey->groups, survey->users_without_contacts);
	if (survey->foreign->len > 0)
		line("  unmapped",
		        "in domains without users here: %" PRIu64
		        " (%s); say in the configuration how they are written on the mail side",
		        sum_counts(survey->foreign), foreign);
	if (survey->requests > 0)
		line("  requests",
		        "people who wait to be let in: %" PRIu64
		        "; they are no contacts yet and are not written",
		        survey->requests);
}

static void print_kinds(const struct im_survey *survey)
{
	GString *text = g_string_new(NULL);
	for (unsigned i = 0; i < IM_SURVEY_KINDS; i++)
		if (survey->messages[i] > 0)
			g_string_append_printf(text, "%s%s %" PRIu64, text->len > 0 ? ", " : "",
			        message_kind_name((enum message_kind)i), survey->messages[i]);
	line("Messages", "%" PRIu64 "%s%s%s", im_survey_messages(survey), text->len > 0 ? " (" : "",
	        text->str, text->len > 0 ? ")" : "");
	g_string_free(text, TRUE);
	if (survey->messages[MESSAGE_ENCRYPTED] > 0)
		line("  encrypted",
		        "%" PRIu64
		        " were never readable by the server; that they were sent is all that "
		        "is archived",
		        survey->messages[MESSAGE_ENCRYPTED]);
	if (survey->left_out > 0)
		line("  left out",
		        "%" PRIu64
		        " rows that are no conversation: chat states, receipts, headlines",
		        survey->left_out);
}

static void print_conversations(const struct im_survey *survey)
{
	g_autofree char *first = clock_format_iso(survey->first_utc_us);
	g_autofree char *last = clock_format_iso(survey->last_utc_us);
	print_kinds(survey);
	line("Conversations",
	        "%" PRIu64 " pairs of people, %" PRIu64 " rooms with messages of %" PRIu64
	        " that exist",
	        survey->conversations, survey->talked_rooms, survey->rooms);
	if (survey->last_utc_us != 0)
		line("Time", "%s to %s", first, last);
	line("To be written",
	        "contacts of %" PRIu64 " users; %" PRIu64 " items for %" PRIu64
	        " talks, if everybody is archived",
	        survey->users - survey->users_without_contacts - survey->unreadable_rosters,
	        survey->items, survey->talks);
	if (survey->untold_talks > 0)
		line("", "%" PRIu64 " talks are in rooms that do not tell who is behind a nickname",
		        survey->untold_talks);
}

static void print_problems(const struct im_survey *survey)
{
	for (guint i = 0; i < survey->problems->len; i++) {
		const struct im_survey_count *count = g_ptr_array_index(survey->problems, i);
		line(i == 0 ? "Problems" : "", "%s: %" PRIu64 " (first: %s)", count->name,
		        count->count, count->example);
	}
	if (survey->unreadable_contacts > 0)
		line("", "the %" PRIu64 " unreadable contacts are left as they are, on both sides",
		        survey->unreadable_contacts);
}

static void print_retention(const struct im_source *source, const struct im_survey *survey)
{
	if (!g_str_equal(im_source_kind(source), "prosody"))
		return;
	int64_t days = (clock_utc_us() - survey->first_utc_us) / CLOCK_US_PER_DAY;
	printf("\nProsody forgets archived messages after one week unless archive_expires_after "
	       "and\n"
	       "muc_log_expires_after say otherwise (\"never\" keeps them).");
	if (survey->first_utc_us == 0)
		printf(" There are none here.\n");
	else if (days <= WEEK_DAYS)
		printf(" The oldest here is of\nthe last %d days: what was older may be gone.\n",
		        WEEK_DAYS + 1);
	else
		printf(" The oldest here is %" PRId64 " days\nold.\n", days);
}

static void print_text(const struct im_source *source, const struct im_survey *survey)
{
	line("Source", "%s", im_source_url(source));
	print_people(survey);
	print_conversations(survey);
	print_problems(survey);
	print_retention(source, survey);
}

static enum cli_exit run(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (source_url == NULL || argc > 0)
		return cli_usage(&cmd_survey, "name the IM server's data with --source URL");
	GError *error = NULL;
	autoptr(im_source) source = open_source(cli, &error);
	if (source == NULL)
		return cli_fail(error);
	const struct im_survey_options survey_options = {.progress = on_progress, .data = cli};
	autoptr(im_survey) survey = im_survey_run(source, &survey_options, &error);
	cli_progress_end(cli);
	if (survey == NULL)
		return cli_fail(error);
	if (cli->json)
		print_json(source, survey);
	else
		print_text(source, survey);
	return survey->problems->len > 0 ? CLI_PARTIAL : CLI_DONE;
}

const struct command cmd_survey = {
        .name = "survey",
        .usage = "--source URL",
        .summary = "Tell what is in an IM server's data and what would be written",
        .help = "Reads only, and needs neither configuration nor mail server. URL is one of\n"
                "  prosody+sqlite:///var/lib/prosody/prosody.sqlite\n"
                "  prosody+postgresql://USER@HOST/DATABASE\n"
                "or the NAME of a [source NAME] of the configuration. Exit code 3: some rows could "
                "not be\nread; the report says which.",
        .flags = COMMAND_JSON | COMMAND_QUIET,
        .options = options,
        .run = run,
};
