/* The metadata document and autodiscover. */
#include "habits.h"
#include "http.h"
#include "move.h"
#include "signing.h"

#include <string.h>

enum MHD_Result route_metadata(struct exchange *x)
{
	struct devx *devx = x->devx;
	char *issuer = g_strdup_printf("%s@%s", devx->options.app_id, devx->options.realm);
	char *location = g_strdup_printf("%s/autodiscover/metadata/json/1", devx->url);

	if (strcmp(x->method, "GET") != 0 || grommunio()) {
		g_free(issuer);
		g_free(location);
		return http_text(x, 404, "text/plain", "Not Found", NULL);
	}
	json_t *document = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:[s],s:o,s:[{s:s,s:s,s:s}]}", "id",
	        "_70b34511-d105-4e2b-9675-39f53305bb01", "version", "1.0", "name", "Exchange",
	        "realm", devx->options.realm, "serviceName", devx->options.app_id, "issuer", issuer,
	        "allowedAudiences", issuer, "keys", signing_keys(devx->signing), "endpoints",
	        "location", location, "protocol", "OAuth2", "usage", "metadata");
	char *text = json_dumps(document, JSON_COMPACT);
	enum MHD_Result rc = http_text(
	        x, 200, "application/json; charset=utf-8", text != NULL ? text : "{}", NULL);
	free(text);
	json_decref(document);
	g_free(issuer);
	g_free(location);
	count_event("metadata");
	return rc;
}

static char *pox_address(const GString *body)
{
	char *message = NULL;
	int line, column;
	struct xml_doc *doc = xml_parse(body->str, body->len, &message, &line, &column);
	char *address = NULL;

	if (doc != NULL)
		address = g_strdup(
		        xml_child_text(xml_child(xml_root(doc), "Request"), "EMailAddress"));
	xml_doc_free(doc);
	g_free(message);
	return address;
}

/* --- grommunio's settings: the same URLs in one section after the other */

static void pox_oof(GString *out, const char *url)
{
	g_string_append_printf(
	        out, "<OOFUrl>%s/EWS/Exchange.asmx</OOFUrl><OABUrl>%s/OAB/</OABUrl>", url, url);
}

static void pox_ews(GString *out, const char *url)
{
	g_string_append_printf(out,
	        "<ASUrl>%s/EWS/Exchange.asmx</ASUrl><EwsUrl>%s/EWS/Exchange.asmx</EwsUrl>"
	        "<EmwsUrl>%s/EWS/Exchange.asmx</EmwsUrl><EcpUrl>%s/EWS/</EcpUrl>"
	        "<EcpUrl-photo>thumbnail.php</EcpUrl-photo>",
	        url, url, url, url);
}

static void pox_mapi(GString *out, const char *element, const char *path, const char *url)
{
	g_string_append_printf(out,
	        "<%s><InternalUrl>%s/mapi/%s/</InternalUrl><ExternalUrl>%s/mapi/%s/"
	        "</ExternalUrl></%s>",
	        element, url, path, url, path, element);
}

#define POX_SERVER                                                                                 \
	"<Server>localhost</Server><SSL>On</SSL><CertPrincipalName>None</CertPrincipalName>"       \
	"<AuthPackage>basic</AuthPackage><ServerExclusiveConnect>on</ServerExclusiveConnect>"

static void pox_grommunio(const struct exchange *x, struct mailbox *mb, GString *out)
{
	const char *url = x->devx->url;

	g_string_append(out,
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Autodiscover "
	        "xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">"
	        "<Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/"
	        "responseschema/2006a\"><User>");
	xml_put(out, "AutoDiscoverSMTPAddress", mb->smtp);
	xml_put(out, "DisplayName", mb->name);
	xml_put(out, "LegacyDN", mb->smtp);
	g_string_append(out,
	        "<DeploymentId>eeeeeeee-eeee-eeee-eeee-eeeeeeeeeeee</DeploymentId></User>"
	        "<Account><AccountType>email</AccountType><Action>settings</Action>"
	        "<MicrosoftOnline>False</MicrosoftOnline><ConsumerMailbox>False</ConsumerMailbox>"
	        "<Protocol>");
	pox_oof(out, url);
	g_string_append(out, "<Type>EXHTTP</Type>" POX_SERVER);
	pox_ews(out, url);
	g_string_append(out, "</Protocol><Protocol Type=\"mapiHttp\" Version=\"1\">");
	pox_mapi(out, "MailStore", "emsmdb", url);
	pox_mapi(out, "AddressBook", "nspi", url);
	g_string_append(out, "</Protocol><Protocol><Type>EXCH</Type><Server>localhost</Server>"
	                     "<ServerVersion>73C0834F</ServerVersion><ServerDN>/o=dev</ServerDN>"
	                     "<MdbDN>/o=dev</MdbDN><AuthPackage>anonymous</AuthPackage>"
	                     "<ServerExclusiveConnect>off</ServerExclusiveConnect>");
	pox_oof(out, url);
	g_string_append(out, "<PublicFolderServer>localhost</PublicFolderServer>");
	pox_ews(out, url);
	g_string_append(out, "</Protocol><Protocol><Type>EXPR</Type>" POX_SERVER);
	pox_oof(out, url);
	g_string_append_printf(out,
	        "</Protocol><PublicFolderInformation><SmtpAddress>public.folder.root@%s"
	        "</SmtpAddress></PublicFolderInformation></Account></Response></Autodiscover>",
	        strchr(mb->smtp, '@') + 1);
}

