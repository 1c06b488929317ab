/* The response codes that this server answers with, and their texts. */
#include "habits.h"
#include "soap.h"

#include <string.h>

static const struct {
	const char *code, *text;
} codes[] = {
        {"ErrorAccessDenied", "Access is denied. Check credentials and try again."},
        {"ErrorAttachmentNestLevelLimitExceeded", "Items are attached to items too deeply."},
        {"ErrorAttachmentSizeLimitExceeded", "The attachment exceeds the maximum supported size."},
        {"ErrorBatchProcessingStopped", "Batch processing stopped."},
        {"ErrorCannotCreateContactInNonContactFolder",
                "Contacts can only be created in a contacts folder."},
        {"ErrorCannotDeleteObject", "The object could not be deleted."},
        {"ErrorCannotUseFolderIdForItemId", "A folder id cannot be used for an item id."},
        {"ErrorCannotUseItemIdForFolderId", "An item id cannot be used for a folder id."},
        {"ErrorChangeKeyRequired", "The change key is required."},
        {"ErrorChangeKeyRequiredForWriteOperations", "Change key is required for this operation."},
        {"ErrorContentConversionFailed", "Content conversion failed."},
        {"ErrorCorruptData", "The data is corrupt."},
        {"ErrorCreateItemAccessDenied", "Cannot create an item in this folder."},
        {"ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted."},
        {"ErrorExceededConnectionCount",
                "You have exceeded the available concurrent connections "
                "for your account.  Try again once your other requests have "
                "completed."},
        {"ErrorExceededFindCountLimit",
                "You have exceeded the maximum number of objects that can be "
                "returned for the find operation. Use paging to reduce the "
                "result size and try your request again."},
        {"ErrorExceededSubscriptionCount",
                "You have exceeded the maximum number of subscriptions."},
        {"ErrorExpiredSubscription", "The subscription has expired."},
        {"ErrorFolderExists", "A folder with the specified name already exists."},
        {"ErrorFolderNotFound", "The specified folder could not be found in the store."},
        {"ErrorFolderSavePropertyError", "Folder property could not be saved."},
        {"ErrorImContactLimitReached", "The maximum number of IM contacts has been reached."},
        {"ErrorImGroupDisplayNameAlreadyExists",
                "An IM group with the specified display name already exists."},
        {"ErrorImGroupLimitReached", "The maximum number of IM groups has been reached."},
        {"ErrorImpersonateUserDenied",
                "The account does not have permission to impersonate the requested user."},
        {"ErrorImpersonationFailed", "Impersonation failed."},
        {"ErrorImpersonationRequired", "The application must name the user it acts for."},
        {"ErrorIncorrectSchemaVersion",
                "The request is valid but does not specify the correct server "
                "version in the RequestServerVersion SOAP header.  Ensure that "
                "the RequestServerVersion header is set with the correct "
                "RequestServerVersionValue."},
        {"ErrorIncorrectUpdatePropertyCount",
                "An object within a change description must contain one "
                "and only one property to modify."},
        {"ErrorInternalServerError", "An internal server error occurred. The operation failed."},
        {"ErrorInternalServerTransientError",
                "An internal server error occurred. Try again later."},
        {"ErrorInvalidAttachmentId", "Invalid AttachmentId."},
        {"ErrorInvalidChangeKey", "The change key is invalid."},
        {"ErrorInvalidContactEmailAddress", "The e-mail address of the contact is invalid."},
        {"ErrorInvalidExtendedProperty", "The extended property attribute combination is invalid."},
        {"ErrorInvalidExtendedPropertyValue", "The value for the extended property is invalid."},
        {"ErrorInvalidFractionalPagingParameters",
                "The values in the FractionalPageView element are invalid."},
        {"ErrorInvalidId", "The Id is invalid."},
        {"ErrorInvalidIdEmpty", "The Id is empty."},
        {"ErrorInvalidIdMalformed", "Id is malformed."},
        {"ErrorInvalidImContactId", "The IM contact id is invalid."},
        {"ErrorInvalidImDistributionGroupSmtpAddress",
                "The SMTP address of the IM distribution group is invalid."},
        {"ErrorInvalidImGroupId", "The IM group id is invalid."},
        {"ErrorInvalidIndexedPagingParameters",
                "The values in the IndexedPageView element are invalid."},
        {"ErrorInvalidMimeContent", "The MIME content is invalid."},
        {"ErrorInvalidOperation", "The requested operation is invalid."},
        {"ErrorInvalidPhotoSize", "The photo size is invalid."},
        {"ErrorInvalidPropertyDelete", "Delete action is invalid for property."},
        {"ErrorInvalidPropertyAppend", "Append action is invalid for property."},
        {"ErrorInvalidPropertyForExists", "The property is invalid for an Exists restriction."},
        {"ErrorInvalidPropertyForOperation", "The operation is invalid for the property."},
        {"ErrorInvalidPropertyRequest", "Property is not valid for this object type."},
        {"ErrorInvalidPropertySet", "Set action is invalid for property."},
        {"ErrorInvalidPullSubscriptionId", "The pull subscription id is invalid."},
        {"ErrorInvalidRecipients", "At least one recipient is not valid."},
        {"ErrorInvalidRequest", "The request is invalid."},
        {"ErrorInvalidRestriction", "The restriction is invalid."},
        {"ErrorInvalidServerVersion", "The specified server version is invalid."},
        {"ErrorInvalidSmtpAddress", "The SMTP address is invalid."},
        {"ErrorInvalidSubscription", "The subscription is invalid."},
        {"ErrorInvalidSubscriptionRequest", "The subscription request is invalid."},
        {"ErrorInvalidSyncStateData",
                "Synchronization state data is corrupt or otherwise invalid."},
        {"ErrorInvalidUserInfo", "The user is invalid."},
        {"ErrorInvalidValueForProperty", "The specified value is invalid for property."},
        {"ErrorInvalidWatermark",
                "The watermark used for creating this subscription was not found."},
        {"ErrorIrresolvableConflict",
                "The send or update operation could not be performed because the "
                "change key passed in the request does not match the current "
                "change key for the item."},
        {"ErrorItemNotFound", "The specified object was not found in the store."},
        {"ErrorItemPropertyRequestFailed", "Property requests failed for this item."},
        {"ErrorItemSave", "The item could not be saved."},
        {"ErrorMailboxMoveInProgress", "Mailbox move in progress. Try again later."},
        {"ErrorMailboxStoreUnavailable", "The mailbox database is temporarily unavailable."},
        {"ErrorMessageDispositionRequired", "Message Disposition required."},
        {"ErrorMessageSizeExceeded", "The message exceeds the maximum supported size."},
        {"ErrorMimeContentConversionFailed", "The MIME content could not be converted."},
        {"ErrorMissingItemForCreateItemAttachment",
                "The item that shall be attached is missing or of a kind that cannot be attached."},
        {"ErrorMissedNotificationEvents", "Notification events were missed."},
        {"ErrorMoveCopyFailed", "The move or copy operation failed."},
        {"ErrorMoveDistinguishedFolder", "Distinguished folders cannot be moved."},
        {"ErrorNameResolutionMultipleResults", "Multiple results were found for name resolution."},
        {"ErrorNameResolutionNoMailbox", "No mailbox was found for name resolution."},
        {"ErrorNameResolutionNoResults", "No results were found."},
        {"ErrorNewEventStreamConnectionOpened",
                "A new event stream connection was opened using this "
                "subscription id."},
        {"ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it."},
        {"ErrorNoRespondingCASInDestinationSite",
                "No Client Access server in the destination site responded."},
        {"ErrorObjectTypeChanged", "The type of the object can not be changed."},
        {"ErrorOccurrenceCrossingBoundary", "The occurrence crosses a boundary."},
        {"ErrorParentFolderNotFound", "The parent folder could not be found."},
        {"ErrorProxyRequestNotAllowed",
                "The mailbox is not on this server; find its address again."},
        {"ErrorQuotaExceeded", "The mailbox has exceeded its quota."},
        {"ErrorReadEventsFailed", "Events could not be read."},
        {"ErrorSchemaValidation", "The request failed schema validation."},
        {"ErrorSendAsDenied",
                "The user account which was used to submit this request does not have "
                "the right to send mail on behalf of the specified sending account."},
        {"ErrorServerBusy", "The server cannot service this request right now. Try again later."},
        {"ErrorSubscriptionNotFound", "The specified subscription was not found."},
        {"ErrorSyncFolderNotFound", "The specified folder to be synchronized was not found."},
        {"ErrorTimeoutExpired", "The operation timed out."},
        {"ErrorTooManyObjectsOpened", "Too many objects are open."},
        {"ErrorUnableToRemoveImContactFromGroup",
                "The contact could not be removed from the IM group."},
        {"ErrorUnsupportedPathForQuery", "The property can not be used with this type of query."},
        {"ErrorUnsupportedPathForSortGroup",
                "The property can not be used for sorting or grouping."},
        {"ErrorUnsupportedPropertyDefinition", "The property is not supported."},
        {"ErrorUnsupportedSubFilter", "Sub filters are not supported."},
        {"ErrorValueOutOfRange", "The specified value is out of range."},
};

const char *code_known(const char *code)
{
	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].code;
	return NULL;
}

const char *code_text(const char *code)
{
	const char *other = grommunio() ? habit_code_text(code) : NULL;

	if (other != NULL)
		return other;
	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].text;
	return "The operation failed.";
}
