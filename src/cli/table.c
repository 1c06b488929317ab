#include "cli/command.h"

#include <jansson.h>
#include <unistd.h>

struct cli_table {
	char **columns;
	guint width;
	GPtrArray *rows; /* of char **, width cells each, NULL where empty */
	guint *widest; /* characters per column */
};

static void row_free(gpointer data)
{
	g_strfreev(data);
}

struct cli_table *cli_table_new(const char *const *columns)
{
	struct cli_table *table = g_new0(struct cli_table, 1);
	table->columns = g_strdupv((char **)(uintptr_t)columns);
	table->width = g_strv_length(table->columns);
	table->rows = g_ptr_array_new_with_free_func(row_free);
	table->widest = g_new0(guint, table->width);
	for (guint i = 0; i < table->width; i++)
		table->widest[i] = (guint)g_utf8_strlen(table->columns[i], -1);
	return table;
}

void cli_table_free(struct cli_table *table)
{
	g_strfreev(table->columns);
	g_ptr_array_unref(table->rows);
	g_free(table->widest);
	g_free(table);
}

void cli_table_row(struct cli_table *table, const char *const *cells)
{
	/* An absent cell is kept as "-", which no column uses as a value. */
	char **row = g_new0(char *, table->width + 1);
	for (guint i = 0; i < table->width; i++) {
		row[i] = g_strdup(cells[i] != NULL ? cells[i] : "-");
		table->widest[i] = MAX(table->widest[i], (guint)g_utf8_strlen(row[i], -1));
	}
	g_ptr_array_add(table->rows, row);
}

unsigned cli_table_rows(const struct cli_table *table)
{
	return table->rows->len;
}

static void print_line(const struct cli_table *table, char **cells, FILE *out)
{
	for (guint i = 0; i < table->width; i++) {
		fputs(cells[i], out);
		if (i + 1 < table->width) {
			guint pad = table->widest[i] - (guint)g_utf8_strlen(cells[i], -1) + 2;
			fprintf(out, "%*s", (int)pad, "");
		}
	}
	fputc('\n', out);
}

static void print_json(const struct cli_table *table, FILE *out)
{
	json_t *list = json_array();
	for (guint r = 0; r < table->rows->len; r++) {
		char **cells = g_ptr_array_index(table->rows, r);
		json_t *object = json_object();
		for (guint i = 0; i < table->width; i++)
			json_object_set_new(object, table->columns[i],
			        g_str_equal(cells[i], "-") ? json_null() : json_string(cells[i]));
		json_array_append_new(list, object);
	}
	json_dumpf(list, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(list);
}

void cli_table_print(const struct cli_table *table, const struct cli *cli, FILE *out)
{
	if (cli->json) {
		print_json(table, out);
		return;
	}
	print_line(table, table->columns, out);
	for (guint r = 0; r < table->rows->len; r++)
		print_line(table, g_ptr_array_index(table->rows, r), out);
}
