/* devexchange: a stand-in for an Exchange server. See devexchange(1). */
#include "budget.h"
#include "data_file.h"
#include "devx.h"
#include "fault.h"
#include "fid.h"
#include "generate.h"
#include "habits.h"
#include "partner.h"
#include "server.h"
#include "signing.h"
#include "tls.h"

#include <curl/curl.h>
#include <glib/gstdio.h>
#include <gmime/gmime.h>
#include <gnutls/crypto.h>
#include <jansson.h>
#include <libxml/parser.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXCHANGE_APP_ID "00000002-0000-0ff1-ce00-000000000000"

/* What the command line collects before the store exists. */
struct arguments {
	struct options o;
	char **users, **mailboxes, **impersonators, **groups, **partner_metadata, **faults;
	char *users_file, *partner_ca, *profile;
	gint64 seed;
	int made_mailboxes, made_contacts, made_messages;
	char *made_domain, *made_password;
	gboolean no_ucs, demo, verbose;
};

static bool complain(const char *what, const char *value)
{
	fprintf(stderr, "devexchange: %s: '%s'\n", what, value);
	return false;
}

/* "ADDRESS[:PASSWORD]" */
static struct mailbox *add_user(struct devx *devx, const char *text)
{
	const char *colon = strchr(text, ':');
	char *address = g_strndup(text, colon != NULL ? (gsize)(colon - text) : strlen(text));
	struct mailbox *mb = store_find(devx->store, address);

	if (mb == NULL)
		mb = store_add(devx->store, address, NULL);
	if (mb != NULL && colon != NULL) {
		g_free(mb->password);
		mb->password = g_strdup(colon + 1);
	}
	g_free(address);
	return mb;
}

static bool apply_setting(struct devx *devx, struct mailbox *mb, const char *key, const char *value)
{
	if (strcmp(key, "password") == 0) {
		g_free(mb->password);
		mb->password = g_strdup(value);
	} else if (strcmp(key, "name") == 0) {
		mailbox_set_name(devx->store, mb, value);
	} else if (strcmp(key, "upn") == 0) {
		mailbox_set_upn(devx->store, mb, value);
	} else if (strcmp(key, "sip") == 0) {
		mailbox_set_sip(devx->store, mb, value);
	} else if (strcmp(key, "alias") == 0) {
		return store_add_address(devx->store, mb, value);
	} else if (strcmp(key, "impersonator") == 0) {
		mb->impersonator = strcmp(value, "true") == 0;
	} else {
		return false;
	}
	return true;
}

/* Lines of "address<TAB>key=value<TAB>key=value"; # begins a comment line. */
static bool read_users(struct devx *devx, const char *path)
{
	char *text;
	GError *error = NULL;
	bool ok = true;

	if (!g_file_get_contents(path, &text, NULL, &error)) {
		fprintf(stderr, "devexchange: %s\n", error->message);
		g_error_free(error);
		return false;
	}
	char **lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL && ok; line++) {
		if (**line == '#' || **line == '\0')
			continue;
		char **part = g_strsplit(*line, "\t", -1);
		struct mailbox *mb = add_user(devx, part[0]);
		ok = mb != NULL || complain("not a mailbox address in the users file", part[0]);
		for (char **p = part + 1; ok && *p != NULL; p++) {
			char *equals = strchr(*p, '=');
			if (equals != NULL)
				*equals = '\0';
			ok = equals != NULL && apply_setting(devx, mb, *p, equals + 1);
			if (!ok)
				complain("unknown or wrong setting in the users file", *p);
		}
		g_strfreev(part);
	}
	g_strfreev(lines);
	g_free(text);
	return ok;
}

static bool add_everyone(struct devx *devx, const struct arguments *a)
{
	for (char **p = a->mailboxes; p != NULL && *p != NULL; p++)
		if (add_user(devx, *p) == NULL)
			return complain("not a mailbox address", *p);
	for (char **p = a->users; p != NULL && *p != NULL; p++)
		if (strchr(*p, ':') == NULL || add_user(devx, *p) == NULL)
			return complain("--user wants ADDRESS:PASSWORD", *p);
	if (a->users_file != NULL && !read_users(devx, a->users_file))
		return false;
	for (char **p = a->impersonators; p != NULL && *p != NULL; p++) {
		struct mailbox *mb = store_find(devx->store, *p);
		if (mb == NULL)
			return complain("--impersonator names no mailbox", *p);
		mb->impersonator = true;
	}
	for (char **p = a->groups; p != NULL && *p != NULL; p++)
		store_add_group(devx->store, *p);
	return true;
}

