#include "db/db_driver.h"

#include "core/clock.h"
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define LOCK_WAIT_MS 5000
#define CONNECT_WAIT_MS 10000
#define PIPELINE 256
/* Statement texts are literals, so this is never reached unless somebody builds SQL. */
#define MAX_STATEMENTS 512
#define OID_BOOL 16
#define OID_BYTEA 17

struct postgresql {
	struct db db;
	char *url;
	PGconn *conn; /* NULL or bad: opened anew by the next statement outside a transaction */
	unsigned lock_wait_ms;
	GHashTable *statements; /* SQL text -> name of the prepared statement */
	unsigned next_name;
	/* Parameters in libpq's shape, kept from call to call. */
	GPtrArray *values;
	GArray *lengths, *formats;
	GPtrArray *owned; /* texts made for this call */
};

struct postgresql_result {
	struct db_result result;
	struct postgresql *pg;
	PGresult *row;
	char *sql; /* to drop it from the cache when the server forgot it */
	bool reads;
	GByteArray *blob; /* the last bytea, decoded */
};

static struct postgresql *pg_of(struct db *db)
{
	return (struct postgresql *)db;
}

static const struct postgresql_result *result_of(const struct db_result *result)
{
	return (const struct postgresql_result *)result;
}

/* By the first characters of SQLSTATE; first match wins. */
static const struct fault {
	const char *state;
	enum error_class error_class;
	const char *reason;
	const char *next;
} faults[] = {
        {"23505", ERROR_ITEM, "db.unique", "the same entry is there already"},
        {"23", ERROR_ITEM, "db.constraint", "the entry does not fit the schema"},
        {"40", ERROR_RETRY, "db.busy", "it collided with another transaction; try again"},
        {"55P03", ERROR_RETRY, "db.busy", "another session holds the lock; try again"},
        {"57014", ERROR_RETRY, "db.busy", "the server cancelled it; try again"},
        {"53100", ERROR_RETRY, "db.full", "the server's disk is full; make room"},
        {"53", ERROR_RETRY, "db.busy", "the server is short of resources; raise its limits"},
        {"57P", ERROR_RETRY, "db.unreachable",
                "the server is shutting down or starting; try again"},
        {"08P01", ERROR_CONFIG, "db.sql", "the program has a fault, please report it"},
        {"08", ERROR_RETRY, "db.unreachable", "the connection failed; check the server"},
        {"28", ERROR_CONFIG, "db.denied", "check user, password and pg_hba.conf"},
        {"42501", ERROR_CONFIG, "db.denied", "grant the right to this database user"},
        {"25006", ERROR_CONFIG, "db.denied", "the database was opened read-only, or is a standby"},
        {"3D000", ERROR_CONFIG, "db.absent", "create the database first, or mend the URL"},
        {"XX001", ERROR_CONFIG, "db.corrupt", "the server's files are damaged; restore a backup"},
        {"XX002", ERROR_CONFIG, "db.corrupt", "the server's files are damaged; rebuild the index"},
        {"25P02", ERROR_CONFIG, "db.aborted", "roll the transaction back and begin anew"},
        {"22", ERROR_ITEM, "db.value", "the value cannot be stored in that column"},
        {"54", ERROR_ITEM, "db.too_large", "the value is larger than the engine allows"},
        {"58", ERROR_RETRY, "db.io", "the server could not read or write; check its disk and log"},
};

static const struct fault fault_default = {
        "", ERROR_CONFIG, "db.sql", "the schema is of another version, or the program has a fault"};

static const struct fault *fault_find(const char *state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
		if (g_str_has_prefix(state, faults[i].state))
			return &faults[i];
	}
	return &fault_default;
}

/* libpq's messages are lines with a severity in front; ours are one sentence. */
static char *one_line(const char *message)
{
	char *line = g_strdup(message);

	g_strdelimit(line, "\n\t", ' ');
	return g_strstrip(line);
}

