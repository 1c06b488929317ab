/*
 * The schema, embedded: made from sql/NNNN_name.sql by sql/embed.awk when imex is built.
 */
#ifndef IMEX_STORE_MIGRATIONS_H
#define IMEX_STORE_MIGRATIONS_H

struct migration {
	int number; /* NNNN, growing; 0 ends the table */
	const char *name; /* "0001_core" */
	/* The SQL text line by line, ended by NULL. */
	const char *const *sqlite;
	const char *const *postgresql;
};

extern const struct migration store_migrations[];

#endif