static bool add_faults(struct devx *devx, char **list)
{
	for (char **p = list; p != NULL && *p != NULL; p++) {
		char *reason = NULL;
		if (faults_add_text(devx->faults, *p, &reason) == 0) {
			complain("--fault", reason);
			g_free(reason);
			return false;
		}
	}
	return true;
}

static void make_secret(char secret[33])
{
	unsigned char bytes[16];

	gnutls_rnd(GNUTLS_RND_KEY, bytes, sizeof bytes);
	for (int i = 0; i < 16; i++)
		g_snprintf(secret + (ptrdiff_t)2 * i, 3, "%02x", bytes[i]);
}

static void default_realm(struct devx *devx)
{
	if (devx->options.realm != NULL)
		return;
	const struct mailbox *first =
	        devx->store->mailboxes->len > 0 ? devx->store->mailboxes->pdata[0] : NULL;
	devx->options.realm =
	        g_strdup(first != NULL ? strchr(first->smtp, '@') + 1 : "exchange.example");
}

static bool write_ready(const struct devx *devx)
{
	char *ews = g_strconcat(devx->url, "/EWS/Exchange.asmx", NULL);
	char *metadata = g_strconcat(devx->url, "/autodiscover/metadata/json/1", NULL);
	char *control = g_strconcat(devx->url, "/control", NULL);
	json_t *object = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:s?,s:s,s:s}", "url", devx->url,
	        "ews", ews, "metadata", metadata, "control", control, "secret", devx->secret,
	        "port", (int)devx->port, "pid", (int)getpid(), "ca", devx->tls->ca_path, "realm",
	        devx->options.realm, "app_id", devx->options.app_id);
	char *text = json_dumps(object, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	GError *error = NULL;
	bool ok = true;

	if (devx->options.ready_file != NULL)
		ok = g_file_set_contents_full(devx->options.ready_file, text, -1,
		        G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error);
	if (!ok) {
		fprintf(stderr, "devexchange: %s\n", error->message);
		g_error_free(error);
	}
	free(text);
	json_decref(object);
	g_free(ews);
	g_free(metadata);
	g_free(control);
	return ok;
}

static void free_options(struct options *o)
{
	char *all[] = {o->listen, o->tls_dir, o->tls_cert, o->tls_key, o->host, o->realm, o->app_id,
	        o->ready_file, o->data_file, o->record_dir};

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
		g_free(all[i]);
	g_strfreev(o->refused);
}

static void free_arguments(struct arguments *a)
{
	char **lists[] = {a->users, a->mailboxes, a->impersonators, a->groups, a->partner_metadata,
	        a->faults};

	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
		g_strfreev(lists[i]);
	g_free(a->users_file);
	g_free(a->made_domain);
	g_free(a->made_password);
	g_free(a->partner_ca);
	g_free(a->profile);
}

