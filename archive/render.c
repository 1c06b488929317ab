#include "archive/render_private.h"

#include "core/clock.h"
#include "core/error.h"

#include <string.h>

/* GLib would use the locale's names; a transcript is the same everywhere. */
static const char *const day_names[] = {
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const month_names[] = {"January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December"};

GTimeZone *render_zone(const char *name, GError **error)
{
	GTimeZone *zone = g_time_zone_new_identifier(name);
	if (zone == NULL)
		error_set(error, ERROR_CONFIG, "archive.time_zone",
		        "the time zone \"%s\" is not known on this machine; set archive.time_zone "
		        "to "
		        "UTC or to a name such as Europe/Berlin",
		        name);
	return zone;
}

/* Seconds that the zone is ahead of UTC at that time. */
static int64_t offset_at(int64_t utc_us, GTimeZone *zone)
{
	int interval =
	        g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, clock_seconds_of(utc_us));
	return interval < 0 ? 0 : g_time_zone_get_offset(zone, interval);
}

/* False outside of the years 1 to 9999. */
static bool in_zone(int64_t utc_us, GTimeZone *zone, struct tm *out)
{
	return clock_civil_of(clock_seconds_of(utc_us) + offset_at(utc_us, zone), out);
}

char *render_clock(int64_t utc_us, GTimeZone *zone)
{
	struct tm time;
	if (!in_zone(utc_us, zone, &time))
		return g_strdup("?");
	return g_strdup_printf("%02d:%02d:%02d", time.tm_hour, time.tm_min, time.tm_sec);
}

int64_t render_day_number(int64_t utc_us, GTimeZone *zone)
{
	int64_t seconds = clock_seconds_of(utc_us) + offset_at(utc_us, zone);
	return seconds / 86400 - (seconds % 86400 < 0 ? 1 : 0);
}

char *render_day(int64_t utc_us, GTimeZone *zone)
{
	struct tm time;
	if (!in_zone(utc_us, zone, &time))
		return g_strdup("unknown day");
	return g_strdup_printf("%s, %d %s %d", day_names[time.tm_wday], time.tm_mday,
	        month_names[time.tm_mon], time.tm_year + 1900);
}

char *render_offset(int64_t utc_us, GTimeZone *zone)
{
	struct tm time;
	int64_t minutes = in_zone(utc_us, zone, &time) ? offset_at(utc_us, zone) / 60 : 0;
	if (minutes == 0)
		return g_strdup("UTC");
	int64_t size = ABS(minutes);
	return g_strdup_printf(
	        "UTC%c%02d:%02d", minutes < 0 ? '-' : '+', (int)(size / 60), (int)(size % 60));
}

char *render_span(int64_t first_utc_us, int64_t last_utc_us, GTimeZone *zone)
{
	g_autofree char *first_day = render_day(first_utc_us, zone);
	g_autofree char *last_day = render_day(last_utc_us, zone);
	g_autofree char *first = render_clock(first_utc_us, zone);
	g_autofree char *last = render_clock(last_utc_us, zone);
	if (!g_str_equal(first_day, last_day))
		return g_strdup_printf("%s, %s to %s, %s", first_day, first, last_day, last);
	if (g_str_equal(first, last))
		return g_strdup_printf("%s, %s", first_day, first);
	return g_strdup_printf("%s, %s to %s", first_day, first, last);
}

const char *render_address(const struct participant *who)
{
	if (who->hidden)
		return NULL;
	return who->mail != NULL ? who->mail : who->address;
}

char *render_attached_words(const struct entry *entry)
{
	if (entry->attached != NULL)
		return g_strdup_printf("attached; sha-256:%s", entry->attached);
	if (entry->not_attached != NULL)
		return g_strdup_printf("not attached: %s", entry->not_attached);
	return entry->file_hash != NULL ? g_strdup(entry->file_hash) : NULL;
}

char *render_file_words(const struct entry *entry)
{
	GString *words = g_string_new(entry->file_name);
	if (entry->file_size_bytes > 0) {
		/* GLib's own sizes follow the locale. */
		static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
		double size = (double)entry->file_size_bytes;
		unsigned unit = 0;
		while (size >= 1000 && unit + 1 < G_N_ELEMENTS(units)) {
			size /= 1000;
			unit++;
		}
		char number[G_ASCII_DTOSTR_BUF_SIZE];
		g_ascii_formatd(number, sizeof(number), unit == 0 ? "%.0f" : "%.1f", size);
		g_string_append_printf(
		        words, "%s%s %s", words->len > 0 ? ", " : "", number, units[unit]);
	}
	if (words->len == 0) {
		g_string_free(words, TRUE);
		return NULL;
	}
	return g_string_free(words, FALSE);
}

bool render_is_event(const struct entry *entry)
{
	switch (entry->kind) {
	case MESSAGE_JOIN:
	case MESSAGE_LEAVE:
	case MESSAGE_SUBJECT:
	case MESSAGE_RETRACTION:
	case MESSAGE_REACTION:
		return true;
	case MESSAGE_CHAT:
	case MESSAGE_CORRECTION:
	case MESSAGE_FILE:
	case MESSAGE_ENCRYPTED:
	case MESSAGE_WITHHELD:
		break;
	}
	return false;
}

