#include "fault.h"

#include <pthread.h>
#include <string.h>

static const char *const kind_names[FAULT_KINDS] = {
        [FAULT_NONE] = "none",
        [FAULT_HTTP] = "http",
        [FAULT_BUSY] = "busy",
        [FAULT_CODE] = "code",
        [FAULT_MESSAGE] = "message",
        [FAULT_RESET_BEFORE] = "reset-before",
        [FAULT_MOVE] = "mailbox-move",
        [FAULT_ROLL] = "certificate-roll",
        [FAULT_SKEW] = "clock-skew",
        [FAULT_LOST_ANSWER] = "lost-answer",
        [FAULT_LATE_EFFECT] = "late-effect",
        [FAULT_RESET_WITHIN] = "reset-within",
        [FAULT_RESET_AFTER] = "reset-after",
        [FAULT_TRUNCATE] = "truncate",
        [FAULT_MALFORMED] = "malformed",
        [FAULT_ILLEGAL_CHAR] = "illegal-char",
        [FAULT_CONTENT_TYPE] = "content-type",
        [FAULT_OVERSIZE] = "oversize",
        [FAULT_DRIP] = "drip",
        [FAULT_DELAY] = "delay",
        [FAULT_SILENCE] = "silence",
        [FAULT_SYNC_STATE] = "sync-state",
        [FAULT_GHOST_ITEM] = "ghost-item",
        [FAULT_BAD_ITEM] = "bad-item",
        [FAULT_BATCH_STOPPED] = "batch-stopped",
        [FAULT_CONFLICT] = "conflict",
        [FAULT_SAME_STATE] = "same-state",
        [FAULT_SUBSCRIPTION] = "subscription",
};

struct rule {
	uint64_t id;
	char *operation, *mailbox; /* NULL: any */
	int64_t skip, count; /* count < 0: without end */
	double probability;
	GRand *random;
	uint32_t seed;
	uint64_t matched, struck;
	struct fault_hit hit;
};

struct faults {
	pthread_mutex_t lock;
	GPtrArray *rules;
	uint64_t next;
};

static void rule_free(gpointer data)
{
	struct rule *r = data;

	g_free(r->operation);
	g_free(r->mailbox);
	g_rand_free(r->random);
	g_free(r);
}

struct faults *faults_new(void)
{
	struct faults *f = g_new0(struct faults, 1);

	pthread_mutex_init(&f->lock, NULL);
	f->rules = g_ptr_array_new_with_free_func(rule_free);
	f->next = 1;
	return f;
}

void faults_free(struct faults *f)
{
	g_ptr_array_free(f->rules, TRUE);
	pthread_mutex_destroy(&f->lock);
	g_free(f);
}

static bool kind_parse(const char *name, enum fault_kind *kind)
{
	for (int i = 1; name != NULL && i < FAULT_KINDS; i++)
		if (strcmp(kind_names[i], name) == 0) {
			*kind = (enum fault_kind)i;
			return true;
		}
	return false;
}

/* Where each number of a description goes. */
static bool set_number(struct rule *r, const char *key, int64_t v)
{
	const struct {
		const char *key;
		int *small;
		int64_t *large;
	} slots[] = {
	        {"skip", NULL, &r->skip},
	        {"count", NULL, &r->count},
	        {"status", &r->hit.status, NULL},
	        {"retry_after_s", &r->hit.retry_after_s, NULL},
	        {"item", &r->hit.item, NULL},
	        {"skew_s", &r->hit.skew_s, NULL},
	        {"back_off_ms", NULL, &r->hit.back_off_ms},
	        {"delay_ms", NULL, &r->hit.delay_ms},
	        {"bytes", NULL, &r->hit.bytes},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(slots); i++) {
		if (strcmp(slots[i].key, key) != 0)
			continue;
		if (slots[i].small != NULL)
			*slots[i].small = (int)v;
		else
			*slots[i].large = v;
		return true;
	}
	if (strcmp(key, "seed") != 0)
		return false;
	r->seed = (uint32_t)v;
	return true;
}

