/*
 * Captured messages for the tests of segmenting and delivery.
 */
#ifndef IMEX_TESTS_UNIT_SYNC_CAPTURED_H
#define IMEX_TESTS_UNIT_SYNC_CAPTURED_H

#include "core/clock.h"
#include "store/message.h"
#include "store/store.h"

/* 2026-11-23T10:00:00Z */
#define CAPTURED_START_UTC_US INT64_C(1795428000000000)

/* A text from alice to bob at that many seconds after the start; gives its number. */
int64_t captured_text(struct store *store, int at_s, const char *thread);
/* The same from any sender to any peer, or into a room. */
int64_t captured_message(struct store *store, enum message_kind kind, const char *owner,
        const char *peer, bool is_room, const char *sender, int at_s, const char *text);
/* The id of alice's and bob's conversation. */
int64_t captured_conversation(struct store *store);

#endif
