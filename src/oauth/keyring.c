#include "oauth/keyring.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/thread.h"
#include "oauth/keypair_private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RELOAD_TRIES 5
#define FOLLOW_US CLOCK_US_PER_S

/* What the index says, with the keys that it names. */
struct key_set {
	struct key_pair *slots[KEY_SLOTS];
	int64_t effective_utc_us; /* of the next key */
};

struct keyring {
	struct mutex mutex;
	char *dir;
	struct key_set set;
	struct stat seen; /* of the index; all zero when there is none */
	int64_t looked_mono_us;
	uint64_t signatures;
};

static const char *const slot_names[KEY_SLOTS] = {"previous", "current", "next"};

const char *key_slot_name(enum key_slot slot)
{
	return slot_names[slot];
}

static void key_set_clear(struct key_set *set)
{
	for (unsigned i = 0; i < KEY_SLOTS; i++)
		g_clear_pointer(&set->slots[i], key_pair_free);
	set->effective_utc_us = 0;
}

/* What holds now: from its effective time on the next key is the current one. Borrowed pointers. */
static struct key_set view_at(const struct key_set *set, int64_t now_utc_us)
{
	struct key_set view = *set;
	if (set->slots[KEY_NEXT] != NULL && now_utc_us >= set->effective_utc_us) {
		view.slots[KEY_PREVIOUS] = set->slots[KEY_CURRENT];
		view.slots[KEY_CURRENT] = set->slots[KEY_NEXT];
		view.slots[KEY_NEXT] = NULL;
		view.effective_utc_us = 0;
	}
	return view;
}

static char *file_of(const struct keyring *keyring, const char *thumbprint, const char *suffix)
{
	g_autofree char *name = g_strconcat(thumbprint, suffix, NULL);
	return g_build_filename(keyring->dir, name, NULL);
}

static bool is_thumbprint(const char *text)
{
	return strlen(text) == 40 && strspn(text, "0123456789ABCDEF") == 40;
}

static void damaged(GError **error, const char *path, const char *what)
{
	error_set(error, ERROR_CONFIG, "keyring.damaged",
	        "the key index %s cannot be used (%s): restore the keys folder from a backup", path,
	        what);
}

static bool load_slot(const struct keyring *keyring, GKeyFile *index, const char *path,
        enum key_slot slot, struct key_set *set, GError **error)
{
	g_autofree char *id = g_key_file_get_string(index, "keys", slot_names[slot], NULL);
	if (id == NULL)
		return true;
	if (!is_thumbprint(id)) {
		damaged(error, path, "a key's thumbprint is not 40 hexadecimal digits");
		return false;
	}
	g_autofree char *certificate_path = file_of(keyring, id, ".cert.pem");
	g_autofree char *key_path = file_of(keyring, id, ".key.pem");
	set->slots[slot] = key_pair_from_pem(certificate_path, key_path, error);
	return set->slots[slot] != NULL;
}

static bool load_effective(GKeyFile *index, const char *path, struct key_set *set, GError **error)
{
	if (set->slots[KEY_NEXT] == NULL)
		return true;
	g_autofree char *time = g_key_file_get_string(index, "keys", "effective", NULL);
	if (time != NULL && clock_parse_iso(time, &set->effective_utc_us, NULL))
		return true;
	damaged(error, path, "the staged key has no effective time");
	return false;
}

/* Reads the folder into *set, which is empty before and left empty on error. */
static bool load(
        const struct keyring *keyring, struct key_set *set, struct stat *seen, GError **error)
{
	g_autofree char *path = g_build_filename(keyring->dir, "index", NULL);
	memset(seen, 0, sizeof *seen);
	if (stat(path, seen) != 0) {
		memset(seen, 0, sizeof *seen);
		if (errno == ENOENT || errno == ENOTDIR)
			return true;
		error_set(error, ERROR_CONFIG, "keyring.unreadable",
		        "the key index %s cannot be read (%s): run as the user that owns it", path,
		        g_strerror(errno));
		return false;
	}
	g_autoptr(GKeyFile) index = g_key_file_new();
	g_autoptr(GError) cause = NULL;
	if (!g_key_file_load_from_file(index, path, G_KEY_FILE_NONE, &cause)) {
		damaged(error, path, cause->message);
		return false;
	}
	bool good = true;
	for (unsigned i = 0; good && i < KEY_SLOTS; i++)
		good = load_slot(keyring, index, path, (enum key_slot)i, set, error);
	good = good && load_effective(index, path, set, error);
	if (!good)
		key_set_clear(set);
	return good;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* What the index is now; zeroes when there is none. */
static struct stat look_at_index(const struct keyring *keyring)
{
	g_autofree char *path = g_build_filename(keyring->dir, "index", NULL);
	struct stat seen = {0};
	if (stat(path, &seen) != 0)
		memset(&seen, 0, sizeof seen);
	return seen;
}

/*
 * Another process may replace the index and remove a dropped key between our reading of the one
 * and of the other: when the index has changed meanwhile, it is read again.
 */
static bool reload(struct keyring *keyring, GError **error)
{
	struct key_set set = {0};
	struct stat seen;
	g_autoptr(GError) cause = NULL;
	for (unsigned tries = 0; !load(keyring, &set, &seen, &cause); tries++) {
		struct stat now = look_at_index(keyring);
		if (tries == RELOAD_TRIES || same_file(&seen, &now)) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return false;
		}
		g_clear_error(&cause);
	}
	key_set_clear(&keyring->set);
	keyring->set = set;
	keyring->seen = seen;
	keyring->looked_mono_us = clock_mono_us();
	return true;
}

