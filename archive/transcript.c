#include "archive/transcript.h"

#include "archive/segment.h"
#include "archive/text.h"
#include "core/address.h"

#include <string.h>

/* Names and addresses in a transcript are cut here; nothing that people use is longer. */
#define NAME_MAX_BYTES 400

struct builder {
	struct transcript *out;
	const struct transcript_input *input;
	GHashTable *nicks; /* presence_nicks() */
	GHashTable *hidden; /* nicknames (borrowed) whose addresses may not be shown */
	size_t attached_bytes;
	GHashTable *people; /* key of a person -> index + 1 */
	/* message_id of a message -> index + 1 of its entry; by sender and, for what names only the
	 * message, without */
	GHashTable *entries;
};

static void participant_free(struct participant *who)
{
	g_free(who->address);
	g_free(who->nick);
	g_free(who->name);
	g_free(who->mail);
	g_free(who);
}

static void version_free(struct version *version)
{
	g_free(version->text);
	g_free(version);
}

void transcript_file_free(struct transcript_file *file)
{
	g_free(file->hash);
	g_free(file->reason);
	g_clear_pointer(&file->content, g_bytes_unref);
	g_free(file);
}

static void attachment_free(struct attachment *attachment)
{
	g_free(attachment->name);
	g_free(attachment->hash);
	g_free(attachment->file);
	g_bytes_unref(attachment->content);
	g_free(attachment);
}

static void reaction_clear(struct reaction *reaction)
{
	g_free(reaction->text);
}

static void entry_free(struct entry *entry)
{
	g_free(entry->text);
	g_free(entry->url);
	g_free(entry->file_name);
	g_free(entry->file_hash);
	g_free(entry->attached);
	g_free(entry->not_attached);
	g_clear_pointer(&entry->versions, g_ptr_array_unref);
	g_clear_pointer(&entry->reactions, g_array_unref);
	g_free(entry);
}

void transcript_free(struct transcript *transcript)
{
	g_free(transcript->id);
	g_free(transcript->root_id);
	g_free(transcript->continues);
	g_free(transcript->conversation);
	g_free(transcript->room);
	g_free(transcript->room_name);
	g_free(transcript->subject);
	g_free(transcript->topic);
	g_free(transcript->notice);
	g_ptr_array_unref(transcript->participants);
	g_ptr_array_unref(transcript->entries);
	g_ptr_array_unref(transcript->senders);
	g_ptr_array_unref(transcript->attachments);
	g_free(transcript);
}

const struct participant *transcript_participant(
        const struct transcript *transcript, unsigned index)
{
	return g_ptr_array_index(transcript->participants, index);
}

const struct entry *transcript_entry(const struct transcript *transcript, unsigned index)
{
	return g_ptr_array_index(transcript->entries, index);
}

static char *mend_text(struct builder *builder, const char *text)
{
	return text == NULL ? NULL : text_mend(text, strlen(text), &builder->out->mended);
}

/* One line, cut at a character; NULL when nothing is left. */
static char *mend_name(struct builder *builder, const char *text)
{
	if (text == NULL)
		return NULL;
	char *line = text_mend_line(text, strlen(text), &builder->out->mended);
	if (strlen(line) > NAME_MAX_BYTES) {
		char *end = g_utf8_find_prev_char(line, line + NAME_MAX_BYTES + 1);
		*end = '\0';
	}
	if (*line == '\0')
		g_clear_pointer(&line, g_free);
	return line;
}

static char *person_name(const struct participant *who)
{
	if (who->nick != NULL)
		return g_strdup(who->nick);
	char *local = address_local_part(who->address);
	return local != NULL ? local : g_strdup(who->address);
}

/* Two nicknames of one person stay two people where addresses are hidden. */
static char *person_key(const char *address, const char *nick, bool hidden)
{
	if (hidden)
		return g_strconcat("h", address, " ", nick, NULL);
	return address != NULL ? g_strconcat("a", address, NULL)
	                       : g_strconcat("n", nick != NULL ? nick : "", NULL);
}

