/*
 * A random history of a contact list that two sides hold: what users do, and who judges the end.
 *
 * Everything random comes from one list of choices. Choice 0 is always the quietest one, so that a
 * history that fails is made smaller by taking choices out and by setting them to 0.
 */
#ifndef IMEX_TESTS_MODEL_H
#define IMEX_TESTS_MODEL_H

#include "fake_ends.h"
#include "store/store.h"
#include "sync/contacts.h"
#include "sync/usermap.h"

#define PEOPLE 5
#define GROUPS 3

enum side { IM, MAIL };

/* One user's change of one field of one contact. */
struct edit {
	unsigned position;
	enum side side;
	unsigned person;
	char *field; /* "there", "name", "group NAME" */
	/* Of a membership and of "there": "yes", "no". NULL: it went with the contact. */
	char *value;
	char *seen; /* what that side showed before */
	unsigned good_passes; /* that came to their end before it */
	bool meanwhile; /* made while a pass was under way */
};

struct history {
	GRand *random; /* NULL: choices are played back, and 0 after their end */
	GArray *choices; /* guint32 */
	guint next_choice;
	struct fake *fake;
	struct store *store;
	const struct usermap *map; /* borrowed */
	int64_t mailbox_id, now_utc_us;
	GPtrArray *edits; /* struct edit */
	GHashTable *alias; /* group name -> the name that stands for all its names */
	unsigned position, names, kills, lost, good_passes;
	bool passing;
	bool troubled; /* operations may break down */
	bool meanwhile;
	char *wrong; /* the first finding */
	bool verbose;
};

void say(const struct history *history, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The first finding is kept. */
void wrong(struct history *history, const char *format, ...) G_GNUC_PRINTF(2, 3);
guint draw(struct history *history, guint n);
bool chance(struct history *history, guint percent);

/* model_edits.c */
void edit_free(void *edit);
void edit_something(struct history *history);
/* Puts a contact (taken; NULL: takes it off) on a side. Its key is the IM side's. */
void put(struct history *history, enum side side, unsigned person, struct contact *after);
char *im_key(unsigned person); /* owned */
const struct contact *on_side(struct history *history, enum side side, unsigned person);
/* The name that stands for all names that a group ever had. */
const char *standing(struct history *history, const char *group);
/* The value of a field as a side shows it; NULL when the contact is not there. Owned. */
char *value_of(struct history *history, const struct contact *contact, const char *field);

/* model_run.c */
struct usermap *model_map(void);
bool history_begin(struct history *history, enum ews_dialect dialect, const struct usermap *map);
void history_finish(struct history *history);
void pass_time(struct history *history, int64_t us);
/* A pass that may be killed; false when it was, or failed. */
bool pass_once(struct history *history, struct contacts_report *report);
void come_to_rest(struct history *history);

/* model_judge.c */
/* Both sides alike, and nobody there twice. */
void judge_sides(struct history *history);
void judge(struct history *history);

#endif
