bin_PROGRAMS += imex
imex_SOURCES = \
	src/cli/command.h \
	src/cli/commands.c src/cli/commands.h \
	src/cli/context.c src/cli/context.h \
	src/cli/listing.c src/cli/listing.h \
	src/cli/main.c \
	src/cli/progress.c \
	src/cli/subject.c src/cli/subject.h \
	src/cli/table.c
imex_LDADD = $(IMEX_LDADD)
# commands
imex_SOURCES += src/cli/cmd_cert.c src/cli/cmd_metadata.c src/cli/trust.c src/cli/trust.h
imex_SOURCES += src/cli/cmd_check.c src/cli/diagnose.c src/cli/diagnose.h
imex_SOURCES += src/cli/cmd_doctor.c src/cli/doctor_mailbox.c src/cli/doctor_private.h src/cli/doctor_way.c
imex_SOURCES += src/cli/cmd_token.c src/cli/probe.c src/cli/probe.h
imex_SOURCES += src/cli/cmd_partner.c src/cli/cmd_partner_add.c src/cli/cmd_partner_recipe.c src/cli/partner_private.h
imex_SOURCES += src/cli/cmd_init.c src/cli/setup.c src/cli/setup.h
imex_SOURCES += src/cli/cmd_contacts.c src/cli/contacts.h src/cli/contacts_back.c src/cli/contacts_check.c \
	src/cli/contacts_explain.c src/cli/contacts_list.c src/cli/contacts_private.h src/cli/contacts_look.c \
	src/cli/contacts_show.c src/cli/contacts_status.c src/cli/contacts_transfer.c src/cli/contacts_work.c
imex_SOURCES += src/cli/cmd_migrate.c src/cli/migrate_plan.c src/cli/migrate_plan.h
imex_SOURCES += src/cli/cmd_pause.c
imex_SOURCES += src/cli/cmd_policy.c
imex_SOURCES += src/cli/cmd_status.c src/cli/health.c src/cli/health.h
imex_SOURCES += src/cli/cmd_store.c
imex_SOURCES += src/cli/cmd_survey.c
imex_SOURCES += src/cli/cmd_user.c src/cli/owners.c src/cli/owners.h
imex_SOURCES += src/cli/cmd_archive.c src/cli/archive.h src/cli/archive_backfill.c \
	src/cli/archive_coverage.c src/cli/archive_deliver.c src/cli/archive_explain.c \
	src/cli/archive_gaps.c src/cli/archive_gate.c src/cli/archive_status.c src/cli/archive_undo.c
imex_SOURCES += src/cli/cmd_queue.c src/cli/queue_change.c src/cli/queue.h
imex_SOURCES += src/cli/cmd_export.c src/cli/export.h src/cli/export_archive.c \
	src/cli/export_mailbox.c src/cli/mail.c src/cli/mail.h
# what visits mailboxes
imex_SOURCES += src/cli/crew.c src/cli/crew.h src/daemon/auth.c src/daemon/auth.h \
	src/daemon/gate_json.c src/daemon/gate_json.h
