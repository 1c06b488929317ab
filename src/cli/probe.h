/*
 * Asking a server what it wants: a request with an empty Bearer token, which is answered by the
 * challenge (MS-XOAUTH 3.2.5.4).
 */
#ifndef IMEX_CLI_PROBE_H
#define IMEX_CLI_PROBE_H

#include "core/auto.h"
#include "core/config.h"

struct probe;

/*
 * bearer: with an empty Bearer token, as a server that takes tokens is asked; else without any
 * Authorization. Errors: those of wire/http.h; probe.status when the answer is no 401. CA and
 * address policy are those of the [server NAME] at that origin, else of [partner].
 */
struct probe *probe_challenge(
        const struct config *config, const char *url, bool bearer, GError **error);
void probe_free(struct probe *probe);
AUTO_DEFINE(probe, probe_free);
/* The WWW-Authenticate headers, NULL-ended; borrowed. */
const char *const *probe_headers(const struct probe *probe);
/* The server's clock minus ours in seconds, from its Date header; false when it has none. */
bool probe_clock_offset_s(const struct probe *probe, int64_t *offset_s);
/* Whom we spoke to: the address, and its TLS certificate in PEM form or NULL. Borrowed. */
const char *probe_address(const struct probe *probe);
const char *probe_certificate(const struct probe *probe);

/* The URL of the first [server NAME] that has partner = NAME; server.unknown. Borrowed. */
const char *cli_partner_url(const struct config *config, const char *partner, GError **error);
/* The host of listen.public_url, by which partners reach us; config.missing. Owned. */
char *cli_public_host(const struct config *config, GError **error);
/* The domains of our users on the mail side. Owned. */
char **cli_sip_domains(const struct config *config);

#endif
