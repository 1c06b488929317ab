#include "ews/codes.h"

#include "core/clock.h"
#include "core/error.h"

#include <string.h>

/* Servers that say nothing, or zero, are left alone for at least so long. */
#define BACK_OFF_DEFAULT_MS 60000
#define BACK_OFF_MIN_MS 1000
#define BACK_OFF_MAX_MS 3600000

enum kind {
	BUSY,
	TRANSIENT,
	UNKNOWN,
	TIMEOUT,
	UNAUTHORIZED,
	FORBIDDEN,
	IMPERSONATION,
	NO_MAILBOX,
	MOVED,
	QUOTA,
	LOCKED,
	SYNC_STATE,
	NOT_FOUND,
	CONFLICT,
	ITEM,
	TOO_LARGE,
	EXISTS,
	LIMIT,
	UNSUPPORTED,
	REQUEST,
	HTTP,
	HTTP_REFUSED,
};

static const struct {
	const char *reason;
	enum error_class error_class;
	const char *advice;
} kinds[] = {
        [BUSY] = {"ews.busy", ERROR_BACKOFF, "it is left alone until then"},
        [TRANSIENT] = {"ews.transient", ERROR_RETRY, "it is tried again"},
        [UNKNOWN] = {"ews.unknown_code", ERROR_RETRY, "it is tried again a few times"},
        [TIMEOUT] = {"ews.timeout", ERROR_RETRY, "it is tried again with less at once"},
        [UNAUTHORIZED] = {"ews.unauthorized", ERROR_CONFIG,
                "check the credentials, or the partner with `imex partner show`"},
        [FORBIDDEN] = {"ews.forbidden", ERROR_MAILBOX,
                "give imex's account or application the right to this mailbox"},
        [IMPERSONATION] = {"ews.impersonation", ERROR_MAILBOX,
                "give imex's account or application the role ApplicationImpersonation"},
        [NO_MAILBOX] = {"ews.no_mailbox", ERROR_MAILBOX,
                "check the user's mapping and that the mailbox is enabled"},
        [MOVED] = {"ews.moved", ERROR_MAILBOX, "it is tried again when the move has ended"},
        [QUOTA] = {"ews.quota", ERROR_MAILBOX, "make room in the mailbox or raise its quota"},
        [LOCKED] = {"ews.locked", ERROR_CONFIG, "unlock the account on the mail server"},
        [SYNC_STATE] = {"ews.sync_state", ERROR_MAILBOX, "a full read follows"},
        [NOT_FOUND] = {"ews.not_found", ERROR_ITEM, "it is gone from the mailbox"},
        [CONFLICT] = {"ews.conflict", ERROR_ITEM, "it is read again and decided anew"},
        [ITEM] = {"ews.item", ERROR_ITEM, "this item is left out; mend it in the mailbox"},
        [TOO_LARGE] = {"ews.too_large", ERROR_ITEM,
                "raise the mail server's limit of message size, or leave it out"},
        [EXISTS] = {"ews.exists", ERROR_ITEM, "the one that is there is used"},
        [LIMIT] = {"ews.limit", ERROR_ITEM, "remove contacts or groups from the list"},
        [UNSUPPORTED] = {"ews.unsupported", ERROR_CONFIG, "use a dialect that this server knows"},
        [REQUEST] = {"ews.request", ERROR_CONFIG,
                "the server may be older than Exchange 2013; otherwise report this as a bug"},
        [HTTP] = {"ews.http", ERROR_RETRY, "it is tried again"},
        [HTTP_REFUSED] = {"ews.http", ERROR_CONFIG, "check the URL of the mail server"},
};

