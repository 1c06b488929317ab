/*
 * What the tests of both dialects share: pieces of answers, and a sink that writes down what it is
 * told, one line each.
 */
#ifndef IMEX_TESTS_UNIT_EWS_CONTACT_CASE_H
#define IMEX_TESTS_UNIT_EWS_CONTACT_CASE_H

#include "fake.h"

#define EXT(name, value)                                                                           \
	"<t:ExtendedProperty><t:ExtendedFieldURI DistinguishedPropertySetId=\"PublicStrings\" "    \
	"PropertyName=\"" name "\" PropertyType=\"String\"/><t:Value>" value                       \
	"</t:Value></t:ExtendedProperty>"
#define CONTACT(id, name, address, more)                                                           \
	"<t:Contact><t:ItemId Id=\"" id "\" ChangeKey=\"k" id                                      \
	"\"/><t:ItemClass>IPM.Contact</t:ItemClass>" more "<t:DisplayName>" name                   \
	"</t:DisplayName><t:ImAddresses><t:Entry Key=\"ImAddress1\">" address                      \
	"</t:Entry></t:ImAddresses></t:Contact>"
#define CATEGORIES(names) "<t:Categories>" names "</t:Categories>"
#define STRING(text) "<t:String>" text "</t:String>"

#define NOW(name, more)                                                                            \
	CONTACT("1", name, "bob@corp.example", CATEGORIES(STRING("Work") STRING("Holiday")) more)

struct notes {
	GString *text;
	const GPtrArray *known; /* struct group: what the caller knows; NULL: nothing */
	bool stop; /* refuse the next contact */
};

bool note_contact(const struct ews_contact_change *change, void *data, GError **error);

/* Runs a pass; gives what was told (owned), and the reason of an error. *state is replaced. */
char *run_pass(struct fake *fake, enum ews_dialect dialect, char **state, bool *full);
/* The same for a caller who takes single changes and knows these groups (struct group). */
char *run_single_pass(struct fake *fake, const GPtrArray *known, char **state, bool *full);

/* Queued answers. */
void sync_page(struct fake *fake, const char *state, const char *last, const char *changes);
void answer_failure(struct fake *fake, const char *op, const char *code);
/* Of the Im* operations. */
void answer_done(struct fake *fake, const char *op);
void answer_refused(struct fake *fake, const char *op, const char *code);
void answer_items(struct fake *fake, const char *op, const char *item);

/* bob@corp.example, "Bob <B>", in Work */
struct contact *bob(void);
extern const struct ews_item_ref ref_one;
/* Of struct ews_contact_found *. */
GPtrArray *found_array(void);

#endif
