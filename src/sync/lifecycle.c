#include "sync/lifecycle.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "store/journal.h"
#include "store/mailbox.h"
#include "store/pass.h"
#include "store/pause.h"

const char *lifecycle_state_name(enum lifecycle_state state)
{
	static const char *const names[LIFECYCLE_STATES] = {
	        [LIFECYCLE_NOT_ALLOWED] = "not allowed",
	        [LIFECYCLE_WAITING] = "waiting",
	        [LIFECYCLE_NOT_ELIGIBLE] = "not eligible",
	        [LIFECYCLE_MIGRATING] = "migrating",
	        [LIFECYCLE_IN_MAILBOX] = "in the mailbox",
	        [LIFECYCLE_ROLLING_BACK] = "rolling back",
	        [LIFECYCLE_ROLLED_BACK] = "rolled back",
	        [LIFECYCLE_NEEDS_ATTENTION] = "needs attention",
	};
	return names[state];
}

void lifecycle_clear(struct lifecycle *lifecycle)
{
	g_free(lifecycle->reason);
	g_free(lifecycle->message);
	g_free(lifecycle->rule);
	g_clear_pointer(&lifecycle->mailbox, mailbox_free);
	g_clear_pointer(&lifecycle->status, contact_status_free);
	*lifecycle = (struct lifecycle){0};
}

/* What the store knows of an owner; mailbox is NULL when nothing is pinned. */
static bool load(struct store *store, const char *owner, struct lifecycle *out, GError **error)
{
	*out = (struct lifecycle){0};
	if (!store_policy_contacts(store, owner, &out->policy, error) ||
	        !store_mailbox_by_owner(store, owner, &out->mailbox, error))
		return false;
	if (out->mailbox == NULL)
		return true;
	out->status = store_contact_status(store, out->mailbox->id, error);
	return out->status != NULL && store_life(store, out->mailbox->id, &out->life, error);
}

static bool migrated(const struct lifecycle *of)
{
	return of->status != NULL && of->status->migrated_utc_us != 0;
}

static bool waits(const struct lifecycle *of)
{
	return !migrated(of) && clock_utc_us() < of->policy.from_utc_us;
}

static char *policy_rule(const struct lifecycle *of, const char *policy, const char *owner)
{
	const char *subject = of->policy.scope == POLICY_USER     ? owner
	                      : of->policy.scope == POLICY_DOMAIN ? address_domain(owner)
	                                                          : "";
	return g_strdup_printf("policy %s, %s%s%s", policy, policy_scope_name(of->policy.scope),
	        *subject != '\0' ? " " : "", subject);
}

/* Takes what it is given. */
static void decide(struct lifecycle *out, enum lifecycle_state state, const char *reason,
        char *rule, char *message)
{
	out->state = state;
	g_free(out->reason);
	g_free(out->rule);
	g_free(out->message);
	out->reason = g_strdup(reason);
	out->rule = rule;
	out->message = message;
}

/* What a person or a policy said; false: nothing of that decides. */
static bool decided_by_word(struct lifecycle *out, const char *owner)
{
	if (out->life.rolling_back_utc_us != 0) {
		decide(out, LIFECYCLE_ROLLING_BACK, "contacts.rolling_back",
		        g_strdup("imex contacts rollback, not ended"),
		        g_strdup_printf("a way back to the IM side has begun and not ended: run "
		                        "imex contacts rollback %s again",
		                owner));
		return true;
	}
	if (out->status != NULL && out->status->rolled_back_utc_us != 0) {
		decide(out, LIFECYCLE_ROLLED_BACK, "contacts.rolled_back",
		        g_strdup("imex contacts rollback"),
		        g_strdup_printf("the IM side is in charge whatever the policy says, until "
		                        "imex contacts unpin %s",
		                owner));
		return true;
	}
	if (out->policy.allowed)
		return false;
	decide(out, LIFECYCLE_NOT_ALLOWED, "schedule.not_allowed",
	        policy_rule(out, "contacts", owner),
	        migrated(out) ? g_strdup_printf("the list stays in the mailbox and is not kept in "
	                                        "step: imex contacts rollback %s takes it back",
	                                owner)
	                      : g_strdup_printf("no policy allows it: imex policy set contacts "
	                                        "allowed --user %s would",
	                                owner));
	return true;
}

