#include "sync/gate.h"

#include "archive/segment.h"
#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "store/cursor.h"
#include "store/delivery.h"
#include "store/mailbox.h"
#include "store/message.h"

void gate_clear(struct gate *gate)
{
	g_free(gate->reason);
	g_free(gate->message);
	g_free(gate->disclaimer);
	*gate = (struct gate){0};
}

struct asking {
	struct store *store;
	const struct config *config;
	const char *user, *peer;
	struct gate *gate;
};

static void fails(struct gate *gate, const char *reason, char *message)
{
	gate->works = false;
	gate->reason = g_strdup(reason);
	gate->message = message;
}

static int64_t setting_us(const struct asking *asking, const char *name)
{
	return config_duration_s(asking->config, "archive", NULL, name) * CLOCK_US_PER_S;
}

/* Of a domain without a source, messages are posted: who can post is answered. */
static bool check_capture(struct asking *asking, GError **error)
{
	const char *domain = address_domain(asking->user);
	const char *source = config_has_section(asking->config, "domain", domain)
	                             ? config_string(asking->config, "domain", domain, "source")
	                             : NULL;
	autoptr(cursor) live = NULL;
	if (source == NULL)
		return true;
	if (!store_cursor_get(asking->store, source, CURSOR_LIVE, &live, error))
		return false;
	int64_t last = live != NULL ? live->moved_utc_us : 0;
	if (clock_utc_us() - last <= setting_us(asking, "gate_after"))
		return true;
	g_autofree char *when = last != 0 ? clock_format_iso(last) : g_strdup("never");
	fails(asking->gate, "gate.capture",
	        g_strdup_printf("source %s was last read: %s; is imexd running?", source, when));
	return true;
}

static bool check_delivery(struct asking *asking, const struct route *route, GError **error)
{
	autoptr(mailbox) pinned = NULL;
	struct delivery_totals totals = {0};
	if ((route->targets & ~(unsigned)ROUTE_LOCAL) == 0 || !asking->gate->works)
		return true;
	if (!store_mailbox_by_owner(asking->store, asking->user, &pinned, error))
		return false;
	if (pinned == NULL)
		return true;
	if (!mailbox_equal(pinned, route->mailbox)) {
		fails(asking->gate, "gate.mapping",
		        g_strdup_printf(
		                "the user map has changed: imex user remap %s", asking->user));
		return true;
	}
	if (!store_delivery_totals(asking->store, pinned->id, &totals, error))
		return false;
	int64_t oldest = totals.oldest_planned_utc_us;
	if (oldest != 0 && clock_utc_us() - oldest > setting_us(asking, "gate_backlog"))
		fails(asking->gate, "gate.delivery",
		        g_strdup_printf("%" G_GINT64_FORMAT
		                        " deliveries failed and %" G_GINT64_FORMAT
		                        " wait: imex queue list --user %s",
		                totals.failed, totals.planned + totals.sent, asking->user));
	return true;
}

/* An IM server asks before it passes a message on: a talk that was quiet begins with this one. */
static bool find_disclaimer(struct asking *asking, const struct router *router,
        const struct route *route, GError **error)
{
	const char *text = config_string(asking->config, "archive", NULL, "disclaimer");
	asking->gate->external =
	        router_is_foreign(router, asking->peer) || router_is_foreign(router, asking->user);
	if (text == NULL || !asking->gate->external || router_excludes(router, asking->peer) ||
	        !route_takes(route, ROUTE_TALK_EXTERNAL))
		return true;
	autoptr(conversation) talk = NULL;
	const struct message message = {
	        .owner = (char *)(uintptr_t)asking->user, .peer = (char *)(uintptr_t)asking->peer};
	g_autofree char *key = conversation_key(&message);
	if (!store_conversation_by_key(asking->store, key, &talk, error))
		return false;
	asking->gate->disclaimer = g_strdup(text);
	asking->gate->disclaimer_due =
	        talk == NULL || clock_utc_us() - talk->last_utc_us > setting_us(asking, "idle_gap");
	return true;
}

static bool find_policy(struct asking *asking, GError **error)
{
	return store_policy_is(asking->store, asking->user, "archive.on_failure", "block",
	        &asking->gate->blocks, error);
}

static bool check(struct asking *asking, const struct router *router, GError **error)
{
	struct gate *gate = asking->gate;
	struct route route;
	g_autoptr(GError) doubt = NULL;
	if (!router_find(router, asking->store, asking->user, &route, &doubt)) {
		if (error_class_of(doubt) != ERROR_MAILBOX) {
			g_propagate_error(error, g_steal_pointer(&doubt));
			return false;
		}
		gate->archived = true;
		fails(gate, "gate.mapping", g_strdup(doubt->message));
		return true;
	}
	gate->archived = route.targets != 0;
	bool good = !gate->archived ||
	            (check_capture(asking, error) && check_delivery(asking, &route, error));
	if (good && asking->peer != NULL)
		good = find_disclaimer(asking, router, &route, error);
	route_clear(&route);
	return good;
}

bool gate_find(struct store *store, const struct config *config, const struct router *router,
        const char *user, const char *peer, struct gate *out, GError **error)
{
	*out = (struct gate){.works = true};
	struct asking asking = {store, config, user, peer, out};
	if (!find_policy(&asking, error) || !check(&asking, router, error)) {
		gate_clear(out);
		return false;
	}
	out->open = !out->archived || out->works || !out->blocks;
	return true;
}
