/* SPDX-License-Identifier: Apache-2.0 */
/* Wording of the messages about a policy: short texts by value, and text of the user's made safe to
 * show on a terminal and in a log. */
#ifndef KS_POLICY_SAY_H
#define KS_POLICY_SAY_H

#include <stddef.h>

/* A short text by value: it lives to the end of the expression that asked for it, which is as long
 * as an error needs it. Longer text is cut. */
struct phrase {
	char text[320];
};

struct phrase phrase(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The bytes between double quotes: control characters and bytes that are not UTF-8 as escapes, cut
 * after about a hundred bytes. */
struct phrase quoted(const char *bytes, size_t len);

/* The same without the quotes, and without escaping quotes and backslashes: a piece of JSON as its
 * author wrote it. */
struct phrase as_written(const char *bytes, size_t len);

/* The choice that a misspelt word was most likely meant to be, by letter case, separators and edit
 * distance; -1 where none is near. */
int closest_choice(const char *word, size_t len, const char *const *choices, size_t n_choices);

#endif