struct keyring *keyring_open(const char *state_dir, GError **error)
{
	struct keyring *keyring = g_new0(struct keyring, 1);
	mutex_init(&keyring->mutex);
	keyring->dir = g_build_filename(state_dir, "keys", NULL);
	if (reload(keyring, error))
		return keyring;
	keyring_close(keyring);
	return NULL;
}

void keyring_close(struct keyring *keyring)
{
	key_set_clear(&keyring->set);
	mutex_destroy(&keyring->mutex);
	g_free(keyring->dir);
	g_free(keyring);
}

bool keyring_follow(struct keyring *keyring, GError **error)
{
	bool good = true;
	mutex_lock(&keyring->mutex);
	int64_t now = clock_mono_us();
	if (now - keyring->looked_mono_us >= FOLLOW_US) {
		keyring->looked_mono_us = now;
		struct stat seen = look_at_index(keyring);
		if (!same_file(&seen, &keyring->seen))
			good = reload(keyring, error);
	}
	mutex_unlock(&keyring->mutex);
	return good;
}

struct certificate *keyring_certificate(struct keyring *keyring, enum key_slot slot)
{
	mutex_lock(&keyring->mutex);
	struct key_set view = view_at(&keyring->set, clock_utc_us());
	struct certificate *copy =
	        view.slots[slot] != NULL ? certificate_copy(view.slots[slot]->certificate) : NULL;
	mutex_unlock(&keyring->mutex);
	return copy;
}

int64_t keyring_effective_utc_us(struct keyring *keyring)
{
	mutex_lock(&keyring->mutex);
	int64_t effective = view_at(&keyring->set, clock_utc_us()).effective_utc_us;
	mutex_unlock(&keyring->mutex);
	return effective;
}

static void certificate_destroy(gpointer certificate)
{
	certificate_free(certificate);
}

GPtrArray *keyring_published(struct keyring *keyring)
{
	static const enum key_slot order[] = {KEY_CURRENT, KEY_NEXT, KEY_PREVIOUS};
	GPtrArray *list = g_ptr_array_new_with_free_func(certificate_destroy);
	int64_t now = clock_utc_us();
	mutex_lock(&keyring->mutex);
	struct key_set view = view_at(&keyring->set, now);
	for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
		const struct key_pair *pair = view.slots[order[i]];
		if (pair != NULL && certificate_not_after_utc_us(pair->certificate) > now)
			g_ptr_array_add(list, certificate_copy(pair->certificate));
	}
	mutex_unlock(&keyring->mutex);
	return list;
}

/* The pair that may sign now; borrowed. */
static const struct key_pair *signing_pair(const struct keyring *keyring, GError **error)
{
	int64_t now = clock_utc_us();
	const struct key_pair *pair = view_at(&keyring->set, now).slots[KEY_CURRENT];
	if (pair == NULL) {
		error_set(error, ERROR_CONFIG, "keyring.empty",
		        "there is no issuer certificate in %s, so no token can be signed: run imex "
		        "cert create",
		        keyring->dir);
		return NULL;
	}
	if (certificate_not_after_utc_us(pair->certificate) <= now) {
		g_autofree char *end =
		        clock_format_iso(certificate_not_after_utc_us(pair->certificate));
		error_set(error, ERROR_CONFIG, "keyring.expired",
		        "the issuer certificate %s expired at %s, so no token can be signed: run "
		        "imex cert create, and let the partners fetch the metadata again",
		        certificate_thumbprint(pair->certificate), end);
		return NULL;
	}
	return pair;
}

