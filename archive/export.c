#include "archive/export_private.h"

#include "core/digest.h"
#include "core/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL ".imex-export"
#define MANIFEST "MANIFEST.sha256"
#define HEADING "imex-export 1"

/* Items that are written between two lines to the disk. */
#define GROUP 64

#define ID_MAX_BYTES 128

/* Where an item's line is in the journal: all that is held of it for the index. */
struct place {
	int64_t first_utc_us;
	int64_t offset;
};

/* Conversations on one page of the index. */
#define PAGE 1000

struct export
{
	const struct export_driver *driver;
	struct export_options options; /* strings owned */
	int dir; /* the folder */
	int journal; /* open for appending */
	int file; /* the one file, or -1 */
	int64_t end; /* its length */
	GHashTable *done; /* ids */
	GArray *places; /* struct place, of the index; NULL when there is none */
	int64_t journal_end; /* offset behind the journal's last line, pending ones included */
	GString *pending; /* journal lines of what is not yet safe */
	unsigned pending_items;
	uint64_t written, total;
	char *entry_point;
};

static bool io_error(
        const struct export *export, const char *what, const char *path, GError **error)
{
	error_set(error, ERROR_RETRY, "export.io", "%s %s/%s failed: %s; the export can be resumed",
	        what, export->options.dir, path, g_strerror(errno));
	return false;
}

void export_close(struct export *export)
{
	if (export->file >= 0)
		close(export->file);
	if (export->journal >= 0)
		close(export->journal);
	if (export->dir >= 0)
		close(export->dir);
	g_clear_pointer(&export->done, g_hash_table_unref);
	g_clear_pointer(&export->places, g_array_unref);
	if (export->pending != NULL)
		g_string_free(export->pending, TRUE);
	g_clear_pointer(&export->options.zone, g_time_zone_unref);
	g_free((char *)(uintptr_t) export->options.dir);
	g_free((char *)(uintptr_t) export->options.scope);
	g_free((char *)(uintptr_t) export->options.zone_name);
	g_free(export->entry_point);
	g_free(export);
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* A whole new file, safe on the disk under its name. What an earlier run left half is replaced. */
static bool write_file(
        struct export *export, const char *path, const void *bytes, size_t len, GError **error)
{
	g_autofree char *part = g_strconcat(path, ".part", NULL);
	int fd = openat(
	        export->dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return io_error(export, "creating", part, error);
	bool good = write_all(fd, bytes, len) && fdatasync(fd) == 0;
	int cause = errno;
	good = close(fd) == 0 && good;
	errno = good ? errno : cause;
	if (!good || renameat(export->dir, part, export->dir, path) != 0)
		return io_error(export, "writing", path, error);
	return true;
}

static bool make_folders(struct export *export, GError **error)
{
	for (unsigned i = 0; export->driver->folders[i] != NULL; i++) {
		g_autofree char *path =
		        g_build_filename(export->options.dir, export->driver->folders[i], NULL);
		if (g_mkdir_with_parents(path, 0700) != 0)
			return io_error(export, "making", export->driver->folders[i], error);
	}
	return true;
}

static bool exists_error(const struct export *export, const char *what, GError **error)
{
	error_set(error, ERROR_CONFIG, "export.exists",
	        "%s %s: name a folder that does not exist yet, or an empty one",
	        export->options.dir, what);
	return false;
}

/* Nothing but what is hidden may be in a folder that we begin to fill. */
static bool check_empty(struct export *export, GError **error)
{
	g_autoptr(GDir) dir = g_dir_open(export->options.dir, 0, NULL);
	return dir == NULL || g_dir_read_name(dir) == NULL ||
	       exists_error(export, "holds other files", error);
}

static char *heading(const struct export *export)
{
	return g_strdup_printf(HEADING "\t%s\t%s\n", export->driver->name, export->options.scope);
}

/* The line stands at the journal's end and is len bytes long. */
static void remember(struct export *export, const struct export_line *line, size_t len)
{
	const struct place place = {line->first_utc_us, export->journal_end};
	g_hash_table_add(export->done, g_strdup(line->id));
	export->total++;
	export->end = MAX(export->end, line->end);
	if (export->places != NULL)
		g_array_append_val(export->places, place);
	export->journal_end += (int64_t)len;
}

/* The journal for reading, after its heading; NULL with an error. */
static FILE *read_heading(struct export *export, bool *cut, GError **error)
{
	g_autofree char *path = g_build_filename(export->options.dir, JOURNAL, NULL);
	g_autofree char *wanted = heading(export);
	size_t len = strlen(wanted);
	g_autofree char *found = g_malloc0(len + 1);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		io_error(export, "reading", JOURNAL, error);
		return NULL;
	}
	size_t got = fread(found, 1, len, file);
	/* Killed while the heading was written: nothing was exported yet. */
	*cut = memchr(found, '\n', got) == NULL;
	if (*cut || g_str_equal(found, wanted))
		return file;
	error_set(error, ERROR_CONFIG, "export.scope",
	        "%s holds an unfinished export of something else: repeat that command to "
	        "finish it, or name another folder",
	        export->options.dir);
	fclose(file);
	return NULL;
}

typedef bool line_fn(struct export *export, const struct export_line *line, size_t len, void *data);

/* Whole lines only; what stands behind the last line feed was cut short. */
static void each_line(struct export *export, FILE *journal, line_fn *each, void *data)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t len = 0;
	while ((len = getline(&text, &size, journal)) > 0 && text[len - 1] == '\n') {
		struct export_line line;
		text[len - 1] = '\0';
		bool good = export_line_parse(text, &line);
		good = good && each(export, &line, (size_t)len, data);
		export_line_clear(&line);
		if (!good)
			break;
	}
	free(text);
}