static bool parse_arguments(int argc, char **argv, struct arguments *a)
{
	const GOptionEntry entries[] = {
	        {"listen", 0, 0, G_OPTION_ARG_STRING, &a->o.listen,
	                "Address and port; port 0 takes a free one", "ADDRESS:PORT"},
	        {"tls-dir", 0, 0, G_OPTION_ARG_FILENAME, &a->o.tls_dir,
	                "Where the throw-away CA and certificates are kept", "DIR"},
	        {"tls-cert", 0, 0, G_OPTION_ARG_FILENAME, &a->o.tls_cert,
	                "Server certificate in place of a throw-away one", "FILE"},
	        {"tls-key", 0, 0, G_OPTION_ARG_FILENAME, &a->o.tls_key, "Its key", "FILE"},
	        {"host", 0, 0, G_OPTION_ARG_STRING, &a->o.host,
	                "Host name of this server, in audiences and its certificate", "NAME"},
	        {"user", 0, 0, G_OPTION_ARG_STRING_ARRAY, &a->users,
	                "A mailbox whose owner may log on with Basic", "ADDRESS:PASSWORD"},
	        {"mailbox", 0, 0, G_OPTION_ARG_STRING_ARRAY, &a->mailboxes, "A mailbox", "ADDRESS"},
	        {"users-file", 0, 0, G_OPTION_ARG_FILENAME, &a->users_file,
	                "Mailboxes, one a line: address, then key=value by tabs", "FILE"},
	        {"impersonator", 0, 0, G_OPTION_ARG_STRING_ARRAY, &a->impersonators,
	                "A user who may impersonate everybody", "ADDRESS"},
	        {"group", 0, 0, G_OPTION_ARG_STRING_ARRAY, &a->groups,
	                "A distribution group of the directory", "ADDRESS"},
	        {"partner-metadata", 0, 0, G_OPTION_ARG_STRING_ARRAY, &a->partner_metadata,
	                "A partner application's metadata document", "URL|FILE"},
	        {"partner-ca", 0, 0, G_OPTION_ARG_FILENAME, &a->partner_ca,
	                "CA of the partners' HTTPS servers", "FILE"},
	        {"realm", 0, 0, G_OPTION_ARG_STRING, &a->o.realm,
	                "Realm of this organisation (default: domain of the first mailbox)",
	                "REALM"},
	        {"app-id", 0, 0, G_OPTION_ARG_STRING, &a->o.app_id,
	                "Own application id (default: Exchange's)", "GUID"},
	        {"skew", 0, 0, G_OPTION_ARG_INT, &a->o.skew_s,
	                "Clock skew allowed in tokens (default 300)", "SECONDS"},
	        {"profile", 0, 0, G_OPTION_ARG_STRING, &a->profile, "Whose habits to show",
	                "exchange|grommunio"},
	        {"no-ucs", 0, 0, G_OPTION_ARG_NONE, &a->no_ucs,
	                "Without the Im* operations of the contact store", NULL},
	        {"refuse", 0, 0, G_OPTION_ARG_STRING_ARRAY, &a->o.refused,
	                "An operation that this server does not know; may be repeated",
	                "OPERATION"},
	        {"max-im-contacts", 0, 0, G_OPTION_ARG_INT, &a->o.max_contacts,
	                "Limit of IM contacts (default 1000)", "N"},
	        {"max-im-groups", 0, 0, G_OPTION_ARG_INT, &a->o.max_groups,
	                "Limit of IM groups (default 64)", "N"},
	        {"find-limit", 0, 0, G_OPTION_ARG_INT, &a->o.find_limit,
	                "Most entries that one find returns (default 1000)", "N"},
	        {"budget-burst", 0, 0, G_OPTION_ARG_INT, &a->o.budget_burst_ms,
	                "What a user may spend at once (EwsMaxBurst, default 300000)", "MS"},
	        {"budget-recharge", 0, 0, G_OPTION_ARG_INT, &a->o.budget_recharge_ms,
	                "What is given back in an hour (EwsRechargeRate, default 900000)", "MS"},
	        {"budget-cutoff", 0, 0, G_OPTION_ARG_INT, &a->o.budget_cutoff_ms,
	                "How far it may be overdrawn (EwsCutoffBalance, default 3000000)", "MS"},
	        {"scan-cost", 0, 0, G_OPTION_ARG_INT, &a->o.scan_us,
	                "What an entry that a search looks at costs (default 50)", "US"},
	        {"heartbeat", 0, 0, G_OPTION_ARG_INT, &a->o.heartbeat_ms,
	                "Time between heartbeats of a stream (default 45000)", "MS"},
	        {"minute", 0, 0, G_OPTION_ARG_INT, &a->o.minute_ms,
	                "Length of a minute in the time-outs of notifications (default 60000)",
	                "MS"},
	        {"ready-file", 0, 0, G_OPTION_ARG_FILENAME, &a->o.ready_file,
	                "Written, as JSON, when the server listens", "FILE"},
	        {"record", 0, 0, G_OPTION_ARG_FILENAME, &a->o.record_dir,
	                "Write every request and answer there", "DIR"},
	        {"fault", 0, 0, G_OPTION_ARG_STRING_ARRAY, &a->faults,
	                "A fault from the start, such as kind=busy,operation=GetItem,count=2",
	                "RULE"},
	        {"mailboxes", 0, 0, G_OPTION_ARG_INT, &a->made_mailboxes,
	                "Make up N mailboxes, user0001@DOMAIN and so on", "N"},
	        {"contacts", 0, 0, G_OPTION_ARG_INT, &a->made_contacts, "Contacts in each of them",
	                "N"},
	        {"messages", 0, 0, G_OPTION_ARG_INT, &a->made_messages, "Messages in each of them",
	                "N"},
	        {"domain", 0, 0, G_OPTION_ARG_STRING, &a->made_domain,
	                "Their domain (default corp.example)", "DOMAIN"},
	        {"password", 0, 0, G_OPTION_ARG_STRING, &a->made_password,
	                "Their password; without it they cannot log on with Basic", "PASSWORD"},
	        {"data", 0, 0, G_OPTION_ARG_FILENAME, &a->o.data_file,
	                "Keep the mailboxes in this file across restarts", "FILE"},
	        {"demo", 0, 0, G_OPTION_ARG_NONE, &a->demo,
	                "Two users with some contacts, and how to use them from Python", NULL},
	        {"seed", 0, 0, G_OPTION_ARG_INT64, &a->seed, "Seed of what is generated", "N"},
	        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &a->verbose, "Say more on stderr", NULL},
	        G_OPTION_ENTRY_NULL};
	GOptionContext *context = g_option_context_new("- a stand-in for an Exchange server");
	GError *error = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	bool ok = g_option_context_parse(context, &argc, &argv, &error);
	if (!ok) {
		fprintf(stderr, "devexchange: %s; try --help\n", error->message);
		g_error_free(error);
	} else if (argc > 1) {
		ok = complain("unexpected argument", argv[1]);
	}
	g_option_context_free(context);
	return ok;
}