/* Index of the person with this address, or, when there is none, with this nick. */
static unsigned person(struct builder *builder, const char *address, const char *nick)
{
	bool hidden =
	        address != NULL && nick != NULL && g_hash_table_contains(builder->hidden, nick);
	g_autofree char *key = person_key(address, nick, hidden);
	unsigned index = GPOINTER_TO_UINT(g_hash_table_lookup(builder->people, key));
	if (index > 0)
		return index - 1;
	struct participant *who = g_new0(struct participant, 1);
	who->address = mend_name(builder, address);
	who->nick = mend_name(builder, nick);
	who->hidden = hidden;
	if (who->address == NULL && who->nick == NULL)
		who->nick = g_strdup("(unknown)");
	if (address != NULL && !hidden && builder->input->lookup != NULL) {
		g_autofree char *name = NULL;
		g_autofree char *mail = NULL;
		builder->input->lookup(builder->input->lookup_data, address, &name, &mail);
		who->name = mend_name(builder, name);
		who->mail = mend_name(builder, mail);
	}
	if (who->name == NULL)
		who->name = person_name(who);
	g_ptr_array_add(builder->out->participants, who);
	g_hash_table_insert(builder->people, g_steal_pointer(&key),
	        GUINT_TO_POINTER(builder->out->participants->len));
	return builder->out->participants->len - 1;
}

static char *reference_key(unsigned who, const char *message_id)
{
	return g_strdup_printf("%u %s", who, message_id);
}

static unsigned entry_number(struct builder *builder, const char *key)
{
	return GPOINTER_TO_UINT(g_hash_table_lookup(builder->entries, key));
}

/* Index + 1 of the entry that message speaks of, 0 when it is not here: its sender's own message
 * first, since ids are unique per sender only. */
static unsigned find_target(struct builder *builder, const struct message *message, unsigned who)
{
	if (message->refers_to == NULL)
		return 0;
	g_autofree char *own = reference_key(who, message->refers_to);
	unsigned number = entry_number(builder, own);
	if (number != 0)
		return number;
	g_autofree char *any = g_strconcat("* ", message->refers_to, NULL);
	return entry_number(builder, any);
}

/* number is the entry's index + 1. */
static void remember_entry(
        struct builder *builder, const char *message_id, unsigned who, unsigned number)
{
	if (message_id == NULL)
		return;
	gpointer index = GUINT_TO_POINTER(number);
	g_hash_table_insert(builder->entries, reference_key(who, message_id), index);
	/* Clients that begin their ids anew mean the newest; but in a room, where a moderator may
	 * speak of others' messages, a later one must not capture what is meant for the first. */
	char *any = g_strconcat("* ", message_id, NULL);
	if (builder->out->is_room && g_hash_table_contains(builder->entries, any))
		g_free(any);
	else
		g_hash_table_insert(builder->entries, any, index);
}

static void correct(struct builder *builder, struct entry *entry, const struct message *message)
{
	struct version *old = g_new0(struct version, 1);
	old->text = g_steal_pointer(&entry->text);
	old->sent_utc_us =
	        entry->corrected_utc_us != 0 ? entry->corrected_utc_us : entry->sent_utc_us;
	if (entry->versions == NULL)
		entry->versions = g_ptr_array_new_with_free_func((GDestroyNotify)version_free);
	g_ptr_array_add(entry->versions, old);
	entry->text = mend_text(builder, message->text);
	entry->corrected_utc_us = message->sent_utc_us;
}

