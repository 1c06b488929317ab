#include "core/clock.h"

#include "core/error.h"

#include <stdatomic.h>
#include <string.h>

static _Atomic int64_t fixed_utc_us = INT64_MIN;

int64_t clock_utc_us(void)
{
	int64_t fixed = atomic_load(&fixed_utc_us);
	return fixed == INT64_MIN ? g_get_real_time() : fixed;
}

int64_t clock_mono_us(void)
{
	return g_get_monotonic_time();
}

void clock_sleep_us(int64_t duration_us)
{
	struct timespec left = {
	        .tv_sec = (time_t)(duration_us / CLOCK_US_PER_S),
	        .tv_nsec = (long)(duration_us % CLOCK_US_PER_S) * 1000,
	};
	if (duration_us > 0)
		nanosleep(&left, NULL);
}

void clock_set_utc_us(int64_t utc_us)
{
	atomic_store(&fixed_utc_us, utc_us);
}

void clock_unset(void)
{
	atomic_store(&fixed_utc_us, INT64_MIN);
}

int64_t clock_seconds_of(int64_t utc_us)
{
	return utc_us / CLOCK_US_PER_S - (utc_us % CLOCK_US_PER_S < 0 ? 1 : 0);
}

/* 1 January 1 and 1 January 10000. */
#define FIRST_SECOND INT64_C(-62135596800)
#define END_SECOND INT64_C(253402300800)

bool clock_civil_of(int64_t seconds, struct tm *out)
{
	time_t time = (time_t)seconds;

	return seconds >= FIRST_SECOND && seconds < END_SECOND && gmtime_r(&time, out) != NULL;
}

char *clock_format_iso(int64_t utc_us)
{
	char text[40];
	struct tm t;
	int64_t seconds = clock_seconds_of(utc_us);
	int fraction = (int)(utc_us - seconds * CLOCK_US_PER_S);
	if (!clock_civil_of(seconds, &t))
		return g_strdup_printf("@%" G_GINT64_FORMAT "us", utc_us);
	int len = g_snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d", t.tm_year + 1900,
	        t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
	if (fraction == 0)
		g_strlcpy(text + len, "Z", sizeof(text) - (gsize)len);
	else
		g_snprintf(text + len, sizeof(text) - (gulong)len, ".%06dZ", fraction);
	return g_strdup(text);
}

bool clock_parse_iso(const char *text, int64_t *utc_us, GError **error)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) time = NULL;
	if (strchr(text, 'T') != NULL)
		time = g_date_time_new_from_iso8601(text, utc);
	else if (strlen(text) == 10) {
		g_autofree char *midnight = g_strconcat(text, "T00:00:00Z", NULL);
		time = g_date_time_new_from_iso8601(midnight, utc);
	}
	if (time == NULL) {
		error_set(error, ERROR_CONFIG, "time.invalid",
		        "\"%s\" is not an ISO 8601 time: write it as 2026-11-23 or "
		        "2026-11-23T08:30:00Z",
		        text);
		return false;
	}
	*utc_us = g_date_time_to_unix(time) * CLOCK_US_PER_S + g_date_time_get_microsecond(time);
	return true;
}