static bool set_text(struct rule *r, const char *key, const char *v)
{
	if (strcmp(key, "kind") == 0)
		return kind_parse(v, &r->hit.kind);
	if (strcmp(key, "code") == 0)
		return g_strlcpy(r->hit.code, v, sizeof r->hit.code) < sizeof r->hit.code;
	if (strcmp(key, "text") == 0)
		return g_strlcpy(r->hit.text, v, sizeof r->hit.text) < sizeof r->hit.text;
	char **slot = strcmp(key, "operation") == 0 ? &r->operation
	              : strcmp(key, "mailbox") == 0 ? &r->mailbox
	                                            : NULL;
	if (slot == NULL)
		return false;
	g_free(*slot);
	*slot = strcmp(v, "*") == 0 ? NULL : g_strdup(v);
	return true;
}

static struct rule *rule_new(void)
{
	struct rule *r = g_new0(struct rule, 1);

	r->count = 1;
	r->probability = 1.0;
	r->hit.retry_after_s = -1;
	r->hit.back_off_ms = -1;
	r->hit.delay_ms = 1000;
	g_strlcpy(r->hit.code, "ErrorInternalServerTransientError", sizeof r->hit.code);
	r->seed = g_random_int();
	return r;
}

static uint64_t rule_enter(struct faults *f, struct rule *r, char **reason)
{
	if (r->hit.kind == FAULT_NONE && *reason == NULL)
		*reason = g_strdup("a fault needs a kind");
	if (*reason != NULL) {
		r->random = g_rand_new_with_seed(0);
		rule_free(r);
		return 0;
	}
	static const char *const only[FAULT_KINDS] = {
	        [FAULT_SYNC_STATE] = "SyncFolderItems",
	        [FAULT_GHOST_ITEM] = "SyncFolderItems",
	        [FAULT_SAME_STATE] = "SyncFolderItems",
	        [FAULT_CONFLICT] = "UpdateItem",
	};
	if (r->operation == NULL)
		r->operation = g_strdup(only[r->hit.kind]);
	r->random = g_rand_new_with_seed(r->seed);
	pthread_mutex_lock(&f->lock);
	r->id = f->next++;
	g_ptr_array_add(f->rules, r);
	uint64_t id = r->id;
	pthread_mutex_unlock(&f->lock);
	return id;
}

uint64_t faults_add(struct faults *f, const json_t *description, char **reason)
{
	struct rule *r = rule_new();
	const char *key;
	json_t *value;
	/* jansson's iteration does not change the object. */
	json_t *object = json_copy((json_t *)(uintptr_t)description);

	*reason = NULL;
	json_object_foreach (object, key, value) {
		bool ok = false;
		if (strcmp(key, "probability") == 0 && json_is_number(value)) {
			r->probability = json_number_value(value);
			ok = true;
		} else if (json_is_integer(value)) {
			ok = set_number(r, key, json_integer_value(value));
		} else if (json_is_string(value)) {
			ok = set_text(r, key, json_string_value(value));
		}
		if (!ok && *reason == NULL)
			*reason = g_strdup_printf("'%s' is unknown or has a wrong value", key);
	}
	json_decref(object);
	return rule_enter(f, r, reason);
}

uint64_t faults_add_text(struct faults *f, const char *text, char **reason)
{
	struct rule *r = rule_new();
	char **parts = g_strsplit(text, ",", -1);

	*reason = NULL;
	for (char **p = parts; *p != NULL && *reason == NULL; p++) {
		char *equals = strchr(*p, '='), *end = NULL;
		bool ok = false;
		if (equals != NULL) {
			*equals = '\0';
			gint64 number = g_ascii_strtoll(equals + 1, &end, 10);
			if (strcmp(*p, "probability") == 0) {
				r->probability = g_ascii_strtod(equals + 1, &end);
				ok = *end == '\0';
			} else if (*end == '\0' && end != equals + 1) {
				ok = set_number(r, *p, number);
			} else {
				ok = set_text(r, *p, equals + 1);
			}
		}
		if (!ok)
			*reason = g_strdup_printf("'%s' is unknown or has a wrong value", *p);
	}
	g_strfreev(parts);
	return rule_enter(f, r, reason);
}