static void react(
        struct builder *builder, struct entry *entry, unsigned who, const struct message *message)
{
	/* A reaction is the sender's whole set: it replaces what was there. */
	if (entry->reactions == NULL) {
		entry->reactions = g_array_new(FALSE, FALSE, sizeof(struct reaction));
		g_array_set_clear_func(entry->reactions, (GDestroyNotify)reaction_clear);
	}
	for (unsigned i = 0; i < entry->reactions->len; i++) {
		if (g_array_index(entry->reactions, struct reaction, i).who == who)
			g_array_remove_index(entry->reactions, i--);
	}
	struct reaction reaction = {.who = who, .text = mend_name(builder, message->text)};
	if (reaction.text != NULL)
		g_array_append_val(entry->reactions, reaction);
}

static bool is_modifier(enum message_kind kind)
{
	return kind == MESSAGE_CORRECTION || kind == MESSAGE_RETRACTION || kind == MESSAGE_REACTION;
}

/*
 * Lays a modifier onto its message; false when it has to stand for itself, with *note saying why.
 * Only the author may correct. In a room somebody else's retraction is a moderator's, which the
 * room's server let pass; between two people it would be a forgery.
 */
static bool apply_modifier(
        struct builder *builder, const struct message *message, unsigned who, enum entry_note *note)
{
	unsigned number = find_target(builder, message, who);
	*note = ENTRY_OF_EARLIER;
	if (number == 0)
		return false;
	struct entry *target = g_ptr_array_index(builder->out->entries, number - 1);
	*note = ENTRY_OF_FOREIGN;
	bool own = target->who == who;
	if (message->kind == MESSAGE_CORRECTION) {
		if (!own)
			return false;
		correct(builder, target, message);
		/* What follows may name the correction instead of what it corrected. */
		remember_entry(builder, message->message_id, who, number);
	} else if (message->kind == MESSAGE_RETRACTION) {
		if (!own && !builder->out->is_room)
			return false;
		target->retracted_utc_us = message->sent_utc_us;
		target->retracted_by = who;
	} else {
		react(builder, target, who, message);
	}
	return true;
}

static void count_text(struct builder *builder, enum message_kind kind, struct participant *who)
{
	struct transcript *out = builder->out;
	if (kind == MESSAGE_ENCRYPTED)
		out->encrypted++;
	if (kind == MESSAGE_WITHHELD)
		out->withheld++;
	if (kind == MESSAGE_CHAT || kind == MESSAGE_FILE || kind == MESSAGE_ENCRYPTED ||
	        kind == MESSAGE_WITHHELD) {
		out->texts++;
		who->messages++;
	}
}

/* Who posted it is a part of the evidence; imex's own sources are not said. */
static void add_sender(struct builder *builder, const struct message *message)
{
	GPtrArray *senders = builder->out->senders;
	const char *name = message_posted_by(message);
	if (name != NULL && !g_ptr_array_find_with_equal_func(senders, name, g_str_equal, NULL))
		g_ptr_array_add(senders, g_strdup(name));
}

static bool is_attached(const struct transcript *out, const char *hash)
{
	for (unsigned i = 0; i < out->attachments->len; i++)
		if (g_str_equal(
		            ((const struct attachment *)out->attachments->pdata[i])->hash, hash))
			return true;
	return false;
}

/* A name that no mail reader takes for a path. */
static char *attachment_name(const struct entry *entry)
{
	char *name = g_strdup(entry->file_name != NULL ? entry->file_name : "file");
	g_strdelimit(name, "/\\:\"<>|?*", '_');
	if (name[0] == '.')
		name[0] = '_';
	return name;
}

/*
 * Endings that a browser shows, or hands to a program of its own, without running anything: no page
 * or picture that may hold a script.
 */
static const char *const harmless_endings[] = {"aac", "avi", "bmp", "csv", "doc", "docx", "flac",
        "gif", "gz", "heic", "jpeg", "jpg", "log", "m4a", "mkv", "mov", "mp3", "mp4", "odp", "ods",
        "odt", "ogg", "opus", "pdf", "png", "ppt", "pptx", "rtf", "tif", "tiff", "txt", "wav",
        "webm", "webp", "xls", "xlsx", "zip", NULL};

