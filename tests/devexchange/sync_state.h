/*
 * Sync states: how far a client has come, and what it was given. As in real servers the state
 * holds the set of everything that the client has (as ranges of ordinals), so Create, Update
 * and Delete are true to what that client knows, whatever happened between its pages.
 */
#ifndef DEVX_SYNC_STATE_H
#define DEVX_SYNC_STATE_H

#include "soap.h"

struct id_range {
	uint64_t first, last;
};

struct sync_state {
	char kind; /* 'I' items, 'F' folders */
	uint64_t guid; /* mailbox */
	uint64_t moves; /* of it: a move voids all states */
	uint32_t folder;
	bool first_pass; /* the initial run, newest first, is not over */
	uint64_t below; /* ... and goes on below this ordinal */
	uint64_t mod; /* changes up to this number are known */
	GArray *given; /* struct id_range, ascending, disjoint */
};

void sync_state_init(struct sync_state *state, char kind, const struct folder *folder);
/* Whether it is a state of that kind, of the folder where it now is. */
bool sync_state_fits(const struct sync_state *state, char kind, const struct folder *folder);
void sync_state_clear(struct sync_state *state);
char *sync_state_format(const struct sync_state *state);
bool sync_state_parse(const char *text, struct sync_state *state);
bool sync_state_has(const struct sync_state *state, uint64_t ordinal);
void sync_state_give(struct sync_state *state, uint64_t ordinal);

#endif
