#include "cli/commands.h"
#include "cli/contacts.h"

static const struct command *const subcommands[] = {
        &contacts_status,
        &contacts_explain,
        &contacts_show,
        &contacts_diff,
        &contacts_history,
        &contacts_test,
        &contacts_verify,
        &contacts_sync,
        &contacts_conflicts,
        &contacts_waiting,
        &contacts_groups,
        &contacts_restore,
        &contacts_rollback_command,
        &contacts_unpin,
        &contacts_preflight_move,
        &contacts_export,
        &contacts_import,
        NULL,
};

const struct command cmd_contacts = {
        .name = "contacts",
        .summary = "Look at contact lists, bring one in step now, take one back",
        .subcommands = subcommands,
};
