/*
 * The grammar of requests, as rows of text that schema.c compiles when the server starts.
 *
 * A row: name; namespace of its children, 't' or 'm'; attributes; content.
 *   attributes  "Id:string! ChangeKey:string"; `!` = required
 *   content     "A:Type B:Type? (C:X|D:Y)+": a sequence of elements and choices, each followed
 *               by `?`, `*`, `+` or nothing; `m.` or `t.` before a name changes the namespace
 *               "#Type": text of that type; "=A B C": one of these words (rows of one name add up)
 *   types       string nonempty bool int int:LOW:HIGH long float dateTime base64 guid Any, or a row
 * The rows say what the public EWS schema says about the operations that this server speaks.
 */
#ifndef DEVX_GRAMMAR_H
#define DEVX_GRAMMAR_H

#include <stddef.h>

struct grammar_row {
	const char *name;
	char ns;
	const char *attrs;
	const char *content;
};

extern const struct grammar_row grammar[]; /* operations and structures */
extern const size_t n_grammar;
extern const struct grammar_row grammar_words[]; /* enumerations */
extern const size_t n_grammar_words;

#endif