bool lifecycle_may_pass(
        struct store *store, const char *owner, bool *may, GError **why, GError **error)
{
	struct lifecycle life;
	bool good = load(store, owner, &life, error);
	*may = false;
	if (good && decided_by_word(&life, owner)) {
		bool policy = life.state == LIFECYCLE_NOT_ALLOWED;
		error_set(why, ERROR_MAILBOX,
		        policy                                ? "schedule.not_allowed"
		        : life.state == LIFECYCLE_ROLLED_BACK ? "contacts.rolled_back"
		                                              : "contacts.rolling_back",
		        "nothing is done for the contacts of %s: %s", owner, life.message);
	} else if (good && waits(&life)) {
		g_autofree char *until = clock_format_iso(life.policy.from_utc_us);
		error_set(why, ERROR_MAILBOX, "contacts.waiting",
		        "the contacts of %s are moved from %s on: imex policy set contacts.delay 0 "
		        "--user %s would move them now",
		        owner, until, owner);
	} else {
		*may = good;
	}
	lifecycle_clear(&life);
	return good;
}

/* Reasons that lie in the mailbox or the user, not in a fault that passes. */
static bool makes_ineligible(const char *reason)
{
	static const char *const reasons[] = {"ews.no_mailbox", "source.no_owner",
	        "contacts.occupied", "usermap.unmapped", "usermap.duplicate", "mailbox.remapped",
	        "mailbox.taken", "ews.dialect", NULL};
	return g_strv_contains(reasons, reason);
}

static enum lifecycle_state trouble_state(const struct lifecycle *of, const char *reason)
{
	return !migrated(of) && makes_ineligible(reason) ? LIFECYCLE_NOT_ELIGIBLE
	                                                 : LIFECYCLE_NEEDS_ATTENTION;
}

/* Somebody else has the mailbox that the map gives him. */
static bool decided_by_holder(struct store *store, struct lifecycle *out,
        const struct mailbox *mapped, bool *decided, GError **error)
{
	g_autofree char *other = NULL;
	if (!store_mailbox_other_owner(store, mapped, &other, error))
		return false;
	if (other != NULL)
		decide(out, LIFECYCLE_NOT_ELIGIBLE, "mailbox.taken",
		        g_strdup("user map, against what was pinned"),
		        g_strdup_printf("%s is the mailbox of %s already: should that be the "
		                        "user's old name, run imex user remap %s --from %s "
		                        "--confirm",
		                mapped->smtp, other, mapped->owner, other));
	*decided = other != NULL;
	return true;
}

/* Who he is in the mail system. */
static bool decided_by_map(struct store *store, struct lifecycle *out, const struct usermap *map,
        const char *owner, bool *decided, GError **error)
{
	autoptr(mailbox) mapped = NULL;
	g_autoptr(GError) cause = NULL;
	if (map == NULL)
		return true;
	if (!usermap_lookup(map, owner, &mapped, &cause)) {
		decide(out, trouble_state(out, error_reason(cause)), error_reason(cause),
		        g_strdup("user map"), g_strdup(cause->message));
		*decided = true;
		return true;
	}
	if (out->mailbox == NULL)
		return decided_by_holder(store, out, mapped, decided, error);
	*decided = !mailbox_equal(out->mailbox, mapped);
	if (!*decided)
		return true;
	decide(out, trouble_state(out, "mailbox.remapped"), "mailbox.remapped",
	        g_strdup("user map, against what was pinned"),
	        g_strdup_printf("was %s on %s and is now mapped to %s on %s: imex user remap %s "
	                        "--confirm accepts that",
	                out->mailbox->smtp, out->mailbox->server, mapped->smtp, mapped->server,
	                owner));
	return true;
}

