#include "cli/health.h"

#include "core/clock.h"
#include "oauth/certificate.h"
#include "oauth/keyring.h"
#include "store/delivery.h"
#include "store/partner.h"
#include "store/pass.h"
#include "store/pause.h"
#include "sync/lag.h"
#include "sync/queue.h"

/* A certificate is to be renewed when less than this is left of it. */
#define RENEW_US (30 * CLOCK_US_PER_DAY)
/* Passes are late when none was good for this many intervals, and at least for an hour. */
#define LATE_INTERVALS 10
#define LATE_LEAST_US (3600 * CLOCK_US_PER_S)
/* Users that are named one by one; the others are counted. */
#define NAMED_MAX 20

static void free_finding(gpointer data)
{
	struct finding *finding = data;
	g_free(finding->check);
	g_free(finding->text);
	g_free(finding);
}

void health_free(struct health *health)
{
	g_ptr_array_unref(health->findings);
	g_free(health);
}

static void G_GNUC_PRINTF(4, 5) add(
        struct health *health, enum health_level level, const char *check, const char *format, ...)
{
	struct finding *finding = g_new0(struct finding, 1);
	va_list arguments;
	va_start(arguments, format);
	finding->text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	finding->check = g_strdup(check);
	finding->level = level;
	g_ptr_array_add(health->findings, finding);
	health->level = MAX(health->level, level);
}

/* "90 s", "12 min", "5 h", "3 d". Owned. */
static char *age(int64_t us)
{
	static const struct {
		int64_t below_s, unit_s;
		const char *unit;
	} units[] = {
	        {120, 1, "s"}, {7200, 60, "min"}, {172800, 3600, "h"}, {INT64_MAX, 86400, "d"}};
	int64_t s = MAX(us, 0) / CLOCK_US_PER_S;
	unsigned i = 0;
	while (s >= units[i].below_s)
		i++;
	return g_strdup_printf("%" G_GINT64_FORMAT " %s", s / units[i].unit_s, units[i].unit);
}

static bool paused_for_all(const GPtrArray *pauses, enum pass_kind kind)
{
	for (unsigned i = 0; i < pauses->len; i++) {
		const struct pause *pause = pauses->pdata[i];
		if (pause->scope == PAUSE_ALL && pause->kind == kind)
			return true;
	}
	return false;
}

static int64_t late_us(struct cli *cli)
{
	int64_t interval_s = config_duration_s(cli->config, "sync", NULL, "interval");
	return MAX(interval_s * LATE_INTERVALS * CLOCK_US_PER_S, LATE_LEAST_US);
}

static void judge_pass(struct health *health, struct cli *cli, enum pass_kind kind,
        const struct pass_summary *sum, bool paused)
{
	const char *name = pass_kind_name(kind);
	int64_t now = clock_utc_us();
	if (sum->mailboxes == 0) {
		add(health, HEALTH_OK, name, "no mailbox had a pass yet");
		return;
	}
	if (sum->newest_good_utc_us == 0) {
		add(health, HEALTH_CRITICAL, name,
		        "no pass over any of %" G_GINT64_FORMAT " mailboxes was good yet",
		        sum->mailboxes);
		return;
	}
	g_autofree char *newest = age(now - sum->newest_good_utc_us);
	g_autofree char *slowest = sum->oldest_good_utc_us > 0 ? age(now - sum->oldest_good_utc_us)
	                                                       : g_strdup("unlimited");
	bool stopped = !paused && now - sum->newest_good_utc_us > late_us(cli);
	bool lagging = !paused && now - sum->oldest_good_utc_us > late_us(cli);
	enum health_level level = stopped                       ? HEALTH_CRITICAL
	                          : lagging || sum->failing > 0 ? HEALTH_WARNING
	                                                        : HEALTH_OK;
	add(health, level, name,
	        "last good pass %s ago, largest lag %s, %" G_GINT64_FORMAT
	        " mailboxes, %" G_GINT64_FORMAT " failing, backlog %" G_GINT64_FORMAT,
	        newest, slowest, sum->mailboxes, sum->failing, sum->backlog);
}

static bool check_passes(
        struct health *health, struct cli *cli, const GPtrArray *pauses, GError **error)
{
	for (enum pass_kind kind = 0; kind < PASS_KINDS; kind++) {
		struct pass_summary sum;
		if (!store_pass_summary(cli->store, kind, &sum, error))
			return false;
		judge_pass(health, cli, kind, &sum, paused_for_all(pauses, kind));
	}
	return true;
}

