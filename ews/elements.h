/*
 * Private to ews/: the elements of EWS answers that anything here looks at, as numbers.
 *
 * The list is sorted (a test checks), because names are found in it by bisection. Namespaces are
 * looked at once, when the name is found: an element of a foreign namespace is ELEMENT_OTHER.
 */
#ifndef IMEX_EWS_ELEMENTS_H
#define IMEX_EWS_ELEMENTS_H

#include <glib.h>

#define EWS_NS_MESSAGES "http://schemas.microsoft.com/exchange/services/2006/messages"
#define EWS_NS_TYPES "http://schemas.microsoft.com/exchange/services/2006/types"
#define EWS_NS_ERRORS "http://schemas.microsoft.com/exchange/services/2006/errors"
#define EWS_NS_SOAP "http://schemas.xmlsoap.org/soap/envelope/"

#define EWS_ELEMENTS(X)                                                                            \
	X(AttachmentId)                                                                            \
	X(Attribution)                                                                             \
	X(Attributions)                                                                            \
	X(Birthday)                                                                                \
	X(Body)                                                                                    \
	X(Categories)                                                                              \
	X(Changes)                                                                                 \
	X(Contact)                                                                                 \
	X(Content)                                                                                 \
	X(Create)                                                                                  \
	X(DateTimeCreated)                                                                         \
	X(DateTimeReceived)                                                                        \
	X(DateTimeSent)                                                                            \
	X(Delete)                                                                                  \
	X(DisplayName)                                                                             \
	X(DisplayNameFirstLast)                                                                    \
	X(EmailAddress)                                                                            \
	X(Entry)                                                                                   \
	X(Envelope)                                                                                \
	X(ExchangeStoreId)                                                                         \
	X(ExtendedFieldURI)                                                                        \
	X(ExtendedProperty)                                                                        \
	X(Fault)                                                                                   \
	X(FileAs)                                                                                  \
	X(FileAttachment)                                                                          \
	X(Folder)                                                                                  \
	X(FolderId)                                                                                \
	X(Folders)                                                                                 \
	X(GivenName)                                                                               \
	X(GroupType)                                                                               \
	X(Groups)                                                                                  \
	X(HasPicture)                                                                              \
	X(Header)                                                                                  \
	X(Id)                                                                                      \
	X(ImAddress)                                                                               \
	X(ImAddresses)                                                                             \
	X(ImGroup)                                                                                 \
	X(ImItemList)                                                                              \
	X(IncludesLastItemInRange)                                                                 \
	X(IsContactPhoto)                                                                          \
	X(IsHidden)                                                                                \
	X(IsQuickContact)                                                                          \
	X(ItemClass)                                                                               \
	X(ItemId)                                                                                  \
	X(Items)                                                                                   \
	X(Mailbox)                                                                                 \
	X(MailboxType)                                                                             \
	X(MemberCorrelationKey)                                                                    \
	X(MessageText)                                                                             \
	X(MessageXml)                                                                              \
	X(MimeContent)                                                                             \
	X(Name)                                                                                    \
	X(Number)                                                                                  \
	X(OtherTelephones)                                                                         \
	X(Persona)                                                                                 \
	X(Personas)                                                                                \
	X(PhoneNumberAttributedValue)                                                              \
	X(PhoneNumbers)                                                                            \
	X(ReadFlagChange)                                                                          \
	X(Resolution)                                                                              \
	X(ResolutionSet)                                                                           \
	X(ResponseCode)                                                                            \
	X(ResponseMessages)                                                                        \
	X(RootFolder)                                                                              \
	X(ServerVersionInfo)                                                                       \
	X(Size)                                                                                    \
	X(SmtpAddress)                                                                             \
	X(SourceId)                                                                                \
	X(String)                                                                                  \
	X(StringAttributedValue)                                                                   \
	X(Subject)                                                                                 \
	X(Surname)                                                                                 \
	X(SyncState)                                                                               \
	X(Update)                                                                                  \
	X(Value)                                                                                   \
	X(detail)                                                                                  \
	X(faultcode)                                                                               \
	X(faultstring)

enum ews_element {
	ELEMENT_OTHER,
#define EWS_ELEMENT_ENUM(name) ELEMENT_##name,
	EWS_ELEMENTS(EWS_ELEMENT_ENUM)
#undef EWS_ELEMENT_ENUM
	        ELEMENT_COUNT_,
};

enum ews_element ews_element_find(const char *ns, const char *local);
const char *ews_element_name(enum ews_element element);

#endif
