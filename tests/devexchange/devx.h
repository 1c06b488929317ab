/* The running server: options and the parts that every request needs. */
#ifndef DEVX_DEVX_H
#define DEVX_DEVX_H

#include "model.h"

struct options {
	char *listen; /* ADDRESS:PORT */
	bool own_tls_dir; /* made for this run, to be removed after it */
	char *tls_dir, *tls_cert, *tls_key;
	char *host; /* the host name that audiences must carry; default: any name of the request */
	char *realm, *app_id;
	char *ready_file, *data_file, *record_dir;
	bool no_ucs, demo, verbose;
	char **refused; /* operations that this server does not know; NULL: none */
	int max_contacts, max_groups; /* limits of the contact store */
	int find_limit; /* EWSFindCountLimit */
	int budget_burst_ms, budget_recharge_ms, budget_cutoff_ms, scan_us; /* see budget.h */
	int skew_s;
	int heartbeat_ms; /* of streaming connections */
	int minute_ms; /* of the time-outs of subscriptions and streams */
};

struct partners;
struct signing;
struct tls;
struct faults;
struct metadata;
struct MHD_Daemon;

struct devx {
	struct options options;
	struct store *store;
	struct partners *partners;
	struct tls *tls;
	struct signing *signing;
	struct faults *faults;
	struct metadata *metadata;
	struct MHD_Daemon *daemon;
	uint16_t port;
	char *url; /* https://localhost:PORT */
	char secret[33]; /* of the control endpoint */
	_Atomic int clock_skew_s; /* added to the time that tokens are checked against */
	_Atomic bool stopping;
	int late_running; /* operations that will take effect later */
};

int64_t devx_now_s(const struct devx *devx);

#endif