char *keyring_signing_x5t(struct keyring *keyring, GError **error)
{
	mutex_lock(&keyring->mutex);
	const struct key_pair *pair = signing_pair(keyring, error);
	char *x5t = pair != NULL ? g_strdup(certificate_x5t(pair->certificate)) : NULL;
	mutex_unlock(&keyring->mutex);
	return x5t;
}

static GByteArray *sign(const struct key_pair *pair, const void *bytes, size_t len)
{
	g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
	size_t size = 0;
	if (context == NULL ||
	        EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pair->key) != 1 ||
	        EVP_DigestSign(context, NULL, &size, bytes, len) != 1)
		return NULL;
	g_autoptr(GByteArray) out = g_byte_array_new();
	g_byte_array_set_size(out, (guint)size);
	if (EVP_DigestSign(context, out->data, &size, bytes, len) != 1)
		return NULL;
	g_byte_array_set_size(out, (guint)size);
	return g_steal_pointer(&out);
}

bool keyring_sign(struct keyring *keyring, const char *x5t, const void *bytes, size_t len,
        GByteArray **signature, GError **error)
{
	mutex_lock(&keyring->mutex);
	const struct key_pair *pair = signing_pair(keyring, error);
	*signature = NULL;
	if (pair != NULL && g_str_equal(certificate_x5t(pair->certificate), x5t)) {
		*signature = sign(pair, bytes, len);
		if (*signature == NULL)
			error_set(error, ERROR_CONFIG, "keyring.sign",
			        "the issuer key cannot sign (%s): check it with imex cert list",
			        crypto_complaint());
		else
			keyring->signatures++;
	} else if (pair != NULL) {
		error_set(error, ERROR_RETRY, "keyring.rolled",
		        "the issuer key changed while a token was made: try again");
	}
	mutex_unlock(&keyring->mutex);
	return *signature != NULL;
}

uint64_t keyring_signatures(struct keyring *keyring)
{
	mutex_lock(&keyring->mutex);
	uint64_t signatures = keyring->signatures;
	mutex_unlock(&keyring->mutex);
	return signatures;
}

/* Changes */

static void cannot_write(GError **error, const char *path, int cause)
{
	error_set(error, ERROR_CONFIG, "keyring.write",
	        "%s cannot be written (%s): run as the user that owns the state folder", path,
	        g_strerror(cause));
}

/* Root writes for the user that owns the state folder: imexd must be able to read its keys. */
static void give_to_owner(const char *dir, int fd)
{
	g_autofree char *parent = g_path_get_dirname(dir);
	struct stat info;
	if (geteuid() == 0 && stat(parent, &info) == 0 && fchown(fd, info.st_uid, info.st_gid) != 0)
		g_debug("fchown: %s", g_strerror(errno));
}

