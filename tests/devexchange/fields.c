/*
 * The fields of items, in the element order of the schema.
 *
 * MAPI numbers are from [MS-OXPROPS]; the dictionaries of contacts from [MS-OXOCNTC].
 */
#include "props.h"

#define D F_DEFAULT
#define RO F_READ_ONLY
#define C F_CONTACT
#define M F_MESSAGE

#define SPECIAL(uri, element, flags)                                                               \
	{                                                                                          \
		uri, NULL, element, FORM_SPECIAL, PT_STRING, flags, 0, 0, 0, 0                     \
	}
#define TAGGED(uri, element, type, flags, tag)                                                     \
	{                                                                                          \
		uri, NULL, element, FORM_TEXT, type, flags, tag, NULL, 0, NULL                     \
	}
#define TEXT(uri, element, flags, tag) TAGGED(uri, element, PT_STRING, flags, tag)
#define NAMED(uri, element, type, flags, set, id)                                                  \
	{                                                                                          \
		uri, NULL, element, FORM_TEXT, type, flags, 0, set, id, NULL                       \
	}
#define LIST(uri, element, flags, tag, set, name)                                                  \
	{                                                                                          \
		uri, NULL, element, FORM_LIST, PT_STRING, flags, tag, set, 0, name                 \
	}
#define PEOPLE(uri, element, flags)                                                                \
	{                                                                                          \
		uri, NULL, element, FORM_PEOPLE, PT_STRING, flags, 0, NULL, 0, NULL                \
	}
#define PERSON(uri, element, flags)                                                                \
	{                                                                                          \
		uri, NULL, element, FORM_PERSON, PT_STRING, flags, 0, NULL, 0, NULL                \
	}
#define RAW(uri, element, flags)                                                                   \
	{                                                                                          \
		uri, NULL, element, FORM_RAW, PT_STRING, flags, 0, NULL, 0, NULL                   \
	}
#define PHONE(key, tag)                                                                            \
	{                                                                                          \
		"contacts:PhoneNumber", key, "PhoneNumbers", FORM_ENTRY, PT_STRING, C | D, tag,    \
		        NULL, 0, NULL                                                              \
	}
#define ADDRESS_PART(part, key, tag, set, id)                                                      \
	{                                                                                          \
		"contacts:PhysicalAddress:" part, key, "PhysicalAddresses", FORM_ADDRESS,          \
		        PT_STRING, C | D, tag, set, id, NULL                                       \
	}
#define EMAIL(key, address)                                                                        \
	{                                                                                          \
		"contacts:EmailAddress", key, "EmailAddresses", FORM_EMAIL, PT_STRING, C | D, 0,   \
		        "Address", address, NULL                                                   \
	}
#define EMAIL_PART(uri, address)                                                                   \
	{                                                                                          \
		uri, NULL, "", FORM_TEXT, PT_STRING, F_NOT_ALL, 0, "Address", address, NULL        \
	}

