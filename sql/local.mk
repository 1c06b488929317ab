# The schema, numbered, forward only; store/ embeds it into the programs.
SQL_FILES =
EXTRA_DIST += $(SQL_FILES)
