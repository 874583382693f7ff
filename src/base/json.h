/* SPDX-License-Identifier: Apache-2.0 */
/* Building of JSON with jansson, in steps of which each hands on that an earlier one failed: memory
 * ran out where the last result is NULL. */
#ifndef KS_BASE_JSON_H
#define KS_BASE_JSON_H

#include <jansson.h>

/* Puts the value into the object. Both are taken in any case; returns the object, or NULL. */
json_t *json_with(json_t *object, const char *key, json_t *value);

/* Puts the value at the end of the array, likewise. */
json_t *json_and(json_t *array, json_t *value);

/* JSON has no other text than UTF-8: each byte that is none becomes U+FFFD. */
json_t *json_text(const char *bytes);

/* JSON's null for NULL. */
json_t *json_text_or_null(const char *bytes);

/* The text of an object or array, for free(); NULL where memory ran out, or for NULL. Of jansson's
 * own calls json_dumps() will not do: where memory runs out while its text grows, jansson 2.14 may
 * leave out a key and call it a success. */
char *json_write(const json_t *json, size_t flags);

/* A page for people and files: indented, ended by a newline. Takes the value; *ret_text is for
 * free(). 0, or -ENOMEM also for NULL. */
int json_page(json_t *json, char **ret_text);

#endif
