/*
 * For the files in src/im only: what a kind of source implements. source.c has checked the
 * arguments; the comments of source.h hold.
 */
#ifndef IMEX_IM_SOURCE_PRIVATE_H
#define IMEX_IM_SOURCE_PRIVATE_H

#include "im/source.h"

struct im_source_driver {
	const char *kind; /* "prosody" */
	const char *const *schemes; /* "prosody+sqlite" ...; NULL-ended */
	/* url is the whole; NULL with *error set. source.c fills in what struct im_source holds. */
	struct im_source *(*open)(
	        const struct im_source_options *options, const char *url, GError **error);
	void (*close)(struct im_source *source);

	bool (*owners)(struct im_source *source, im_owner_fn each, void *data, GError **error);
	bool (*mails)(struct im_source *source, im_mail_fn each, void *data, GError **error);
	char *(*roster_version)(struct im_source *source, const char *owner, GError **error);
	bool (*roster_went_back)(const char *before, const char *now);
	struct im_roster *(*roster_read)(struct im_source *source, const char *owner, im_odd_fn odd,
	        void *data, GError **error);
	/* contact NULL: remove key. NULL when the kind cannot write. */
	bool (*roster_write)(struct im_source *source, const char *owner, const char *key,
	        const struct contact *contact, char **version, GError **error);

	char *(*cursor_now)(struct im_source *source, GError **error);
	char *(*cursor_since)(struct im_source *source, int64_t since_utc_us, GError **error);
	char *(*cursor_floor)(const struct im_source *source, const char *cursor, GError **error);
	bool (*messages)(struct im_source *source, const char *cursor, const char *until,
	        unsigned limit, const struct im_message_sink *sink, struct im_page *page,
	        GError **error);
	bool (*rooms)(struct im_source *source, im_room_fn each, im_odd_fn odd, void *data,
	        GError **error);
};

struct im_source {
	const struct im_source_driver *driver;
	char *name;
	char *shown_url; /* without a password */
	enum im_write write;
};

extern const struct im_source_driver prosody_driver;

/* Helpers for drivers. */
struct im_roster *im_roster_new(void);
/* Sorts contacts and unreadable keys. */
void im_roster_sort(struct im_roster *roster);
struct im_room *im_room_new(const char *address);

#endif