static bool decided_by_pause(
        struct store *store, struct lifecycle *out, bool *decided, GError **error)
{
	if (out->mailbox == NULL)
		return true;
	if (!store_paused(store, out->mailbox, PASS_CONTACTS, decided, error))
		return false;
	if (*decided)
		decide(out, migrated(out) ? LIFECYCLE_IN_MAILBOX : LIFECYCLE_WAITING,
		        "contacts.paused", g_strdup("imex pause"),
		        g_strdup("work on it is paused: imex resume ends that"));
	return true;
}

static bool decided_by_pass(
        struct store *store, struct lifecycle *out, bool *decided, GError **error)
{
	if (out->mailbox == NULL)
		return true;
	struct pass *pass = NULL;
	if (!store_pass_get(store, out->mailbox->id, PASS_CONTACTS, &pass, error))
		return false;
	if (pass != NULL && pass->failures > 0) {
		decide(out, trouble_state(out, pass->reason), pass->reason,
		        g_strdup("the last pass"), g_strdup(pass->message));
		out->until_utc_us = pass->next_try_utc_us;
		*decided = true;
	}
	g_clear_pointer(&pass, pass_free);
	return true;
}

static bool decide_progress(
        struct store *store, struct lifecycle *out, const char *owner, GError **error)
{
	int64_t steps = 0, sent = 0;
	if (out->mailbox != NULL &&
	        !store_journal_count(store, out->mailbox->id, &steps, &sent, error))
		return false;
	bool begun = steps > 0;
	if (migrated(out)) {
		decide(out, LIFECYCLE_IN_MAILBOX, NULL, policy_rule(out, "contacts", owner), NULL);
	} else if (waits(out)) {
		decide(out, LIFECYCLE_WAITING, "contacts.waiting",
		        policy_rule(out, "contacts.delay after contacts", owner), NULL);
		out->until_utc_us = out->policy.from_utc_us;
	} else {
		decide(out, begun ? LIFECYCLE_MIGRATING : LIFECYCLE_WAITING,
		        begun ? "contacts.migrating" : "contacts.next_pass",
		        policy_rule(out, "contacts", owner),
		        g_strdup(begun ? "the move has begun: the next pass goes on"
		                       : "the next pass of imexd, or imex migrate, moves it"));
	}
	return true;
}

static const char *drift_of(const struct lifecycle *of)
{
	bool server_says = of->life.completed == LIFE_YES;
	if (!of->policy.allowed && migrated(of))
		return "policy=no, store=mailbox";
	if (of->status != NULL && of->status->rolled_back_utc_us != 0 && of->policy.allowed)
		return "policy=yes, store=im (pinned)";
	if (!migrated(of) && server_says)
		return "flag=mailbox, store=im";
	if (migrated(of) && of->life.completed == LIFE_NO)
		return "flag=im, store=mailbox";
	return NULL;
}

static bool find_state(struct store *store, const struct usermap *map, const char *owner,
        struct lifecycle *out, GError **error)
{
	bool decided = decided_by_word(out, owner);
	if (!decided && !decided_by_map(store, out, map, owner, &decided, error))
		return false;
	return decided || (decided_by_pause(store, out, &decided, error) &&
	                          (decided || decided_by_pass(store, out, &decided, error)) &&
	                          (decided || decide_progress(store, out, owner, error)));
}

bool lifecycle_of(struct store *store, const struct config *config, const struct usermap *map,
        const char *owner, struct lifecycle *out, GError **error)
{
	if (!load(store, owner, out, error) || !find_state(store, map, owner, out, error))
		return false;
	out->drift = drift_of(out);
	bool observe = g_str_equal(config_string(config, "imex", NULL, "mode"), "observe");
	if (observe && (out->state == LIFECYCLE_WAITING || out->state == LIFECYCLE_MIGRATING))
		decide(out, LIFECYCLE_WAITING, "imex.observe", g_strdup("mode = observe in [imex]"),
		        g_strdup("imex plans and writes nothing: set mode = run"));
	return true;
}
