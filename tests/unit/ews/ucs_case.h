/*
 * Pieces of the answers of dialect ucs, for its tests.
 */
#ifndef IMEX_TESTS_UNIT_EWS_UCS_CASE_H
#define IMEX_TESTS_UNIT_EWS_UCS_CASE_H

#include "contact_case.h"

#define GROUP(id, name, class, members)                                                            \
	"<t:ImGroup><t:DisplayName>" name                                                          \
	"</t:DisplayName><t:GroupType>IPM.DistList.MOC." class "</t:GroupType><t:ExchangeStoreId " \
	                                                       "Id=\"" id "\" "                    \
	                                                       "ChangeKey=\"E\"/"                  \
	                                                       "><t:MemberCorrelationKey>" members \
	                                                       "</t:MemberCorrelationKey></"       \
	                                                       "t:ImGroup>"
#define MEMBER(id) "<t:ItemId Id=\"" id "\"/>"
#define ATTRIBUTION(n, source, quick, hidden)                                                      \
	"<t:Attribution><t:Id>" n "</t:Id><t:SourceId Id=\"" source                                \
	"\" ChangeKey=\"c\"/><t:DisplayName>Lync-Kontakte</t:DisplayName><t:IsWritable>false"      \
	"</t:IsWritable><t:IsQuickContact>" quick "</t:IsQuickContact><t:IsHidden>" hidden         \
	"</t:IsHidden></t:Attribution>"
#define PERSONA(name, address, attributions, more)                                                 \
	"<t:Persona><t:PersonaId Id=\"p\"/><t:DisplayName>" name                                   \
	"</t:DisplayName><t:ImAddress>" address "</t:ImAddress><t:RelevanceScore>4294967295</"     \
	"t:RelevanceScore><t:Attributions>" attributions "</t:Attributions>" more "</t:Persona>"
#define IM_ADDRESS(value, n)                                                                       \
	"<t:StringAttributedValue><t:Value>" value "</t:Value><t:Attributions><t:Attribution>" n   \
	"</t:Attribution></t:Attributions></t:StringAttributedValue>"
#define PHONE(value, n)                                                                            \
	"<t:PhoneNumberAttributedValue><t:Value><t:Number>" value                                  \
	"</t:Number><t:Type>Other</t:Type></t:Value><t:Attributions><t:Attribution>" n             \
	"</t:Attribution></t:Attributions></t:PhoneNumberAttributedValue>"
#define LIST(groups, personas)                                                                     \
	"<m:GetImItemListResponse ResponseClass=\"Success\"><m:ResponseCode>NoError"               \
	"</m:ResponseCode><m:ImItemList><t:Groups>" groups "</t:Groups><t:Personas>" personas      \
	"</t:Personas></m:ImItemList></m:GetImItemListResponse>"
#define PLAIN_GROUPS                                                                               \
	GROUP("go", "Andere", "OtherContacts", MEMBER("1"))                                        \
	GROUP("gw", "Work", "UserGroup", MEMBER("2"))
#define BOB PERSONA("Bob", "bob@corp.example", ATTRIBUTION("0", "1", "true", "false"), "")

#endif
