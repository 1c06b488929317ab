#include "cli/commands.h"

const struct command *const commands[] = {
        &cmd_survey,
        &cmd_init,
        &cmd_user,
        &cmd_cert,
        &cmd_partner,
        &cmd_metadata,
        &cmd_token,
        &cmd_check,
        &cmd_doctor,
        &cmd_policy,
        &cmd_migrate,
        &cmd_contacts,
        &cmd_status,
        &cmd_pause,
        &cmd_resume,
        &cmd_store,
        &cmd_archive,
        &cmd_queue,
        &cmd_export,
        NULL,
};
