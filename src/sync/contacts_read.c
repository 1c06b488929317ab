#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "store/contact_card.h"
#include "sync/contacts_private.h"

#include <string.h>

/* Changes that are held before they are written to the mirror in one transaction. */
#define STAGE_BATCH 256
/*
 * Each side is compared in full this often, whatever it tells of changes: an IM server's version
 * may miss one, and a mail server may forget a sync state while the folder is empty, so that nobody
 * can see it.
 */
#define FULL_EVERY_US CLOCK_US_PER_DAY

struct reading {
	struct pass_state *pass;
	GPtrArray *items; /* struct contact_item, not written yet */
	GPtrArray *groups; /* struct group */
	GPtrArray *cards; /* struct told_card */
	struct regroup *regroup; /* once single groups were told */
	int64_t round, now_utc_us;
	bool incremental, any;
	bool state_lost; /* the server took our state for none without saying so */
};

static void free_item(void *item)
{
	contact_item_free(item);
}

/* What was told of an item beside the contact. */
struct told_card {
	char *item_id;
	struct contact_card *card;
};

static void free_told_card(void *data)
{
	struct told_card *told = data;
	g_free(told->item_id);
	contact_card_free(told->card);
	g_free(told);
}

static void free_group(void *group)
{
	group_free(group);
}

/*
 * A reading that is broken off after it was mirrored in part begins anew in full: an item that was
 * mirrored and then deleted would never be told to be gone.
 */
static bool forget_state(struct pass_state *pass, GError **error)
{
	const struct contacts_run *run = pass->run;
	if (pass->status->mail_state == NULL)
		return true;
	g_clear_pointer(&pass->status->mail_state, g_free);
	return store_contact_status_save(run->store, run->lease, pass->status, error);
}

static bool flush_cards(struct reading *reading, GError **error)
{
	const struct contacts_run *run = reading->pass->run;
	if (reading->cards->len == 0)
		return true;
	if (!store_begin(run->store, error))
		return false;
	bool good = true;
	for (guint i = 0; good && i < reading->cards->len; i++) {
		const struct told_card *told = g_ptr_array_index(reading->cards, i);
		good = store_card_put(
		        run->store, run->lease, reading->round, told->item_id, told->card, error);
	}
	g_ptr_array_set_size(reading->cards, 0);
	return store_end(run->store, good, error);
}

static bool flush(struct reading *reading, GError **error)
{
	const struct contacts_run *run = reading->pass->run;
	if (reading->groups->len + reading->items->len > 0 && !forget_state(reading->pass, error))
		return false;
	if (reading->groups->len > 0 && !store_contact_stage_groups(run->store, run->lease,
	                                        reading->round, reading->groups, error))
		return false;
	if (reading->items->len > 0 && !store_contact_stage_theirs(run->store, run->lease,
	                                       reading->round, reading->items, error))
		return false;
	g_ptr_array_set_size(reading->groups, 0);
	g_ptr_array_set_size(reading->items, 0);
	return flush_cards(reading, error);
}

/* The IM side's name for an address of the mailbox; NULL when it has none. */
static char *im_key(const struct usermap *map, const char *address)
{
	g_autoptr(GError) unmapped = NULL;
	return usermap_to_im(map, address, &unmapped);
}

static bool need_regroup(struct reading *reading, GError **error)
{
	if (reading->regroup == NULL)
		reading->regroup = contacts_regroup_new(reading->pass->run, error);
	return reading->regroup != NULL;
}

/* What single changes say of groups is added to what the mirror knows. */
static bool add_groups(struct reading *reading, struct contact_item *item, GError **error)
{
	const struct contacts_run *run = reading->pass->run;
	struct contact_item *mirrored = NULL;
	if (!need_regroup(reading, error) ||
	        !store_contact_item(
	                run->store, run->lease->mailbox->id, item->item_id, &mirrored, error))
		return false;
	contacts_regroup_apply(reading->regroup, item->item_id,
	        mirrored != NULL ? mirrored->contact : NULL, item->contact);
	if (mirrored != NULL)
		contact_item_free(mirrored);
	return true;
}