static void fail_as(struct postgresql *pg, const struct fault *fault, const char *doing,
        const char *message, GError **error)
{
	g_autofree char *why = one_line(message);

	error_set(error, fault->error_class, fault->reason, "%s: %s failed (%s): %s", pg->db.name,
	        doing, why, fault->next);
}

/* The connection is gone. Was a change under way whose fate is unknown? */
static void fail_lost(struct postgresql *pg, bool maybe_kept, const char *doing, GError **error)
{
	g_autofree char *why = one_line(PQerrorMessage(pg->conn));

	if (maybe_kept)
		error_set(error, ERROR_UNCERTAIN, "db.uncertain",
		        "%s: the connection was lost during %s (%s), so it may have been kept or "
		        "not; look before repeating it",
		        pg->db.name, doing, why);
	else
		error_set(error, ERROR_RETRY, "db.unreachable",
		        "%s: the connection was lost during %s (%s) and nothing of it was kept; "
		        "check that the server runs, then try again",
		        pg->db.name, doing, why);
}

static void fail_result(struct postgresql *pg, const PGresult *result, bool maybe_kept,
        const char *doing, GError **error)
{
	const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

	if (PQstatus(pg->conn) == CONNECTION_BAD ||
	        (state != NULL && g_str_has_prefix(state, "57P0"))) {
		fail_lost(pg, maybe_kept, doing, error);
		return;
	}
	const char *primary =
	        result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	fail_as(pg, fault_find(state != NULL ? state : ""), doing,
	        primary != NULL ? primary : PQerrorMessage(pg->conn), error);
}

/* Notices of the server are nothing for anybody's terminal. */
static void ignore_notice(void *data, const PGresult *result)
{
	(void)data;
	(void)result;
}

/* Waits for the socket; false when the time is over. */
static bool wait_socket(PGconn *conn, short events, int64_t until_us)
{
	for (;;) {
		int64_t left_us = until_us - clock_mono_us();
		struct pollfd fd = {.fd = PQsocket(conn), .events = events};

		if (left_us <= 0)
			return false;
		int got = poll(&fd, 1, (int)(left_us / 1000) + 1);

		if (got > 0)
			return true;
		if (got < 0 && errno != EINTR)
			return false;
	}
}

/* Step by step, so that our own clock limits it and SQLSTATE is known before it is up. */
static bool connect_wait(PGconn *conn, bool *late)
{
	int64_t until_us = clock_mono_us() + (int64_t)CONNECT_WAIT_MS * 1000;
	PostgresPollingStatusType step = PGRES_POLLING_WRITING;

	*late = false;
	while (step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED) {
		if (!wait_socket(
		            conn, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_us)) {
			*late = true;
			return false;
		}
		step = PQconnectPoll(conn);
	}
	return step == PGRES_POLLING_OK;
}

/* "FATAL:  28P01: password authentication failed" and then places in the server's source. */
static void fail_connect(struct postgresql *pg, bool late, GError **error)
{
	const char *message = PQerrorMessage(pg->conn);
	const char *mark = strstr(message, ":  ");
	const struct fault *fault = NULL;
	g_autofree char *text = NULL;

	if (mark != NULL && strlen(mark) > 10 && mark[8] == ':' && mark[9] == ' ') {
		fault = fault_find(mark + 3);
		text = g_strndup(mark + 10, strcspn(mark + 10, "\n"));
	}
	if (fault != NULL && fault != &fault_default) {
		fail_as(pg, fault, "connecting", text, error);
		return;
	}
	g_autofree char *why = one_line(late ? "no answer in time" : message);

	error_set(error, ERROR_RETRY, "db.unreachable",
	        "%s: cannot connect (%s); check that the server runs and that the URL is right",
	        pg->db.name, why);
}

static void disconnect(struct postgresql *pg)
{
	g_hash_table_remove_all(pg->statements);
	g_clear_pointer(&pg->conn, PQfinish);
}

