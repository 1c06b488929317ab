#include "core/config.h"

#define DAY_S 86400

const char *const config_named_sections[] = {"domain", "sender", "server", "source", NULL};

const struct setting config_settings[] = {
        {"imex", "app_id", SETTING_STRING, NULL, 0, 0, NULL,
                "The application id (a GUID) that partners know this installation by."},
        {"imex", "mode", SETTING_CHOICE, "run", 0, 0, "run|observe",
                "observe runs everything and writes nothing outside the store."},
        {"imex", "store", SETTING_URL, "sqlite:///var/lib/imex/imex.db", 0, 0, NULL,
                "Where imex keeps its own state: sqlite:///FILE or postgresql://HOST/DATABASE."},
        {"imex", "state_dir", SETTING_PATH, "/var/lib/imex", 0, 0, NULL,
                "Folder of keys and other files of imex's own."},
        {"imex", "run_as", SETTING_STRING, "imex", 0, 0, NULL,
                "The user that imexd becomes when root starts it."},
        {"imex", "log_level", SETTING_CHOICE, "info", 0, 0, "error|warn|info|debug",
                "The least important events that are logged."},
        {"imex", "workers", SETTING_INT, "4", 1, 256, NULL,
                "Mailboxes that are worked on at the same time."},

        {"oauth", "realm", SETTING_STRING, NULL, 0, 0, NULL,
                "The realm of the tokens; the first SIP domain unless set."},
        {"oauth", "token_lifetime", SETTING_DURATION, "8h", 600, DAY_S, NULL,
                "How long a token that imex signs is valid."},
        {"oauth", "skew", SETTING_DURATION, "5m", 0, 3600, NULL,
                "How far the clocks of partners may be off."},

        {"partner", "ca_file", SETTING_PATH, NULL, 0, 0, NULL,
                "PEM file of the CA that signed the partners' web certificates; the system's CAs "
                "unless set."},
        {"partner", "allow_loopback", SETTING_BOOL, "no", 0, 0, NULL,
                "Whether a partner's metadata may be at a loopback or link-local address."},
        {"partner", "refresh", SETTING_DURATION, "24h", 60, 30 * DAY_S, NULL,
                "How often partners' metadata is fetched."},
        {"partner", "refresh_min", SETTING_DURATION, "10m", 1, DAY_S, NULL,
                "The shortest time between two fetches that an unknown key asks for."},
        {"partner", "key_hold", SETTING_DURATION, "48h", 0, 30 * DAY_S, NULL,
                "How long keys are not believed when a partner replaces all of its keys at once."},

        {"listen", "address", SETTING_STRING, NULL, 0, 0, NULL,
                "Address and port of the HTTPS listener, such as 0.0.0.0:8443; off unless set."},
        {"listen", "public_url", SETTING_URL, NULL, 0, 0, NULL,
                "The URL under which partners reach the listener."},
        {"listen", "tls_certificate", SETTING_PATH, NULL, 0, 0, NULL,
                "PEM file of the listener's TLS certificate and its chain."},
        {"listen", "tls_key", SETTING_PATH, NULL, 0, 0, NULL,
                "PEM file of the listener's TLS key, readable by imexd only."},
        {"listen", "ops_address", SETTING_STRING, NULL, 0, 0, NULL,
                "Loopback address and port of health and metrics; off unless set."},

        {"users", "map", SETTING_CHOICE, "same", 0, 0, "same|file|rule|source|ldap",
                "How an IM address is turned into a mailbox."},
        {"users", "file", SETTING_PATH, NULL, 0, 0, NULL,
                "Lines of IM address and SMTP address; a line beats every other map."},
        {"users", "rule", SETTING_STRING, "{local}@{domain}", 0, 0, NULL,
                "With map = rule: the SMTP address made of {local} and {domain} of the IM address "
                "and the domain's {sip_domain}."},
        {"users", "foreign", SETTING_CHOICE, "skip", 0, 0, "skip|keep",
                "What happens to contacts of domains without a [domain NAME]: skip leaves them out "
                "and says so, keep has the same address on both sides."},

        {"users", "refresh", SETTING_DURATION, "10m", 1, DAY_S, NULL,
                "How often a running imexd reads the user map anew."},

        {"ldap", "url", SETTING_URL, NULL, 0, 0, NULL,
                "The directory: ldap://HOST, ldaps://HOST or ldapi:///; several separated by "
                "blanks are tried in turn."},
        {"ldap", "auth", SETTING_CHOICE, "anonymous", 0, 0, "anonymous|simple|external",
                "simple: bind_dn and password; external: who the kernel says that imex is, on "
                "ldapi."},
        {"ldap", "bind_dn", SETTING_STRING, NULL, 0, 0, NULL,
                "With auth = simple: the entry that imex logs in as."},
        {"ldap", "password_file", SETTING_PATH, NULL, 0, 0, NULL,
                "With auth = simple: file whose first line is the password, readable by imexd "
                "only."},
        {"ldap", "password_credential", SETTING_STRING, NULL, 0, 0, NULL,
                "Instead of password_file: the name of a systemd credential that holds it."},
        {"ldap", "start_tls", SETTING_BOOL, "yes", 0, 0, NULL,
                "Whether a connection to ldap:// must become a TLS connection first."},
        {"ldap", "ca_file", SETTING_PATH, NULL, 0, 0, NULL,
                "PEM file of the CA that signed the directory's certificate; that of ldap.conf(5) "
                "unless set."},
        {"ldap", "timeout", SETTING_DURATION, "10s", 1, 300, NULL,
                "How long to wait for a connection and for each answer."},
        {"ldap", "base", SETTING_STRING, NULL, 0, 0, NULL,
                "The entry below which users are searched."},
        {"ldap", "filter", SETTING_STRING, "(objectClass=person)", 0, 0, NULL,
                "Which entries are users."},
        {"ldap", "im", SETTING_STRING, NULL, 0, 0, NULL,
                "A user's IM address, made of attributes in braces, such as "
                "{uid}@im.corp.example."},
        {"ldap", "mail", SETTING_STRING, "{mail}", 0, 0, NULL,
                "The SMTP address of the user's mailbox, made of attributes in braces."},
        {"ldap", "upn", SETTING_STRING, NULL, 0, 0, NULL,
                "The user principal name, such as {userPrincipalName}."},
        {"ldap", "sip", SETTING_STRING, NULL, 0, 0, NULL,
                "The address on the mail side, such as {msRTCSIP-PrimaryUserAddress}; the SMTP "
                "address unless set."},
        {"ldap", "server", SETTING_STRING, NULL, 0, 0, NULL,
                "The [server NAME] of the mailbox; the domain's unless set."},

        {"domain", "source", SETTING_STRING, NULL, 0, 0, NULL,
                "The [source NAME] that holds this IM domain's rosters and messages."},
        {"domain", "server", SETTING_STRING, NULL, 0, 0, NULL,
                "The [server NAME] that holds this IM domain's mailboxes."},
        {"domain", "sip_domain", SETTING_STRING, NULL, 0, 0, NULL,
                "The domain of these users' addresses on the mail side; the IM domain unless set."},

        {"source", "url", SETTING_URL, NULL, 0, 0, NULL,
                "Where the IM server keeps its data, such as "
                "prosody+sqlite:///var/lib/prosody/prosody.sqlite."},
        {"source", "retention", SETTING_DURATION, "7d", 3600, 3660 * (int64_t)DAY_S, NULL,
                "How long the IM server keeps messages; imex warns before it reads too late."},
        {"source", "write", SETTING_CHOICE, "none", 0, 0, "none|sql-offline",
                "How contact changes are written to the IM side; sql-offline only while the IM "
                "server is stopped."},

        {"server", "url", SETTING_URL, NULL, 0, 0, NULL,
                "The Exchange Web Services URL, such as "
                "https://mail.corp.example/EWS/Exchange.asmx."},
        {"server", "auth", SETTING_CHOICE, "token", 0, 0, "token|basic",
                "token: tokens signed by imex; basic: user name and password, for servers without "
                "tokens."},
        {"server", "partner", SETTING_STRING, "exchange", 0, 0, NULL,
                "With auth = token: the partner application that the tokens are for."},
        {"server", "app_only", SETTING_BOOL, "no", 0, 0, NULL,
                "With auth = token: tokens name imex alone, and each mailbox is named in an "
                "ExchangeImpersonation header."},
        {"server", "user", SETTING_STRING, NULL, 0, 0, NULL, "With auth = basic: the user name."},
        {"server", "password_file", SETTING_PATH, NULL, 0, 0, NULL,
                "With auth = basic: file whose first line is the password, readable by imexd "
                "only."},
        {"server", "password_credential", SETTING_STRING, NULL, 0, 0, NULL,
                "Instead of password_file: the name of a systemd credential that holds it."},
        {"server", "impersonate", SETTING_BOOL, "yes", 0, 0, NULL,
                "With auth = basic: name each mailbox in an ExchangeImpersonation header."},
        {"server", "ca_file", SETTING_PATH, NULL, 0, 0, NULL,
                "PEM file of the CA that signed the server's certificate; the system's CAs unless "
                "set."},
        {"server", "allow_loopback", SETTING_BOOL, "no", 0, 0, NULL,
                "Whether the server may be at a loopback or link-local address."},
        {"server", "product", SETTING_CHOICE, "exchange", 0, 0, "exchange|grommunio|other",
                "What the server is: not every one has the folders that the archive can go to."},
        {"server", "dialect", SETTING_CHOICE, "auto", 0, 0, "auto|ucs|folder",
                "How contacts are kept in the mailbox; auto asks the server."},
        {"server", "max_connections", SETTING_INT, "4", 1, 256, NULL,
                "Requests that are under way at the same time."},
        {"server", "max_requests_per_s", SETTING_INT, "20", 1, 100000, NULL,
                "Requests that are started in a second."},
        {"server", "timeout", SETTING_DURATION, "100s", 1, 3600, NULL,
                "How long one request may take."},

        {"sync", "interval", SETTING_DURATION, "5m", 1, DAY_S, NULL,
                "How often each mailbox is looked at."},
        {"sync", "max_delete_percent", SETTING_INT, "20", 1, 100, NULL,
                "A pass that would delete a larger part of a list stops and asks."},
        {"sync", "snapshot_all", SETTING_DURATION, "7d", 0, 3650 * DAY_S, NULL,
                "How long every version of a contact list is kept."},
        {"sync", "snapshot_daily", SETTING_DURATION, "365d", 0, 3650 * DAY_S, NULL,
                "How long the last version of each day is kept; the newest is kept in any case."},

        {"uncertain", "settle", SETTING_DURATION, "2m", 0, DAY_S, NULL,
                "How long to wait before looking for the effect of a request whose answer was "
                "lost."},

        {"sender", "certificate", SETTING_PATH, NULL, 0, 0, NULL,
                "PEM file of the TLS client certificates that this sender shows, old and new."},
        {"sender", "partner", SETTING_STRING, NULL, 0, 0, NULL,
                "The partner application whose tokens this sender shows."},
        {"sender", "domains", SETTING_LIST, NULL, 0, 0, NULL,
                "The IM domains that this sender may speak for."},

        {"ingest", "max_skew", SETTING_DURATION, "24h", 1, 366 * DAY_S, NULL,
                "How far an event's time may be from ours; beyond it is kept and marked."},
        {"ingest", "max_line_kb", SETTING_INT, "256", 1, 16384, NULL,
                "KiB that one event may have."},
        {"ingest", "max_request_mb", SETTING_INT, "16", 1, 1024, NULL,
                "MiB that one request may have."},
        {"ingest", "max_lines", SETTING_INT, "10000", 1, 1000000, NULL,
                "Events that one request may have."},
        {"ingest", "max_rate", SETTING_INT, "2000", 1, 1000000, NULL,
                "Events a second that one sender may post in the long run."},
        {"ingest", "max_parallel", SETTING_INT, "4", 1, 64, NULL,
                "Requests of one sender that are under way at the same time."},
        {"ingest", "min_free_mb", SETTING_INT, "256", 0, 100000000, NULL,
                "MiB that must be free where the state is; below it nothing is taken."},

        {"archive", "idle_gap", SETTING_DURATION, "10m", 1, 7 * DAY_S, NULL,
                "A conversation that is quiet for longer is closed."},
        {"archive", "time_zone", SETTING_STRING, "UTC", 0, 0, NULL,
                "The zone of the times in transcripts, such as Europe/Berlin."},
        {"archive", "max_messages", SETTING_INT, "1000", 1, 100000, NULL,
                "A conversation with more messages is split."},
        {"archive", "folder", SETTING_CHOICE, "history", 0, 0, "history|purges|both",
                "history: Conversation History, seen by the user; purges: Recoverable Items, "
                "hidden from the user; both: one item in each."},
        {"archive", "upload_hosts", SETTING_LIST, NULL, 0, 0, NULL,
                "Hosts, such as upload.im.example or upload.im.example:5443, whose files are "
                "fetched and attached; none unless set."},
        {"archive", "upload_ca_file", SETTING_PATH, NULL, 0, 0, NULL,
                "PEM file of the CA that signed the upload hosts' certificates; the system's CAs "
                "unless set."},
        {"archive", "upload_allow_loopback", SETTING_BOOL, "no", 0, 0, NULL,
                "Whether an upload host may be at a loopback address."},
        {"archive", "files_max_mb", SETTING_INT, "25", 1, 1024, NULL,
                "MiB of files that one item may carry; what is larger stays a link."},
        {"archive", "queue_max_mb", SETTING_INT, "10240", 1, 100000000, NULL,
                "MiB of messages that may wait for delivery; beyond it conversations wait "
                "unrendered."},
        {"archive", "exclude", SETTING_LIST, NULL, 0, 0, NULL,
                "Addresses of people and rooms whose conversations are never archived, whatever "
                "the policies say."},
        {"archive", "disclaimer", SETTING_STRING, NULL, 0, 0, NULL,
                "What people in archived conversations with people outside are told."},
        {"archive", "gate_after", SETTING_DURATION, "5m", 10, 7 * DAY_S, NULL,
                "A source that was not read for so long counts as a failure of archiving."},
        {"archive", "gate_backlog", SETTING_DURATION, "24h", 60, 366 * DAY_S, NULL,
                "A delivery that waits for so long counts as a failure of archiving."},
        {"archive", "reconcile", SETTING_DURATION, "24h", 0, 30 * DAY_S, NULL,
                "How often imexd counts what it has against what the sources hold; 0: never."},
        {"archive", "hold", SETTING_CHOICE, "none", 0, 0, "none|file",
                "Where it is learned which mailboxes are on hold, for the policy archive.route = "
                "auto."},
        {"archive", "hold_file", SETTING_PATH, NULL, 0, 0, NULL,
                "With hold = file: lines of an address and held or free, as the mail server said."},
        {"archive", "hold_max_age", SETTING_DURATION, "7d", 60, 366 * DAY_S, NULL,
                "A hold state that was learned longer ago counts as unknown."},
        {"archive", "resolve_anonymous", SETTING_BOOL, "no", 0, 0, NULL,
                "Whether transcripts name who is behind a nickname of an anonymous room."},

        {NULL, NULL, SETTING_STRING, NULL, 0, 0, NULL, NULL},
};
