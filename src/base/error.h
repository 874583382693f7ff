/* SPDX-License-Identifier: Apache-2.0 */
/* Making of the public error object. */
#ifndef KS_BASE_ERROR_H
#define KS_BASE_ERROR_H

#include <errno.h>
#include <stdarg.h>

#include <kastellan/error.h>

/* What an error is about; every member may be left out but step. Strings are copied. */
struct error_about {
	const char *step;
	const char *field;
	const char *path;
	const char *remedy;
	unsigned line;
	unsigned column;
};

/* Stores a new error in *reterr (after freeing what was there) and returns code, which is a
 * negative errno value; so that `return error_set(...)` is the whole error path. reterr may be
 * NULL. The message is the format's text as it stands: the reason of an errno is spelled with %s
 * and strerrorname or strerror by the caller, where it helps. */
int error_set(ks_error **reterr, int code, const struct error_about *about, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#define ABOUT(...) (&(const struct error_about){__VA_ARGS__})

/* Appends a problem to the chain at *chain; used where all problems of an input are collected.
 * Returns code. Past KS_MAX_PROBLEMS further problems are dropped. */
int error_append(ks_error **chain, int code, const struct error_about *about, const char *format,
	...) __attribute__((format(printf, 4, 5)));

void error_set_oom(ks_error **reterr);

/* Out of memory, with nothing to say but that. Returns -ENOMEM: here, so that whoever analyses a
 * caller knows that it is not 0. */
static inline int error_oom(ks_error **reterr)
{
	error_set_oom(reterr);
	return -ENOMEM;
}

/* Hangs something on an error that is freed with it. It is freed at once where error is NULL, or
 * memory runs out. */
void error_attach(ks_error *error, void *data, void (*release)(void *data));

/* What was hung on the error last, of this kind: release tells the kinds apart. Else NULL. */
void *error_attached(const ks_error *error, void (*release)(void *data));

#endif