static struct contact_item *staged(
        const struct reading *reading, const struct ews_contact_change *change)
{
	struct contact_item *item = g_new0(struct contact_item, 1);
	item->deleted = change->kind == EWS_CHANGE_DELETE;
	item->item_id = g_strdup(change->item_id);
	item->changed_utc_us = reading->now_utc_us;
	if (item->deleted)
		return item;
	item->change_key = g_strdup(change->change_key);
	item->op_uuid = g_strdup(change->op_uuid);
	item->address = g_strdup(change->contact->key);
	item->key = im_key(reading->pass->run->map, item->address);
	item->contact = contact_copy(change->contact);
	return item;
}

static bool notice_lost_state(
        struct reading *reading, const struct ews_contact_change *change, GError **error)
{
	const struct contacts_run *run = reading->pass->run;
	bool read = false;
	if (!reading->incremental || !change->created || reading->state_lost)
		return true;
	if (!store_contact_item_read(
	            run->store, run->lease->mailbox->id, change->item_id, &read, error))
		return false;
	reading->state_lost = read;
	return true;
}

static bool stage(struct reading *reading, struct contact_item *item, GError **error)
{
	reading->any = true;
	g_ptr_array_add(reading->items, item);
	return reading->items->len < STAGE_BATCH || flush(reading, error);
}

/* In a full answer, what is not told is swept. */
static void note_card(struct reading *reading, const struct ews_contact_change *change)
{
	if (!change->card_told || (change->card == NULL && !reading->incremental))
		return;
	struct told_card *told = g_new0(struct told_card, 1);
	told->item_id = g_strdup(change->item_id);
	told->card = change->card != NULL ? contact_card_copy(change->card) : contact_card_new();
	g_ptr_array_add(reading->cards, told);
}

static bool take_contact(const struct ews_contact_change *change, void *data, GError **error)
{
	struct reading *reading = data;
	if (change->kind == EWS_CHANGE_UNUSABLE) {
		contacts_refuse(reading->pass->report, change->item_id, change->why);
		log_warn("contacts.unusable", "an item of %s was left as it was known: %s",
		        reading->pass->run->lease->mailbox->owner, change->why->message);
		return store_contact_still_there(reading->pass->run->store,
		        reading->pass->run->lease, reading->round, change->item_id, error);
	}
	if (!notice_lost_state(reading, change, error))
		return false;
	autoptr(contact_item) item = staged(reading, change);
	note_card(reading, change);
	return (!change->groups_apart || add_groups(reading, item, error)) &&
	       stage(reading, g_steal_pointer(&item), error);
}

/* A contact that is in other groups than before and did not change otherwise. */
static bool take_moved(struct contact_item *item, void *data, GError **error)
{
	struct reading *reading = data;
	struct contact_item *copy = g_new0(struct contact_item, 1);
	*copy = *item;
	*item = (struct contact_item){0};
	copy->changed_utc_us = reading->now_utc_us;
	return stage(reading, copy, error);
}

static bool take_regroup(const struct ews_group_change *change, void *data, GError **error)
{
	struct reading *reading = data;
	if (!need_regroup(reading, error))
		return false;
	struct group *group = change->group != NULL ? group_copy(change->group)
	                                            : group_new(NULL, GROUP_KIND_USER);
	if (change->group == NULL)
		group->store_id = g_strdup(change->store_id);
	contacts_regroup_take(reading->regroup, change);
	reading->any = true;
	g_ptr_array_add(reading->groups, group);
	return true;
}

static bool known_groups(GPtrArray *groups, void *data, GError **error)
{
	const struct contacts_run *run = ((struct reading *)data)->pass->run;
	g_autoptr(GPtrArray) known =
	        store_contact_groups(run->store, run->lease->mailbox->id, error);
	for (guint i = 0; known != NULL && i < known->len; i++)
		g_ptr_array_add(
		        groups, group_copy(((struct contact_group *)known->pdata[i])->group));
	return known != NULL;
}