bool faults_remove(struct faults *f, uint64_t id)
{
	bool found = id == 0;

	pthread_mutex_lock(&f->lock);
	for (guint i = f->rules->len; i-- > 0;) {
		const struct rule *r = f->rules->pdata[i];
		if (id != 0 && r->id != id)
			continue;
		g_ptr_array_remove_index(f->rules, i);
		found = true;
	}
	pthread_mutex_unlock(&f->lock);
	return found;
}

json_t *faults_list(struct faults *f)
{
	json_t *list = json_array();

	pthread_mutex_lock(&f->lock);
	for (guint i = 0; i < f->rules->len; i++) {
		const struct rule *r = f->rules->pdata[i];
		json_array_append_new(
		        list, json_pack("{s:I,s:s,s:s?,s:s?,s:I,s:I,s:I,s:I}", "id",
		                      (json_int_t)r->id, "kind", kind_names[r->hit.kind],
		                      "operation", r->operation, "mailbox", r->mailbox, "left",
		                      (json_int_t)r->count, "seed", (json_int_t)r->seed, "matched",
		                      (json_int_t)r->matched, "struck", (json_int_t)r->struck));
	}
	pthread_mutex_unlock(&f->lock);
	return list;
}

bool faults_active(struct faults *f)
{
	pthread_mutex_lock(&f->lock);
	bool active = f->rules->len > 0;
	pthread_mutex_unlock(&f->lock);
	return active;
}

static bool rule_matches(const struct rule *r, const char *operation, const char *mailbox)
{
	if (r->operation != NULL && (operation == NULL || strcmp(r->operation, operation) != 0))
		return false;
	return r->mailbox == NULL ||
	       (mailbox != NULL && g_ascii_strcasecmp(r->mailbox, mailbox) == 0);
}

struct fault_hit faults_take(struct faults *f, const char *operation, const char *mailbox)
{
	struct fault_hit hit = {.kind = FAULT_NONE};

	pthread_mutex_lock(&f->lock);
	for (guint i = 0; i < f->rules->len; i++) {
		struct rule *r = f->rules->pdata[i];
		if (r->count == 0 || !rule_matches(r, operation, mailbox))
			continue;
		r->matched++;
		if (r->skip > 0) {
			r->skip--;
			continue;
		}
		if (r->probability < 1.0 && g_rand_double(r->random) >= r->probability)
			continue;
		if (r->count > 0)
			r->count--;
		hit = r->hit;
		hit.rule = r->id;
		break;
	}
	pthread_mutex_unlock(&f->lock);
	return hit;
}

static struct rule *rule_of(struct faults *f, const struct fault_hit *hit)
{
	for (guint i = 0; i < f->rules->len; i++) {
		struct rule *r = f->rules->pdata[i];
		if (r->id == hit->rule)
			return r;
	}
	return NULL;
}

void fault_struck(struct faults *f, struct fault_hit *hit)
{
	pthread_mutex_lock(&f->lock);
	struct rule *r = rule_of(f, hit);
	if (r != NULL)
		r->struck++;
	hit->struck = true;
	pthread_mutex_unlock(&f->lock);
}

void faults_settle(struct faults *f, const struct fault_hit *hit)
{
	if (hit->kind == FAULT_NONE || hit->struck)
		return;
	pthread_mutex_lock(&f->lock);
	struct rule *r = rule_of(f, hit);
	if (r != NULL && r->count >= 0)
		r->count++;
	pthread_mutex_unlock(&f->lock);
}