static void name_user(struct health *health, const struct pass *pass)
{
	g_autofree char *again = NULL;
	if (pass->next_try_utc_us != 0)
		again = clock_format_iso(pass->next_try_utc_us);
	add(health, HEALTH_WARNING, "user", "%s, %s: %s (%s%s%s%s)", pass->owner,
	        pass_kind_name(pass->kind), pass->message, pass->reason,
	        pass->needs_person ? ", waits for a person" : "",
	        again != NULL ? ", next try " : "", again != NULL ? again : "");
}

static bool check_users(struct health *health, struct cli *cli, GError **error)
{
	g_autoptr(GPtrArray) failing = store_pass_failing(cli->store, NAMED_MAX + 1, error);
	if (failing == NULL)
		return false;
	for (unsigned i = 0; i < MIN(failing->len, NAMED_MAX); i++)
		name_user(health, failing->pdata[i]);
	if (failing->len > NAMED_MAX)
		add(health, HEALTH_WARNING, "user", "and more users than the %d shown", NAMED_MAX);
	return true;
}

static bool check_deliveries(struct health *health, struct cli *cli, GError **error)
{
	struct delivery_totals sum;
	if (!store_delivery_totals(cli->store, 0, &sum, error))
		return false;
	g_autofree char *oldest = sum.oldest_planned_utc_us > 0
	                                  ? age(clock_utc_us() - sum.oldest_planned_utc_us)
	                                  : g_strdup("none");
	add(health, sum.failed > 0 ? HEALTH_WARNING : HEALTH_OK, "deliveries",
	        "%" G_GINT64_FORMAT " delivered, %" G_GINT64_FORMAT " waiting, %" G_GINT64_FORMAT
	        " under way, %" G_GINT64_FORMAT " failed, %" G_GINT64_FORMAT
	        " held, oldest waiting %s",
	        sum.confirmed, sum.planned, sum.sent, sum.failed, sum.held, oldest);
	return true;
}

/* A full queue loses nothing, but holds back what is captured. */
static bool check_queue(struct health *health, struct cli *cli, GError **error)
{
	static const enum health_level levels[] = {
	        [QUEUE_OK] = HEALTH_OK,
	        [QUEUE_WARNING] = HEALTH_WARNING,
	        [QUEUE_CRITICAL] = HEALTH_CRITICAL,
	        [QUEUE_FULL] = HEALTH_CRITICAL,
	};
	struct queue_fill fill;
	if (!queue_fill(cli->store, cli->config, &fill, error))
		return false;
	add(health, levels[fill.level], "queue",
	        "%.1f of %" G_GINT64_FORMAT " MiB wait for delivery (%" G_GINT64_FORMAT " %%)%s",
	        (double)fill.bytes / 1048576.0, fill.max_bytes >> 20,
	        fill.bytes * 100 / fill.max_bytes,
	        fill.level == QUEUE_FULL
	                ? ": full, further conversations wait captured and unrendered"
	                : "");
	return true;
}

static void judge_certificate(struct health *health, const char *whose, int64_t not_after_utc_us)
{
	int64_t left = not_after_utc_us - clock_utc_us();
	g_autofree char *until = clock_format_iso(not_after_utc_us);
	g_autofree char *days = age(left);
	if (left <= 0)
		add(health, HEALTH_CRITICAL, "certificate", "%s expired on %s", whose, until);
	else
		add(health, left < RENEW_US ? HEALTH_WARNING : HEALTH_OK, "certificate",
		        "%s is valid for %s, until %s", whose, days, until);
}

static bool check_own_key(struct health *health, struct cli *cli, GError **error)
{
	const char *state_dir = config_string(cli->config, "imex", NULL, "state_dir");
	autoptr(keyring) keyring = keyring_open(state_dir, error);
	if (keyring == NULL)
		return false;
	autoptr(certificate) current = keyring_certificate(keyring, KEY_CURRENT);
	if (current == NULL)
		add(health, HEALTH_CRITICAL, "certificate",
		        "there is no key to sign tokens with in %s", state_dir);
	else
		judge_certificate(health, "imex's own", certificate_not_after_utc_us(current));
	return true;
}