static char *attachment_file(const char *hash, const char *name)
{
	const char *dot = strrchr(name, '.');
	g_autofree char *ending = g_ascii_strdown(dot != NULL ? dot + 1 : "", -1);
	bool harmless = g_strv_contains(harmless_endings, ending);
	return g_strconcat(hash, ".", harmless ? ending : "bin", NULL);
}

/* Makes the file of an entry an attachment, once for each content. */
static void attach(struct builder *builder, struct entry *entry, const char *url)
{
	const struct transcript_input *input = builder->input;
	const struct transcript_file *file =
	        input->files != NULL && url != NULL ? g_hash_table_lookup(input->files, url) : NULL;
	if (file == NULL)
		return;
	entry->not_attached = g_strdup(file->reason);
	if (file->content == NULL)
		return;
	if (!is_attached(builder->out, file->hash)) {
		size_t size = g_bytes_get_size(file->content);
		if (builder->attached_bytes + size > input->files_max_bytes) {
			entry->not_attached =
			        g_strdup("the files of this conversation are too large together");
			return;
		}
		builder->attached_bytes += size;
		struct attachment *attachment = g_new0(struct attachment, 1);
		attachment->name = attachment_name(entry);
		attachment->hash = g_strdup(file->hash);
		attachment->file = attachment_file(file->hash, attachment->name);
		attachment->content = g_bytes_ref(file->content);
		g_ptr_array_add(builder->out->attachments, attachment);
	}
	entry->attached = g_strdup(file->hash);
}

static void add_message(struct builder *builder, const struct message *message)
{
	struct transcript *out = builder->out;
	unsigned index =
	        person(builder, presence_address(builder->nicks, message), message->sender_nick);
	struct participant *who = g_ptr_array_index(out->participants, index);
	enum entry_note note = ENTRY_PLAIN;
	add_sender(builder, message);
	if (who->first_utc_us == 0)
		who->first_utc_us = message->sent_utc_us;
	who->last_utc_us = message->sent_utc_us;
	if (is_modifier(message->kind) && apply_modifier(builder, message, index, &note))
		return;
	struct entry *entry = g_new0(struct entry, 1);
	entry->kind = message->kind;
	entry->note = note;
	entry->sent_utc_us = message->sent_utc_us;
	entry->who = index;
	entry->text = mend_text(builder, message->text);
	entry->url = mend_name(builder, message->url);
	entry->file_name = mend_name(builder, message->file_name);
	entry->file_hash = mend_name(builder, message->file_hash);
	entry->file_size_bytes = message->file_size_bytes;
	entry->claimed_utc_us = message->claimed_utc_us;
	entry->conflict = message->conflict;
	attach(builder, entry, message->url);
	g_ptr_array_add(out->entries, entry);
	remember_entry(builder, message->message_id, index, out->entries->len);
	count_text(builder, message->kind, who);
}

static int compare_messages(gconstpointer a, gconstpointer b)
{
	const struct message *const *left = a;
	const struct message *const *right = b;
	return message_compare_time(*left, *right);
}

static GPtrArray *sorted_messages(const GPtrArray *messages)
{
	GPtrArray *sorted = g_ptr_array_sized_new(messages->len);
	for (unsigned i = 0; i < messages->len; i++)
		g_ptr_array_add(sorted, messages->pdata[i]);
	g_ptr_array_sort(sorted, compare_messages);
	return sorted;
}

static GHashTable *hidden_nicks(const struct transcript_input *input)
{
	GHashTable *hidden = g_hash_table_new(g_str_hash, g_str_equal);
	for (unsigned i = 0; i < input->messages->len; i++) {
		const struct message *message = input->messages->pdata[i];
		if (message->sender_resolved && message->sender_nick != NULL &&
		        !input->name_resolved)
			g_hash_table_add(hidden, message->sender_nick);
	}
	return hidden;
}

