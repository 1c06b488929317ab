#include "core/clock.h"

#include "core/error.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

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

char *clock_format_iso(int64_t utc_us)
{
	int64_t fraction = utc_us % CLOCK_US_PER_S;
	int64_t seconds = utc_us / CLOCK_US_PER_S;
	if (fraction < 0) {
		fraction += CLOCK_US_PER_S;
		seconds--;
	}
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
	if (time == NULL)
		return g_strdup_printf("@%" G_GINT64_FORMAT "us", utc_us);
	g_autofree char *whole = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
	if (fraction == 0)
		return g_strconcat(whole, "Z", NULL);
	return g_strdup_printf("%s.%06dZ", whole, (int)fraction);
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
