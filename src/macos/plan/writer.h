/* SPDX-License-Identifier: Apache-2.0 */
/* A profile under construction: its text, its parameters, and the first error. */
#ifndef KS_MACOS_PLAN_WRITER_H
#define KS_MACOS_PLAN_WRITER_H

#include "base/strbuf.h"
#include "base/strv.h"
#include "macos/plan/areas.h"
#include "macos/plan/system.h"

struct writer {
	struct ks_plan *plan;
	struct areas areas;
	struct strv nodes; /* looked at on the way to what is granted; sorted, each once */
	struct strbuf text;
	int error; /* 0 or -ENOMEM */
};

void writer_init(struct writer *writer, struct ks_plan *plan);
void writer_done(struct writer *writer);

#define autowriter __attribute__((cleanup(writer_done)))

/* A parameter of the profile. value NULL: late says in words (static) what it will be. */
void writer_param(struct writer *writer, const char *name, const char *value, const char *late);
/* The same with a number behind its name. */
void writer_numbered(struct writer *writer, const char *name, size_t number, const char *value);

void writer_puts(struct writer *writer, const char *text);
void writer_addf(struct writer *writer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A filter of a parameter on a line of its own. tree: with all beneath it. */
void writer_filter(struct writer *writer, const char *name, bool tree);
/* The filter of an area, without what lies in it of the other kind: the parameters `except` of
 * those, and neither itself where the area's own name must stay. */
void writer_area(struct writer *writer, size_t index, const char *except, bool not_itself);

/* What is looked at, but not read, on the way to the path: all directories above it. */
void writer_way(struct writer *writer, const char *path);
/* Sorts the nodes, drops doubles and what may be read anyhow, and makes parameters of them. */
void writer_ways_end(struct writer *writer);

/* Whether the worker has that path of the system. */
bool writer_has(const struct writer *writer, const struct macos_path *path);

/* Whether the profile lets the path be read without the rule that is just being written. */
bool writer_reads(const struct writer *writer, const char *path);

#endif