/* Between two people, who said nothing is named too. */
static void add_silent(struct builder *builder, const struct message *message)
{
	if (message->is_room)
		return;
	if (message->owner != NULL)
		person(builder, message->owner, NULL);
	if (message->peer != NULL)
		person(builder, message->peer, NULL);
}

#define SUBJECT_NAMES 3

static char *name_talk(const struct transcript *out, const GPtrArray *people)
{
	if (out->is_room)
		return g_strdup_printf(
		        "Conversation in %s", out->room_name != NULL ? out->room_name : out->room);
	GString *text = g_string_new("Conversation between ");
	for (unsigned i = 0; i < MIN(people->len, SUBJECT_NAMES); i++)
		g_string_append_printf(text, "%s%s", i == 0 ? "" : " and ",
		        ((const struct participant *)people->pdata[i])->name);
	return g_string_free(text, FALSE);
}

static char *make_subject(const struct transcript *out)
{
	g_autofree char *talk = name_talk(out, out->participants);
	return g_strconcat(talk, out->late ? " (late messages)" : "", NULL);
}

static int compare_addresses(gconstpointer a, gconstpointer b)
{
	const struct participant *const *left = a;
	const struct participant *const *right = b;
	return g_strcmp0((*left)->address, (*right)->address);
}

/* Who spoke first differs from segment to segment. */
static char *make_topic(const struct transcript *out)
{
	g_autoptr(GPtrArray) people = g_ptr_array_copy(out->participants, NULL, NULL);
	g_ptr_array_set_free_func(people, NULL);
	g_ptr_array_sort(people, compare_addresses);
	return name_talk(out, people);
}

static void start(struct builder *builder, const struct message *first)
{
	struct transcript *out = builder->out;
	const struct transcript_input *input = builder->input;
	out->id = g_strdup(input->id);
	out->root_id = g_strdup(input->root_id != NULL ? input->root_id : input->id);
	out->root_utc_us = input->root_utc_us != 0 ? input->root_utc_us : first->sent_utc_us;
	out->continues = g_strdup(input->continues);
	out->late = input->late;
	out->unreadable = input->unreadable;
	out->notice = mend_text(builder, input->notice);
	out->part = input->part;
	out->is_room = first->is_room;
	out->conversation = conversation_key(first);
	out->room = first->is_room ? mend_name(builder, first->peer) : NULL;
	out->first_utc_us = first->sent_utc_us;
	if (first->is_room && input->lookup != NULL) {
		g_autofree char *name = NULL;
		g_autofree char *mail = NULL;
		input->lookup(input->lookup_data, first->peer, &name, &mail);
		out->room_name = mend_name(builder, name);
	}
}

struct transcript *transcript_new(const struct transcript_input *input)
{
	g_return_val_if_fail(input->messages->len > 0, NULL);
	g_autoptr(GPtrArray) messages = sorted_messages(input->messages);
	g_autoptr(GHashTable) people = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) entries =
	        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct transcript *out = g_new0(struct transcript, 1);
	out->participants = g_ptr_array_new_with_free_func((GDestroyNotify)participant_free);
	out->entries = g_ptr_array_new_with_free_func((GDestroyNotify)entry_free);
	out->senders = g_ptr_array_new_with_free_func(g_free);
	out->attachments = g_ptr_array_new_with_free_func((GDestroyNotify)attachment_free);
	g_autoptr(GHashTable) nicks = presence_nicks(messages);
	g_autoptr(GHashTable) hidden = hidden_nicks(input);
	struct builder builder = {out, input, nicks, hidden, 0, people, entries};
	start(&builder, messages->pdata[0]);
	for (unsigned i = 0; i < messages->len; i++)
		add_message(&builder, messages->pdata[i]);
	out->last_utc_us =
	        ((const struct message *)messages->pdata[messages->len - 1])->sent_utc_us;
	add_silent(&builder, messages->pdata[0]);
	out->subject = make_subject(out);
	out->topic = make_topic(out);
	return out;
}
