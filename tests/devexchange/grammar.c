/* Operations and structures; the notation is explained in grammar.h. */
#include "grammar.h"

#include <glib.h>

const struct grammar_row grammar[] = {
        {"ExchangeImpersonation", 't', NULL, "ConnectingSID:ConnectingSID"},
        {"ConnectingSID", 't', NULL,
                "(PrincipalName:nonempty|SID:nonempty|PrimarySmtpAddress:nonempty|SmtpAddress:"
                "nonempty)"},
        {"GetFolder", 'm', NULL,
                "FolderShape:FolderResponseShape FolderIds:NonEmptyArrayOfBaseFolderIds"},
        {"FindFolder", 'm', "Traversal:FolderQueryTraversal!",
                "FolderShape:FolderResponseShape (IndexedPageFolderView:IndexedPageView|"
                "FractionalPageFolderView:FractionalPageView)? Restriction:Restriction? "
                "ParentFolderIds:NonEmptyArrayOfBaseFolderIds"},
        {"CreateFolder", 'm', NULL, "ParentFolderId:TargetFolderId Folders:NonEmptyArrayOfFolders"},
        {"UpdateFolder", 'm', NULL, "FolderChanges:NonEmptyArrayOfFolderChanges"},
        {"DeleteFolder", 'm', "DeleteType:Disposal!", "FolderIds:NonEmptyArrayOfBaseFolderIds"},
        {"EmptyFolder", 'm', "DeleteType:Disposal! DeleteSubFolders:bool!",
                "FolderIds:NonEmptyArrayOfBaseFolderIds"},
        {"MoveFolder", 'm', NULL,
                "ToFolderId:TargetFolderId FolderIds:NonEmptyArrayOfBaseFolderIds"},
        {"CopyFolder", 'm', NULL,
                "ToFolderId:TargetFolderId FolderIds:NonEmptyArrayOfBaseFolderIds"},
        {"SyncFolderHierarchy", 'm', NULL,
                "FolderShape:FolderResponseShape SyncFolderId:TargetFolderId? SyncState:string?"},
        {"SyncFolderItems", 'm', NULL,
                "ItemShape:ItemResponseShape SyncFolderId:TargetFolderId SyncState:string? "
                "Ignore:ArrayOfBaseItemIds? MaxChangesReturned:int:1:512 "
                "SyncScope:SyncFolderItemsScope? NumberOfDays:int? MaximumCount:int? "
                "MinimumCount:int?"},
        {"GetItem", 'm', NULL, "ItemShape:ItemResponseShape ItemIds:NonEmptyArrayOfBaseItemIds"},
        {"CreateItem", 'm',
                "MessageDisposition:MessageDisposition "
                "SendMeetingInvitations:CalendarItemCreateOrDeleteOperation",
                "SavedItemFolderId:TargetFolderId? Items:NonEmptyArrayOfAllItems"},
        {"UpdateItem", 'm',
                "ConflictResolution:ConflictResolution! MessageDisposition:MessageDisposition "
                "SendMeetingInvitationsOrCancellations:CalendarItemUpdateOperation "
                "SuppressReadReceipts:bool",
                "SavedItemFolderId:TargetFolderId? ItemChanges:NonEmptyArrayOfItemChanges"},
        {"DeleteItem", 'm',
                "DeleteType:Disposal! "
                "SendMeetingCancellations:CalendarItemCreateOrDeleteOperation "
                "AffectedTaskOccurrences:AffectedTaskOccurrences SuppressReadReceipts:bool",
                "ItemIds:NonEmptyArrayOfBaseItemIds"},
        {"MoveItem", 'm', NULL,
                "ToFolderId:TargetFolderId ItemIds:NonEmptyArrayOfBaseItemIds "
                "ReturnNewItemIds:bool?"},
        {"CopyItem", 'm', NULL,
                "ToFolderId:TargetFolderId ItemIds:NonEmptyArrayOfBaseItemIds "
                "ReturnNewItemIds:bool?"},
        {"SendItem", 'm', "SaveItemToFolder:bool!",
                "ItemIds:NonEmptyArrayOfBaseItemIds SavedItemFolderId:TargetFolderId?"},
        {"FindItem", 'm', "Traversal:ItemQueryTraversal!",
                "ItemShape:ItemResponseShape (IndexedPageItemView:IndexedPageView|"
                "FractionalPageItemView:FractionalPageView|"
                "SeekToConditionPageItemView:SeekToConditionPageView|CalendarView:CalendarView|"
                "ContactsView:ContactsView)? (GroupBy:GroupBy|"
                "DistinguishedGroupBy:DistinguishedGroupBy)? Restriction:Restriction? "
                "SortOrder:NonEmptyArrayOfFieldOrders? "
                "ParentFolderIds:NonEmptyArrayOfBaseFolderIds QueryString:QueryString?"},
        {"ResolveNames", 'm',
                "ReturnFullContactData:bool! SearchScope:ResolveNamesSearchScope "
                "ContactDataShape:DefaultShapeNames",
                "ParentFolderIds:NonEmptyArrayOfBaseFolderIds? UnresolvedEntry:nonempty"},
        {"GetImItemList", 'm', NULL, "ExtendedProperties:UcsExtUris?"},
        {"GetImItems", 'm', NULL,
                "ContactIds:NonEmptyArrayOfBaseItemIds? GroupIds:NonEmptyArrayOfBaseItemIds? "
                "ExtendedProperties:UcsExtUris?"},
        {"AddImGroup", 'm', NULL, "DisplayName:nonempty"},
        {"SetImGroup", 'm', NULL, "GroupId:ItemId NewDisplayName:nonempty"},
        {"RemoveImGroup", 'm', NULL, "GroupId:ItemId"},
        {"AddNewImContactToGroup", 'm', NULL,
                "ImAddress:nonempty DisplayName:nonempty? GroupId:ItemId?"},
        {"AddImContactToGroup", 'm', NULL, "ContactId:ItemId GroupId:ItemId?"},
        {"RemoveImContactFromGroup", 'm', NULL, "ContactId:ItemId GroupId:ItemId"},
        {"RemoveContactFromImList", 'm', NULL, "ContactId:ItemId"},
        {"AddNewTelUriContactToGroup", 'm', NULL,
                "TelUriAddress:nonempty ImContactSipUriAddress:nonempty "
                "ImTelephoneNumber:nonempty GroupId:ItemId?"},
        {"AddDistributionGroupToImList", 'm', NULL, "SmtpAddress:nonempty DisplayName:nonempty"},
        {"RemoveDistributionGroupFromImList", 'm', NULL, "GroupId:ItemId"},
        {"SetImListMigrationCompleted", 'm', NULL, "ImListMigrationCompleted:bool"},
        {"CreateAttachment", 'm', NULL,
                "ParentItemId:ItemId Attachments:NonEmptyArrayOfAttachments"},
        {"GetAttachment", 'm', NULL,
                "AttachmentShape:AttachmentResponseShape? "
                "AttachmentIds:NonEmptyArrayOfRequestAttachmentIds"},
        {"DeleteAttachment", 'm', NULL, "AttachmentIds:NonEmptyArrayOfRequestAttachmentIds"},
        {"GetUserPhoto", 'm', NULL,
                "Email:string SizeRequested:UserPhotoSize TypeRequested:string?"},
        {"ConvertId", 'm', "DestinationFormat:IdFormat!", "SourceIds:NonEmptyArrayOfAlternateIds"},
        {"GetServerTimeZones", 'm', "ReturnFullTimeZoneData:bool",
                "Ids:NonEmptyArrayOfTimeZoneId?"},
        {"Subscribe", 'm', NULL,
                "(PullSubscriptionRequest:PullSubscriptionRequest|"
                "PushSubscriptionRequest:PushSubscriptionRequest|"
                "StreamingSubscriptionRequest:StreamingSubscriptionRequest)"},
        {"Unsubscribe", 'm', NULL, "SubscriptionId:nonempty"},
        {"GetEvents", 'm', NULL, "SubscriptionId:nonempty Watermark:nonempty"},
        {"GetStreamingEvents", 'm', NULL,
                "SubscriptionIds:NonEmptyArrayOfSubscriptionIds ConnectionTimeout:int:1:30"},
        {"ExpandDL", 'm', NULL, "Mailbox:EmailAddress"},
        {"FindPeople", 'm', NULL,
                "PersonaShape:Any? IndexedPageItemView:IndexedPageView "
                "Restriction:Restriction? AggregationRestriction:Restriction? "
                "SortOrder:NonEmptyArrayOfFieldOrders? ParentFolderId:TargetFolderId? "
                "QueryString:string? SearchPeopleSuggestionIndex:bool? "
                "TopicQueryString:string? Context:Any?"},
        {"GetPersona", 'm', NULL,
                "PersonaId:ItemId? EmailAddress:EmailAddress? ParentFolderId:TargetFolderId?"},
        {"AggregateOn", 't', "Aggregate:Aggregate!",
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField)"},
        {"AlternateId", 't', "Format:IdFormat! Id:string! Mailbox:nonempty! IsArchive:bool", NULL},
        {"AppendToFolderField", 't', NULL,
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField) (Folder:Folder|CalendarFolder:Any|"
                "ContactsFolder:ContactsFolder|SearchFolder:Any|TasksFolder:Any)"},
        {"AppendToItemField", 't', NULL,
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField) (Item:Item|Message:Message|"
                "CalendarItem:Any|Contact:ContactItem|DistributionList:DistributionList|"
                "MeetingMessage:Any|MeetingRequest:Any|MeetingResponse:Any|"
                "MeetingCancellation:Any|Task:Any|PostItem:Any|RoleMember:Any|Network:Any|"
                "Person:Any)"},
        {"ArrayOfBaseItemIds", 't', NULL, "(ItemId:ItemId)*"},
        {"ArrayOfBinary", 't', NULL, "Base64Binary:base64*"},
        {"ArrayOfRecipients", 't', NULL, "(Mailbox:EmailAddress)*"},
        {"ArrayOfStrings", 't', NULL, "String:string*"},
        {"AttachmentId", 't', "Id:string! RootItemId:string RootItemChangeKey:string", NULL},
        {"AttachmentResponseShape", 't', NULL,
                "IncludeMimeContent:bool? BodyType:BodyTypeResponse? FilterHtmlContent:bool? "
                "AdditionalProperties:NonEmptyArrayOfPathsToElement?"},
        {"Bitmask", 't', "Value:string!", NULL},
        {"Body", 't', "BodyType:BodyType! IsTruncated:bool", "#string"},
        {"CalendarView", 't', "MaxEntriesReturned:int StartDate:dateTime! EndDate:dateTime!", NULL},
        {"CompleteName", 't', NULL,
                "Title:string? FirstName:string? MiddleName:string? LastName:string? "
                "Suffix:string? Initials:string? FullName:string? Nickname:string? "
                "YomiFirstName:string? YomiLastName:string?"},
        {"Constant", 't', "Value:string!", NULL},
        {"AbchEmailAddressDictionary", 't', NULL, "Email:AbchEmailAddressDictionaryEntry+"},
        {"AbchEmailAddressDictionaryEntry", 't', NULL,
                "Type:AbchEmailAddressType Address:string IsMessengerEnabled:bool? "
                "Capabilities:long?"},
        {"ContactUrlDictionary", 't', NULL, "Url:ContactUrlDictionaryEntry+"},
        {"ContactUrlDictionaryEntry", 't', NULL, "Type:ContactUrlKey Address:string? Name:string?"},
        {"ContactItem", 't', NULL,
                "MimeContent:MimeContent? ItemId:ItemId? ParentFolderId:FolderId? "
                "ItemClass:string? Subject:string? Sensitivity:SensitivityChoices? Body:Body? "
                "Attachments:NonEmptyArrayOfAttachments? DateTimeReceived:dateTime? Size:int? "
                "Categories:ArrayOfStrings? Importance:ImportanceChoices? InReplyTo:string? "
                "IsSubmitted:bool? IsDraft:bool? IsFromMe:bool? IsResend:bool? "
                "IsUnmodified:bool? InternetMessageHeaders:NonEmptyArrayOfInternetHeaders? "
                "DateTimeSent:dateTime? DateTimeCreated:dateTime? ResponseObjects:Any? "
                "ReminderDueBy:dateTime? ReminderIsSet:bool? ReminderNextTime:dateTime? "
                "ReminderMinutesBeforeStart:string? DisplayCc:string? DisplayTo:string? "
                "HasAttachments:bool? ExtendedProperty:ExtendedProperty* Culture:string? "
                "EffectiveRights:Any? LastModifiedName:string? LastModifiedTime:dateTime? "
                "IsAssociated:bool? WebClientReadFormQueryString:string? "
                "WebClientEditFormQueryString:string? ConversationId:ItemId? UniqueBody:Body? "
                "Flag:Flag? StoreEntryId:base64? InstanceKey:base64? NormalizedBody:Body? "
                "EntityExtractionResult:Any? PolicyTag:Any? ArchiveTag:Any? "
                "RetentionDate:dateTime? Preview:string? RightsManagementLicenseData:Any? "
                "PredictedActionReasons:Any? IsClutter:bool? NextPredictedAction:Any? "
                "GroupingAction:Any? BlockStatus:bool? HasBlockedImages:bool? TextBody:Body? "
                "IconIndex:Any? MimeContentUTF8:MimeContentUTF8? SearchKey:base64? "
                "SortKey:long? Hashtags:ArrayOfStrings? Mentions:ArrayOfRecipients? "
                "MentionedMe:bool? PendingSocialActivityTagIds:ArrayOfStrings? FileAs:string? "
                "FileAsMapping:FileAsMapping? DisplayName:string? GivenName:string? "
                "Initials:string? MiddleName:string? Nickname:string? "
                "CompleteName:CompleteName? CompanyName:string? "
                "EmailAddresses:EmailAddressDictionary? "
                "PhysicalAddresses:PhysicalAddressDictionary? "
                "PhoneNumbers:PhoneNumberDictionary? AssistantName:string? Birthday:dateTime? "
                "BusinessHomePage:string? Children:ArrayOfStrings? Companies:ArrayOfStrings? "
                "ContactSource:ContactSource? Department:string? Generation:string? "
                "ImAddresses:ImAddressDictionary? JobTitle:string? Manager:string? "
                "Mileage:string? OfficeLocation:string? "
                "PostalAddressIndex:PhysicalAddressIndex? Profession:string? "
                "SpouseName:string? Surname:string? WeddingAnniversary:dateTime? "
                "BirthdayLocal:dateTime? WeddingAnniversaryLocal:dateTime? HasPicture:bool? "
                "PhoneticFullName:string? PhoneticFirstName:string? PhoneticLastName:string? "
                "Alias:string? Notes:string? Photo:base64? UserSMIMECertificate:ArrayOfBinary? "
                "MSExchangeCertificate:ArrayOfBinary? DirectoryId:string? "
                "ManagerMailbox:SingleRecipient? DirectReports:ArrayOfRecipients? "
                "AccountName:string? IsAutoUpdateDisabled:bool? IsMessengerEnabled:bool? "
                "Comment:string? ContactShortId:int? ContactType:string? Gender:string? "
                "IsHidden:bool? ObjectId:string? PassportId:long? IsPrivate:bool? "
                "SourceId:string? TrustLevel:int? CreatedBy:string? Urls:ContactUrlDictionary? "
                "AbchEmailAddresses:AbchEmailAddressDictionary? Cid:long? "
                "SkypeAuthCertificate:string? "
                "SkypeContext:string? SkypeId:string? SkypeRelationship:string? "
                "YomiNickname:string? XboxLiveTag:string? InviteFree:bool? "
                "HidePresenceAndProfile:bool? IsPendingOutbound:bool? SupportGroupFeeds:bool? "
                "UserTileHash:string? UnifiedInbox:bool? Mris:ArrayOfStrings? Wlid:string? "
                "AbchContactId:guid? NotInBirthdayCalendar:bool? ShellContactType:string? "
                "ImMri:int? PresenceTrustLevel:string? OtherMri:string? "
                "ProfileLastChanged:string? MobileImEnabled:bool? DisplayNamePrefix:string? "
                "YomiGivenName:string? YomiSurname:string? PersonalNotes:string? "
                "PersonId:ItemId?"},
        {"ContactsFolder", 't', NULL,
                "FolderId:FolderId? ParentFolderId:FolderId? FolderClass:string? "
                "DisplayName:string? TotalCount:int? ChildFolderCount:int? "
                "ExtendedProperty:ExtendedProperty* ManagedFolderInformation:Any? "
                "EffectiveRights:Any? DistinguishedFolderId:DistinguishedFolderIdName? "
                "PolicyTag:Any? ArchiveTag:Any? ReplicaList:ArrayOfStrings? "
                "SharingEffectiveRights:PermissionReadAccess? PermissionSet:Any? "
                "SourceId:string? AccountName:string?"},
        {"ContactsView", 't', "MaxEntriesReturned:int InitialName:string FinalName:string", NULL},
        {"Contains", 't',
                "ContainmentMode:ContainmentMode ContainmentComparison:ContainmentComparison",
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField) Constant:Constant"},
        {"DeleteFolderField", 't', NULL,
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField)"},
        {"DeleteItemField", 't', NULL,
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField)"},
        {"DistinguishedFolderId", 't', "Id:DistinguishedFolderIdName! ChangeKey:string",
                "Mailbox:EmailAddress?"},
        {"DistinguishedGroupBy", 't', "Order:SortDirection!", "StandardGroupBy:StandardGroupBy"},
        {"DistributionList", 't', NULL,
                "MimeContent:MimeContent? ItemId:ItemId? ParentFolderId:FolderId? "
                "ItemClass:string? Subject:string? Sensitivity:SensitivityChoices? Body:Body? "
                "Attachments:NonEmptyArrayOfAttachments? DateTimeReceived:dateTime? Size:int? "
                "Categories:ArrayOfStrings? Importance:ImportanceChoices? InReplyTo:string? "
                "IsSubmitted:bool? IsDraft:bool? IsFromMe:bool? IsResend:bool? "
                "IsUnmodified:bool? InternetMessageHeaders:NonEmptyArrayOfInternetHeaders? "
                "DateTimeSent:dateTime? DateTimeCreated:dateTime? ResponseObjects:Any? "
                "ReminderDueBy:dateTime? ReminderIsSet:bool? ReminderNextTime:dateTime? "
                "ReminderMinutesBeforeStart:string? DisplayCc:string? DisplayTo:string? "
                "HasAttachments:bool? ExtendedProperty:ExtendedProperty* Culture:string? "
                "EffectiveRights:Any? LastModifiedName:string? LastModifiedTime:dateTime? "
                "IsAssociated:bool? WebClientReadFormQueryString:string? "
                "WebClientEditFormQueryString:string? ConversationId:ItemId? UniqueBody:Body? "
                "Flag:Flag? StoreEntryId:base64? InstanceKey:base64? NormalizedBody:Body? "
                "EntityExtractionResult:Any? PolicyTag:Any? ArchiveTag:Any? "
                "RetentionDate:dateTime? Preview:string? RightsManagementLicenseData:Any? "
                "PredictedActionReasons:Any? IsClutter:bool? NextPredictedAction:Any? "
                "GroupingAction:Any? BlockStatus:bool? HasBlockedImages:bool? TextBody:Body? "
                "IconIndex:Any? MimeContentUTF8:MimeContentUTF8? SearchKey:base64? "
                "SortKey:long? Hashtags:ArrayOfStrings? Mentions:ArrayOfRecipients? "
                "MentionedMe:bool? PendingSocialActivityTagIds:ArrayOfStrings? "
                "DisplayName:string? FileAs:string? ContactSource:ContactSource? "
                "Members:MembersList?"},
        {"EmailAddressDictionaryEntry", 't',
                "Key:EmailAddressKey! Name:string RoutingType:string MailboxType:MailboxType",
                "#string"},
        {"EmailAddressDictionary", 't', NULL, "Entry:EmailAddressDictionaryEntry+"},
        {"EmailAddress", 't', NULL,
                "Name:string? EmailAddress:nonempty? RoutingType:nonempty? "
                "MailboxType:MailboxType? ItemId:ItemId? OriginalDisplayName:string?"},
        {"Excludes", 't', NULL,
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField) Bitmask:Bitmask"},
        {"Exists", 't', NULL,
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField)"},
        {"ExtendedProperty", 't', NULL,
                "ExtendedFieldURI:PathToExtendedField (Value:string|"
                "Values:NonEmptyArrayOfPropertyValues)"},
        {"FieldOrder", 't', "Order:SortDirection!",
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField)"},
        {"FieldURIOrConstant", 't', NULL,
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField|Constant:Constant)"},
        {"FileAttachment", 't', NULL,
                "AttachmentId:AttachmentId? Name:string? ContentType:string? ContentId:string? "
                "ContentLocation:string? Size:int? LastModifiedTime:dateTime? IsInline:bool? "
                "IsContactPhoto:bool? Content:base64?"},
        {"Flag", 't', NULL,
                "FlagStatus:FlagStatus StartDate:dateTime? DueDate:dateTime? "
                "CompleteDate:dateTime?"},
        {"FolderChange", 't', NULL,
                "(FolderId:FolderId|DistinguishedFolderId:DistinguishedFolderId) "
                "Updates:NonEmptyArrayOfFolderChangeDescriptions"},
        {"FolderId", 't', "Id:string! ChangeKey:string", NULL},
        {"FolderResponseShape", 't', NULL,
                "BaseShape:DefaultShapeNames "
                "AdditionalProperties:NonEmptyArrayOfPathsToElement?"},
        {"Folder", 't', NULL,
                "FolderId:FolderId? ParentFolderId:FolderId? FolderClass:string? "
                "DisplayName:string? TotalCount:int? ChildFolderCount:int? "
                "ExtendedProperty:ExtendedProperty* ManagedFolderInformation:Any? "
                "EffectiveRights:Any? DistinguishedFolderId:DistinguishedFolderIdName? "
                "PolicyTag:Any? ArchiveTag:Any? ReplicaList:ArrayOfStrings? PermissionSet:Any? "
                "UnreadCount:int?"},
        {"FractionalPageView", 't', "MaxEntriesReturned:int Numerator:int! Denominator:int!", NULL},
        {"GroupBy", 't', "Order:SortDirection!",
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField) AggregateOn:AggregateOn"},
        {"ImAddressDictionaryEntry", 't', "Key:ImAddressKey!", "#string"},
        {"ImAddressDictionary", 't', NULL, "Entry:ImAddressDictionaryEntry+"},
        {"IndexedPageView", 't', "MaxEntriesReturned:int Offset:int! BasePoint:IndexBasePoint!",
                NULL},
        {"InternetHeader", 't', "HeaderName:string!", "#string"},
        {"ItemAttachment", 't', NULL,
                "AttachmentId:AttachmentId? Name:string? ContentType:string? ContentId:string? "
                "ContentLocation:string? Size:int? LastModifiedTime:dateTime? IsInline:bool? "
                "(Item:Item|Message:Message|CalendarItem:Any|Contact:ContactItem|"
                "MeetingMessage:Any|MeetingRequest:Any|MeetingResponse:Any|"
                "MeetingCancellation:Any|Task:Any|PostItem:Any|RoleMember:Any|Network:Any|"
                "Person:Any)?"},
        {"ItemChange", 't', NULL,
                "(ItemId:ItemId|OccurrenceItemId:OccurrenceItemId|"
                "RecurringMasterItemId:RecurringMasterItemId) "
                "Updates:NonEmptyArrayOfItemChangeDescriptions"},
        {"ItemId", 't', "Id:string! ChangeKey:string", NULL},
        {"ItemResponseShape", 't', NULL,
                "BaseShape:DefaultShapeNames IncludeMimeContent:bool? "
                "BodyType:BodyTypeResponse? UniqueBodyType:BodyTypeResponse? "
                "NormalizedBodyType:BodyTypeResponse? FilterHtmlContent:bool? "
                "ConvertHtmlCodePageToUTF8:bool? InlineImageUrlTemplate:string? "
                "BlockExternalImages:bool? AddBlankTargetToLinks:bool? MaximumBodySize:int? "
                "AdditionalProperties:NonEmptyArrayOfPathsToElement?"},
        {"Item", 't', NULL,
                "MimeContent:MimeContent? ItemId:ItemId? ParentFolderId:FolderId? "
                "ItemClass:string? Subject:string? Sensitivity:SensitivityChoices? Body:Body? "
                "Attachments:NonEmptyArrayOfAttachments? DateTimeReceived:dateTime? Size:int? "
                "Categories:ArrayOfStrings? Importance:ImportanceChoices? InReplyTo:string? "
                "IsSubmitted:bool? IsDraft:bool? IsFromMe:bool? IsResend:bool? "
                "IsUnmodified:bool? InternetMessageHeaders:NonEmptyArrayOfInternetHeaders? "
                "DateTimeSent:dateTime? DateTimeCreated:dateTime? ResponseObjects:Any? "
                "ReminderDueBy:dateTime? ReminderIsSet:bool? ReminderNextTime:dateTime? "
                "ReminderMinutesBeforeStart:string? DisplayCc:string? DisplayTo:string? "
                "HasAttachments:bool? ExtendedProperty:ExtendedProperty* Culture:string? "
                "EffectiveRights:Any? LastModifiedName:string? LastModifiedTime:dateTime? "
                "IsAssociated:bool? WebClientReadFormQueryString:string? "
                "WebClientEditFormQueryString:string? ConversationId:ItemId? UniqueBody:Body? "
                "Flag:Flag? StoreEntryId:base64? InstanceKey:base64? NormalizedBody:Body? "
                "EntityExtractionResult:Any? PolicyTag:Any? ArchiveTag:Any? "
                "RetentionDate:dateTime? Preview:string? RightsManagementLicenseData:Any? "
                "PredictedActionReasons:Any? IsClutter:bool? NextPredictedAction:Any? "
                "GroupingAction:Any? BlockStatus:bool? HasBlockedImages:bool? TextBody:Body? "
                "IconIndex:Any? MimeContentUTF8:MimeContentUTF8? SearchKey:base64? "
                "SortKey:long? Hashtags:ArrayOfStrings? Mentions:ArrayOfRecipients? "
                "MentionedMe:bool? PendingSocialActivityTagIds:ArrayOfStrings?"},
        {"Member", 't', "Key:string", "Mailbox:EmailAddress? Status:MemberStatus?"},
        {"MembersList", 't', NULL, "Member:Member*"},
        {"Message", 't', NULL,
                "MimeContent:MimeContent? ItemId:ItemId? ParentFolderId:FolderId? "
                "ItemClass:string? Subject:string? Sensitivity:SensitivityChoices? Body:Body? "
                "Attachments:NonEmptyArrayOfAttachments? DateTimeReceived:dateTime? Size:int? "
                "Categories:ArrayOfStrings? Importance:ImportanceChoices? InReplyTo:string? "
                "IsSubmitted:bool? IsDraft:bool? IsFromMe:bool? IsResend:bool? "
                "IsUnmodified:bool? InternetMessageHeaders:NonEmptyArrayOfInternetHeaders? "
                "DateTimeSent:dateTime? DateTimeCreated:dateTime? ResponseObjects:Any? "
                "ReminderDueBy:dateTime? ReminderIsSet:bool? ReminderNextTime:dateTime? "
                "ReminderMinutesBeforeStart:string? DisplayCc:string? DisplayTo:string? "
                "HasAttachments:bool? ExtendedProperty:ExtendedProperty* Culture:string? "
                "EffectiveRights:Any? LastModifiedName:string? LastModifiedTime:dateTime? "
                "IsAssociated:bool? WebClientReadFormQueryString:string? "
                "WebClientEditFormQueryString:string? ConversationId:ItemId? UniqueBody:Body? "
                "Flag:Flag? StoreEntryId:base64? InstanceKey:base64? NormalizedBody:Body? "
                "EntityExtractionResult:Any? PolicyTag:Any? ArchiveTag:Any? "
                "RetentionDate:dateTime? Preview:string? RightsManagementLicenseData:Any? "
                "PredictedActionReasons:Any? IsClutter:bool? NextPredictedAction:Any? "
                "GroupingAction:Any? BlockStatus:bool? HasBlockedImages:bool? TextBody:Body? "
                "IconIndex:Any? MimeContentUTF8:MimeContentUTF8? SearchKey:base64? "
                "SortKey:long? Hashtags:ArrayOfStrings? Mentions:ArrayOfRecipients? "
                "MentionedMe:bool? PendingSocialActivityTagIds:ArrayOfStrings? "
                "Sender:SingleRecipient? ToRecipients:ArrayOfRecipients? "
                "CcRecipients:ArrayOfRecipients? BccRecipients:ArrayOfRecipients? "
                "IsReadReceiptRequested:bool? IsDeliveryReceiptRequested:bool? "
                "ConversationIndex:base64? ConversationTopic:string? From:SingleRecipient? "
                "InternetMessageId:string? IsRead:bool? IsResponseRequested:bool? "
                "References:string? ReplyTo:ArrayOfRecipients? ReceivedBy:SingleRecipient? "
                "ReceivedRepresenting:SingleRecipient? ApprovalRequestData:Any? "
                "VotingInformation:Any? ReminderMessageData:Any?"},
        {"MimeContent", 't', "CharacterSet:string", "#string"},
        {"MimeContentUTF8", 't', "CharacterSet:string", "#string"},
        {"MultipleOperand", 't', NULL,
                "(Exists:Exists|Excludes:Excludes|IsEqualTo:TwoOperand|IsNotEqualTo:TwoOperand|"
                "IsGreaterThan:TwoOperand|IsGreaterThanOrEqualTo:TwoOperand|"
                "IsLessThan:TwoOperand|IsLessThanOrEqualTo:TwoOperand|Contains:Contains|"
                "Not:Not|And:MultipleOperand|Or:MultipleOperand)+"},
        {"NonEmptyArrayOfAllItems", 't', NULL,
                "(Item:Item|Message:Message|CalendarItem:Any|Contact:ContactItem|"
                "DistributionList:DistributionList|MeetingMessage:Any|MeetingRequest:Any|"
                "MeetingResponse:Any|MeetingCancellation:Any|Task:Any|PostItem:Any|"
                "ReplyToItem:Any|ForwardItem:Any|ReplyAllToItem:Any|AcceptItem:Any|"
                "TentativelyAcceptItem:Any|DeclineItem:Any|CancelCalendarItem:Any|"
                "RemoveItem:Any|SuppressReadReceipt:Any|PostReplyItem:Any|"
                "AcceptSharingInvitation:Any|RoleMember:Any|Network:Any|Person:Any)+"},
        {"NonEmptyArrayOfAlternateIds", 't', NULL,
                "(AlternateId:AlternateId|AlternatePublicFolderId:Any|"
                "AlternatePublicFolderItemId:Any)+"},
        {"NonEmptyArrayOfAttachments", 't', NULL,
                "(ItemAttachment:ItemAttachment|FileAttachment:FileAttachment|"
                "ReferenceAttachment:Any)+"},
        {"NonEmptyArrayOfBaseFolderIds", 't', NULL,
                "(FolderId:FolderId|DistinguishedFolderId:DistinguishedFolderId)+"},
        {"NonEmptyArrayOfBaseItemIds", 't', NULL,
                "(ItemId:ItemId|OccurrenceItemId:OccurrenceItemId|"
                "RecurringMasterItemId:RecurringMasterItemId|RecurringMasterItemIdRanges:Any)+"},
        {"NonEmptyArrayOfFieldOrders", 't', NULL, "FieldOrder:FieldOrder+"},
        {"NonEmptyArrayOfFolderChangeDescriptions", 't', NULL,
                "(AppendToFolderField:AppendToFolderField|SetFolderField:SetFolderField|"
                "DeleteFolderField:DeleteFolderField)+"},
        {"NonEmptyArrayOfFolderChanges", 't', NULL, "FolderChange:FolderChange+"},
        {"NonEmptyArrayOfFolders", 't', NULL,
                "(Folder:Folder|CalendarFolder:Any|ContactsFolder:ContactsFolder|"
                "SearchFolder:Any|TasksFolder:Any)+"},
        {"NonEmptyArrayOfInternetHeaders", 't', NULL, "InternetMessageHeader:InternetHeader+"},
        {"NonEmptyArrayOfItemChangeDescriptions", 't', NULL,
                "(AppendToItemField:AppendToItemField|SetItemField:SetItemField|"
                "DeleteItemField:DeleteItemField)+"},
        {"NonEmptyArrayOfItemChanges", 't', NULL, "ItemChange:ItemChange+"},
        {"NonEmptyArrayOfNotificationEventTypes", 't', NULL, "(EventType:NotificationEventType)+"},
        {"NonEmptyArrayOfPathsToElement", 't', NULL,
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField)+"},
        {"NonEmptyArrayOfPropertyValues", 't', NULL, "(Value:string)+"},
        {"NonEmptyArrayOfRequestAttachmentIds", 't', NULL, "(AttachmentId:RequestAttachmentId)+"},
        {"NonEmptyArrayOfSubscriptionIds", 't', NULL, "SubscriptionId:nonempty+"},
        {"NonEmptyArrayOfTimeZoneId", 't', NULL, "Id:string+"},
        {"Not", 't', NULL,
                "(Exists:Exists|Excludes:Excludes|IsEqualTo:TwoOperand|IsNotEqualTo:TwoOperand|"
                "IsGreaterThan:TwoOperand|IsGreaterThanOrEqualTo:TwoOperand|"
                "IsLessThan:TwoOperand|IsLessThanOrEqualTo:TwoOperand|Contains:Contains|"
                "Not:Not|And:MultipleOperand|Or:MultipleOperand)"},
        {"OccurrenceItemId", 't', "RecurringMasterId:string! ChangeKey:string InstanceIndex:int!",
                NULL},
        {"PathToExtendedField", 't',
                "DistinguishedPropertySetId:DistinguishedPropertySet PropertySetId:guid "
                "PropertyTag:string PropertyName:string PropertyId:int "
                "PropertyType:MapiPropertyType!",
                NULL},
        {"PathToIndexedField", 't', "FieldURI:DictionaryURI! FieldIndex:string!", NULL},
        {"PathToUnindexedField", 't', "FieldURI:UnindexedFieldURI!", NULL},
        {"PhoneNumberDictionaryEntry", 't', "Key:PhoneNumberKey!", "#string"},
        {"PhoneNumberDictionary", 't', NULL, "Entry:PhoneNumberDictionaryEntry+"},
        {"PhysicalAddressDictionaryEntry", 't', "Key:PhysicalAddressKey!",
                "Street:string? City:string? State:string? CountryOrRegion:string? "
                "PostalCode:string?"},
        {"PhysicalAddressDictionary", 't', NULL, "Entry:PhysicalAddressDictionaryEntry+"},
        {"PullSubscriptionRequest", 't', "SubscribeToAllFolders:bool",
                "FolderIds:NonEmptyArrayOfBaseFolderIds? "
                "EventTypes:NonEmptyArrayOfNotificationEventTypes Watermark:nonempty? "
                "Timeout:int:1:1440"},
        {"PushSubscriptionRequest", 't', "SubscribeToAllFolders:bool",
                "FolderIds:NonEmptyArrayOfBaseFolderIds? "
                "EventTypes:NonEmptyArrayOfNotificationEventTypes Watermark:nonempty? "
                "StatusFrequency:int:1:1440 URL:string CallerData:string?"},
        {"QueryString", 'm', "ResetCache:bool ReturnHighlightTerms:bool ReturnDeletedItems:bool",
                "#string"},
        {"RecurringMasterItemId", 't', "OccurrenceId:string! ChangeKey:string", NULL},
        {"RequestAttachmentId", 't', "Id:string!", NULL},
        {"Restriction", 't', NULL,
                "(Exists:Exists|Excludes:Excludes|IsEqualTo:TwoOperand|IsNotEqualTo:TwoOperand|"
                "IsGreaterThan:TwoOperand|IsGreaterThanOrEqualTo:TwoOperand|"
                "IsLessThan:TwoOperand|IsLessThanOrEqualTo:TwoOperand|Contains:Contains|"
                "Not:Not|And:MultipleOperand|Or:MultipleOperand)"},
        {"SeekToConditionPageView", 't', "MaxEntriesReturned:int BasePoint:IndexBasePoint!",
                "Condition:Restriction"},
        {"SetFolderField", 't', NULL,
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField) (Folder:Folder|CalendarFolder:Any|"
                "ContactsFolder:ContactsFolder|SearchFolder:Any|TasksFolder:Any)"},
        {"SetItemField", 't', NULL,
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField) (Item:Item|Message:Message|"
                "CalendarItem:Any|Contact:ContactItem|DistributionList:DistributionList|"
                "MeetingMessage:Any|MeetingRequest:Any|MeetingResponse:Any|"
                "MeetingCancellation:Any|Task:Any|PostItem:Any|RoleMember:Any|Network:Any|"
                "Person:Any)"},
        {"SingleRecipient", 't', NULL, "(Mailbox:EmailAddress)"},
        {"StreamingSubscriptionRequest", 't', "SubscribeToAllFolders:bool",
                "FolderIds:NonEmptyArrayOfBaseFolderIds? "
                "EventTypes:NonEmptyArrayOfNotificationEventTypes"},
        {"TargetFolderId", 't', NULL,
                "(FolderId:FolderId|DistinguishedFolderId:DistinguishedFolderId|"
                "AddressListId:Any|ConsumerCalendarId:Any)"},
        {"TwoOperand", 't', NULL,
                "(FieldURI:PathToUnindexedField|IndexedFieldURI:PathToIndexedField|"
                "ExtendedFieldURI:PathToExtendedField) FieldURIOrConstant:FieldURIOrConstant"},
        {"UcsExtUris", 't', NULL, "(ExtendedProperty:PathToExtendedField)+"},
};

const size_t n_grammar = G_N_ELEMENTS(grammar);
