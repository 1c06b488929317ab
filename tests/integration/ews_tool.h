/* What the two halves of ews_tool share. */
#ifndef IMEX_TESTS_EWS_TOOL_H
#define IMEX_TESTS_EWS_TOOL_H

#include "ews/ews.h"
#include "ews/ops.h"

#include <jansson.h>

struct tool {
	struct ews_session *session;
	const json_t *in;
	json_t *out;
	/* Of a replay. */
	char *answer;
	gsize answer_len;
	int status;
};

/* Arguments of the verb; NULL and 0 when absent. */
const char *text_in(const struct tool *tool, const char *name);
int64_t number_in(const struct tool *tool, const char *name);

/* Its answer. */
void put(struct tool *tool, const char *name, json_t *value);
void put_ref(struct tool *tool, struct ews_item_ref *ref);
json_t *list_of(struct tool *tool, const char *name);
bool on_group(const struct group *group, void *data, GError **error);

/* {"verb": "replay", "op": "GetItem", "file": ..., "status": 200}: the answer comes from a file. */
bool do_replay(struct tool *tool, GError **error);
/* The operations there are. */
bool do_operations(struct tool *tool, GError **error);

#endif