/* The newest of a partner's keys is the one that counts. */
static void check_partner(struct health *health, const struct partner *partner)
{
	int64_t not_after = 0;
	for (unsigned i = 0; i < partner->keys->len; i++) {
		const struct partner_key *key = partner->keys->pdata[i];
		not_after = MAX(not_after, key->not_after_utc_us);
	}
	g_autofree char *whose = g_strdup_printf("that of partner %s", partner->name);
	if (partner->enabled && not_after > 0)
		judge_certificate(health, whose, not_after);
	if (partner->alarm != NULL)
		add(health, HEALTH_WARNING, "partner", "%s: %s", partner->name, partner->alarm);
}

static bool check_partners(struct health *health, struct cli *cli, GError **error)
{
	g_autoptr(GPtrArray) partners = store_partner_list(cli->store, error);
	if (partners == NULL)
		return false;
	for (unsigned i = 0; i < partners->len; i++)
		check_partner(health, partners->pdata[i]);
	return true;
}

static void check_pauses(struct health *health, const GPtrArray *pauses)
{
	for (unsigned i = 0; i < pauses->len; i++) {
		const struct pause *pause = pauses->pdata[i];
		g_autofree char *since = clock_format_iso(pause->since_utc_us);
		add(health, HEALTH_WARNING, "pause", "%s of %s%s%s paused since %s",
		        pass_kind_name(pause->kind),
		        pause->scope == PAUSE_ALL ? "everybody" : pause_scope_name(pause->scope),
		        pause->scope == PAUSE_ALL ? "" : " ", pause->subject, since);
	}
}

/* A server that stops archiving looks like one where nobody speaks. */
static void judge_silence(struct health *health, struct cli *cli, const char *name, int64_t us)
{
	int64_t silence_s = config_duration_s(cli->config, "source", name, "silence");
	if (silence_s == 0)
		return;
	g_autofree char *since = age(us);
	bool silent = us > silence_s * CLOCK_US_PER_S;
	add(health, silent ? HEALTH_WARNING : HEALTH_OK, "silence",
	        silent ? "%s has had no new message for %s: does the IM server still archive?"
	               : "%s had its newest message %s ago",
	        name, since);
}

/* What the IM server deletes before it is read is lost. */
static bool check_sources(struct health *health, struct cli *cli, GError **error)
{
	static const enum health_level levels[] = {
	        [LAG_OK] = HEALTH_OK,
	        [LAG_WARNING] = HEALTH_WARNING,
	        [LAG_CRITICAL] = HEALTH_CRITICAL,
	};
	for (const char *const *name = config_names(cli->config, "source"); *name != NULL; name++) {
		struct lag lag;
		if (!lag_find(cli->store, cli->config, *name, &lag, error))
			return false;
		if (lag.begun)
			judge_silence(health, cli, *name, lag.silent_us);
		g_autofree char *late = age(lag.us);
		g_autofree char *kept = age(lag.retention_us);
		if (lag.begun)
			add(health, levels[lag.level], "source",
			        "%s was read to its end %s ago; its server keeps messages for %s",
			        *name, late, kept);
	}
	return true;
}

/* imexd leaves it behind when it refused a changed configuration file. */
static bool check_reload(struct health *health, struct cli *cli, GError **error)
{
	g_autofree char *refused = NULL;
	if (!store_property_get(cli->store, "imexd.reload_error", &refused, error))
		return false;
	if (refused != NULL)
		add(health, HEALTH_WARNING, "imexd", "runs with an older configuration: %s",
		        refused);
	return true;
}

struct health *health_check(struct cli *cli, GError **error)
{
	if (cli_store(cli, error) == NULL)
		return NULL;
	g_autoptr(GPtrArray) pauses = store_pause_list(cli->store, error);
	if (pauses == NULL)
		return NULL;
	autoptr(health) health = g_new0(struct health, 1);
	health->findings = g_ptr_array_new_with_free_func(free_finding);
	if (!check_passes(health, cli, pauses, error) || !check_users(health, cli, error) ||
	        !check_deliveries(health, cli, error) || !check_queue(health, cli, error) ||
	        !check_sources(health, cli, error))
		return NULL;
	check_pauses(health, pauses);
	bool good = check_own_key(health, cli, error) && check_partners(health, cli, error) &&
	            check_reload(health, cli, error);
	return good ? g_steal_pointer(&health) : NULL;
}
