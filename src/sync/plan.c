#include "sync/plan.h"

#include "core/address.h"

#include <string.h>

static const char *const rule_names[] = {
        [PLAN_RULE_MAILBOX] = "mailbox",
        [PLAN_RULE_IM] = "im",
        [PLAN_RULE_NEWEST] = "newest",
};

const char *plan_rule_name(enum plan_rule rule)
{
	return rule_names[rule];
}

bool plan_rule_parse(const char *name, enum plan_rule *rule)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(rule_names); i++) {
		if (g_str_equal(name, rule_names[i])) {
			*rule = (enum plan_rule)i;
			return true;
		}
	}
	return false;
}

const char *plan_op_name(enum plan_op op)
{
	static const char *const names[] = {
	        [PLAN_KEEP] = "keep",
	        [PLAN_CREATE] = "create",
	        [PLAN_UPDATE] = "update",
	        [PLAN_DELETE] = "delete",
	};
	return names[op];
}

static void conflict_free(void *data)
{
	struct plan_conflict *conflict = data;
	g_free(conflict->field);
	g_free(conflict->im_value);
	g_free(conflict->mail_value);
	g_free(conflict);
}

static void add_conflict(struct plan_decision *decision, const char *field, const char *im_value,
        const char *mail_value, bool mailbox_won)
{
	struct plan_conflict *conflict = g_new0(struct plan_conflict, 1);
	conflict->field = g_strdup(field);
	conflict->im_value = g_strdup(im_value);
	conflict->mail_value = g_strdup(mail_value);
	conflict->mailbox_won = mailbox_won;
	g_ptr_array_add(decision->conflicts, conflict);
}

static void free_contact(struct contact **contact)
{
	if (*contact != NULL)
		contact_free(*contact);
	*contact = NULL;
}

void plan_decision_clear(struct plan_decision *decision)
{
	free_contact(&decision->im_after);
	free_contact(&decision->mail_after);
	g_clear_pointer(&decision->conflicts, g_ptr_array_unref);
	*decision = (struct plan_decision){0};
}

/* What the merge works on: one decision in the making. */
struct merge {
	const struct plan_row *row;
	const struct plan_policy *policy;
	struct plan_decision *out;
};

static bool mailbox_wins(const struct merge *merge)
{
	const struct plan_row *row = merge->row;
	switch (merge->policy->rule) {
	case PLAN_RULE_IM:
		return false;
	case PLAN_RULE_NEWEST:
		return row->ours_changed_utc_us == 0 || row->theirs_changed_utc_us == 0 ||
		       row->theirs_changed_utc_us >= row->ours_changed_utc_us;
	case PLAN_RULE_MAILBOX:
	default:
		return true;
	}
}