/* maybe_done: what was asked for may have happened all the same. */
static const struct row {
	const char *code;
	enum kind kind;
	bool maybe_done;
} rows[] = {
        {"ErrorServerBusy", BUSY, false},
        {"ErrorTooManyObjectsOpened", BUSY, false},
        {"ErrorExceededConnectionCount", BUSY, false},
        {"ErrorExceededSubscriptionCount", LIMIT, false},
        {"ErrorExceededFindCountLimit", TIMEOUT, false},
        {"ErrorTimeoutExpired", TIMEOUT, true},
        {"ErrorMailboxStoreUnavailable", TRANSIENT, true},
        {"ErrorMailboxFailover", TRANSIENT, true},
        {"ErrorConnectionFailed", TRANSIENT, true},
        {"ErrorConnectionFailedTransientError", TRANSIENT, true},
        {"ErrorADUnavailable", TRANSIENT, false},
        {"ErrorADOperation", TRANSIENT, false},
        {"ErrorInsufficientResources", TRANSIENT, true},
        {"ErrorNotEnoughMemory", TRANSIENT, true},
        {"ErrorInternalServerError", TRANSIENT, true},
        {"ErrorInternalServerTransientError", TRANSIENT, true},
        {"ErrorContentIndexingNotEnabled", TRANSIENT, false},
        {"ErrorNoRespondingCASInDestinationSite", TRANSIENT, false},
        {"ErrorProxyRequestProcessingFailed", TRANSIENT, true},
        {"ErrorProxyRequestNotAllowed", TRANSIENT, false},
        {"ErrorProxyServiceDiscoveryFailed", TRANSIENT, false},
        {"ErrorProxyTokenExpired", TRANSIENT, false},
        {"ErrorBatchProcessingStopped", TRANSIENT, false},
        {"ErrorReadEventsFailed", TRANSIENT, false},
        {"ErrorMailboxMoveInProgress", MOVED, false},
        {"ErrorMailboxMoved", MOVED, false},
        {"ErrorWrongServerVersion", MOVED, false},
        {"ErrorMailboxLogonFailed", MOVED, false},
        {"ErrorAccessDenied", FORBIDDEN, false},
        {"ErrorCreateItemAccessDenied", FORBIDDEN, false},
        {"ErrorUserNotAllowedByPolicy", FORBIDDEN, false},
        {"ErrorUserNotUnifiedMessagingEnabled", FORBIDDEN, false},
        {"ErrorCallerIsInvalidADAccount", FORBIDDEN, false},
        {"ErrorInvalidUserSid", FORBIDDEN, false},
        {"ErrorTokenSerializationDenied", IMPERSONATION, false},
        {"ErrorImpersonateUserDenied", IMPERSONATION, false},
        {"ErrorImpersonationDenied", IMPERSONATION, false},
        {"ErrorImpersonationFailed", IMPERSONATION, false},
        {"ErrorImpersonationRequired", IMPERSONATION, false},
        {"ErrorInvalidImpersonationHeaderData", IMPERSONATION, false},
        {"ErrorNonExistentMailbox", NO_MAILBOX, false},
        {"ErrorNonPrimarySmtpAddress", NO_MAILBOX, false},
        {"ErrorMailboxConfiguration", NO_MAILBOX, false},
        {"ErrorMissingEmailAddress", NO_MAILBOX, false},
        {"ErrorInvalidSmtpAddress", NO_MAILBOX, false},
        {"ErrorAccountDisabled", NO_MAILBOX, false},
        {"ErrorNameResolutionNoMailbox", NO_MAILBOX, false},
        {"ErrorNameResolutionNoResults", NO_MAILBOX, false},
        {"ErrorPasswordExpired", LOCKED, false},
        {"ErrorPasswordChangeRequired", LOCKED, false},
        {"ErrorQuotaExceeded", QUOTA, false},
        {"ErrorSubmissionQuotaExceeded", QUOTA, false},
        {"ErrorInvalidSyncStateData", SYNC_STATE, false},
        {"ErrorItemNotFound", NOT_FOUND, false},
        {"ErrorFolderNotFound", NOT_FOUND, false},
        {"ErrorParentFolderNotFound", NOT_FOUND, false},
        {"ErrorSyncFolderNotFound", NOT_FOUND, false},
        {"ErrorInvalidImContactId", NOT_FOUND, false},
        {"ErrorInvalidImGroupId", NOT_FOUND, false},
        {"ErrorCannotDeleteObject", ITEM, false},
        {"ErrorIrresolvableConflict", CONFLICT, false},
        {"ErrorStaleObject", CONFLICT, false},
        {"ErrorInvalidChangeKey", CONFLICT, false},
        {"ErrorChangeKeyRequired", CONFLICT, false},
        {"ErrorChangeKeyRequiredForWriteOperations", CONFLICT, false},
        {"ErrorObjectTypeChanged", CONFLICT, false},
        {"ErrorItemCorrupt", ITEM, false},
        {"ErrorItemPropertyRequestFailed", ITEM, false},
        {"ErrorItemSave", ITEM, false},
        {"ErrorItemSavePropertyError", ITEM, false},
        {"ErrorPropertyUpdate", ITEM, false},
        {"ErrorPropertyValidationFailure", ITEM, false},
        {"ErrorCorruptData", ITEM, false},
        {"ErrorContentConversionFailed", ITEM, false},
        {"ErrorMimeContentInvalid", ITEM, false},
        {"ErrorMimeContentInvalidBase64String", ITEM, false},
        {"ErrorMimeContentConversionFailed", ITEM, false},
        {"ErrorInvalidIdMalformed", ITEM, false},
        {"ErrorInvalidIdMalformedEwsLegacyIdFormat", ITEM, false},
        {"ErrorInvalidIdEmpty", ITEM, false},
        {"ErrorInvalidId", ITEM, false},
        {"ErrorInvalidIdXml", ITEM, false},
        {"ErrorInvalidPropertySet", ITEM, false},
        {"ErrorInvalidPropertyDelete", ITEM, false},
        {"ErrorInvalidPropertyRequest", ITEM, false},
        {"ErrorInvalidExtendedPropertyValue", ITEM, false},
        {"ErrorIncorrectUpdatePropertyCount", ITEM, false},
        {"ErrorUnableToRemoveImContactFromGroup", ITEM, false},
        {"ErrorInvalidImDistributionGroupSmtpAddress", ITEM, false},
        {"ErrorMoveCopyFailed", ITEM, true},
        {"ErrorMessageSizeExceeded", TOO_LARGE, false},
        {"ErrorDataSizeLimitExceeded", TOO_LARGE, false},
        {"ErrorRequestStreamTooBig", TOO_LARGE, false},
        {"ErrorFolderExists", EXISTS, false},
        {"ErrorImGroupDisplayNameAlreadyExists", EXISTS, false},
        {"ErrorImContactLimitReached", LIMIT, false},
        {"ErrorImGroupLimitReached", LIMIT, false},
        {"ErrorUnsupportedPathForQuery", UNSUPPORTED, false},
        {"ErrorUnsupportedPathForSortGroup", UNSUPPORTED, false},
        {"ErrorUnsupportedQueryFilter", UNSUPPORTED, false},
        {"ErrorUnsupportedPropertyDefinition", UNSUPPORTED, false},
        {"ErrorInvalidRestriction", UNSUPPORTED, false},
        {"ErrorUnsupportedOperation", UNSUPPORTED, false},
        {"ErrorInvalidOperation", UNSUPPORTED, false},
        {"ErrorNotSupported", UNSUPPORTED, false},
        {"ErrorNotImplemented", UNSUPPORTED, false},
        {"ErrorSchemaValidation", REQUEST, false},
        {"ErrorInvalidRequest", REQUEST, false},
        {"ErrorInvalidArgument", REQUEST, false},
        {"ErrorInvalidServerVersion", REQUEST, false},
        {"ErrorIncorrectSchemaVersion", REQUEST, false},
        {"ErrorMissingArgument", REQUEST, false},
        {"ErrorMissingInformationEmailAddress", REQUEST, false},
};

