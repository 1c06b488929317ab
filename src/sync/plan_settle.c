#include "sync/plan.h"

static bool same(const char *a, const char *b)
{
	return g_strcmp0(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static void take_text(char **into, const char *text)
{
	g_free(*into);
	*into = g_strdup(text);
}

static void take_membership(struct contact *into, const char *group, bool member)
{
	if (member)
		contact_add_group(into, group);
	else
		contact_remove_group(into, group);
}

static void settle_membership(const char *group, const struct contact *before,
        const struct contact *after, const struct contact *now, const struct contact *other,
        struct contact *own_agreed, struct contact *other_agreed)
{
	bool member = contact_in_group(after, group);
	if (contact_in_group(before, group) == member || contact_in_group(now, group) != member)
		return;
	take_membership(own_agreed, group, member);
	take_membership(other_agreed, group, contact_in_group(other, group));
}

/*
 * The fields that a step changed on one side, and that this side shows now, are agreed on: `other`
 * is what the other side was planned to have.
 */
static void settle_fields(const struct contact *before, const struct contact *after,
        const struct contact *now, const struct contact *other, struct contact *own_agreed,
        struct contact *other_agreed)
{
	if (!same(before->name, after->name) && same(now->name, after->name)) {
		take_text(&own_agreed->name, after->name);
		take_text(&other_agreed->name, other->name);
	}
	if (!same(before->tel_uri, after->tel_uri) && same(now->tel_uri, after->tel_uri)) {
		take_text(&own_agreed->tel_uri, after->tel_uri);
		take_text(&other_agreed->tel_uri, other->tel_uri);
	}
	const struct contact *const images[] = {before, after};
	for (unsigned i = 0; i < G_N_ELEMENTS(images); i++)
		for (guint g = 0; g < images[i]->groups->len; g++)
			settle_membership(g_ptr_array_index(images[i]->groups, g), before, after,
			        now, other, own_agreed, other_agreed);
}

static struct contact *copy(const struct contact *contact)
{
	return contact != NULL ? contact_copy(contact) : NULL;
}

/* What the IM side still has counts for both, so that the rest shows as the mailbox's change. */
static void agree_on_im(
        const struct plan_effect *effect, struct contact **im, struct contact **mail)
{
	*im = contact_copy(effect->im_before);
	*mail = contact_copy(effect->im_before);
	take_text(&(*mail)->tel_uri, effect->mail_after->tel_uri);
}

/* Nothing was agreed before, or one side had no such contact. */
static void settle_whole(
        const struct plan_effect *effect, struct contact **im, struct contact **mail)
{
	bool im_there = !effect->im_written ||
	                (effect->ours != NULL && contact_equal(effect->ours, effect->im_after));
	bool mail_there =
	        !effect->mail_written || effect->mail_before == NULL ||
	        (effect->theirs != NULL && contact_equal(effect->theirs, effect->mail_after));
	if (effect->theirs == NULL || effect->ours == NULL || !mail_there ||
	        (!im_there && effect->im_before == NULL)) {
		*im = copy(effect->agreed_im);
		*mail = copy(effect->agreed_mail);
	} else if (im_there) {
		*im = contact_copy(effect->im_after);
		*mail = contact_copy(effect->mail_after);
	} else {
		agree_on_im(effect, im, mail);
	}
}

static bool is_gone(const struct contact *before, const struct contact *after,
        const struct contact *now, bool written)
{
	return written && before != NULL && after == NULL && now == NULL;
}

void plan_settle(const struct plan_effect *effect, struct contact **im, struct contact **mail)
{
	*im = *mail = NULL;
	if (is_gone(effect->mail_before, effect->mail_after, effect->theirs,
	            effect->mail_written) ||
	        is_gone(effect->im_before, effect->im_after, effect->ours, effect->im_written))
		return;
	bool whole = effect->agreed_im == NULL || effect->im_before == NULL ||
	             effect->mail_before == NULL;
	bool deletes = effect->im_after == NULL && effect->mail_after == NULL;
	/* Who had deleted it has it again: it was added anew, and what was agreed is over. */
	if (deletes && ((effect->im_before == NULL && effect->ours != NULL) ||
	                       (effect->mail_before == NULL && effect->theirs != NULL)))
		return;
	if (effect->im_after == NULL || effect->mail_after == NULL) {
		*im = copy(effect->agreed_im);
		*mail = copy(effect->agreed_mail);
	} else if (whole) {
		settle_whole(effect, im, mail);
	} else {
		*im = contact_copy(effect->agreed_im);
		*mail = contact_copy(effect->agreed_mail);
		if (effect->mail_written && effect->theirs != NULL)
			settle_fields(effect->mail_before, effect->mail_after, effect->theirs,
			        effect->im_before, *mail, *im);
		if (effect->im_written && effect->ours != NULL)
			settle_fields(effect->im_before, effect->im_after, effect->ours,
			        effect->mail_after, *im, *mail);
	}
}