/* Writes and syncs a new file, then renames it over path: there is always a whole one. */
static bool write_file(const struct keyring *keyring, const char *path, const char *bytes,
        size_t len, GError **error)
{
	g_autofree char *temporary = g_strconcat(path, ".new", NULL);
	unlink(temporary);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		cannot_write(error, temporary, errno);
		return false;
	}
	give_to_owner(keyring->dir, fd);
	size_t done = 0;
	while (done < len) {
		ssize_t n = write(fd, bytes + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	bool good = done == len && fsync(fd) == 0;
	int cause = errno;
	close(fd);
	if (good && rename(temporary, path) == 0)
		return true;
	cannot_write(error, path, good ? errno : cause);
	unlink(temporary);
	return false;
}

static bool sync_dir(const struct keyring *keyring)
{
	int fd = open(keyring->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

static bool write_pair(const struct keyring *keyring, const struct key_pair *pair, GError **error)
{
	const char *id = certificate_thumbprint(pair->certificate);
	g_autofree char *key_path = file_of(keyring, id, ".key.pem");
	g_autofree char *certificate_path = file_of(keyring, id, ".cert.pem");
	g_autofree char *certificate = certificate_pem(pair->certificate);
	g_autoptr(BIO) pem = key_pair_key_pem(pair, error);
	if (pem == NULL)
		return false;
	char *bytes = NULL;
	long len = BIO_get_mem_data(pem, &bytes);
	return write_file(keyring, key_path, bytes, (size_t)len, error) &&
	       write_file(keyring, certificate_path, certificate, strlen(certificate), error);
}

static bool write_index(const struct keyring *keyring, const struct key_set *set, GError **error)
{
	g_autoptr(GKeyFile) index = g_key_file_new();
	g_key_file_set_comment(
	        index, NULL, NULL, " The issuer's keys; changed by imex cert.", NULL);
	for (unsigned i = 0; i < KEY_SLOTS; i++)
		if (set->slots[i] != NULL)
			g_key_file_set_string(index, "keys", slot_names[i],
			        certificate_thumbprint(set->slots[i]->certificate));
	if (set->slots[KEY_NEXT] != NULL) {
		g_autofree char *time = clock_format_iso(set->effective_utc_us);
		g_key_file_set_string(index, "keys", "effective", time);
	}
	gsize len = 0;
	g_autofree char *text = g_key_file_to_data(index, &len, NULL);
	g_autofree char *path = g_build_filename(keyring->dir, "index", NULL);
	return write_file(keyring, path, text, len, error);
}

static bool names_key(const struct key_set *set, const char *id)
{
	for (unsigned i = 0; i < KEY_SLOTS; i++)
		if (set->slots[i] != NULL &&
		        g_str_equal(certificate_thumbprint(set->slots[i]->certificate), id))
			return true;
	return false;
}

/* Removes the files of keys that the new set no longer names. */
static void remove_dropped(
        const struct keyring *keyring, const struct key_set *before, const struct key_set *after)
{
	for (unsigned i = 0; i < KEY_SLOTS; i++) {
		if (before->slots[i] == NULL)
			continue;
		const char *id = certificate_thumbprint(before->slots[i]->certificate);
		if (names_key(after, id))
			continue;
		g_autofree char *key_path = file_of(keyring, id, ".key.pem");
		g_autofree char *certificate_path = file_of(keyring, id, ".cert.pem");
		unlink(key_path);
		unlink(certificate_path);
	}
}

/* The folder's lock, held while the descriptor is open; -1 after the error was set. */
static int lock_dir(const struct keyring *keyring, GError **error)
{
	if (g_mkdir_with_parents(keyring->dir, 0700) != 0) {
		cannot_write(error, keyring->dir, errno);
		return -1;
	}
	int dir = open(keyring->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0) {
		give_to_owner(keyring->dir, dir);
		close(dir);
	}
	g_autofree char *path = g_build_filename(keyring->dir, "lock", NULL);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) != 0) {
		cannot_write(error, path, errno);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	give_to_owner(keyring->dir, fd);
	return fd;
}

/*
 * Every change is of this shape: with the folder locked and read anew, decide() turns the set that
 * holds now into the wanted one (borrowed pointers); then files are written, the index last.
 */
struct change {
	bool (*decide)(const struct change *change, struct key_set *set, GError **error);
	const struct key_pair *pair; /* a new one, or NULL */
	int64_t effective_utc_us;
	bool force;
};

static bool change_locked(struct keyring *keyring, const struct change *change, GError **error)
{
	if (!reload(keyring, error))
		return false;
	struct key_set wanted = view_at(&keyring->set, clock_utc_us());
	if (!change->decide(change, &wanted, error))
		return false;
	if (change->pair != NULL && !write_pair(keyring, change->pair, error))
		return false;
	if (!write_index(keyring, &wanted, error))
		return false;
	sync_dir(keyring);
	remove_dropped(keyring, &keyring->set, &wanted);
	return reload(keyring, error);
}

static bool change_keys(struct keyring *keyring, const struct change *change, GError **error)
{
	mutex_lock(&keyring->mutex);
	int lock = lock_dir(keyring, error);
	bool good = lock >= 0 && change_locked(keyring, change, error);
	if (lock >= 0)
		close(lock);
	mutex_unlock(&keyring->mutex);
	return good;
}

/* decide() keeps the constness of the pair; the set only borrows it until the index is written. */
static struct key_pair *borrowed(const struct key_pair *pair)
{
	union {
		const struct key_pair *in;
		struct key_pair *out;
	} cast = {.in = pair};
	return cast.out;
}

static bool is_same(const struct key_pair *a, const struct key_pair *b)
{
	return a != NULL && g_str_equal(certificate_thumbprint(a->certificate),
	                            certificate_thumbprint(b->certificate));
}

static bool check_dates(const struct key_pair *pair, int64_t from_utc_us, GError **error)
{
	if (certificate_not_after_utc_us(pair->certificate) > from_utc_us)
		return true;
	error_set(error, ERROR_CONFIG, "keyring.expired",
	        "the certificate %s will have expired when it is to be used: take one that is "
	        "valid for longer",
	        certificate_thumbprint(pair->certificate));
	return false;
}

static bool decide_use(const struct change *change, struct key_set *set, GError **error)
{
	if (!check_dates(change->pair, clock_utc_us(), error))
		return false;
	if (is_same(set->slots[KEY_CURRENT], change->pair))
		return true;
	if (is_same(set->slots[KEY_NEXT], change->pair)) {
		set->slots[KEY_NEXT] = NULL;
		set->effective_utc_us = 0;
	}
	set->slots[KEY_PREVIOUS] = set->slots[KEY_CURRENT];
	set->slots[KEY_CURRENT] = borrowed(change->pair);
	return true;
}

static bool check_lead(const struct change *change, const struct key_set *set, GError **error)
{
	int64_t end = certificate_not_after_utc_us(set->slots[KEY_CURRENT]->certificate);
	if (change->force || change->effective_utc_us + KEYRING_LEAD_S * CLOCK_US_PER_S <= end)
		return true;
	g_autofree char *last = clock_format_iso(end - KEYRING_LEAD_S * CLOCK_US_PER_S);
	error_set(error, ERROR_CONFIG, "keyring.lead",
	        "the new key would begin less than 24 hours before the current certificate ends, "
	        "so partners that keep tokens and keys for a day would refuse ours: choose a time "
	        "up to %s, or say --force",
	        last);
	return false;
}

static bool decide_stage(const struct change *change, struct key_set *set, GError **error)
{
	if (set->slots[KEY_CURRENT] == NULL) {
		error_set(error, ERROR_CONFIG, "keyring.empty",
		        "there is no current issuer certificate that a staged one could follow: "
		        "run imex cert use instead");
		return false;
	}
	if (is_same(set->slots[KEY_CURRENT], change->pair)) {
		error_set(error, ERROR_CONFIG, "keyring.same",
		        "this certificate is the current one already: stage another");
		return false;
	}
	if (!check_dates(change->pair, change->effective_utc_us, error) ||
	        !check_lead(change, set, error))
		return false;
	set->slots[KEY_NEXT] = borrowed(change->pair);
	set->effective_utc_us = change->effective_utc_us;
	return true;
}

static bool decide_roll(const struct change *change, struct key_set *set, GError **error)
{
	(void)change;
	if (set->slots[KEY_NEXT] == NULL) {
		error_set(error, ERROR_CONFIG, "keyring.not_staged",
		        "no certificate is staged: run imex cert stage first");
		return false;
	}
	set->slots[KEY_PREVIOUS] = set->slots[KEY_CURRENT];
	set->slots[KEY_CURRENT] = set->slots[KEY_NEXT];
	set->slots[KEY_NEXT] = NULL;
	set->effective_utc_us = 0;
	return true;
}

static bool decide_drop(const struct change *change, struct key_set *set, GError **error)
{
	(void)change;
	if (set->slots[KEY_PREVIOUS] == NULL) {
		error_set(error, ERROR_CONFIG, "keyring.no_previous",
		        "there is no previous certificate to drop");
		return false;
	}
	set->slots[KEY_PREVIOUS] = NULL;
	return true;
}

bool keyring_use(struct keyring *keyring, const struct key_pair *pair, GError **error)
{
	const struct change change = {.decide = decide_use, .pair = pair};
	return change_keys(keyring, &change, error);
}

bool keyring_stage(struct keyring *keyring, const struct key_pair *pair, int64_t effective_utc_us,
        bool force, GError **error)
{
	const struct change change = {.decide = decide_stage,
	        .pair = pair,
	        .effective_utc_us = effective_utc_us,
	        .force = force};
	return change_keys(keyring, &change, error);
}

bool keyring_roll(struct keyring *keyring, GError **error)
{
	const struct change change = {.decide = decide_roll};
	return change_keys(keyring, &change, error);
}

bool keyring_drop_previous(struct keyring *keyring, GError **error)
{
	const struct change change = {.decide = decide_drop};
	return change_keys(keyring, &change, error);
}

bool keyring_export_pkcs12(
        struct keyring *keyring, const char *path, const char *password, GError **error)
{
	mutex_lock(&keyring->mutex);
	const struct key_pair *pair = signing_pair(keyring, error);
	bool good = pair != NULL && key_pair_write_pkcs12(pair, path, password, error);
	mutex_unlock(&keyring->mutex);
	return good;
}