static bool command(
        struct postgresql *pg, const char *sql, bool maybe_kept, const char *doing, GError **error)
{
	PGresult *result = PQexec(pg->conn, sql);
	ExecStatusType status = PQresultStatus(result);
	bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

	if (!done)
		fail_result(pg, result, maybe_kept, doing, error);
	PQclear(result);
	return done;
}

static bool set_up(struct postgresql *pg, GError **error)
{
	g_autofree char *sql =
	        g_strdup_printf("SET TIME ZONE 'UTC'; SET lock_timeout = %u; "
	                        "SET standard_conforming_strings = on; "
	                        "SET bytea_output = 'hex'; "
	                        "SET default_transaction_isolation = 'read committed'; "
	                        "SET default_transaction_read_only = %s",
	                pg->lock_wait_ms, pg->db.flags & DB_READ_ONLY ? "on" : "off");

	PQsetErrorVerbosity(pg->conn, PQERRORS_DEFAULT);
	return command(pg, sql, false, "connecting", error);
}

static bool connect_now(struct postgresql *pg, GError **error)
{
	/* What stands before dbname are defaults, which the URL may override. */
	const char *const names[] = {"application_name", "keepalives_idle", "keepalives_interval",
	        "keepalives_count", "tcp_user_timeout", "dbname", "client_encoding", NULL};
	const char *const values[] = {"imex", "30", "10", "3", "60000", pg->url, "UTF8", NULL};
	bool late = false;

	disconnect(pg);
	pg->conn = PQconnectStartParams(names, values, 1);
	PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE);
	if (PQstatus(pg->conn) != CONNECTION_BAD && connect_wait(pg->conn, &late)) {
		PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
		if (set_up(pg, error))
			return true;
	} else {
		fail_connect(pg, late, error);
	}
	disconnect(pg);
	return false;
}

/*
 * Between statements the server sends nothing but its farewell. Seeing it before a lone write is
 * sent spares the caller a needless db.uncertain.
 */
static bool is_alive(struct postgresql *pg)
{
	if (pg->conn == NULL || PQstatus(pg->conn) != CONNECTION_OK)
		return false;
	if (pg->db.in_transaction)
		return true;
	struct pollfd fd = {.fd = PQsocket(pg->conn), .events = POLLIN};

	/* First come its words, then the end of the stream. */
	for (int i = 0; i < 4 && poll(&fd, 1, 0) > 0 && PQconsumeInput(pg->conn) == 1; i++)
		;
	return PQstatus(pg->conn) == CONNECTION_OK;
}

/* Outside a transaction a lost connection is made anew; inside one, its work is gone. */
static bool connected(struct postgresql *pg, GError **error)
{
	if (is_alive(pg))
		return true;
	if (!pg->db.in_transaction)
		return connect_now(pg, error);
	error_set(error, ERROR_RETRY, "db.unreachable",
	        "%s: the connection was lost and the open transaction with it; try again",
	        pg->db.name);
	return false;
}

static void pg_close(struct db *db)
{
	struct postgresql *pg = pg_of(db);

	disconnect(pg);
	g_hash_table_destroy(pg->statements);
	g_ptr_array_unref(pg->values);
	g_ptr_array_unref(pg->owned);
	g_array_unref(pg->lengths);
	g_array_unref(pg->formats);
	g_free(pg->url);
	g_free(db->name);
	g_free(pg);
}

/* The URL without password, for messages; NULL when libpq cannot read it. */
static char *display_name(const char *url)
{
	char *why = NULL;
	PQconninfoOption *options = PQconninfoParse(url, &why);
	const char *host = "", *port = NULL, *name = "", *user = NULL;

	/* libpq's sentence quotes the URL, which may hold a password. */
	PQfreemem(why);
	if (options == NULL)
		return NULL;
	for (PQconninfoOption *o = options; o->keyword != NULL; o++) {
		if (o->val == NULL)
			continue;
		if (strcmp(o->keyword, "host") == 0)
			host = o->val;
		else if (strcmp(o->keyword, "port") == 0)
			port = o->val;
		else if (strcmp(o->keyword, "dbname") == 0)
			name = o->val;
		else if (strcmp(o->keyword, "user") == 0)
			user = o->val;
	}
	char *text = g_strdup_printf("postgresql://%s%s%s%s%s/%s", user != NULL ? user : "",
	        user != NULL ? "@" : "", host, port != NULL ? ":" : "", port != NULL ? port : "",
	        name);

	PQconninfoFree(options);
	return text;
}

