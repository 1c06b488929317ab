/*
 * Time. Inside, time is UTC microseconds since 1970 (int64_t, names end in _utc_us); durations are
 * measured on the monotonic clock. Tests may set the UTC clock; nothing else may.
 */
#ifndef IMEX_CORE_CLOCK_H
#define IMEX_CORE_CLOCK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_US_PER_S INT64_C(1000000)
#define CLOCK_US_PER_DAY (INT64_C(86400) * CLOCK_US_PER_S)

int64_t clock_utc_us(void);
int64_t clock_mono_us(void);
void clock_sleep_us(int64_t duration_us);

/* For tests: the clock stands still at utc_us from now on; clock_unset() lets it run again. */
void clock_set_utc_us(int64_t utc_us);
void clock_unset(void);

/*
 * The Gregorian calendar, taken to have held always: gmtime_r() of the years 1 to 9999, false
 * outside of them. seconds count from 1970's begin where the civil time is wanted.
 */
bool clock_civil_of(int64_t seconds, struct tm *out);
/* Whole seconds of a time, downwards. */
int64_t clock_seconds_of(int64_t utc_us);

/* "2026-11-23T08:30:00Z", with a fraction only when there is one. Caller frees. */
char *clock_format_iso(int64_t utc_us);

/*
 * ISO 8601: a date ("2026-11-23") or a date and a time with "Z", an offset or none (then UTC).
 * Anything else is an error (time.invalid) that names the text.
 */
bool clock_parse_iso(const char *text, int64_t *utc_us, GError **error);

#endif