bool render_shows(const struct entry *entry, unsigned view)
{
	bool room_event = entry->kind == MESSAGE_JOIN || entry->kind == MESSAGE_LEAVE ||
	                  entry->kind == MESSAGE_SUBJECT;
	return !room_event || (view & RENDER_EVENTS) != 0;
}

char *render_event_words(const struct entry *entry)
{
	const char *text = entry->text != NULL ? entry->text : "";
	const char *whose =
	        entry->note == ENTRY_OF_FOREIGN ? "another person's message" : "an earlier message";
	switch (entry->kind) {
	case MESSAGE_JOIN:
		return g_strdup("joined");
	case MESSAGE_LEAVE:
		return g_strdup("left");
	case MESSAGE_SUBJECT:
		return *text == '\0' ? g_strdup("removed the subject")
		                     : g_strdup_printf("changed the subject to: %s", text);
	case MESSAGE_RETRACTION:
		return g_strdup_printf("asked to take back %s", whose);
	case MESSAGE_REACTION:
		return *text == '\0' ? g_strdup_printf("took back a reaction to %s", whose)
		                     : g_strdup_printf("reacted to %s: %s", whose, text);
	case MESSAGE_CHAT:
	case MESSAGE_CORRECTION:
	case MESSAGE_FILE:
	case MESSAGE_ENCRYPTED:
	case MESSAGE_WITHHELD:
		break;
	}
	return g_strdup("");
}

const char *render_note_words(const struct entry *entry)
{
	if (entry->conflict)
		return "another message came under the same key; both are kept";
	if (entry->claimed_utc_us > entry->sent_utc_us)
		return "shown at the time of receipt: its sender gave a later one";
	if (entry->claimed_utc_us != 0)
		return "received much later than its sender says that it was sent";
	if (entry->kind != MESSAGE_CORRECTION)
		return NULL;
	return entry->note == ENTRY_OF_FOREIGN
	               ? "sent as a correction of another person's message"
	               : "corrects an earlier message that is not in this part";
}

char **render_remarks(const struct transcript *transcript)
{
	g_autoptr(GStrvBuilder) remarks = g_strv_builder_new();
	if (transcript->notice != NULL) {
		g_autofree char *line = g_strdup_printf(
		        "People from outside take part. Notice: %s", transcript->notice);
		g_strv_builder_add(remarks, line);
	}
	for (guint i = 0; i < transcript->senders->len; i++) {
		g_autofree char *line =
		        g_strdup_printf("Recorded as it was posted by the server %s.",
		                (const char *)transcript->senders->pdata[i]);
		g_strv_builder_add(remarks, line);
	}
	if (transcript->late)
		g_strv_builder_add(remarks, "These messages became known after the conversation "
		                            "had been archived; they "
		                            "complete it.");
	else if (transcript->continues != NULL)
		g_strv_builder_add(
		        remarks, "This part continues an earlier part of the same talk.");
	if (transcript->part == PRESENCE_WHILE_IN)
		g_strv_builder_add(
		        remarks, "This copy holds what was said while its owner was in the room.");
	else if (transcript->part == PRESENCE_OWN_SPAN)
		g_strv_builder_add(remarks,
		        "When its owner was in the room is not known: this copy holds what was "
		        "said from the first to the last of the owner's own messages.");
	if (transcript->encrypted > 0) {
		g_autofree char *line = g_strdup_printf("%u %s encrypted between the participants: "
		                                        "the text was never visible to the "
		                                        "server and is not in this archive.",
		        transcript->encrypted,
		        transcript->encrypted == 1 ? "message was" : "messages were");
		g_strv_builder_add(remarks, line);
	}
	if (transcript->withheld > 0) {
		g_autofree char *line = g_strdup_printf(
		        "%u %s left out: who wrote them is excluded from archiving.",
		        transcript->withheld,
		        transcript->withheld == 1 ? "message was" : "messages were");
		g_strv_builder_add(remarks, line);
	}
	if (transcript->unreadable > 0) {
		g_autofree char *line = g_strdup_printf(
		        "%u %s of the IM server's own archive, of this time and of one of these "
		        "people, could not be read: something that was said may be missing here.",
		        transcript->unreadable, transcript->unreadable == 1 ? "entry" : "entries");
		g_strv_builder_add(remarks, line);
	}
	if (transcript->mended > 0) {
		g_autofree char *line = g_strdup_printf(
		        "%u %s not valid text and %s shown as \xEF\xBF\xBD.", transcript->mended,
		        transcript->mended == 1 ? "character was" : "characters were",
		        transcript->mended == 1 ? "is" : "are");
		g_strv_builder_add(remarks, line);
	}
	return g_strv_builder_end(remarks);
}

bool render_is_rtl(const char *text, size_t len)
{
	for (const char *p = text; p < text + len; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		if (!g_unichar_isalpha(c))
			continue;
		switch ((int)g_unichar_get_script(c)) {
		case G_UNICODE_SCRIPT_HEBREW:
		case G_UNICODE_SCRIPT_ARABIC:
		case G_UNICODE_SCRIPT_SYRIAC:
		case G_UNICODE_SCRIPT_THAANA:
		case G_UNICODE_SCRIPT_NKO:
		case G_UNICODE_SCRIPT_SAMARITAN:
		case G_UNICODE_SCRIPT_MANDAIC:
		case G_UNICODE_SCRIPT_ADLAM:
		case G_UNICODE_SCRIPT_HANIFI_ROHINGYA:
			return true;
		default:
			return false;
		}
	}
	return false;
}
