/*
 * Addresses of people: SIP URIs, JIDs and SMTP addresses in one canonical form.
 *
 * Canonical: no scheme, no resource or parameters, lower case, Unicode NFC, the domain in its
 * Unicode (U-label) lower-case form: "Sip:Bob@Corp.Example;transport=tls" -> "bob@corp.example".
 * A telephone number is "tel:+49301234" (visual separators removed).
 */
#ifndef IMEX_CORE_ADDRESS_H
#define IMEX_CORE_ADDRESS_H

#include <glib.h>
#include <stdbool.h>

/* Longest canonical address in bytes: the longest that one of the peers takes. */
#define ADDRESS_MAX_BYTES 1024

/* Owned; NULL with address.invalid when text is no address. A bare domain is one (a gateway). */
char *address_canonical(const char *text, GError **error);

/* Borrowed from a canonical address: what stands behind "@" (the whole when there is none). */
const char *address_domain(const char *canonical);
/* Owned: what stands before "@"; NULL when there is none. */
char *address_local_part(const char *canonical);
bool address_is_tel(const char *canonical);
/* Owned: local@domain. */
char *address_join(const char *local, const char *domain);

/* Owned: the domain as DNS and certificates spell it (A-labels); NULL with address.invalid. */
char *address_domain_ascii(const char *domain, GError **error);

#endif
