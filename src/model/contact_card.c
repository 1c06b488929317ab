#include "model/contact_card.h"

#include "core/clock.h"

#include <string.h>

struct contact_card *contact_card_new(void)
{
	return g_new0(struct contact_card, 1);
}

struct contact_card *contact_card_copy(const struct contact_card *card)
{
	struct contact_card *copy = g_new0(struct contact_card, 1);
	copy->phones = g_strdup(card->phones);
	copy->birthday = g_strdup(card->birthday);
	copy->has_photo = card->has_photo;
	copy->photo_type = g_strdup(card->photo_type);
	copy->photo = card->photo != NULL ? g_bytes_ref(card->photo) : NULL;
	return copy;
}

void contact_card_free(struct contact_card *card)
{
	g_free(card->phones);
	g_free(card->birthday);
	g_free(card->photo_type);
	g_clear_pointer(&card->photo, g_bytes_unref);
	g_free(card);
}

bool contact_card_is_empty(const struct contact_card *card)
{
	return card->phones == NULL && card->birthday == NULL && !card->has_photo;
}

void contact_card_add_phone(struct contact_card *card, const char *kind, const char *number)
{
	g_autofree char *plain = g_strdup(number);
	for (char *c = plain; *c != '\0'; c++)
		if (g_ascii_iscntrl(*c))
			*c = ' ';
	g_strstrip(plain);
	if (*plain == '\0')
		return;
	char *phones =
	        g_strdup_printf("%s%s %s\n", card->phones != NULL ? card->phones : "", kind, plain);
	g_free(card->phones);
	card->phones = phones;
}

void contact_card_each_phone(const struct contact_card *card,
        void (*each)(void *data, const char *kind, const char *number), void *data)
{
	g_auto(GStrv) lines = g_strsplit(card->phones != NULL ? card->phones : "", "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		char *blank = strchr(*line, ' ');
		if (blank == NULL)
			continue;
		*blank = '\0';
		each(data, *line, blank + 1);
	}
}

char *contact_card_birthday(const char *time)
{
	int64_t utc_us = 0;
	if (time == NULL || !clock_parse_iso(time, &utc_us, NULL))
		return NULL;
	g_autoptr(GDateTime) at = g_date_time_new_from_unix_utc(utc_us / CLOCK_US_PER_S);
	g_autoptr(GDateTime) day = at != NULL ? g_date_time_add_hours(at, 12) : NULL;
	return day != NULL ? g_date_time_format(day, "%Y-%m-%d") : NULL;
}

const char *contact_card_photo_type(const void *bytes, size_t len)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *type;
	} types[] = {
	        {"\xff\xd8\xff", 3, "image/jpeg"},
	        {"\x89PNG\r\n\x1a\n", 8, "image/png"},
	        {"GIF8", 4, "image/gif"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (len >= types[i].len && memcmp(bytes, types[i].magic, types[i].len) == 0)
			return types[i].type;
	return NULL;
}