static const struct {
	int status;
	enum kind kind;
	bool maybe_done;
} statuses[] = {
        {400, HTTP_REFUSED, true}, /* grommunio: also a second large request on a connection */
        {401, UNAUTHORIZED, false},
        {403, FORBIDDEN, false},
        {404, HTTP_REFUSED, false},
        {405, HTTP_REFUSED, false},
        {408, HTTP, true},
        {413, TOO_LARGE, false},
        {421, MOVED, false},
        {429, BUSY, false},
        {440, HTTP, false}, /* login has expired: cookies are dropped, the next try logs in */
        {456, LOCKED, false},
        {501, HTTP_REFUSED, false},
        {503, BUSY, false},
};

bool ews_code_is_success(const char *code)
{
	return g_str_equal(code, "NoError") ||
	       g_str_equal(code, "ErrorNameResolutionMultipleResults");
}

bool ews_code_is_stopped(const char *code)
{
	return g_str_equal(code, "ErrorBatchProcessingStopped");
}

static const struct row *row_of(const char *code)
{
	static const struct row unknown = {NULL, UNKNOWN, true};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (g_str_equal(rows[i].code, code))
			return &rows[i];
	return &unknown;
}

int64_t ews_back_off_in_text(const char *text)
{
	static const char *const words[] = {"backoff", "back-off", "back off"};
	if (text == NULL)
		return -1;
	g_autofree char *lower = g_ascii_strdown(text, -1);
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		const char *at = strstr(lower, words[i]);
		if (at == NULL)
			continue;
		at += strcspn(at, "0123456789");
		guint64 number = 0;
		if (g_ascii_isdigit(*at) &&
		        g_ascii_string_to_unsigned(at, 10, 0, G_MAXINT64, &number, NULL))
			return (int64_t)number;
		/* Words may follow the digits, which that function does not take. */
		if (g_ascii_isdigit(*at))
			return (int64_t)MIN(g_ascii_strtoull(at, NULL, 10), (guint64)G_MAXINT64);
	}
	return -1;
}

