/*
 * Sessions with mail servers for the commands that speak to them: one per server, opened at first
 * use.
 */
#ifndef IMEX_CLI_MAIL_H
#define IMEX_CLI_MAIL_H

#include "cli/command.h"
#include "core/auto.h"
#include "ews/session.h"
#include "model/mailbox.h"

struct cli_mail;

struct cli_mail *cli_mail_new(struct cli *cli);
void cli_mail_free(struct cli_mail *mail);
AUTO_DEFINE(cli_mail, cli_mail_free);

/*
 * A session that uses this pinned mailbox, which the server has confirmed to be the one meant.
 * Borrowed; valid until the next call for the same server.
 */
struct ews_session *cli_mail_session(
        struct cli_mail *mail, const struct mailbox *mailbox, GError **error);

#endif
