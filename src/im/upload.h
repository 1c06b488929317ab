/*
 * Fetches files from the hosts to which an IM server's users upload them (XEP-0363): over https
 * only, from the configured hosts only, never further than a redirect within the same origin, and
 * no more than a ceiling of bytes.
 *
 *   upload.host       ITEM   not one of the hosts
 *   upload.too_large  ITEM   larger than the ceiling
 *   upload.gone       ITEM   the host does not have it, or does not give it to us
 *   http.*                   as in wire/http.h; RETRY may be tried again
 */
#ifndef IMEX_IM_UPLOAD_H
#define IMEX_IM_UPLOAD_H

#include "core/auto.h"
#include "core/config.h"

#include <glib.h>

/* One per thread. */
struct upload;

/* By [archive] upload_hosts and its kin. */
struct upload *upload_new(const struct config *config, GError **error);
void upload_free(struct upload *upload);
AUTO_DEFINE(upload, upload_free);

/* Whether there are hosts at all. */
bool upload_is_wanted(const struct upload *upload);
/* Whether the link is of one of the hosts: others are never asked. */
bool upload_is_known(const struct upload *upload, const char *url);
/* Owned; NULL with an error. */
GBytes *upload_fetch(struct upload *upload, const char *url, GError **error);

#endif
