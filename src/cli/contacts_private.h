/*
 * Shared by the subcommands of `imex contacts`: texts of a listing, and contact lists as they are
 * now or were in a version.
 */
#ifndef IMEX_CLI_CONTACTS_PRIVATE_H
#define IMEX_CLI_CONTACTS_PRIVATE_H

#include "cli/command.h"
#include "cli/crew.h"
#include "model/mailbox.h"
#include "store/contact.h"
#include "store/snapshot.h"

/* Texts, owned. NULL for time 0 and for no contact. */
char *contacts_time(int64_t utc_us);
char *contacts_number(int64_t value);
/* "Carol [Friends, Work] tel:+491" */
char *contacts_text(const struct contact *contact);
/* "5 minutes", "3 days" */
char *contacts_age(int64_t utc_us);

/* The pinned mailbox of a user; NULL with user.unknown when nothing was done for him yet. */
struct mailbox *contacts_mailbox(struct cli *cli, const char *text, GError **error);

typedef void (*contacts_row_fn)(void *data, const struct contact_row *row);
bool contacts_each_row(
        struct store *store, int64_t id, contacts_row_fn visit, void *data, GError **error);

/* What the mailbox has of a row; NULL: nothing. */
const struct contact *contacts_theirs(const struct contact_row *row);
/* A telephone number cannot be compared: the IM side may not hold any. */
bool contacts_alike(const struct contact *ours, const struct contact *theirs);

/* How the list of a mailbox was read last. */
struct contacts_reading {
	int64_t good_utc_us; /* end of the last good pass; 0: none */
	char *trouble; /* why there was none since; NULL: the last pass was good */
};
bool contacts_reading(
        struct store *store, int64_t mailbox_id, struct contacts_reading *out, GError **error);
void contacts_reading_clear(struct contacts_reading *reading);

/*
 * A contact list as the side in charge has it: the mailbox's as it was read last, else the IM
 * server's, which is asked.
 */
struct contacts_list {
	char *owner;
	struct mailbox *mailbox; /* NULL: the list was never moved */
	bool in_mailbox; /* who is in charge */
	int64_t generation;
	int64_t version; /* 0: as it is now */
	int64_t as_of_utc_us;
	GPtrArray *contacts; /* struct contact, by the bytes of their keys */
	unsigned left_out; /* contacts that are there and cannot be understood; told on stderr */
};
void contacts_list_clear(struct contacts_list *list);

/* Everything but the contacts. *list is to be cleared in any case. */
bool contacts_list_find(
        struct cli *cli, const char *user, struct contacts_list *list, GError **error);
/* version -1: as it is now; 0: the newest version. */
bool contacts_list_load(
        struct cli *cli, struct contacts_list *list, int64_t version, GError **error);

/*
 * One visit to a user's mailbox that does something else than a pass. `work` of its
 * worker_options; options as in struct contacts_options.
 */
struct contacts_job {
	bool (*work)(void *data, struct contacts_run *run, struct contacts_report *report,
	        GError **error);
	void *data;
	bool scratch; /* on a scratch store: nothing is written */
	bool allow_mass_delete;
	bool offline; /* the mailbox is not asked */
	bool anyone; /* also users whose list was never moved: the mailbox is pinned */
	bool quiet; /* nothing is printed of what was done */
	bool visited; /* out: the work was begun, well or not */
	unsigned left_out; /* out: contacts that were left out and told of on stderr */
};
/* With --dry-run neither side is written. Prints what was done, or would be. */
bool contacts_do(struct cli *cli, const char *user, struct contacts_job *job, GError **error);

/*
 * Makes a target what the list is, or adds it (contacts_bring()); *left_out: contacts that could
 * not be carried over.
 */
bool contacts_bring_list(struct cli *cli, const struct contacts_list *list,
        struct contacts_target *target, bool mass_delete, unsigned *left_out, GError **error);

/* A version's number as an operand; contacts.version (CONFIG). */
bool contacts_version_parse(const char *text, int64_t *version, GError **error);

#endif
