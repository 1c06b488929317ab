/* Counters for tests. */
#include "http.h"

#include <pthread.h>
#include <string.h>

static pthread_mutex_t counters_lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *counters; /* name -> count */
static GHashTable *seen; /* "what value" of count_distinct() */

static void add(const char *name)
{
	if (counters == NULL)
		counters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	int64_t *n = g_hash_table_lookup(counters, name);
	if (n == NULL) {
		n = g_new0(int64_t, 1);
		g_hash_table_insert(counters, g_strdup(name), n);
	}
	++*n;
}

void count_event(const char *what)
{
	pthread_mutex_lock(&counters_lock);
	add(what);
	pthread_mutex_unlock(&counters_lock);
}

void count_distinct(const char *what, const char *value)
{
	char *key = g_strconcat(what, " ", value, NULL);

	pthread_mutex_lock(&counters_lock);
	if (seen == NULL)
		seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (g_hash_table_add(seen, key))
		add(what);
	pthread_mutex_unlock(&counters_lock);
}

void count_answer(const char *operation, const char *code, const char *mailbox)
{
	char name[400];

	pthread_mutex_lock(&counters_lock);
	g_snprintf(name, sizeof name, "operation.%s", operation != NULL ? operation : "unknown");
	add(name);
	g_snprintf(name, sizeof name, "code.%s", code != NULL ? code : "NoError");
	add(name);
	if (mailbox != NULL) {
		g_snprintf(name, sizeof name, "mailbox.%s.%s", mailbox,
		        operation != NULL ? operation : "unknown");
		add(name);
	}
	pthread_mutex_unlock(&counters_lock);
}

json_t *counters_json(void)
{
	json_t *object = json_object();
	GHashTableIter i;
	gpointer name, value;

	pthread_mutex_lock(&counters_lock);
	if (counters != NULL) {
		g_hash_table_iter_init(&i, counters);
		while (g_hash_table_iter_next(&i, &name, &value))
			json_object_set_new(object, name, json_integer(*(int64_t *)value));
	}
	pthread_mutex_unlock(&counters_lock);
	return object;
}

void counters_reset(void)
{
	pthread_mutex_lock(&counters_lock);
	if (counters != NULL)
		g_hash_table_destroy(counters);
	counters = NULL;
	if (seen != NULL)
		g_hash_table_destroy(seen);
	seen = NULL;
	pthread_mutex_unlock(&counters_lock);
}
