/*
 * The configuration file, and the one table of what may stand in it.
 *
 * The file is a key file: [section] or [section NAME] and name = value lines. Every setting is a
 * row of config_settings[] (settings.c), which the man page imex.conf(5) is held against. A section
 * or setting that is not in the table is refused with the nearest known name, and so is a value of
 * the wrong type or outside its range: all errors are of class ERROR_CONFIG and name file, section
 * and setting. A loaded config does not change; any thread may read it.
 */
#ifndef IMEX_CORE_CONFIG_H
#define IMEX_CORE_CONFIG_H

#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum setting_type {
	SETTING_STRING, /* any text */
	SETTING_PATH, /* a file or folder; relative to the folder of the configuration file */
	SETTING_URL, /* has a scheme */
	SETTING_INT, /* minimum..maximum */
	SETTING_BOOL, /* yes or no (also true, false) */
	SETTING_DURATION, /* seconds, or with a unit: 30s 10m 24h 7d; minimum..maximum in seconds */
	SETTING_CHOICE, /* one of choices, separated by "|" */
	SETTING_LIST, /* names separated by commas or spaces */
};

struct setting {
	const char *section; /* "sync"; "server" for the sections [server NAME] */
	const char *name;
	enum setting_type type;
	const char *default_value; /* NULL: unset unless given */
	int64_t minimum, maximum; /* of INT and DURATION */
	const char *choices; /* of CHOICE */
	const char *summary; /* one sentence */
};

/* Ends with a row whose section is NULL. */
extern const struct setting config_settings[];
/* The sections that take a NAME, ended by NULL. */
extern const char *const config_named_sections[];

struct config;

struct config *config_load(const char *path, GError **error);
/* From text that stands for the file at path (tests, `imex init`). */
struct config *config_parse(const char *path, const char *text, GError **error);
void config_free(struct config *config);
AUTO_DEFINE(config, config_free);

const char *config_path(const struct config *config);
/* The NAMEs of [section NAME] sections in the order of the file; NULL-ended, owned by config. */
const char *const *config_names(const struct config *config, const char *section);
bool config_has_section(const struct config *config, const char *section, const char *instance);

/*
 * Values. instance is the NAME of [section NAME], NULL for a plain section. The setting must be in
 * the table (else it is a bug). Strings are borrowed from config; NULL when unset without default.
 */
const char *config_string(
        const struct config *config, const char *section, const char *instance, const char *name);
int64_t config_int(
        const struct config *config, const char *section, const char *instance, const char *name);
bool config_bool(
        const struct config *config, const char *section, const char *instance, const char *name);
/* Seconds. */
int64_t config_duration_s(
        const struct config *config, const char *section, const char *instance, const char *name);
/* NULL-ended, never NULL, owned by config. */
const char *const *config_list(
        const struct config *config, const char *section, const char *instance, const char *name);
/* A string setting that must be there; NULL with config.missing. */
const char *config_require(const struct config *config, const char *section, const char *instance,
        const char *name, GError **error);

/* "90", "30s", "10m", "24h", "7d" to seconds. */
bool config_parse_duration(const char *text, int64_t *seconds);

#endif