static bool take_group(const struct group *group, void *data, GError **error)
{
	(void)error;
	struct reading *reading = data;
	g_ptr_array_add(reading->groups, group_copy(group));
	return true;
}

/* What was staged stays with the old round and is swept, since a full answer follows. */
static bool restart(void *data, GError **error)
{
	(void)error;
	struct reading *reading = data;
	g_ptr_array_set_size(reading->items, 0);
	g_ptr_array_set_size(reading->groups, 0);
	g_ptr_array_set_size(reading->cards, 0);
	g_clear_pointer(&reading->regroup, contacts_regroup_free);
	reading->round++;
	reading->incremental = false;
	return true;
}

/* Rounds grow even when a reading was broken off, so that nothing of it passes for seen. */
static int64_t next_round(const struct contact_status *status)
{
	return MAX(status->round + 1, clock_utc_us());
}

bool contacts_mirror_found(const struct contacts_run *run, const struct ews_contact_found *found,
        int64_t round, GError **error)
{
	g_autoptr(GPtrArray) items =
	        g_ptr_array_new_with_free_func((GDestroyNotify)contact_item_free);
	struct contact_item *item = g_new0(struct contact_item, 1);
	item->item_id = g_strdup(found->ref.id);
	item->change_key = g_strdup(found->ref.change_key);
	/* A user may have given it another address meanwhile. */
	item->key = usermap_to_im(run->map, found->contact->key, NULL);
	item->address = g_strdup(found->contact->key);
	item->op_uuid = g_strdup(found->op_uuid);
	item->contact = contact_copy(found->contact);
	item->changed_utc_us = clock_utc_us();
	g_ptr_array_add(items, item);
	return store_contact_stage_theirs(run->store, run->lease, round, items, error);
}

static void free_found(void *found)
{
	ews_contact_found_free(found);
}

/* Mirrors an unread item as it is now, or that it is gone. */
static bool look_for(struct reading *reading, const struct contact_item *unread, GError **error)
{
	struct contacts_run *run = reading->pass->run;
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(free_found);
	if (!run->mail.driver->find(run->mail.data, unread->address, unread->op_uuid, found, error))
		return false;
	for (guint i = 0; i < found->len; i++) {
		const struct ews_contact_found *one = g_ptr_array_index(found, i);
		if (g_str_equal(one->ref.id, unread->item_id))
			return contacts_mirror_found(run, one, reading->round, error);
	}
	struct contact_item *gone = g_new0(struct contact_item, 1);
	gone->deleted = true;
	gone->item_id = g_strdup(unread->item_id);
	g_ptr_array_add(reading->items, gone);
	return true;
}

/*
 * What we wrote after the state that this reading began with had to be told by it, if it is still
 * there: servers tell no deletion of an item that they never told. As a deletion is carried over to
 * the IM side, each is looked for once more.
 */
static bool look_for_unread(struct reading *reading, GError **error)
{
	const struct contacts_run *run = reading->pass->run;
	g_autoptr(GPtrArray) unread =
	        store_contact_unread(run->store, run->lease->mailbox->id, error);
	for (guint i = 0; unread != NULL && i < unread->len; i++) {
		reading->any = true;
		if (!look_for(reading, g_ptr_array_index(unread, i), error))
			return false;
	}
	return unread != NULL && flush(reading, error);
}

static bool move_the_rest(struct reading *reading, GError **error)
{
	return reading->regroup == NULL ||
	       (contacts_regroup_rest(
	                reading->regroup, reading->pass->run, take_moved, reading, error) &&
	               flush(reading, error));
}