/* The jitter keeps many workers from coming back in one instant. */
static int64_t retry_at(int64_t back_off_ms)
{
	int64_t ms = back_off_ms < 0 ? BACK_OFF_DEFAULT_MS : back_off_ms;
	ms = CLAMP(ms, BACK_OFF_MIN_MS, BACK_OFF_MAX_MS);
	ms += g_random_int_range(0, (gint32)(ms / 10) + 1);
	return clock_utc_us() + ms * 1000;
}

static char *words_of(const char *code, const char *text)
{
	if (text == NULL || *text == '\0')
		return g_strdup(code);
	g_autofree char *first = g_utf8_make_valid(text, (gssize)strnlen(text, 200));
	return g_strdup_printf("%s (%s)", code, g_strdelimit(first, "\r\n\t", ' '));
}

static void kind_set(GError **error, enum kind kind, bool maybe_done, const char *operation,
        const char *words, bool changes)
{
	bool uncertain = changes && maybe_done;
	error_set(error, uncertain ? ERROR_UNCERTAIN : kinds[kind].error_class, kinds[kind].reason,
	        "the mail server answered %s to %s; %s", words, operation,
	        uncertain ? "it may have been done all the same, so it is looked up first"
	                  : kinds[kind].advice);
}

void ews_problem_set(GError **error, const struct ews_problem *problem)
{
	const char *code = problem->code;
	/* ErrorInternalServerError hides what really happened in the inner code. */
	if (problem->inner_code != NULL && row_of(problem->inner_code)->kind == BUSY)
		code = problem->inner_code;
	const struct row *row = row_of(code);
	g_autofree char *words = words_of(code, problem->text);
	GError *made = NULL;
	kind_set(&made, row->kind, row->maybe_done, problem->operation, words, problem->changes);
	if (row->kind == BUSY)
		error_set_retry_at(made, retry_at(problem->back_off_ms));
	g_propagate_error(error, made);
}

void ews_fault_set(GError **error, const struct ews_problem *problem, const char *fault_code)
{
	const char *text = problem->text == NULL ? "" : problem->text;
	enum kind kind = TRANSIENT;
	if (strstr(text, "Unknown request") != NULL)
		kind = UNSUPPORTED;
	else if (g_str_equal(fault_code, "Client"))
		kind = REQUEST;
	g_autofree char *words = words_of("a SOAP fault", text);
	kind_set(error, kind, kind == TRANSIENT, problem->operation, words, problem->changes);
}

void ews_status_set(
        GError **error, int status, const struct ews_problem *problem, int64_t retry_after_s)
{
	enum kind kind = status >= 500 ? HTTP : HTTP_REFUSED;
	bool maybe_done = status >= 500;
	for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++) {
		if (statuses[i].status != status)
			continue;
		kind = statuses[i].kind;
		maybe_done = statuses[i].maybe_done;
	}
	g_autofree char *code = g_strdup_printf("HTTP status %d", status);
	g_autofree char *words = words_of(code, problem->text);
	GError *made = NULL;
	kind_set(&made, kind, maybe_done, problem->operation, words, problem->changes);
	if (kind == BUSY)
		error_set_retry_at(
		        made, retry_at(retry_after_s < 0 ? -1 : MIN(retry_after_s, 86400) * 1000));
	g_propagate_error(error, made);
}

void ews_protocol_set(GError **error, const char *operation, const char *what)
{
	error_set(error, ERROR_MAILBOX, "ews.protocol",
	        "the mail server's answer to %s is not as the protocol says (%s); "
	        "check that the URL is an EWS server and not a proxy in between",
	        operation, what);
}