static bool same_text(const char *a, const char *b)
{
	return g_strcmp0(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool has_text(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/*
 * One field that holds a text: what both sides are to have. Agreed values are those that each side
 * had; without any (first = true) a side that has a value beats one that has none.
 */
static void merge_text(struct merge *merge, bool first, const char *field, const char *agreed[2],
        const char *now[2], char **im_after, char **mail_after)
{
	bool im_changed = first ? has_text(now[0]) : !same_text(now[0], agreed[0]);
	bool mail_changed = first ? has_text(now[1]) : !same_text(now[1], agreed[1]);
	const char *im = now[0], *mail = now[1];
	if (im_changed && mail_changed && !same_text(now[0], now[1])) {
		bool mailbox = mailbox_wins(merge);
		add_conflict(merge->out, field, now[0], now[1], mailbox);
		im = mail = mailbox ? now[1] : now[0];
	} else if (im_changed) {
		mail = now[0];
	} else if (mail_changed) {
		im = now[1];
	}
	g_free(*im_after);
	g_free(*mail_after);
	*im_after = has_text(im) ? g_strdup(im) : NULL;
	*mail_after = has_text(mail) ? g_strdup(mail) : NULL;
}

static void set_membership(struct contact *contact, const char *group, bool member)
{
	if (member)
		contact_add_group(contact, group);
	else
		contact_remove_group(contact, group);
}

/* Each membership is a field of its own; as it has two values only, it cannot be in conflict. */
static void merge_membership(const struct merge *merge, const char *group)
{
	const struct plan_row *row = merge->row;
	bool ours = contact_in_group(row->ours, group);
	bool theirs = contact_in_group(row->theirs, group);
	bool im_changed =
	        row->agreed_im == NULL ? ours : ours != contact_in_group(row->agreed_im, group);
	bool mail_changed = row->agreed_mail == NULL
	                            ? theirs
	                            : theirs != contact_in_group(row->agreed_mail, group);
	bool im = ours, mail = theirs;
	if (im_changed && mail_changed)
		im = mail = ours || theirs;
	else if (im_changed)
		mail = ours;
	else if (mail_changed)
		im = theirs;
	set_membership(merge->out->im_after, group, im);
	set_membership(merge->out->mail_after, group, mail);
}

static void merge_groups(const struct merge *merge)
{
	const struct contact *const all[] = {merge->row->ours, merge->row->theirs,
	        merge->row->agreed_im, merge->row->agreed_mail};
	for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
		if (all[i] == NULL)
			continue;
		for (guint g = 0; g < all[i]->groups->len; g++)
			merge_membership(merge, g_ptr_array_index(all[i]->groups, g));
	}
}

/*
 * Linking takes nothing away. What the IM side took away since it was agreed on with another item
 * of the mailbox comes back by that, and is recorded.
 */
static void note_overtaken(const struct merge *merge)
{
	const struct plan_row *row = merge->row;
	const struct contact *before = row->overtaken_im;
	for (guint i = 0; before != NULL && i < before->groups->len; i++) {
		const char *group = g_ptr_array_index(before->groups, i);
		g_autofree char *field = g_strdup_printf("group %s", group);
		if (!contact_in_group(row->ours, group) && contact_in_group(row->theirs, group))
			add_conflict(merge->out, field, "no", "yes", true);
	}
}

/* A group that the IM side took away goes from an item that somebody made anew with it, too. */
static void note_anew(const struct merge *merge)
{
	const struct plan_row *row = merge->row;
	const struct contact *before = row->theirs_anew ? row->agreed_im : NULL;
	for (guint i = 0; before != NULL && i < before->groups->len; i++) {
		const char *group = g_ptr_array_index(before->groups, i);
		g_autofree char *field = g_strdup_printf("group %s", group);
		if (contact_in_group(row->theirs, group) &&
		        !contact_in_group(merge->out->mail_after, group))
			add_conflict(merge->out, field, "no", "yes", false);
	}
}

static const struct contact *ours_held(const struct plan_row *row)
{
	return row->ours_held != NULL ? row->ours_held : row->ours;
}

/* Both sides have it, agreed on before or not. */
static void merge_both(struct merge *merge)
{
	const struct plan_row *row = merge->row;
	struct plan_decision *out = merge->out;
	bool first = row->agreed_im == NULL;
	out->im_after = contact_copy(row->ours);
	out->mail_after = contact_copy(row->theirs);
	merge_text(merge, first, "name",
	        (const char *[]){
	                first ? NULL : row->agreed_im->name, first ? NULL : row->agreed_mail->name},
	        (const char *[]){row->ours->name, row->theirs->name}, &out->im_after->name,
	        &out->mail_after->name);
	if (merge->policy->im_holds_tel)
		merge_text(merge, first, "tel",
		        (const char *[]){first ? NULL : row->agreed_im->tel_uri,
		                first ? NULL : row->agreed_mail->tel_uri},
		        (const char *[]){row->ours->tel_uri, row->theirs->tel_uri},
		        &out->im_after->tel_uri, &out->mail_after->tel_uri);
	merge_groups(merge);
	note_overtaken(merge);
	note_anew(merge);
	out->linked = first;
}

/* The side that still has it has changed it since it was agreed on. */
static bool changed(const struct contact *now, const struct contact *agreed)
{
	return !contact_equal(now, agreed);
}

/* Gone from the mailbox: gone from the IM side, too, unless it was changed there meanwhile. */
static void only_ours(struct merge *merge)
{
	const struct plan_row *row = merge->row;
	struct plan_decision *out = merge->out;
	bool revived = row->agreed_im != NULL && changed(row->ours, row->agreed_im);
	if (row->agreed_im != NULL && !revived)
		return;
	if (revived)
		add_conflict(out, "contact", row->ours->name, NULL, false);
	out->im_after = contact_copy(row->ours);
	out->mail_after = contact_copy(row->ours);
	if (revived && !merge->policy->im_holds_tel)
		out->mail_after->tel_uri = g_strdup(row->agreed_mail->tel_uri);
}

static void only_theirs(struct merge *merge)
{
	const struct plan_row *row = merge->row;
	struct plan_decision *out = merge->out;
	bool revived = row->agreed_mail != NULL &&
	               (row->theirs_anew || changed(row->theirs, row->agreed_mail));
	if (row->agreed_mail != NULL && !revived)
		return;
	if (revived || row->overtaken_im != NULL)
		add_conflict(out, "contact", NULL, row->theirs->name, true);
	out->im_after = contact_copy(row->theirs);
	out->mail_after = contact_copy(row->theirs);
	if (!merge->policy->im_holds_tel)
		g_clear_pointer(&out->im_after->tel_uri, g_free);
}

static enum plan_op operation(const struct contact *held, const struct contact *after)
{
	if (held == NULL)
		return after == NULL ? PLAN_KEEP : PLAN_CREATE;
	if (after == NULL)
		return PLAN_DELETE;
	return contact_equal(held, after) ? PLAN_KEEP : PLAN_UPDATE;
}

/* A side that must not be written keeps what it has. */
static void keep_side(struct contact **after, const struct contact *held)
{
	free_contact(after);
	*after = held != NULL ? contact_copy(held) : NULL;
}

static bool same_image(const struct contact *a, const struct contact *b)
{
	return a == NULL || b == NULL ? a == b : contact_equal(a, b);
}

/* The images are made: what has to be done for them. */
static void conclude(
        const struct plan_row *row, const struct plan_policy *policy, struct plan_decision *out)
{
	if (!policy->to_im)
		keep_side(&out->im_after, ours_held(row));
	if (!policy->to_mailbox)
		keep_side(&out->mail_after, row->theirs);
	out->im = operation(ours_held(row), out->im_after);
	out->mail = operation(row->theirs, out->mail_after);
	/* What stands on one side only because it may not be carried over is not agreed on. */
	if ((out->im_after == NULL) != (out->mail_after == NULL))
		return;
	out->agree = row->regrouped || row->theirs_anew ||
	             !same_image(out->im_after, row->agreed_im) ||
	             !same_image(out->mail_after, row->agreed_mail);
}

void plan_contact(
        const struct plan_row *row, const struct plan_policy *policy, struct plan_decision *out)
{
	*out = (struct plan_decision){.conflicts = g_ptr_array_new_with_free_func(conflict_free)};
	struct merge merge = {row, policy, out};
	if (row->ours != NULL && row->theirs != NULL)
		merge_both(&merge);
	else if (row->ours != NULL)
		only_ours(&merge);
	else if (row->theirs != NULL)
		only_theirs(&merge);
	conclude(row, policy, out);
}

void plan_wanted(const struct plan_row *row, const struct contact *wanted,
        const struct plan_policy *policy, struct plan_decision *out)
{
	*out = (struct plan_decision){.conflicts = g_ptr_array_new_with_free_func(conflict_free)};
	if (wanted != NULL) {
		const struct contact *held = ours_held(row);
		out->mail_after = contact_copy(wanted);
		/* A telephone number alone is no entry of an IM list that knows none. */
		if (policy->im_holds_tel || !address_is_tel(wanted->key))
			out->im_after = contact_copy(wanted);
		if (out->im_after != NULL && !policy->im_holds_tel) {
			g_free(out->im_after->tel_uri);
			out->im_after->tel_uri = g_strdup(held != NULL ? held->tel_uri : NULL);
		}
	}
	conclude(row, policy, out);
}

void plan_count(struct plan_counts *counts, const struct plan_row *row,
        const struct plan_decision *decision)
{
	static const size_t im_offsets[] = {
	        [PLAN_CREATE] = G_STRUCT_OFFSET(struct plan_counts, im_created),
	        [PLAN_UPDATE] = G_STRUCT_OFFSET(struct plan_counts, im_updated),
	        [PLAN_DELETE] = G_STRUCT_OFFSET(struct plan_counts, im_deleted),
	};
	static const size_t mail_offsets[] = {
	        [PLAN_CREATE] = G_STRUCT_OFFSET(struct plan_counts, mail_created),
	        [PLAN_UPDATE] = G_STRUCT_OFFSET(struct plan_counts, mail_updated),
	        [PLAN_DELETE] = G_STRUCT_OFFSET(struct plan_counts, mail_deleted),
	};
	counts->ours += row->ours != NULL;
	counts->theirs += row->theirs != NULL;
	if (decision->im != PLAN_KEEP)
		G_STRUCT_MEMBER(uint64_t, counts, im_offsets[decision->im])++;
	if (decision->mail != PLAN_KEEP)
		G_STRUCT_MEMBER(uint64_t, counts, mail_offsets[decision->mail])++;
	counts->linked += decision->linked;
	counts->unchanged += !decision->linked && decision->im == PLAN_KEEP &&
	                     decision->mail == PLAN_KEEP && !decision->agree;
	counts->conflicts += decision->conflicts->len;
}

static bool too_many(uint64_t deleted, uint64_t held, unsigned max_percent)
{
	return deleted > PLAN_FEW_CONTACTS && deleted * 100 > held * max_percent;
}

enum plan_verdict plan_guard(const struct plan_counts *counts, unsigned max_delete_percent)
{
	if (too_many(counts->im_deleted, counts->ours, max_delete_percent) ||
	        too_many(counts->mail_deleted, counts->theirs, max_delete_percent))
		return PLAN_STOP;
	bool emptied_mailbox = counts->theirs == 0 && counts->im_deleted > 0;
	bool emptied_roster = counts->ours == 0 && counts->mail_deleted > 0;
	return emptied_mailbox || emptied_roster ? PLAN_CONFIRM : PLAN_GO;
}

bool plan_mass_loss(int64_t losing, int64_t mailboxes)
{
	return losing > PLAN_FEW_MAILBOXES && losing * 100 > mailboxes * PLAN_LOSS_PERCENT;
}

bool plan_counts_writes(const struct plan_counts *counts)
{
	return counts->im_created + counts->im_updated + counts->im_deleted + counts->mail_created +
	               counts->mail_updated + counts->mail_deleted >
	       0;
}
