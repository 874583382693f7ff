/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"

struct ks_error {
	int code;
	char *message;
	char *step;
	char *field;
	char *path;
	char *remedy;
	unsigned line;
	unsigned column;
	struct attachment *attached;
	struct ks_error *next;
};

struct attachment {
	void *data;
	void (*release)(void *data);
	struct attachment *next;
};

static int copy_text(const char *text, char **ret)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static ks_error *error_new(
	int code, const struct error_about *about, const char *format, va_list args)
{
	ks_error *error = calloc(1, sizeof(*error));

	if (!error)
		return NULL;
	error->code = code;
	error->line = about->line;
	error->column = about->column;
	if (vasprintf(&error->message, format, args) < 0) {
		error->message = NULL;
		ks_error_free(error);
		return NULL;
	}
	if (copy_text(about->step ? about->step : "internal", &error->step) < 0 ||
		copy_text(about->field, &error->field) < 0 ||
		copy_text(about->path, &error->path) < 0 ||
		copy_text(about->remedy, &error->remedy) < 0) {
		ks_error_free(error);
		return NULL;
	}
	return error;
}

int error_set(ks_error **reterr, int code, const struct error_about *about, const char *format, ...)
{
	va_list args;

	if (!reterr)
		return code;
	va_start(args, format);
	ks_error *error = error_new(code, about, format, args);
	va_end(args);
	/* The new text may quote the old object's, so that one goes last. */
	ks_error_free(*reterr);
	*reterr = error;
	return code;
}

int error_append(
	ks_error **chain, int code, const struct error_about *about, const char *format, ...)
{
	unsigned count = 0;
	va_list args;

	if (!chain)
		return code;
	for (; *chain; chain = &(*chain)->next)
		count++;
	if (count >= KS_MAX_PROBLEMS)
		return code;
	va_start(args, format);
	*chain = error_new(code, about, format, args);
	va_end(args);
	return code;
}

void error_set_oom(ks_error **reterr)
{
	error_set(reterr, -ENOMEM, ABOUT(.step = "memory"), "out of memory");
}

void error_attach(ks_error *error, void *data, void (*release)(void *data))
{
	struct attachment *attachment = error ? malloc(sizeof(*attachment)) : NULL;

	if (!attachment) {
		release(data);
		return;
	}
	*attachment = (struct attachment){data, release, error->attached};
	error->attached = attachment;
}

void *error_attached(const ks_error *error, void (*release)(void *data))
{
	for (const struct attachment *each = error->attached; each; each = each->next)
		if (each->release == release)
			return each->data;
	return NULL;
}

static void release_all(struct attachment *attachment)
{
	while (attachment) {
		struct attachment *next = attachment->next;

		attachment->release(attachment->data);
		free(attachment);
		attachment = next;
	}
}

int ks_error_code(const ks_error *error)
{
	return error->code;
}

const char *ks_error_message(const ks_error *error)
{
	return error->message;
}

const char *ks_error_step(const ks_error *error)
{
	return error->step;
}

const char *ks_error_field(const ks_error *error)
{
	return error->field;
}

const char *ks_error_path(const ks_error *error)
{
	return error->path;
}

const char *ks_error_remedy(const ks_error *error)
{
	return error->remedy;
}

unsigned ks_error_line(const ks_error *error)
{
	return error->line;
}

unsigned ks_error_column(const ks_error *error)
{
	return error->column;
}

const ks_error *ks_error_next(const ks_error *error)
{
	return error->next;
}

void ks_error_free(ks_error *error)
{
	while (error) {
		ks_error *next = error->next;

		free(error->message);
		free(error->step);
		free(error->field);
		free(error->path);
		free(error->remedy);
		release_all(error->attached);
		free(error);
		error = next;
	}
}
