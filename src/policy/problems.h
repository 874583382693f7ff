/* SPDX-License-Identifier: Apache-2.0 */
/* Collects what is wrong with a policy: every problem of a text in its order, or the one problem of
 * a call. */
#ifndef KS_POLICY_PROBLEMS_H
#define KS_POLICY_PROBLEMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The offset of something that is in no text. */
#define NOWHERE SIZE_MAX

struct problems {
	const char *name; /* what the text is called; NULL for a call of the API */
	const char *within; /* put before each message: the part of the text it is about */
	const char *text;
	size_t len;
	ks_error *chain;
	size_t count;
	int code; /* of the first problem; 0 while there is none */
};

/* Notes one problem and returns code. The message is put behind "FIELD: " where about has a field;
 * an object that is not named in about->path is the text itself. */
int problem_add(struct problems *to, int code, size_t at, const struct error_about *about,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Notes that memory ran out; returns -ENOMEM. */
int problem_oom(struct problems *to);

/* Line and column of an offset, both from 1; the column counts bytes. */
void position_of(const char *text, size_t len, size_t at, unsigned *ret_line, unsigned *ret_column);

/* Hands the chain to the caller's reterr, or frees it, and returns the code. */
int problems_finish(struct problems *from, ks_error **reterr);

#endif
