/*
 * The issuer's own keys: previous, current and next, each an RSA key with its certificate.
 *
 * They stand as PEM files under STATE_DIR/keys (0700, files 0600; a key that others can read is
 * refused), beside a key file "index" that says which is which and from when the next one signs.
 * Programs that share the folder follow a change at their next use of the keyring: the index is
 * replaced in one rename. From the effective time on the next key is the current one and the
 * current one the previous, whether or not anybody has written that down.
 *
 * Only the current key signs; all keys that have not expired are published, the next one as soon as
 * it is staged. A keyring may be used by any thread.
 */
#ifndef IMEX_OAUTH_KEYRING_H
#define IMEX_OAUTH_KEYRING_H

#include "oauth/certificate.h"

enum key_slot { KEY_PREVIOUS, KEY_CURRENT, KEY_NEXT, KEY_SLOTS };

/* The shortest time between a staged key becoming effective and the end of the one before it. */
#define KEYRING_LEAD_S INT64_C(86400)

struct keyring;

/*
 * An empty or absent folder is a keyring without keys. Errors, all of class CONFIG: keyring.exposed
 * (readable by others), keyring.damaged, keyring.unreadable.
 */
struct keyring *keyring_open(const char *state_dir, GError **error);
void keyring_close(struct keyring *keyring);
AUTO_DEFINE(keyring, keyring_close);

/*
 * Looks whether the files have changed since, at most once per second. When they have become
 * unreadable the old keys stay and the error is set.
 */
bool keyring_follow(struct keyring *keyring, GError **error);

/* Copies, owned by the caller, as of now; NULL when the slot is empty. */
struct certificate *keyring_certificate(struct keyring *keyring, enum key_slot slot);
/* When the next key begins to sign; 0 without one. */
int64_t keyring_effective_utc_us(struct keyring *keyring);
/* Certificates to publish: struct certificate *, current first. Owned. */
GPtrArray *keyring_published(struct keyring *keyring);
const char *key_slot_name(enum key_slot slot);

/*
 * Signs with the current key (RS256). *signature is owned; *x5t is that of the key, owned. Errors:
 * keyring.empty, keyring.expired (CONFIG), keyring.sign; keyring.rolled (RETRY) when another key
 * than x5t signs now.
 */
bool keyring_sign(struct keyring *keyring, const char *x5t, const void *bytes, size_t len,
        GByteArray **signature, GError **error);
/* x5t of the key that signs now; owned; NULL with keyring.empty or keyring.expired. */
char *keyring_signing_x5t(struct keyring *keyring, GError **error);
/* How many signatures this keyring has made: the count that shows that signing is rare. */
uint64_t keyring_signatures(struct keyring *keyring);

/*
 * Changes, for the commands. All lock the folder against each other, keep what was there when they
 * fail, and are seen by running programs. A key and its certificate must belong together
 * (keyring.mismatch).
 */
struct key_request {
	const char *common_name; /* the realm, usually the first SIP domain */
	const char *const *names; /* alternative names, NULL-ended; may be NULL */
	unsigned bits; /* 0: 2048 */
	int64_t days; /* 0: five years */
};

struct key_pair;
struct key_pair *key_pair_create(const struct key_request *request, GError **error);
/* key_path may be NULL when the certificate's file has the key as well. */
struct key_pair *key_pair_from_pem(
        const char *certificate_path, const char *key_path, GError **error);
struct key_pair *key_pair_from_pkcs12(const char *path, const char *password, GError **error);
void key_pair_free(struct key_pair *pair);
AUTO_DEFINE(key_pair, key_pair_free);
const struct certificate *key_pair_certificate(const struct key_pair *pair);

/* Makes it the current key at once; the former current becomes the previous. */
bool keyring_use(struct keyring *keyring, const struct key_pair *pair, GError **error);
/*
 * Makes it the next key, signing from effective_utc_us on. Refused with keyring.lead when that is
 * less than KEYRING_LEAD_S before the current one's end, unless force.
 */
bool keyring_stage(struct keyring *keyring, const struct key_pair *pair, int64_t effective_utc_us,
        bool force, GError **error);
/* Makes the staged key current now. */
bool keyring_roll(struct keyring *keyring, GError **error);
/* Forgets the previous key and removes its files. */
bool keyring_drop_previous(struct keyring *keyring, GError **error);
/* The current key and certificate as PKCS#12, for the other nodes. path must not exist; 0600. */
bool keyring_export_pkcs12(
        struct keyring *keyring, const char *path, const char *password, GError **error);

#endif
