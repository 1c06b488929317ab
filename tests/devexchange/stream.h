/*
 * GetStreamingEvents: one answer made of several envelopes. The first says that the connection
 * stands; events follow as they happen, a heartbeat when nothing did, at last one that says Closed.
 */
#ifndef DEVX_STREAM_H
#define DEVX_STREAM_H

#include "devx.h"
#include "soap.h"

#include <microhttpd.h>

/* Takes the subscription ids and the first envelope out of the answer. */
struct MHD_Response *stream_response(struct devx *devx, struct answer *answer);

#endif