static bool settle_options(struct arguments *a)
{
	struct options *o = &a->o;

	o->no_ucs = a->no_ucs;
	o->verbose = a->verbose;
	if (o->listen == NULL)
		o->listen = g_strdup("127.0.0.1:0");
	if (o->app_id == NULL)
		o->app_id = g_strdup(EXCHANGE_APP_ID);
	if ((o->tls_cert != NULL) != (o->tls_key != NULL))
		return complain("--tls-cert and --tls-key go together", "only one is given");
	if (a->profile != NULL && strcmp(a->profile, "grommunio") != 0 &&
	        strcmp(a->profile, "exchange") != 0)
		return complain("--profile is exchange or grommunio, not", a->profile);
	for (char **name = o->refused; name != NULL && *name != NULL; name++)
		if (operation_find(*name) == NULL)
			return complain("--refuse names no operation", *name);
	if (o->record_dir != NULL && g_mkdir_with_parents(o->record_dir, 0700) != 0)
		return complain("cannot make the --record directory", o->record_dir);
	o->own_tls_dir = o->tls_dir == NULL;
	if (o->own_tls_dir)
		o->tls_dir = g_dir_make_tmp("devexchange-XXXXXX", NULL);
	return o->tls_dir != NULL ||
	       complain("cannot make a folder for certificates in", g_get_tmp_dir());
}

static bool make_up(struct devx *devx, const struct arguments *a)
{
	struct generate g = {.mailboxes = a->made_mailboxes,
	        .contacts = a->made_contacts,
	        .messages = a->made_messages,
	        .seed = (uint32_t)a->seed,
	        .domain = a->made_domain != NULL ? a->made_domain : "corp.example",
	        .password = a->made_password};

	if (a->demo)
		g = (struct generate){.mailboxes = 2,
		        .contacts = 20,
		        .messages = 5,
		        .seed = 1,
		        .domain = "demo.example",
		        .password = "demo"};
	if (g.mailboxes > 0 && !a->demo)
		printf("devexchange: seed %u\n", g.seed);
	return generate_mailboxes(devx->store, &g);
}

static void print_banner(const struct devx *devx)
{
	printf("\nAn Exchange for trying things out; its mailboxes end with it. In another "
	       "shell:\n\n"
	       "  REQUESTS_CA_BUNDLE=%s /usr/bin/python3\n\n"
	       "from exchangelib import Account, Configuration, Credentials\n"
	       "c = Configuration(service_endpoint='%s/EWS/Exchange.asmx', "
	       "credentials=Credentials('user0001@demo.example', 'demo'))\n"
	       "print(*(i.display_name for i in Account('user0001@demo.example', config=c, "
	       "access_type='delegate').contacts.all()), sep='\\n')\n\n"
	       "Ctrl-C ends it.\n",
	        devx->tls->ca_path, devx->url);
	fflush(stdout);
}

