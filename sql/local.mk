# The schema, numbered, forward only; store/ embeds it into the programs. One line per file, in the
# order of their numbers. A line of a file that begins with "-- sqlite:" or "-- postgresql:" is for
# that engine only.
SQL_FILES = \
	sql/0001_core.sql \
	sql/0002_contacts.sql \
	sql/0003_messages.sql \
	sql/0004_partners.sql \
	sql/0005_archive.sql \
	sql/0006_snapshots.sql \
	sql/0007_delivery_run.sql \
	sql/0008_archive_local.sql \
	sql/0009_message_file.sql \
	sql/0010_contact_compare.sql \
	sql/0011_ingest.sql \
	sql/0012_life.sql \
	sql/0013_file.sql \
	sql/0014_reconcile.sql \
	sql/0015_unread.sql \
	sql/0016_twins.sql \
	sql/0017_contact_rows.sql \
	sql/0018_contact_card.sql

EXTRA_DIST += $(SQL_FILES) sql/embed.awk
CLEANFILES += store/migrations.c

store/migrations.c: $(SQL_FILES) sql/embed.awk sql/local.mk
	$(AM_V_at)$(MKDIR_P) store
	$(AM_V_GEN)$(AWK) -f $(srcdir)/sql/embed.awk $(SQL_FILES:%=$(srcdir)/%) >$@.tmp && mv $@.tmp $@
