/*
 * What differs when the server shows the habits of grommunio: `--profile grommunio`.
 *
 * The profile is settled once, before any thread, and holds for the whole process. Habits that are
 * a matter of one branch stand where they show; what they share is here. Their source are answers
 * recorded from gromox 3.10, which tests/integration/test_devexchange_grommunio.py compares with.
 */
#ifndef DEVX_HABITS_H
#define DEVX_HABITS_H

#include "model.h"

enum item_base { BASE_ID, BASE_DEFAULT, BASE_ALL };

/* After fid_init(). */
void habits_init(bool grommunio);
bool grommunio(void);
const char *habit_profile(void); /* its name */

/* Which fields a base shape shows; an asked one is shown unless it is never. */
bool habit_row_shown(uint32_t row, enum item_base base);
bool habit_row_never(uint32_t row);

/* A point in time with its nine digits; those that are zero are left out altogether. */
char *habit_time(int64_t utc_s, int32_t ns);
/* The text of a time field of an item, or NULL when the item has none. */
char *habit_item_time(const struct item *item, uint32_t row);

/* The text that goes with a response code, or NULL when the usual one does. */
const char *habit_code_text(const char *code);

#endif