static struct db *pg_open(const char *url, unsigned flags, GError **error)
{
	char *name = display_name(url);

	if (name == NULL) {
		error_set(error, ERROR_CONFIG, "db.url",
		        "the database URL cannot be read; write "
		        "postgresql://user@host:5432/name or "
		        "postgresql:///name?host=/run/postgresql");
		return NULL;
	}
	struct postgresql *pg = g_new0(struct postgresql, 1);

	pg->db.name = name;
	pg->db.flags = flags;
	pg->url = g_strdup(url);
	pg->lock_wait_ms = LOCK_WAIT_MS;
	pg->statements = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	pg->values = g_ptr_array_new();
	pg->owned = g_ptr_array_new_with_free_func(g_free);
	pg->lengths = g_array_new(FALSE, TRUE, sizeof(int));
	pg->formats = g_array_new(FALSE, TRUE, sizeof(int));
	if (!connect_now(pg, error)) {
		pg_close(&pg->db);
		return NULL;
	}
	return &pg->db;
}

static bool pg_set_lock_wait_ms(struct db *db, unsigned wait_ms, GError **error)
{
	struct postgresql *pg = pg_of(db);
	g_autofree char *sql = g_strdup_printf("SET lock_timeout = %u", wait_ms);

	pg->lock_wait_ms = wait_ms;
	return connected(pg, error) && command(pg, sql, false, "setting the lock wait", error);
}

static bool pg_exec(struct db *db, const char *sql, GError **error)
{
	struct postgresql *pg = pg_of(db);

	return connected(pg, error) &&
	       command(pg, sql, !db->in_transaction && !db_sql_reads(sql), "a script", error);
}

/* Reads away what is left of a command; the last error wins, NULL when there was none. */
static PGresult *drain(PGconn *conn)
{
	PGresult *failed = NULL, *result;

	while ((result = PQgetResult(conn)) != NULL) {
		if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
			PQclear(failed);
			failed = result;
		} else {
			PQclear(result);
		}
		if (PQstatus(conn) == CONNECTION_BAD)
			break;
	}
	return failed;
}

/* The name under which the server knows this text; prepared at the first use. */
static const char *statement_name(struct postgresql *pg, const char *sql, GError **error)
{
	const char *known = g_hash_table_lookup(pg->statements, sql);

	if (known != NULL)
		return known;
	if (g_hash_table_size(pg->statements) >= MAX_STATEMENTS) {
		g_hash_table_remove_all(pg->statements);
		if (!command(pg, "DEALLOCATE ALL", false, "preparing a statement", error))
			return NULL;
	}
	char *name = g_strdup_printf("imex%u", pg->next_name++);
	PGresult *result = PQprepare(pg->conn, name, sql, 0, NULL);

	if (PQresultStatus(result) != PGRES_COMMAND_OK) {
		fail_result(pg, result, false, "preparing a statement", error);
		PQclear(result);
		g_free(name);
		return NULL;
	}
	PQclear(result);
	g_hash_table_insert(pg->statements, g_strdup(sql), name);
	return name;
}