static bool remember_line(
        struct export *export, const struct export_line *line, size_t len, void *data)
{
	(void)data;
	remember(export, line, len);
	return true;
}

static bool read_journal(struct export *export, GError **error)
{
	bool cut = false;
	FILE *journal = read_heading(export, &cut, error);
	if (journal == NULL)
		return false;
	if (!cut) {
		export->journal_end = ftello(journal);
		each_line(export, journal, remember_line, NULL);
	}
	fclose(journal);
	return true;
}

static bool open_journal(struct export *export, GError **error)
{
	bool resumed = faccessat(export->dir, JOURNAL, F_OK, 0) == 0;
	if (resumed ? !read_journal(export, error) : !check_empty(export, error))
		return false;
	export->journal =
	        openat(export->dir, JOURNAL, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (export->journal < 0 || ftruncate(export->journal, (off_t) export->journal_end) != 0 ||
	        lseek(export->journal, 0, SEEK_END) < 0)
		return io_error(export, "opening", JOURNAL, error);
	if (export->journal_end > 0)
		return true;
	g_autofree char *first = heading(export);
	if (!write_all(export->journal, first, strlen(first)) || fdatasync(export->journal) != 0)
		return io_error(export, "writing", JOURNAL, error);
	export->journal_end = (int64_t)strlen(first);
	return true;
}

/* The one file as it was when the journal's last line was written. */
static bool open_file(struct export *export, GError **error)
{
	const char *name = export->driver->file;
	if (name == NULL)
		return true;
	export->file = openat(export->dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (export->file < 0 || ftruncate(export->file, (off_t) export->end) != 0 ||
	        lseek(export->file, 0, SEEK_END) != (off_t) export->end)
		return io_error(export, "opening", name, error);
	return true;
}

static bool open_all(struct export *export, GError **error)
{
	if (g_mkdir_with_parents(export->options.dir, 0700) != 0)
		return io_error(export, "making", "", error);
	export->dir = open(export->options.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (export->dir < 0)
		return io_error(export, "opening", "", error);
	if (faccessat(export->dir, MANIFEST, F_OK, 0) == 0)
		return exists_error(export, "holds a finished export", error);
	return open_journal(export, error) && make_folders(export, error) &&
	       open_file(export, error);
}

struct export *export_open(const struct export_options *options, GError **error)
{
	struct export *export = g_new0(struct export, 1);
	export->driver = export_driver_of(options->format);
	export->options = *options;
	export->options.dir = g_strdup(options->dir);
	export->options.scope = g_strdup(options->scope);
	export->options.zone_name = g_strdup(options->zone_name);
	export->options.zone = g_time_zone_ref(options->zone);
	export->dir = export->journal = export->file = -1;
	export->done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	export->pending = g_string_new(NULL);
	if (export->driver->index)
		export->places = g_array_new(FALSE, FALSE, sizeof(struct place));
	export->entry_point = g_build_filename(options->dir, export->driver->entry_point, NULL);
	if (open_all(export, error))
		return export;
	export_close(export);
	return NULL;
}

bool export_has(const struct export *export, const char *id)
{
	return g_hash_table_contains(export->done, id);
}

uint64_t export_written(const struct export *export)
{
	return export->written;
}

uint64_t export_total(const struct export *export)
{
	return export->total;
}

const char *export_entry_point(const struct export *export)
{
	return export->entry_point;
}

/* What the journal says is on the disk before the journal says so. */
static bool flush(struct export *export, GError **error)
{
	if (export->pending_items == 0)
		return true;
	if (export->file >= 0 && fdatasync(export->file) != 0)
		return io_error(export, "writing", export->driver->file, error);
	if (!write_all(export->journal, export->pending->str, export->pending->len) ||
	        fdatasync(export->journal) != 0)
		return io_error(export, "writing", JOURNAL, error);
	g_string_truncate(export->pending, 0);
	export->pending_items = 0;
	return true;
}

static bool is_file_name(const char *id)
{
	size_t len = strlen(id);
	return len > 0 && len <= ID_MAX_BYTES &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
	               len;
}

/* Before the page that links to them. A file is named after its content: who is there is whole. */
static bool write_attachments(struct export *export, const struct export_item *item, GError **error)
{
	const char *folder = export->driver->files;
	if (folder == NULL || item->attachments == NULL || item->attachments->len == 0)
		return true;
	if (mkdirat(export->dir, folder, 0700) != 0 && errno != EEXIST)
		return io_error(export, "making", folder, error);
	for (guint i = 0; i < item->attachments->len; i++) {
		const struct attachment *attachment = item->attachments->pdata[i];
		g_autofree char *path = g_build_filename(folder, attachment->file, NULL);
		gsize len = 0;
		const void *bytes = g_bytes_get_data(attachment->content, &len);
		if (faccessat(export->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
		        !write_file(export, path, bytes, len, error))
			return false;
	}
	return true;
}

/* Writes the item's bytes; line gets where and what. */
static bool write_item(struct export *export, const struct export_item *item,
        struct export_line *line, GError **error)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	export->driver->bytes(item, bytes);
	if (export->file < 0) {
		line->path = export->driver->path(item);
		line->sha256 = digest_of(bytes->str, bytes->len);
		return write_file(export, line->path, bytes->str, bytes->len, error);
	}
	line->path = g_strdup(export->driver->file);
	line->sha256 = g_strdup("-");
	if (!write_all(export->file, bytes->str, bytes->len))
		return io_error(export, "writing", line->path, error);
	export->end += (int64_t)bytes->len;
	line->end = export->end;
	return true;
}

bool export_add(struct export *export, const struct export_item *item, GError **error)
{
	struct export_line line = {
	        .id = g_strdup(item->id),
	        .first_utc_us = item->first_utc_us,
	        .last_utc_us = item->last_utc_us,
	        .messages = item->messages,
	        .subject = g_strdup(item->subject),
	        .people = g_strdup(item->people),
	};
	bool good = is_file_name(item->id);
	if (!good)
		error_set(error, ERROR_ITEM, "export.id", "\"%s\" cannot be the name of a file",
		        item->id);
	good = good && write_attachments(export, item, error) &&
	       write_item(export, item, &line, error);
	if (good) {
		g_autofree char *text = export_line_format(&line);
		g_string_append(export->pending, text);
		export->pending_items++;
		export->written++;
		remember(export, &line, strlen(text));
		good = export->pending_items < GROUP || flush(export, error);
	}
	export_line_clear(&line);
	return good;
}

static char *hash_file(struct export *export, const char *path, GError **error)
{
	struct digest *sum = digest_begin();
	guchar buffer[65536];
	ssize_t n = 0;
	int fd = openat(export->dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0)
		digest_add(sum, buffer, (size_t)n);
	if (fd < 0 || n < 0)
		io_error(export, "reading", path, error);
	if (fd >= 0)
		close(fd);
	g_autofree char *hex = digest_end(sum);
	return fd < 0 || n < 0 ? NULL : g_steal_pointer(&hex);
}

static bool add_hashed(struct export *export, const char *path, GString *manifest, GError **error)
{
	g_autofree char *hash = hash_file(export, path, error);
	if (hash != NULL)
		g_string_append_printf(manifest, "%s  %s\n", hash, path);
	return hash != NULL;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_part(const char *name)
{
	return g_str_has_suffix(name, ".part");
}

/* Names in the folder of attachments, in order; what a kill left half is not one. */
static GPtrArray *attachment_names(struct export *export)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *path = g_build_filename(export->options.dir, export->driver->files, NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name = NULL;
	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
		if (!is_part(name))
			g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare_names);
	return names;
}

static bool list_attachments(struct export *export, GString *manifest, GError **error)
{
	if (export->driver->files == NULL)
		return true;
	g_autoptr(GPtrArray) names = attachment_names(export);
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *path =
		        g_build_filename(export->driver->files, names->pdata[i], NULL);
		if (!add_hashed(export, path, manifest, error))
			return false;
	}
	return true;
}

static bool list_line(struct export *export, const struct export_line *line, size_t len, void *data)
{
	(void)export;
	(void)len;
	g_string_append_printf(data, "%s  %s\n", line->sha256, line->path);
	return true;
}

/* From the journal, whose lines need not be held for this. */
static bool list_files(struct export *export, GString *manifest, GError **error)
{
	bool cut = false;
	if (export->driver->file != NULL)
		return add_hashed(export, export->driver->file, manifest, error);
	FILE *journal = read_heading(export, &cut, error);
	if (journal == NULL)
		return false;
	each_line(export, journal, list_line, manifest);
	fclose(journal);
	return true;
}

static int compare_places(gconstpointer a, gconstpointer b)
{
	const struct place *left = a;
	const struct place *right = b;
	if (left->first_utc_us != right->first_utc_us)
		return left->first_utc_us < right->first_utc_us ? -1 : 1;
	return (left->offset > right->offset) - (left->offset < right->offset);
}

static bool keep_line(struct export *export, const struct export_line *line, size_t len, void *data)
{
	struct export_index_page *page = data;
	(void)export;
	(void)len;
	export_index_line(page, line);
	return false;
}

/* One page of the index; its file is hashed into the manifest. */
static bool write_page(struct export *export, FILE *journal, unsigned number, unsigned pages,
        GString *contents, GString *manifest, GError **error)
{
	guint from = number * PAGE;
	guint until = MIN(from + PAGE, export->places->len);
	struct export_index_page page = {
	        .options = &export->options,
	        .out = g_string_new(NULL),
	        .total = export->places->len,
	        .number = number,
	        .pages = pages,
	};
	export_index_begin(&page);
	for (guint i = from; i < until; i++) {
		const struct place *place = &g_array_index(export->places, struct place, i);
		if (fseeko(journal, (off_t)place->offset, SEEK_SET) == 0)
			each_line(export, journal, keep_line, &page);
	}
	export_index_end(&page, contents);
	g_autofree char *path = export_index_path(number, pages);
	errno = EIO;
	bool good = (page.lines == until - from || io_error(export, "reading", JOURNAL, error)) &&
	            write_file(export, path, page.out->str, page.out->len, error) &&
	            add_hashed(export, path, manifest, error);
	g_string_free(page.out, TRUE);
	g_free(page.day);
	g_free(page.first_day);
	return good;
}

static bool write_pages(struct export *export, FILE *journal, GString *manifest, GError **error)
{
	unsigned pages = MAX(1, (export->places->len + PAGE - 1) / PAGE);
	g_autoptr(GString) contents = g_string_new(NULL);
	g_array_sort(export->places, compare_places);
	if (pages > 1 && mkdirat(export->dir, "index", 0700) != 0 && errno != EEXIST)
		return io_error(export, "making", "index", error);
	for (unsigned i = 0; i < pages; i++)
		if (!write_page(export, journal, i, pages, contents, manifest, error))
			return false;
	if (pages == 1)
		return true;
	g_autoptr(GString) index = g_string_new(NULL);
	export_index_contents(index, contents->str, export->places->len, &export->options);
	return write_file(export, "index.html", index->str, index->len, error) &&
	       add_hashed(export, "index.html", manifest, error);
}

static bool write_index(struct export *export, GString *manifest, GError **error)
{
	bool cut = false;
	if (export->places == NULL)
		return true;
	FILE *journal = read_heading(export, &cut, error);
	if (journal == NULL)
		return false;
	bool good = write_pages(export, journal, manifest, error);
	fclose(journal);
	return good;
}

bool export_finish(struct export *export, GError **error)
{
	g_autoptr(GString) manifest = g_string_new(NULL);
	if (!flush(export, error) || !list_files(export, manifest, error) ||
	        !list_attachments(export, manifest, error) ||
	        !write_index(export, manifest, error) ||
	        !write_file(export, MANIFEST, manifest->str, manifest->len, error))
		return false;
	if (unlinkat(export->dir, JOURNAL, 0) != 0 || fsync(export->dir) != 0)
		return io_error(export, "finishing", "", error);
	return true;
}