/* The EWS address of a mailbox; NULL: of whatever mailbox. */
static char *ews_url(const struct exchange *x, struct mailbox *mb)
{
	char *elsewhere = mb != NULL ? move_url(mb) : NULL;

	return elsewhere != NULL ? elsewhere
	                         : g_strconcat(x->devx->url, "/EWS/Exchange.asmx", NULL);
}

static void pox_settings(const struct exchange *x, struct mailbox *mb, GString *out)
{
	if (grommunio()) {
		pox_grommunio(x, mb, out);
		return;
	}
	char *url = ews_url(x, mb);

	g_string_append(out,
	        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover "
	        "xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">"
	        "<Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/"
	        "responseschema/2006a\"><User><DisplayName>");
	xml_escape(out, mb->name);
	g_string_append(out, "</DisplayName><AutoDiscoverSMTPAddress>");
	xml_escape(out, mb->smtp);
	g_string_append_printf(out,
	        "</AutoDiscoverSMTPAddress></User><Account><AccountType>email</AccountType>"
	        "<Action>settings</Action><Protocol><Type>EXPR</Type><EwsUrl>%s"
	        "</EwsUrl><ASUrl>%s</ASUrl><ServerVersion>73C2845E</"
	        "ServerVersion>"
	        "</Protocol></Account></Response></Autodiscover>",
	        url, url);
	g_free(url);
}

static void pox_error(GString *out)
{
	g_string_append(out,
	        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover "
	        "xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">"
	        "<Response><Error Time=\"00:00:00\" "
	        "Id=\"1\"><ErrorCode>500</ErrorCode><Message>The "
	        "email address can't be "
	        "found.</Message><DebugData/></Error></Response></Autodiscover>");
}

enum MHD_Result route_autodiscover_pox(struct exchange *x)
{
	struct auth_result auth;
	char *host = http_host(x);

	auth_check(x->devx, http_header(x, "Authorization"), 1, host, &auth);
	g_free(host);
	if (!auth.ok) {
		enum MHD_Result refused = http_unauthorized(x, &auth);
		g_free(auth.diagnostics);
		return refused;
	}
	char *address = pox_address(x->body);
	struct mailbox *mb = address != NULL ? store_find(x->devx->store, address) : NULL;
	GString *out = g_string_new(NULL);
	if (mb != NULL)
		pox_settings(x, mb, out);
	else
		pox_error(out);
	enum MHD_Result rc = http_text(
	        x, 200, grommunio() ? "text/xml" : "text/xml; charset=utf-8", out->str, NULL);
	g_string_free(out, TRUE);
	g_free(address);
	return rc;
}

enum MHD_Result route_autodiscover_json(struct exchange *x)
{
	const char *protocol =
	        MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, "Protocol");

	if (grommunio())
		return http_text(x, 404, "text/plain", "Not Found", NULL);
	if (protocol == NULL || g_ascii_strcasecmp(protocol, "EWS") != 0)
		return http_text(x, 400, "application/json; charset=utf-8",
		        "{\"ErrorCode\":\"InvalidProtocol\",\"ErrorMessage\":\"The given protocol "
		        "value is "
		        "invalid. Supported values are 'EWS'.\"}",
		        NULL);
	/* .../v1.0/ADDRESS */
	char *url = ews_url(x, store_find(x->devx->store, strrchr(x->url, '/') + 1));
	char *text = g_strdup_printf("{\"Protocol\":\"Ews\",\"Url\":\"%s\"}", url);
	g_free(url);
	enum MHD_Result rc = http_text(x, 200, "application/json; charset=utf-8", text, NULL);
	g_free(text);
	return rc;
}