/* Text travels as text, because the server infers each parameter's type from the statement. */
static void add_value(struct postgresql *pg, const struct db_value *value)
{
	char *text = NULL;
	int len = 0, format = 0;

	switch (value->type) {
	case DB_INT:
		text = g_strdup_printf("%" G_GINT64_FORMAT, value->number);
		break;
	case DB_TEXT:
		text = g_strndup(value->bytes, value->len);
		break;
	case DB_BLOB:
		/* Never a NULL pointer, which would be SQL's NULL. */
		text = g_malloc(value->len + 1);
		memcpy(text, value->bytes, value->len);
		len = (int)value->len;
		format = 1;
		break;
	case DB_NULL:
		break;
	}
	if (text != NULL)
		g_ptr_array_add(pg->owned, text);
	g_ptr_array_add(pg->values, text);
	g_array_append_val(pg->lengths, len);
	g_array_append_val(pg->formats, format);
}

static bool send(struct postgresql *pg, const char *name, size_t n, const struct db_value *values)
{
	g_ptr_array_set_size(pg->values, 0);
	g_ptr_array_set_size(pg->owned, 0);
	g_array_set_size(pg->lengths, 0);
	g_array_set_size(pg->formats, 0);
	for (size_t i = 0; i < n; i++)
		add_value(pg, &values[i]);
	return PQsendQueryPrepared(pg->conn, name, (int)n, (const char *const *)pg->values->pdata,
	               (const int *)(void *)pg->lengths->data,
	               (const int *)(void *)pg->formats->data, 0) == 1;
}

static struct db_result *pg_query(struct db *db, const char *sql, size_t n,
        const struct db_value *values, bool keep, GError **error)
{
	struct postgresql *pg = pg_of(db);

	/* libpq copies the parameters when it sends them. */
	(void)keep;
	if (!connected(pg, error))
		return NULL;
	const char *name = statement_name(pg, sql, error);

	if (name == NULL)
		return NULL;
	bool reads = db_sql_reads(sql);

	if (!send(pg, name, n, values)) {
		fail_result(pg, NULL, !db->in_transaction && !reads, "a statement", error);
		return NULL;
	}
	PQsetSingleRowMode(pg->conn);
	struct postgresql_result *result = g_new0(struct postgresql_result, 1);

	result->pg = pg;
	result->reads = reads;
	result->sql = g_strdup(sql);
	return &result->result;
}

/* The server no longer knows the statement, or its columns changed: prepare it anew next time. */
static void forget_if_stale(struct postgresql_result *result, const char *state)
{
	if (state != NULL && (strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0))
		g_hash_table_remove(result->pg->statements, result->sql);
}

static int pg_next(struct db_result *base, GError **error)
{
	struct postgresql_result *result = (struct postgresql_result *)base;
	struct postgresql *pg = result->pg;

	PQclear(result->row);
	result->row = PQgetResult(pg->conn);
	ExecStatusType status = PQresultStatus(result->row);

	if (status == PGRES_SINGLE_TUPLE)
		return 1;
	bool done = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;

	if (done) {
		int64_t changes = 0;

		if (!result->reads && db_parse_int64(PQcmdTuples(result->row), &changes))
			base->db->changes = changes;
		/* A lone write is kept only when the end of its transaction has come, too. */
		PGresult *failed = drain(pg->conn);

		if (failed == NULL && PQstatus(pg->conn) == CONNECTION_OK)
			return 0;
		PQclear(result->row);
		result->row = failed;
	}
	forget_if_stale(result,
	        result->row != NULL ? PQresultErrorField(result->row, PG_DIAG_SQLSTATE) : NULL);
	fail_result(
	        pg, result->row, !base->db->in_transaction && !result->reads, "a statement", error);
	PQclear(drain(pg->conn));
	return -1;
}

/*
 * Rows are left. Cancelling would spoil a transaction and might undo a lone write, so only a lone
 * query is cancelled; what else is left is read away.
 */
