/* SPDX-License-Identifier: Apache-2.0 */
/* A growing, owned, NULL-terminated vector of strings. */
#ifndef KS_BASE_STRV_H
#define KS_BASE_STRV_H

#include <stddef.h>

struct strv {
	char **items; /* NULL while empty; else items[len] is NULL */
	size_t len;
};

/* 0 or -ENOMEM. The text is copied. */
int strv_add(struct strv *list, const char *text);
int strv_addf(struct strv *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes the text, also when it fails. */
int strv_take(struct strv *list, char *text);
void strv_done(struct strv *list);

#define autostrv __attribute__((cleanup(strv_done)))

#endif
