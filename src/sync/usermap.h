/*
 * Who is whom: the mailbox of an IM user, and contact addresses both ways.
 *
 * `[users] map` is the way from an IM address to a mailbox:
 *   same    the SMTP address is the IM address
 *   file    lines of `[users] file`; who is not in it is unmapped
 *   rule    `[users] rule` with {local}, {domain} and {sip_domain}
 *   source  the e-mail address that the IM server keeps with the account
 *   ldap    what the directory of section [ldap] says; all users are read at once
 * A line of the file beats all of them. Two users whom a source or the directory gives the same
 * mailbox, or the same address on the mail side, are both without one.
 *
 * A line of the file is "IM-ADDRESS SMTP-ADDRESS [upn=UPN] [sip=ADDRESS] [server=NAME]"; "#" begins
 * a comment. `[domain NAME]` of the IM address names the mail server and the domain that its users
 * have on the mail side (sip_domain).
 *
 *   usermap.unmapped   MAILBOX  no mailbox is known for that owner; never guessed
 *   usermap.file       CONFIG   the file cannot be read or a line is wrong; names the line
 *   usermap.duplicate  CONFIG   two lines of the file for one owner or one mailbox; class MAILBOX
 *                               when an owner's mailbox or address is somebody else's as well
 *   usermap.rule       CONFIG   the rule has no {local} or an unknown name in braces
 *   usermap.ldap       CONFIG   a setting of [ldap] that is made of attributes is not
 *   usermap.domain     CONFIG   two domains with one sip_domain, or a server that does not exist
 *   usermap.contact    ITEM     a contact's domain is not configured; it is not written unmapped
 *
 * and, from usermap_new(), those of im/source.h and im/directory.h.
 *
 * A map does not change after usermap_new(); any thread may use it.
 */
#ifndef IMEX_SYNC_USERMAP_H
#define IMEX_SYNC_USERMAP_H

#include "core/config.h"
#include "model/mailbox.h"

struct usermap;

struct usermap *usermap_new(const struct config *config, GError **error);
void usermap_free(struct usermap *map);
AUTO_DEFINE(usermap, usermap_free);

/*
 * A number that is the same for maps that say the same, so that a change of the file, the accounts
 * or the directory is noticed.
 */
guint64 usermap_fingerprint(const struct usermap *map);

/* owner: a canonical IM address. *out is owned by the caller, its id is 0. */
bool usermap_lookup(
        const struct usermap *map, const char *owner, struct mailbox **out, GError **error);

/*
 * A contact's canonical address as the other side writes it: im -> mail side and back. The address
 * of a colleague that already is the other side's stays, so usermap_to_im(usermap_to_mail(x)) is
 * the one name of a person who stands in a list under both. A tel: URI is the same on both. Owned;
 * NULL with usermap.contact. With `[users] foreign = keep` addresses of domains that are not
 * configured are the same on both sides.
 */
char *usermap_to_mail(const struct usermap *map, const char *im_address, GError **error);
char *usermap_to_im(const struct usermap *map, const char *mail_address, GError **error);

/* The owners that the file names, in its order: canonical addresses, NULL-ended, owned by map. */
const char *const *usermap_file_owners(const struct usermap *map);

/*
 * Looks up all owners and finds those on one mailbox. *mapped (struct mailbox) and *unmapped (char
 * *) and *duplicates (char *: "a@x and b@x are both mapped to c@y") are owned by the caller.
 */
struct usermap_report {
	GPtrArray *mapped, *unmapped, *duplicates;
};
void usermap_check(
        const struct usermap *map, const char *const *owners, struct usermap_report *out);
void usermap_report_clear(struct usermap_report *report);

#endif