static void pg_result_free(struct db_result *base)
{
	struct postgresql_result *result = (struct postgresql_result *)base;
	PGconn *conn = result->pg->conn;

	if (!base->done && conn != NULL) {
		PGcancel *cancel =
		        result->reads && !base->db->in_transaction ? PQgetCancel(conn) : NULL;
		char why[256];

		if (cancel != NULL)
			PQcancel(cancel, why, sizeof(why));
		PQfreeCancel(cancel);
		PQclear(drain(conn));
	}
	PQclear(result->row);
	if (result->blob != NULL)
		g_byte_array_unref(result->blob);
	g_free(result->sql);
	g_free(result);
}

struct pipeline {
	struct postgresql *pg;
	unsigned waiting; /* statements sent whose answers were not read */
	int64_t changes;
};

/* Reads one statement's answer, which ends with NULL. */
static bool pipeline_read(struct pipeline *pipeline, GError **error)
{
	struct postgresql *pg = pipeline->pg;
	PGresult *result = PQgetResult(pg->conn);
	ExecStatusType status = PQresultStatus(result);
	int64_t changes = 0;
	bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

	if (!done)
		fail_result(pg, result, false, "a statement", error);
	else if (db_parse_int64(PQcmdTuples(result), &changes))
		pipeline->changes += changes;
	PQclear(result);
	pipeline->waiting--;
	/* After a failure everything up to the synchronisation is skipped by its caller. */
	if (done)
		PQclear(PQgetResult(pg->conn));
	return done;
}

/* Sends one statement; when the pipeline is full, reads the older half of the answers first. */
static bool pipeline_send(struct pipeline *pipeline, const char *name, size_t n,
        const struct db_value *values, GError **error)
{
	struct postgresql *pg = pipeline->pg;

	if (pipeline->waiting == PIPELINE) {
		while (pipeline->waiting > PIPELINE / 2) {
			if (!pipeline_read(pipeline, error))
				return false;
		}
	}
	if (!send(pg, name, n, values)) {
		fail_result(pg, NULL, false, "a statement", error);
		return false;
	}
	pipeline->waiting++;
	/* Without this the server may keep its answers until the end. */
	if (pipeline->waiting == PIPELINE / 2 || pipeline->waiting == PIPELINE) {
		PQsendFlushRequest(pg->conn);
		PQflush(pg->conn);
	}
	return true;
}

/* Leaves pipeline mode, whatever has happened in it. */
static bool pipeline_end(struct pipeline *pipeline, bool good, GError **error)
{
	PGconn *conn = pipeline->pg->conn;

	if (PQpipelineSync(conn) != 1) {
		if (good)
			fail_result(pipeline->pg, NULL, false, "a statement", error);
		return false;
	}
	while (good && pipeline->waiting > 0)
		good = pipeline_read(pipeline, error);
	for (;;) {
		PGresult *result = PQgetResult(conn);
		bool synchronised = PQresultStatus(result) == PGRES_PIPELINE_SYNC;

		PQclear(result);
		if (synchronised || PQstatus(conn) == CONNECTION_BAD)
			break;
	}
	if (PQexitPipelineMode(conn) == 1)
		return good;
	if (good)
		fail_result(pipeline->pg, NULL, false, "a statement", error);
	return false;
}

static bool pg_run_rows(
        struct db *db, const char *sql, size_t n, db_row_fn next, void *data, GError **error)
{
	struct pipeline pipeline = {.pg = pg_of(db)};

	if (!connected(pipeline.pg, error))
		return false;
	const char *name = statement_name(pipeline.pg, sql, error);

	if (name == NULL)
		return false;
	if (PQenterPipelineMode(pipeline.pg->conn) != 1) {
		fail_result(pipeline.pg, NULL, false, "a statement", error);
		return false;
	}
	g_autofree struct db_value *values = g_new0(struct db_value, n);
	bool good = true;
	int got = 0;

	while (good && (got = db_next_values(db, n, next, data, values, error)) == 1)
		good = pipeline_send(&pipeline, name, n, values, error);
	if (!pipeline_end(&pipeline, good && got == 0, error))
		return false;
	db->changes = pipeline.changes;
	return true;
}

