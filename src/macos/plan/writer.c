/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/plan/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "macos/plan/system.h"
#include "plan/paths.h"

void writer_init(struct writer *writer, struct ks_plan *plan)
{
	*writer = (struct writer){.plan = plan};
	strbuf_init(&writer->text, KS_MAX_TEXT);
}

void writer_done(struct writer *writer)
{
	areas_done(&writer->areas);
	strv_done(&writer->nodes);
	strbuf_done(&writer->text);
}

void writer_param(struct writer *writer, const char *name, const char *value, const char *late)
{
	struct seatbelt_plan *seatbelt = &writer->plan->seatbelt;
	struct seatbelt_param param = {.name = strdup(name), .late = late};
	struct seatbelt_param *params = realloc(
		seatbelt->params, (seatbelt->n_params + 1) * sizeof(*params));

	if (params)
		seatbelt->params = params;
	param.value = value ? strdup(value) : NULL;
	if (!params || !param.name || (value && !param.value)) {
		free(param.name);
		free(param.value);
		writer->error = -ENOMEM;
		return;
	}
	params[seatbelt->n_params++] = param;
}

void writer_numbered(struct writer *writer, const char *name, size_t number, const char *value)
{
	autostrbuf struct strbuf full;

	strbuf_init(&full, KS_MAX_TEXT);
	strbuf_addf(&full, "%s%zu", name, number);
	if (full.error)
		writer->error = -ENOMEM;
	else
		writer_param(writer, full.data, value, NULL);
}

void writer_puts(struct writer *writer, const char *text)
{
	strbuf_puts(&writer->text, text);
}

void writer_addf(struct writer *writer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&writer->text, format, args);
	va_end(args);
}

void writer_filter(struct writer *writer, const char *name, bool tree)
{
	writer_addf(writer, "\n  (%s (param \"%s\"))", tree ? "subpath" : "literal", name);
}

static void area_filter(struct writer *writer, const struct area *area, const char *word)
{
	writer_addf(writer, "(%s (param \"%s%zu\"))", word, area->writable ? "WRITE" : "READ",
		area->number);
}

void writer_area(struct writer *writer, size_t index, const char *except, bool not_itself)
{
	const struct area *area = &writer->areas.items[index];
	bool plain = !not_itself;

	for (size_t i = 0; plain && except && i < writer->areas.len; i++)
		plain = writer->areas.items[i].parent != index;
	writer_puts(writer, plain ? "\n  " : "\n  (require-all ");
	area_filter(writer, area, area->grant->directory ? "subpath" : "literal");
	if (plain)
		return;
	if (not_itself) {
		writer_puts(writer, "\n    (require-not ");
		area_filter(writer, area, "literal");
		writer_puts(writer, ")");
	}
	for (size_t i = 0; except && i < writer->areas.len; i++)
		if (writer->areas.items[i].parent == index)
			writer_addf(writer, "\n    (require-not (regex (param \"%s%zu\")))", except,
				writer->areas.items[i].number);
	writer_puts(writer, ")");
}

void writer_way(struct writer *writer, const char *path)
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		char *way = strndup(path, (size_t)(slash - path));

		if (!way || strv_add(&writer->nodes, way) < 0)
			writer->error = -ENOMEM;
		free(way);
	}
}

bool writer_has(const struct writer *writer, const struct macos_path *path)
{
	return !path->network || writer->plan->policy->net == KS_NET_PROXY_EGRESS;
}

bool writer_reads(const struct writer *writer, const char *path)
{
	for (size_t i = 0; i < n_macos_paths; i++) {
		if (!writer_has(writer, &macos_paths[i]))
			continue;
		if (strcmp(macos_paths[i].path, path) == 0 ||
			(macos_paths[i].tree && path_covers(macos_paths[i].path, path)))
			return true;
	}
	for (size_t i = 0; i < writer->areas.len; i++) {
		const struct grant *grant = writer->areas.items[i].grant;

		if (grant->directory ? path_covers(grant->path, path)
				     : strcmp(grant->path, path) == 0)
			return true;
	}
	return false;
}

static int by_path(const void *a, const void *b)
{
	return path_compare(*(const char *const *)a, *(const char *const *)b);
}

void writer_ways_end(struct writer *writer)
{
	struct strv *nodes = &writer->nodes;
	size_t kept = 0;

	if (nodes->len > 1)
		qsort(nodes->items, nodes->len, sizeof(nodes->items[0]), by_path);
	for (size_t i = 0; i < nodes->len; i++) {
		char *node = nodes->items[i];

		if ((kept && strcmp(nodes->items[kept - 1], node) == 0) ||
			writer_reads(writer, node)) {
			free(node);
			continue;
		}
		nodes->items[kept] = node;
		writer_numbered(writer, "NODE", kept++, node);
	}
	nodes->len = kept;
	if (nodes->items)
		nodes->items[kept] = NULL;
}
