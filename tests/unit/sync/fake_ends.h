/*
 * Both ends of a contact pass, in memory: they keep the promises of sync/ends.h and break down on
 * command.
 */
#ifndef IMEX_TESTS_FAKE_ENDS_H
#define IMEX_TESTS_FAKE_ENDS_H

#include "sync/ends.h"

#include <setjmp.h>

#define FAKE_IM_DOMAIN "im.example"
#define FAKE_MAIL_DOMAIN "corp.example"

struct fake_item {
	char *id;
	uint64_t change; /* change key; of the last change */
	bool created_now; /* not changed since it was created */
	uint64_t created;
	char *op_uuid;
	struct contact *contact; /* key: the mail side's address */
};

/* What goes wrong at an operation. */
enum fake_fault {
	FAKE_FINE,
	FAKE_KILL_BEFORE, /* the process ends: longjmp to fake->killed */
	FAKE_KILL_AFTER,
	FAKE_LOST_BEFORE, /* no effect and no answer */
	FAKE_LOST_AFTER, /* the effect, but no answer */
	FAKE_LATE, /* the effect comes within the time that settling waits; no answer */
	FAKE_VERY_LATE, /* a create whose effect comes after that */
	FAKE_RETRY, /* refused for now */
	FAKE_ITEM, /* refused for good */
	FAKE_FAULTS
};

const char *fake_fault_name(enum fake_fault fault);

struct fake_late;

struct fake {
	enum ews_dialect dialect;
	/* the mailbox */
	GPtrArray *items; /* struct fake_item */
	GPtrArray *deleted; /* struct fake_item: only id, created and change */
	GPtrArray *groups; /* struct group: dialect ucs */
	GHashTable *renamed; /* old name -> new name: what passes did last */
	uint64_t clock; /* of changes */
	uint64_t group_ids;
	bool refuse_state; /* the next reading finds its sync state refused */
	bool forget_state; /* the next reading finds it ignored, as grommunio does */
	uint64_t full_reads, roster_reads;
	bool forgot_unseen; /* it did so while the folder had nothing that was told before */
	GPtrArray *late; /* struct fake_late */
	/* the IM side */
	GHashTable *roster; /* key -> struct contact */
	uint64_t version;
	/* breaking down */
	enum fake_fault (*fault)(void *data, const char *operation, bool writes);
	/* called at the start of every operation: somebody else may edit */
	void (*meanwhile)(void *data);
	void *data;
	jmp_buf killed;
	uint64_t operations, writes;
	bool completed; /* the migration-completed flag */
};

struct fake *fake_new(enum ews_dialect dialect);
void fake_free(struct fake *fake);
struct mail_end fake_mail_end(struct fake *fake);
struct im_end fake_im_end(struct fake *fake, bool writable);

/* What users do. Addresses are the mail side's for the mailbox, keys for the roster. */
struct fake_item *fake_item(struct fake *fake, const char *address);
void fake_mail_put(struct fake *fake, const struct contact *contact);
void fake_mail_delete(struct fake *fake, const char *address);
/* The item stays and bears another address. */
void fake_mail_readdress(struct fake *fake, const char *from, const char *to);
void fake_mail_rename_group(struct fake *fake, const char *from, const char *to);
void fake_im_put(struct fake *fake, const struct contact *contact);
void fake_im_delete(struct fake *fake, const char *key);

/* Requests under way whose time has come take effect. */
void fake_late_effects(struct fake *fake, int64_t now_utc_us);

char *fake_mail_address(const char *key); /* owned */
char *fake_im_key(const char *address); /* owned */

#endif
