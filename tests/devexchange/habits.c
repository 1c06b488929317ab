#include "habits.h"

#include "fid.h"

#include <string.h>

enum { DEFAULT = 1, ALL = 2, ALWAYS = 4, NEVER = 8 };

/* Fields that are not named here come when they are asked for; those of contacts always but for
 * ids. */
static const struct {
	const char *uri;
	unsigned when;
} rules[] = {
        {"item:ItemClass", DEFAULT | ALL},
        {"item:Subject", DEFAULT | ALL},
        {"item:Sensitivity", DEFAULT | ALL},
        {"item:DateTimeReceived", ALWAYS},
        {"item:Size", DEFAULT | ALL},
        {"item:DateTimeSent", DEFAULT | ALL},
        {"item:DateTimeCreated", DEFAULT | ALL},
        {"item:HasAttachments", DEFAULT | ALL},
        {"item:IsAssociated", DEFAULT | ALL},
        {"item:Importance", ALL},
        {"item:IsSubmitted", ALL},
        {"item:IsDraft", ALL},
        {"item:IsFromMe", ALL},
        {"item:IsResend", ALL},
        {"item:IsUnmodified", ALL},
        {"item:LastModifiedName", ALL},
        {"item:LastModifiedTime", ALL},
        {"message:Sender", ALL},
        {"message:From", ALL},
        {"message:InternetMessageId", ALL},
        {"message:IsRead", ALL},
        {"contacts:FileAs", 0},
        {"contacts:FileAsMapping", NEVER},
        {"contacts:HasPicture", NEVER},
        {"contacts:ContactSource", NEVER},
};

static bool chosen;
static unsigned *row_rules; /* one for each field */

bool grommunio(void)
{
	return chosen;
}

const char *habit_profile(void)
{
	return chosen ? "grommunio" : "exchange";
}

static unsigned rule_for(uint32_t row)
{
	const struct field *f = &fields[row];

	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
		if (strcmp(rules[i].uri, f->uri) == 0)
			return rules[i].when;
	return (f->flags & F_CONTACT) != 0 && g_str_has_prefix(f->uri, "contacts:") &&
	                       f->form != FORM_ADDRESS && (f->flags & F_NOT_ALL) == 0
	               ? DEFAULT | ALL
	               : 0;
}

void habits_init(bool g)
{
	static unsigned when[512];

	g_assert(n_fields <= G_N_ELEMENTS(when));
	for (uint32_t row = 0; row < n_fields; row++)
		when[row] = rule_for(row);
	row_rules = when;
	chosen = g;
}

bool habit_row_shown(uint32_t row, enum item_base base)
{
	unsigned when = base == BASE_ALL ? ALL : base == BASE_DEFAULT ? DEFAULT : 0;

	return (row_rules[row] & (when | ALWAYS)) != 0;
}

bool habit_row_never(uint32_t row)
{
	return (row_rules[row] & NEVER) != 0;
}

char *habit_time(int64_t utc_s, int32_t ns)
{
	char *text = time_format(utc_s);

	if (text == NULL || ns == 0)
		return text;
	text[strlen(text) - 1] = '\0';
	char *whole = g_strdup_printf("%s.%09dZ", text, ns);
	g_free(text);
	return whole;
}

/* What its arithmetic makes of a time before 1970. */
static char *before_the_epoch(const char *value)
{
	return g_strdup_printf("%.19s.18446744073709551600Z", value);
}

char *habit_item_time(const struct item *item, uint32_t row)
{
	const char *value = props_get(item->props, row);
	int64_t when;

	if (row == fid.created)
		return habit_time(item->created_s, item->created_ns);
	if (row == fid.modified)
		return habit_time(item->modified_s, item->modified_ns);
	if (value == NULL || !time_parse(value, &when))
		return NULL;
	if (when < 0)
		return before_the_epoch(value);
	/* A time of arrival that nobody gave is that of the creation. */
	return habit_time(
	        when, row == fid.received && when == item->created_s ? item->created_ns : 0);
}

const char *habit_code_text(const char *code)
{
	static const struct {
		const char *code, *text;
	} texts[] = {
	        {"ErrorFolderNotFound", "E-3051: unknown distinguished folder id"},
	        {"ErrorItemNotFound", "E-3187: item not found"},
	        {"ErrorInvalidSubscription", "E-3202: invalid subscription"},
	        {"ErrorInvalidId", "E-3149: failed to deserialize item entry id"},
	        {"ErrorAccessDenied", "E-3136: cannot access target folder"},
	        {"ErrorCannotDeleteObject", "E-3133: cannot delete target folder"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		if (strcmp(texts[i].code, code) == 0)
			return texts[i].text;
	return NULL;
}