const struct field fields[] = {
        SPECIAL("item:MimeContent", "MimeContent", F_ANY | F_NOT_ALL | F_NOT_FIND | F_NO_DELETE),
        SPECIAL("item:ItemId", "ItemId", F_ANY | D | RO),
        SPECIAL("item:ParentFolderId", "ParentFolderId", F_ANY | RO),
        TEXT("item:ItemClass", "ItemClass", F_ANY | F_NO_DELETE, 0x001A),
        TEXT("item:Subject", "Subject", F_ANY | D | F_KEEP_EMPTY, 0x0037),
        TEXT("item:Sensitivity", "Sensitivity", F_ANY | D, 0),
        SPECIAL("item:Body", "Body", F_ANY | D | F_NOT_FIND | F_APPEND),
        SPECIAL("item:Attachments", "Attachments", F_ANY | D | F_NOT_FIND | F_SENT_ONLY),
        TAGGED("item:DateTimeReceived", "DateTimeReceived", PT_TIME, F_ANY | RO, 0x0E06),
        SPECIAL("item:Size", "Size", F_ANY | D | RO),
        LIST("item:Categories", "Categories", F_ANY, 0, "PublicStrings", "Keywords"),
        TEXT("item:Importance", "Importance", F_ANY, 0),
        TEXT("item:InReplyTo", "InReplyTo", F_ANY, 0x1042),
        SPECIAL("item:IsSubmitted", "IsSubmitted", F_ANY | RO),
        SPECIAL("item:IsDraft", "IsDraft", F_ANY | RO),
        SPECIAL("item:IsFromMe", "IsFromMe", F_ANY | RO),
        SPECIAL("item:IsResend", "IsResend", F_ANY | RO),
        SPECIAL("item:IsUnmodified", "IsUnmodified", F_ANY | RO),
        SPECIAL("item:InternetMessageHeaders", "InternetMessageHeaders", F_ANY | RO | F_NOT_FIND),
        TAGGED("item:DateTimeSent", "DateTimeSent", PT_TIME, F_ANY | RO | D, 0x0039),
        SPECIAL("item:DateTimeCreated", "DateTimeCreated", F_ANY | RO | D),
        NAMED("item:ReminderDueBy", "ReminderDueBy", PT_TIME, F_ANY, "Common", 0x8502),
        NAMED("item:ReminderIsSet", "ReminderIsSet", PT_BOOL, F_ANY, "Common", 0x8503),
        NAMED("item:ReminderMinutesBeforeStart", "ReminderMinutesBeforeStart", PT_INT, F_ANY,
                "Common", 0x8501),
        SPECIAL("item:DisplayCc", "DisplayCc", F_ANY | RO),
        SPECIAL("item:DisplayTo", "DisplayTo", F_ANY | RO),
        SPECIAL("item:HasAttachments", "HasAttachments", F_ANY | RO | D),
        TEXT("item:Culture", "Culture", F_ANY, 0),
        SPECIAL("item:EffectiveRights", "EffectiveRights", F_ANY | RO),
        SPECIAL("item:LastModifiedName", "LastModifiedName", F_ANY | RO),
        SPECIAL("item:LastModifiedTime", "LastModifiedTime", F_ANY | RO),
        SPECIAL("item:IsAssociated", "IsAssociated", F_ANY | F_SENT_ONLY),
        SPECIAL("item:ConversationId", "ConversationId", F_ANY | RO),
        SPECIAL("item:UniqueBody", "UniqueBody", F_ANY | RO | F_NOT_ALL | F_NOT_FIND),
        SPECIAL("item:Flag", "Flag", F_ANY | F_NO_DELETE),
        SPECIAL("item:StoreEntryId", "StoreEntryId", F_ANY | RO | F_NOT_ALL),
        SPECIAL("item:InstanceKey", "InstanceKey", F_ANY | RO | F_NOT_ALL),
        SPECIAL("item:Preview", "Preview", F_ANY | RO | F_NOT_ALL),
        SPECIAL("item:TextBody", "TextBody", F_ANY | RO | F_NOT_ALL | F_NOT_FIND),

        TEXT("contacts:FileAs", "FileAs", C | D, 0),
        TEXT("contacts:FileAsMapping", "FileAsMapping", C, 0),
        TEXT("contacts:DisplayName", "DisplayName", C | F_DISTLIST | D, 0x3001),
        TEXT("contacts:GivenName", "GivenName", C | D, 0x3A06),
        TEXT("contacts:Initials", "Initials", C | D, 0x3A0A),
        TEXT("contacts:MiddleName", "MiddleName", C | D, 0x3A44),
        TEXT("contacts:Nickname", "Nickname", C | D, 0x3A4F),
        SPECIAL("contacts:CompleteName", "CompleteName", C | D | RO),
        TEXT("contacts:CompanyName", "CompanyName", C | D, 0x3A16),
        EMAIL("EmailAddress1", 0x8083),
        EMAIL("EmailAddress2", 0x8093),
        EMAIL("EmailAddress3", 0x80A3),
        ADDRESS_PART("Street", "Home", 0x3A5D, NULL, 0),
        ADDRESS_PART("City", "Home", 0x3A59, NULL, 0),
        ADDRESS_PART("State", "Home", 0x3A5C, NULL, 0),
        ADDRESS_PART("CountryOrRegion", "Home", 0x3A5A, NULL, 0),
        ADDRESS_PART("PostalCode", "Home", 0x3A5B, NULL, 0),
        ADDRESS_PART("Street", "Business", 0, "Address", 0x8045),
        ADDRESS_PART("City", "Business", 0, "Address", 0x8046),
        ADDRESS_PART("State", "Business", 0, "Address", 0x8047),
        ADDRESS_PART("CountryOrRegion", "Business", 0, "Address", 0x8049),
        ADDRESS_PART("PostalCode", "Business", 0, "Address", 0x8048),
        ADDRESS_PART("Street", "Other", 0x3A63, NULL, 0),
        ADDRESS_PART("City", "Other", 0x3A5F, NULL, 0),
        ADDRESS_PART("State", "Other", 0x3A62, NULL, 0),
        ADDRESS_PART("CountryOrRegion", "Other", 0x3A60, NULL, 0),
        ADDRESS_PART("PostalCode", "Other", 0x3A61, NULL, 0),
        PHONE("AssistantPhone", 0x3A2E),
        PHONE("BusinessFax", 0x3A24),
        PHONE("BusinessPhone", 0x3A08),
        PHONE("BusinessPhone2", 0x3A1B),
        PHONE("Callback", 0x3A02),
        PHONE("CarPhone", 0x3A1E),
        PHONE("CompanyMainPhone", 0x3A57),
        PHONE("HomeFax", 0x3A25),
        PHONE("HomePhone", 0x3A09),
        PHONE("HomePhone2", 0x3A2F),
        PHONE("Isdn", 0x3A2D),
        PHONE("MobilePhone", 0x3A1C),
        PHONE("OtherFax", 0x3A23),
        PHONE("OtherTelephone", 0x3A1F),
        PHONE("Pager", 0x3A21),
        PHONE("PrimaryPhone", 0x3A1A),
        PHONE("RadioPhone", 0x3A1D),
        PHONE("Telex", 0x3A2C),
        PHONE("TtyTddPhone", 0x3A4B),
        PHONE("BusinessMobile", 0),
        PHONE("IPPhone", 0),
        PHONE("Mms", 0),
        PHONE("Msn", 0),
        TEXT("contacts:AssistantName", "AssistantName", C | D, 0x3A30),
        TAGGED("contacts:Birthday", "Birthday", PT_TIME, C | D, 0x3A42),
        TEXT("contacts:BusinessHomePage", "BusinessHomePage", C | D, 0x3A51),
        LIST("contacts:Children", "Children", C | D, 0x3A58, NULL, NULL),
        LIST("contacts:Companies", "Companies", C | D, 0, "Common", "Companies"),
        SPECIAL("contacts:ContactSource", "ContactSource", C | F_DISTLIST | RO | F_NOT_ALL),
        TEXT("contacts:Department", "Department", C | D, 0x3A18),
        TEXT("contacts:Generation", "Generation", C | D, 0x3A05),
        {"contacts:ImAddress", "ImAddress1", "ImAddresses", FORM_ENTRY, PT_STRING, C | D, 0,
                "Address", 0x8062, NULL},
        {"contacts:ImAddress", "ImAddress2", "ImAddresses", FORM_ENTRY, PT_STRING, C | D, 0,
                "Address", 0, "ImAddress2"},
        {"contacts:ImAddress", "ImAddress3", "ImAddresses", FORM_ENTRY, PT_STRING, C | D, 0,
                "Address", 0, "ImAddress3"},
        TEXT("contacts:JobTitle", "JobTitle", C | D, 0x3A17),
        TEXT("contacts:Manager", "Manager", C | D, 0x3A4E),
        NAMED("contacts:Mileage", "Mileage", PT_STRING, C | D, "Common", 0x8534),
        TEXT("contacts:OfficeLocation", "OfficeLocation", C | D, 0x3A19),
        TEXT("contacts:PostalAddressIndex", "PostalAddressIndex", C | D, 0),
        TEXT("contacts:Profession", "Profession", C | D, 0x3A46),
        TEXT("contacts:SpouseName", "SpouseName", C | D, 0x3A48),
        TEXT("contacts:Surname", "Surname", C | D, 0x3A11),
        TAGGED("contacts:WeddingAnniversary", "WeddingAnniversary", PT_TIME, C | D, 0x3A41),
        TAGGED("contacts:BirthdayLocal", "BirthdayLocal", PT_TIME, C, 0),
        TAGGED("contacts:WeddingAnniversaryLocal", "WeddingAnniversaryLocal", PT_TIME, C, 0),
        SPECIAL("contacts:HasPicture", "HasPicture", C | D | RO),
        TEXT("contacts:PhoneticFullName", "PhoneticFullName", C | RO, 0),
        TEXT("contacts:PhoneticFirstName", "PhoneticFirstName", C | RO, 0),
        TEXT("contacts:PhoneticLastName", "PhoneticLastName", C | RO, 0),
        TEXT("contacts:Alias", "Alias", C | RO, 0),
        TEXT("contacts:Notes", "Notes", C | RO | F_NOT_ALL, 0),
        SPECIAL("contacts:Photo", "Photo", C | RO | F_NOT_ALL),
        SPECIAL("contacts:UserSMIMECertificate", "UserSMIMECertificate", C | RO | F_NOT_ALL),
        SPECIAL("contacts:MSExchangeCertificate", "MSExchangeCertificate", C | RO | F_NOT_ALL),
        TEXT("contacts:DirectoryId", "DirectoryId", C | RO, 0),
        SPECIAL("contacts:ManagerMailbox", "ManagerMailbox", C | RO | F_NOT_ALL),
        SPECIAL("contacts:DirectReports", "DirectReports", C | RO | F_NOT_ALL),

        /* What Outlook.com keeps of contacts, in the schema all the same. */
        TEXT("contacts:AccountName", "AccountName", C, 0),
        TAGGED("contacts:IsAutoUpdateDisabled", "IsAutoUpdateDisabled", PT_BOOL, C, 0),
        TAGGED("contacts:IsMessengerEnabled", "IsMessengerEnabled", PT_BOOL, C, 0),
        TEXT("contacts:Comment", "Comment", C, 0),
        TAGGED("contacts:ContactShortId", "ContactShortId", PT_INT, C, 0),
        TEXT("contacts:ContactType", "ContactType", C, 0),
        TEXT("contacts:Gender", "Gender", C, 0),
        TAGGED("contacts:IsHidden", "IsHidden", PT_BOOL, C, 0),
        TEXT("contacts:ObjectId", "ObjectId", C, 0),
        TAGGED("contacts:PassportId", "PassportId", PT_LONG, C, 0),
        TAGGED("contacts:IsPrivate", "IsPrivate", PT_BOOL, C, 0),
        TEXT("contacts:SourceId", "SourceId", C, 0),
        TAGGED("contacts:TrustLevel", "TrustLevel", PT_INT, C, 0),
        TEXT("contacts:CreatedBy", "CreatedBy", C, 0),
        RAW("contacts:Urls", "Urls", C),
        RAW("contacts:AbchEmailAddresses", "AbchEmailAddresses", C),
        TAGGED("contacts:Cid", "Cid", PT_LONG, C, 0),
        TEXT("contacts:SkypeAuthCertificate", "SkypeAuthCertificate", C, 0),
        TEXT("contacts:SkypeContext", "SkypeContext", C, 0),
        TEXT("contacts:SkypeId", "SkypeId", C, 0),
        TEXT("contacts:SkypeRelationship", "SkypeRelationship", C, 0),
        TEXT("contacts:YomiNickname", "YomiNickname", C, 0),
        TEXT("contacts:XboxLiveTag", "XboxLiveTag", C, 0),
        TAGGED("contacts:InviteFree", "InviteFree", PT_BOOL, C, 0),
        TAGGED("contacts:HidePresenceAndProfile", "HidePresenceAndProfile", PT_BOOL, C, 0),
        TAGGED("contacts:IsPendingOutbound", "IsPendingOutbound", PT_BOOL, C, 0),
        TAGGED("contacts:SupportGroupFeeds", "SupportGroupFeeds", PT_BOOL, C, 0),
        TEXT("contacts:UserTileHash", "UserTileHash", C, 0),
        TAGGED("contacts:UnifiedInbox", "UnifiedInbox", PT_BOOL, C, 0),
        LIST("contacts:Mris", "Mris", C, 0, NULL, NULL),
        TEXT("contacts:Wlid", "Wlid", C, 0),
        TEXT("contacts:AbchContactId", "AbchContactId", C, 0),
        TAGGED("contacts:NotInBirthdayCalendar", "NotInBirthdayCalendar", PT_BOOL, C, 0),
        TEXT("contacts:ShellContactType", "ShellContactType", C, 0),
        TAGGED("contacts:ImMri", "ImMri", PT_INT, C, 0),
        TEXT("contacts:PresenceTrustLevel", "PresenceTrustLevel", C, 0),
        TEXT("contacts:OtherMri", "OtherMri", C, 0),
        TEXT("contacts:ProfileLastChanged", "ProfileLastChanged", C, 0),
        TAGGED("contacts:MobileIMEnabled", "MobileImEnabled", PT_BOOL, C, 0),
        TEXT("contacts:DisplayNamePrefix", "DisplayNamePrefix", C, 0),
        TEXT("contacts:YomiGivenName", "YomiGivenName", C, 0),
        TEXT("contacts:YomiSurname", "YomiSurname", C, 0),
        TEXT("contacts:PersonalNotes", "PersonalNotes", C, 0),
        SPECIAL("contacts:PersonId", "PersonId", C | RO | F_NOT_ALL),

        PERSON("message:Sender", "Sender", M),
        PEOPLE("message:ToRecipients", "ToRecipients", M | D | F_NOT_FIND | F_APPEND),
        PEOPLE("message:CcRecipients", "CcRecipients", M | D | F_NOT_FIND | F_APPEND),
        PEOPLE("message:BccRecipients", "BccRecipients", M | D | F_NOT_FIND | F_APPEND),
        TAGGED("message:IsReadReceiptRequested", "IsReadReceiptRequested", PT_BOOL, M | D, 0x0029),
        TAGGED("message:IsDeliveryReceiptRequested", "IsDeliveryReceiptRequested", PT_BOOL, M | D,
                0x0023),
        TAGGED("message:ConversationIndex", "ConversationIndex", PT_BINARY, M | F_SENT_ONLY,
                0x0071),
        TEXT("message:ConversationTopic", "ConversationTopic", M | F_SENT_ONLY, 0x0070),
        PERSON("message:From", "From", M | D),
        TEXT("message:InternetMessageId", "InternetMessageId", M | D | F_SENT_ONLY, 0x1035),
        SPECIAL("message:IsRead", "IsRead", M | D | F_NO_DELETE),
        TAGGED("message:IsResponseRequested", "IsResponseRequested", PT_BOOL, M, 0x0063),
        TEXT("message:References", "References", M, 0x1039),
        PEOPLE("message:ReplyTo", "ReplyTo", M | D | F_NOT_FIND | F_APPEND),
        PERSON("message:ReceivedBy", "ReceivedBy", M | RO),
        PERSON("message:ReceivedRepresenting", "ReceivedRepresenting", M | RO),

        PEOPLE("distributionlist:Members", "Members", F_DISTLIST | F_NOT_FIND | F_APPEND),

        /* Not elements of their own: what other elements are made of. */
        TEXT(":BodyType", "", F_NOT_ALL, 0),
        TEXT(":FlagStatus", "", F_NOT_ALL, 0x1090),
        TEXT(":ReadFlag", "", F_NOT_ALL, 0),
        TEXT(":ImKind", "", F_NOT_ALL, 0),
        TEXT(":ImSmtp", "", F_NOT_ALL, 0),
        TEXT(":ImTelUri", "", F_NOT_ALL, 0),
        TAGGED(":MessageFlags", "", PT_INT, F_NOT_ALL, 0x0E07),
        EMAIL_PART(":EmailName1", 0x8080),
        EMAIL_PART(":EmailName2", 0x8090),
        EMAIL_PART(":EmailName3", 0x80A0),
        EMAIL_PART(":EmailType1", 0x8082),
        EMAIL_PART(":EmailType2", 0x8092),
        EMAIL_PART(":EmailType3", 0x80A2),
};

const uint32_t n_fields = G_N_ELEMENTS(fields);
