#include "core/step.h"

#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char *last; /* the step to be killed at, or NULL */
static atomic_ullong left; /* how often it is still to be reached */

static void read_environment(void)
{
	const char *wanted = g_getenv("IMEX_KILL_AT");
	if (wanted == NULL)
		return;
	const char *colon = strchr(wanted, ':');
	atomic_store(&left, colon != NULL ? g_ascii_strtoull(colon + 1, NULL, 10) : 1);
	last = colon != NULL ? g_strndup(wanted, (gsize)(colon - wanted)) : g_strdup(wanted);
}

void step_reached(const char *name)
{
	pthread_once(&once, read_environment);
	if (last != NULL && strcmp(last, name) == 0 && atomic_fetch_sub(&left, 1) == 1)
		raise(SIGKILL);
}