static bool pg_begin(struct db *db, GError **error)
{
	struct postgresql *pg = pg_of(db);

	if (!connected(pg, error))
		return false;
	if (command(pg, "BEGIN", false, "beginning a transaction", NULL))
		return true;
	/* The server may have been restarted since the last statement; nothing is open yet. */
	return connect_now(pg, error) &&
	       command(pg, "BEGIN", false, "beginning a transaction", error);
}

static void pg_rollback(struct db *db)
{
	struct postgresql *pg = pg_of(db);

	if (pg->conn == NULL || PQstatus(pg->conn) != CONNECTION_OK)
		return;
	if (!command(pg, "ROLLBACK", false, "ROLLBACK", NULL))
		disconnect(pg);
}

static bool pg_commit(struct db *db, GError **error)
{
	struct postgresql *pg = pg_of(db);

	if (!connected(pg, error))
		return false;
	PGresult *result = PQexec(pg->conn, "COMMIT");
	bool done = PQresultStatus(result) == PGRES_COMMAND_OK;

	if (!done)
		fail_result(pg, result, true, "COMMIT", error);
	else if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
		fail_as(pg, fault_find("25P02"), "COMMIT", "the server rolled it back", error);
	done = done && strcmp(PQcmdStatus(result), "COMMIT") == 0;
	PQclear(result);
	if (!done)
		pg_rollback(db);
	return done;
}

static int pg_columns(const struct db_result *result)
{
	return PQnfields(result_of(result)->row);
}

static const char *pg_column_name(const struct db_result *result, int column)
{
	return PQfname(result_of(result)->row, column);
}

static bool pg_is_null(const struct db_result *result, int column)
{
	return PQgetisnull(result_of(result)->row, 0, column) == 1;
}

static const char *pg_text(const struct db_result *result, int column)
{
	return PQgetvalue(result_of(result)->row, 0, column);
}

static bool pg_number(const struct db_result *result, int column, int64_t *out)
{
	const char *text = pg_text(result, column);

	if (PQftype(result_of(result)->row, column) != OID_BOOL)
		return db_parse_int64(text, out);
	*out = text[0] == 't';
	return true;
}

static double pg_real(const struct db_result *result, int column)
{
	return g_ascii_strtod(pg_text(result, column), NULL);
}

/* bytea comes as \x and hexadecimal digits; any other type as its text. */
static const void *pg_blob(const struct db_result *base, int column, size_t *len)
{
	/* The decoded bytes are kept in the result, which the public functions hand on as const. */
	struct postgresql_result *result = (struct postgresql_result *)(uintptr_t)base;
	const char *text = pg_text(base, column);
	size_t text_len = (size_t)PQgetlength(result->row, 0, column);

	if (PQftype(result->row, column) != OID_BYTEA || text_len < 2) {
		*len = text_len;
		return text;
	}
	if (result->blob == NULL)
		result->blob = g_byte_array_new();
	*len = (text_len - 2) / 2;
	g_byte_array_set_size(result->blob, (guint)*len + 1);
	for (size_t i = 0; i < *len; i++)
		result->blob->data[i] = (guint8)(g_ascii_xdigit_value(text[2 + 2 * i]) << 4 |
		                                 g_ascii_xdigit_value(text[3 + 2 * i]));
	return result->blob->data;
}

const struct db_driver db_postgresql = {
        .kind = DB_POSTGRESQL,
        .open = pg_open,
        .close = pg_close,
        .set_lock_wait_ms = pg_set_lock_wait_ms,
        .exec = pg_exec,
        .query = pg_query,
        .next = pg_next,
        .result_free = pg_result_free,
        .run_rows = pg_run_rows,
        .begin = pg_begin,
        .commit = pg_commit,
        .rollback = pg_rollback,
        .columns = pg_columns,
        .column_name = pg_column_name,
        .is_null = pg_is_null,
        .number = pg_number,
        .real = pg_real,
        .text = pg_text,
        .blob = pg_blob,
};