static bool read_changes(
        struct pass_state *pass, const char *state_in, bool *state_lost, GError **error)
{
	struct contacts_run *run = pass->run;
	g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(free_item);
	g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func(free_group);
	g_autoptr(GPtrArray) cards = g_ptr_array_new_with_free_func(free_told_card);
	struct reading reading = {
	        .pass = pass,
	        .items = items,
	        .groups = groups,
	        .cards = cards,
	        .round = next_round(pass->status),
	        .now_utc_us = clock_utc_us(),
	        .incremental = state_in != NULL,
	};
	const struct ews_contacts_sink sink = {
	        .contact = take_contact,
	        .group = take_group,
	        .regroup = take_regroup,
	        .known_groups = known_groups,
	        .restart = restart,
	        .data = &reading,
	};
	g_autofree char *state_out = NULL;
	bool full = false;
	bool good = run->mail.driver->changes(
	                    run->mail.data, state_in, &sink, &state_out, &full, error) &&
	            flush(&reading, error) && move_the_rest(&reading, error);
	g_clear_pointer(&reading.regroup, contacts_regroup_free);
	if (!good)
		return false;
	*state_lost = reading.state_lost && !full;
	if (*state_lost) {
		/* The next reading must not take for told what this one has mirrored. */
		pass->status->round = reading.round;
		return true;
	}
	if (!full && !look_for_unread(&reading, error))
		return false;
	pass->status->round = reading.round;
	return store_contact_theirs_done(run->store, run->lease, pass->status, state_out, full,
	               reading.any, reading.now_utc_us, error) &&
	       ((!full && !reading.any) ||
	               store_card_sweep(run->store, run->lease, full, reading.round, error));
}

bool contacts_read_theirs(struct pass_state *pass, GError **error)
{
	bool state_lost = false;
	/* A rollback may have only the mirror to go by. */
	bool due = !pass->run->options.rollback &&
	           clock_utc_us() - pass->status->mail_full_utc_us >= FULL_EVERY_US;
	g_autofree char *state = due ? NULL : g_strdup(pass->status->mail_state);
	if (!read_changes(pass, state, &state_lost, error))
		return false;
	if (!state_lost)
		return true;
	log_info("contacts.state_lost",
	        "the mail server does not know the sync state of %s any more: reading in full",
	        pass->run->lease->mailbox->owner);
	return read_changes(pass, NULL, &state_lost, error);
}

static bool refuse_went_back(const struct pass_state *pass, const char *version, GError **error)
{
	error_set(error, ERROR_MAILBOX, "source.went_back",
	        "the contact list of %s is older (version %s) than what was read before (%s): "
	        "nothing "
	        "was changed; if the IM server was restored from a backup and its lists are right, "
	        "run "
	        "imex contacts sync %s --accept-older",
	        pass->run->lease->mailbox->owner, version, pass->status->im_version,
	        pass->run->lease->mailbox->owner);
	return false;
}

/* Takes a version; NULL stays. */
static char *marked(const struct contacts_run *run, char *version)
{
	if (!run->elsewhere || version == NULL)
		return version;
	char *mark = g_strconcat(CONTACTS_ELSEWHERE, version, NULL);
	g_free(version);
	return mark;
}

static const char *plain(const char *version)
{
	bool elsewhere = g_str_has_prefix(version, CONTACTS_ELSEWHERE);
	return elsewhere ? version + strlen(CONTACTS_ELSEWHERE) : version;
}

bool contacts_read_ours(struct pass_state *pass, GError **error)
{
	struct contacts_run *run = pass->run;
	struct contact_status *status = pass->status;
	const char *owner = run->lease->mailbox->owner;
	int64_t now = clock_utc_us();
	g_autofree char *version = marked(run, run->im.driver->version(run->im.data, owner, error));
	if (version == NULL)
		return false;
	if (status->im_version != NULL && !run->options.accept_older &&
	        run->im.driver->went_back(run->im.data, plain(status->im_version), plain(version)))
		return refuse_went_back(pass, version, error);
	bool due = pass->reread_im || status->im_version == NULL ||
	           !g_str_equal(status->im_version, version) ||
	           now - status->im_read_utc_us >= FULL_EVERY_US;
	if (!due)
		return true;
	autoptr(im_roster) roster = run->im.driver->read(run->im.data, owner, error);
	if (roster == NULL)
		return false;
	pass->report->privacy_levels = roster->privacy_levels;
	roster->version = marked(run, roster->version);
	return store_contact_stage_ours(run->store, run->lease, status, roster->contacts,
	        roster->unreadable, roster->version, now, error);
}
