/*
 * What is in a source, counted in one reading: for somebody who wants to know what imex would do
 * before it does anything. Memory grows with users and conversations, not with messages.
 */
#ifndef IMEX_IM_SURVEY_H
#define IMEX_IM_SURVEY_H

#include "im/source.h"

#define IM_SURVEY_KINDS (MESSAGE_LEAVE + 1)

/* A name and how often it was met; with an example, or NULL. */
struct im_survey_count {
	char *name;
	uint64_t count;
	char *example;
};

struct im_survey {
	/* Rosters */
	uint64_t users, users_without_contacts;
	uint64_t contacts, groups; /* a group counts once per user who has it */
	uint64_t requests; /* people who wait to be let in */
	uint64_t unreadable_rosters, unreadable_contacts;
	GPtrArray *domains; /* struct im_survey_count: users by domain, most first */
	GPtrArray *foreign; /* contacts in domains without users here, by domain, most first */

	/* Messages; the copies of both sides of a talk count once */
	uint64_t rows, left_out;
	uint64_t messages[IM_SURVEY_KINDS];
	uint64_t conversations; /* pairs of people */
	uint64_t rooms, anonymous_rooms; /* that exist */
	uint64_t talked_rooms; /* in which something is archived */
	uint64_t talks; /* conversations and rooms cut by the idle gap: what one item would hold */
	uint64_t items; /* what would be written if everybody were archived */
	uint64_t untold_talks; /* in rooms where nobody's address is told: not in items */
	int64_t first_utc_us, last_utc_us; /* 0 without any */

	GPtrArray *problems; /* struct im_survey_count: rows left out, by reason, most first */
};
void im_survey_free(struct im_survey *survey);
AUTO_DEFINE(im_survey, im_survey_free);

struct im_survey_options {
	int64_t idle_gap_us; /* 0: ten minutes */
	/* May be NULL. total is 0 when it is not known. */
	void (*progress)(void *data, const char *what, uint64_t done, uint64_t total);
	void *data;
};

/* Owned; NULL with *error set. An unreadable roster is counted and is no error. */
struct im_survey *im_survey_run(
        struct im_source *source, const struct im_survey_options *options, GError **error);

uint64_t im_survey_messages(const struct im_survey *survey);

#endif