/* What the data file had stays; the rest of what the command line names is added. */
static bool fill_store(struct devx *devx, const struct arguments *a)
{
	struct data_file *file = NULL;

	if (devx->options.data_file != NULL) {
		file = data_file_open(devx->options.data_file, devx->store);
		if (file == NULL)
			return false;
	}
	bool ok = add_everyone(devx, a) && make_up(devx, a);
	if (ok && file != NULL)
		data_file_attach(file, devx->store);
	else
		data_file_close(file);
	return ok;
}

static bool set_up(struct devx *devx, const struct arguments *a)
{
	if (!fill_store(devx, a) || !add_faults(devx, a->faults))
		return false;
	default_realm(devx);
	for (char **p = a->partner_metadata; p != NULL && *p != NULL; p++)
		partner_add(devx->partners, *p, a->partner_ca);
	if (!tls_prepare(devx->tls, devx->options.tls_dir, devx->options.host,
	            devx->options.tls_cert, devx->options.tls_key))
		return false;
	devx->signing = signing_open(devx->options.tls_dir);
	if (devx->signing == NULL)
		return false;
	make_secret(devx->secret);
	if (!server_start(devx))
		return false;
	devx->url = g_strdup_printf("https://%s:%u",
	        devx->options.host != NULL ? devx->options.host : "localhost",
	        (unsigned)devx->port);
	printf("devexchange: listening on %s\n", devx->url);
	fflush(stdout);
	if (a->demo)
		print_banner(devx);
	return write_ready(devx);
}

static void wait_for_signal(void)
{
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigwait(&set, &got);
}

/* Before any thread: they inherit the mask, so only sigwait() sees these signals. */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The throw-away keys and certificates of this run. */
static void remove_tls_dir(const char *path)
{
	GDir *dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		char *file = g_build_filename(path, name, NULL);
		g_unlink(file);
		g_free(file);
	}
	if (dir != NULL)
		g_dir_close(dir);
	g_rmdir(path);
}

static void tear_down(struct devx *devx)
{
	server_stop(devx);
	while (__atomic_load_n(&devx->late_running, __ATOMIC_SEQ_CST) > 0)
		g_usleep(10000);
	faults_free(devx->faults);
	partners_free(devx->partners);
	g_clear_pointer(&devx->signing, signing_free);
	tls_free(devx->tls);
	if (devx->options.own_tls_dir)
		remove_tls_dir(devx->options.tls_dir);
	data_file_close(devx->store->data);
	store_free(devx->store);
	g_free(devx->url);
	free_options(&devx->options);
}

int main(int argc, char **argv)
{
	struct arguments a = {.seed = -1,
	        .o = {.max_contacts = 1000,
	                .max_groups = 64,
	                .minute_ms = 60000,
	                .find_limit = 1000,
	                .budget_burst_ms = BUDGET_BURST_MS,
	                .budget_recharge_ms = BUDGET_RECHARGE_MS,
	                .budget_cutoff_ms = BUDGET_CUTOFF_MS,
	                .scan_us = BUDGET_SCAN_US,
	                .skew_s = 300,
	                .heartbeat_ms = 45000}};
	struct devx devx = {0};

	block_signals();
	if (!parse_arguments(argc, argv, &a) || !settle_options(&a))
		return 2;
	fid_init();
	habits_init(a.profile != NULL && strcmp(a.profile, "grommunio") == 0);
	xmlInitParser();
	curl_global_init(CURL_GLOBAL_ALL);
	g_mime_init();
	devx.options = a.o;
	if (a.seed < 0)
		a.seed = g_random_int();
	devx.store = store_new((uint32_t)a.seed);
	devx.partners = partners_new();
	devx.faults = faults_new();
	devx.tls = g_new0(struct tls, 1);
	bool ok = set_up(&devx, &a);
	if (ok)
		wait_for_signal();
	tear_down(&devx);
	free_arguments(&a);
	g_mime_shutdown();
	curl_global_cleanup();
	xmlCleanupParser();
	return ok ? 0 : 1;
}
