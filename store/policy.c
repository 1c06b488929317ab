#include "store/policy.h"

#include "core/address.h"
#include "core/clock.h"
#include "store/store_private.h"

#include <string.h>

const struct policy_kind policy_kinds[] = {
        {"contacts", "not-allowed|allowed", "Whether the user's contacts are kept in the mailbox."},
        {"contacts.delay", "0..180",
                "Days between the time when contacts are allowed and the move to the mailbox."},
        {"contacts.adopt", "ask|allowed",
                "Whether a mailbox in which another IM server keeps contacts is taken over."},
        {"contacts.direction", "both|to-mailbox|to-im", "Which way changes of contacts travel."},
        {"contacts.conflict", "mailbox|im|newest",
                "Whose value counts when both sides changed the same field."},
        {"contacts.dialect", "auto|ucs|folder", "How contacts are kept; auto asks the server."},
        {"archive", "none|im|im+events",
                "What of finished conversations is archived: the messages, or joins and leaves "
                "with them."},
        {"archive.who", "all|internal|external",
                "Which conversations: internal ones are among the configured domains only."},
        {"archive.route", "mailbox|auto|local|none",
                "Where to: auto is the mailbox while it is on hold, else the local archive; none "
                "archives nothing, whatever the other policies say."},
        {"archive.on_failure", "continue|block",
                "Whether instant messaging may go on while archiving does not work: what the gate "
                "answers."},
        {NULL, NULL, NULL},
};

static const char *const scope_names[] = {"default", "global", "domain", "user"};

const char *policy_scope_name(enum policy_scope scope)
{
	return scope_names[scope];
}

static enum policy_scope scope_from_name(const char *name)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(scope_names); i++)
		if (g_strcmp0(name, scope_names[i]) == 0)
			return (enum policy_scope)i;
	return POLICY_DEFAULT;
}

static const struct policy_kind *find_kind(const char *name, GError **error)
{
	g_autoptr(GString) known = g_string_new(NULL);
	for (const struct policy_kind *kind = policy_kinds; kind->name != NULL; kind++) {
		if (g_str_equal(kind->name, name))
			return kind;
		g_string_append_printf(known, "%s%s", known->len > 0 ? ", " : "", kind->name);
	}
	error_set(error, ERROR_CONFIG, "policy.unknown",
	        "there is no policy %s: the policies are %s", name, known->str);
	return NULL;
}

/* Digits alone, so that the same number is always the same text. */
static bool in_range(const char *range, const char *dots, const char *value)
{
	size_t digits = strspn(value, "0123456789");
	if (digits == 0 || digits > 9 || value[digits] != '\0' || (value[0] == '0' && digits > 1))
		return false;
	gint64 number = g_ascii_strtoll(value, NULL, 10);
	return number >= g_ascii_strtoll(range, NULL, 10) &&
	       number <= g_ascii_strtoll(dots + 2, NULL, 10);
}

static bool check_value(const struct policy_kind *kind, const char *value, GError **error)
{
	g_auto(GStrv) values = g_strsplit(kind->values, "|", -1);
	const char *dots = strstr(kind->values, "..");
	if (dots == NULL ? g_strv_contains((const char *const *)values, value)
	                 : in_range(kind->values, dots, value))
		return true;
	error_set(error, ERROR_CONFIG, "policy.value", "policy %s cannot be %s: it is %s %s",
	        kind->name, value, dots == NULL ? "one of" : "a number of", kind->values);
	return false;
}

bool store_policy_set(struct store *store, enum policy_scope scope, const char *subject,
        const char *name, const char *value, GError **error)
{
	g_assert(scope != POLICY_DEFAULT);
	const struct policy_kind *kind = find_kind(name, error);
	if (kind == NULL || (value != NULL && !check_value(kind, value, error)))
		return false;
	const char *key = scope == POLICY_GLOBAL ? "" : subject;
	if (value == NULL)
		return db_run(store->db,
		        "DELETE FROM policy WHERE scope = $1 AND subject = $2 AND name = $3",
		        DB_VALUES(db_text(policy_scope_name(scope)), db_text(key), db_text(name)),
		        error);
	return db_run(store->db,
	        "INSERT INTO policy (scope, subject, name, value, changed_utc_us)"
	        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope, subject, name)"
	        " DO UPDATE SET value = excluded.value, changed_utc_us = excluded.changed_utc_us"
	        " WHERE policy.value <> excluded.value",
	        DB_VALUES(db_text(policy_scope_name(scope)), db_text(key), db_text(name),
	                db_text(value), db_int(clock_utc_us())),
	        error);
}

