/* Answers on their way out, and the faults that strike them there. */
#ifndef DEVX_SEND_H
#define DEVX_SEND_H

#include "http.h"

/* Of a mailbox's back end, whose number follows. */
#define AFFINITY_COOKIE "X-BackEndOverrideCookie=devexchange~"

/* Sends the answer as it is, without recording it. */
enum MHD_Result send_plain(const struct exchange *x, struct answer *answer);
/* Sends, spoils or withholds the answer as the fault says, and records it; counts the fault. */
enum MHD_Result send_answer(struct exchange *x, struct answer *answer, struct fault_hit *fault);
/* Returns early when the server ends. */
void sleep_ms(const struct devx *devx, int64_t ms);

#endif