void policy_decision_clear(struct policy_decision *decision)
{
	g_clear_pointer(&decision->value, g_free);
}

/* The widest scope comes first in the enum, so the largest one that has a row decides. */
static bool take_narrowest(struct db_result *rows, struct policy_decision *out, GError **error)
{
	int got;
	while ((got = db_next(rows, error)) > 0) {
		enum policy_scope scope = scope_from_name(db_column_text(rows, 0));
		if (scope <= out->scope)
			continue;
		g_free(out->value);
		out->value = db_column_dup(rows, 1);
		out->since_utc_us = db_column_int64(rows, 2);
		out->scope = scope;
	}
	return got == 0;
}

bool store_policy_resolve(struct store *store, const char *owner, const char *name,
        struct policy_decision *out, GError **error)
{
	const struct policy_kind *kind = find_kind(name, error);
	if (kind == NULL)
		return false;
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT scope, value, changed_utc_us FROM policy WHERE name = $1 AND"
	        " (scope = 'global' OR (scope = 'domain' AND subject = $2)"
	        " OR (scope = 'user' AND subject = $3))",
	        DB_VALUES(db_text(name), db_text(address_domain(owner)), db_text(owner)), error);
	if (rows == NULL)
		return false;
	out->scope = POLICY_DEFAULT;
	out->since_utc_us = 0;
	out->value = g_strndup(kind->values, strcspn(kind->values, "|."));
	if (take_narrowest(rows, out, error))
		return true;
	policy_decision_clear(out);
	return false;
}

bool store_policy_is(struct store *store, const char *owner, const char *name, const char *value,
        bool *is, GError **error)
{
	struct policy_decision decision = {0};
	if (!store_policy_resolve(store, owner, name, &decision, error))
		return false;
	*is = g_str_equal(decision.value, value);
	policy_decision_clear(&decision);
	return true;
}

bool store_policy_contacts(
        struct store *store, const char *owner, struct policy_contacts *out, GError **error)
{
	struct policy_decision allowed = {0}, delay = {0};
	bool good = store_policy_resolve(store, owner, "contacts", &allowed, error) &&
	            store_policy_resolve(store, owner, "contacts.delay", &delay, error);
	*out = (struct policy_contacts){0};
	if (good) {
		out->allowed = g_str_equal(allowed.value, "allowed");
		out->scope = allowed.scope;
	}
	if (good && out->allowed)
		out->from_utc_us = allowed.since_utc_us +
		                   g_ascii_strtoll(delay.value, NULL, 10) * CLOCK_US_PER_DAY;
	policy_decision_clear(&allowed);
	policy_decision_clear(&delay);
	return good;
}

void policy_row_free(struct policy_row *row)
{
	g_free(row->subject);
	g_free(row->name);
	g_free(row->value);
	g_free(row);
}

static void free_row(gpointer row)
{
	policy_row_free(row);
}

GPtrArray *store_policy_list(struct store *store, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_row);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT scope, subject, name, value FROM policy ORDER BY name, CASE scope"
	        " WHEN 'global' THEN 1 WHEN 'domain' THEN 2 ELSE 3 END, subject",
	        DB_NO_VALUES, error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0) {
		struct policy_row *row = g_new0(struct policy_row, 1);
		row->scope = scope_from_name(db_column_text(rows, 0));
		row->subject = db_column_dup(rows, 1);
		row->name = db_column_dup(rows, 2);
		row->value = db_column_dup(rows, 3);
		g_ptr_array_add(list, row);
	}
	return got == 0 ? g_steal_pointer(&list) : NULL;
}
