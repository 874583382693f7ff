/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/backends.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "resolve/kinds.h"

struct ks_backend {
	atomic_uint references;
	enum ks_backend_kind kind;
	const struct backend_row *row; /* NULL for a stub, and where a system has no backend */
	struct facts *facts; /* NULL for a stub */
	char *image;
	bool is_stub;
	struct ks_backend_stub_ops stub;
	void *stub_data;
};

/* What a stub pretends to run on: nothing is known of it. */
static const struct ks_host stub_host = {.os = (char *)"stub"};

const struct backend_row *backend_row_find(
	const struct backend_table *table, enum ks_backend_kind kind)
{
	for (size_t i = 0; i < table->len; i++)
		if (table->rows[i].kind == kind)
			return &table->rows[i];
	return NULL;
}

static ks_backend *backend_alloc(enum ks_backend_kind kind)
{
	ks_backend *backend = calloc(1, sizeof(*backend));

	if (!backend)
		return NULL;
	atomic_init(&backend->references, 1);
	backend->kind = kind;
	return backend;
}

int backend_new(const struct backend_row *row, const char *image, struct facts *facts,
	ks_backend **ret_backend)
{
	ks_backend *backend = backend_alloc(row ? row->kind : KS_BACKEND_NONE);

	if (!backend)
		return -ENOMEM;
	if (row && row->default_image) {
		backend->image = strdup(image ? image : row->default_image);
		if (!backend->image) {
			free(backend);
			return -ENOMEM;
		}
	}
	backend->row = row;
	backend->facts = facts_ref(facts);
	*ret_backend = backend;
	return 0;
}

int ks_backend_stub_new(enum ks_backend_kind kind, const struct ks_backend_stub_ops *ops,
	void *data, ks_backend **ret_backend)
{
	struct ks_backend_stub_ops own = {.size = sizeof(own)};
	ks_backend *backend;

	if (!ops || ops->size < sizeof(ops->size) || !backend_row_find(&platform_backends, kind))
		return -EINVAL;
	for (size_t i = sizeof(own); i < ops->size; i++)
		if (((const char *)ops)[i])
			return -E2BIG;
	memcpy(&own, ops, ops->size < sizeof(own) ? ops->size : sizeof(own));
	backend = backend_alloc(kind);
	if (!backend)
		return -ENOMEM;
	backend->is_stub = true;
	backend->stub = own;
	backend->stub_data = data;
	*ret_backend = backend;
	return 0;
}

ks_backend *ks_backend_ref(ks_backend *backend)
{
	atomic_fetch_add_explicit(&backend->references, 1, memory_order_relaxed);
	return backend;
}

void ks_backend_unref(ks_backend *backend)
{
	if (!backend ||
		atomic_fetch_sub_explicit(&backend->references, 1, memory_order_acq_rel) != 1)
		return;
	if (backend->stub.free)
		backend->stub.free(backend->stub_data);
	facts_unref(backend->facts);
	free(backend->image);
	free(backend);
}

enum ks_backend_kind ks_backend_kind(const ks_backend *backend)
{
	return backend->kind;
}

const char *ks_backend_name(const ks_backend *backend)
{
	return kind_name(backend->kind);
}

const char *ks_backend_image(const ks_backend *backend)
{
	return backend->image;
}

const struct backend_ops *backend_ops(const ks_backend *backend)
{
	return backend->row ? backend->row->ops : NULL;
}

const struct ks_backend_stub_ops *backend_stub(const ks_backend *backend, void **ret_data)
{
	if (!backend->is_stub)
		return NULL;
	if (ret_data)
		*ret_data = backend->stub_data;
	return &backend->stub;
}

/* Of the parts that not every backend needs. */
static unsigned parts_for(const struct backend_row *row)
{
	return row ? HOST_PARTS & ~row->spared_parts : HOST_PARTS;
}

int backend_host(
	ks_backend *backend, bool tried, const struct ks_host **ret_host, ks_error **reterr)
{
	if (!backend->is_stub)
		return facts_get(backend->facts, tried, parts_for(backend->row), ret_host, reterr);
	*ret_host = &stub_host;
	return 0;
}

int backend_can_plan(const ks_backend *backend, ks_error **reterr)
{
	if (backend->is_stub || backend_ops(backend))
		return 0;
	if (!backend->row)
		return error_set(reterr, -EOPNOTSUPP,
			ABOUT(.step = "resolve", .remedy = "run kastellan on Linux or macOS"),
			"kastellan has no backend for this operating system, so nothing can be "
			"run");
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "resolve",
			.remedy = "leave the backend out to get the default of this system"),
		"the backend \"%s\" is not built in this version", ks_backend_name(backend));
}

bool backend_is_described(const ks_backend *backend)
{
	return backend->facts && facts_are_described(backend->facts);
}

int backend_why_not(ks_backend *backend, struct why_not *ret, ks_error **reterr)
{
	const struct ks_host *host = NULL;
	int r = backend->is_stub ? 0 : backend_host(backend, false, &host, reterr);

	*ret = (struct why_not){0};
	if (r < 0 || !host)
		return r;
	return backend->row->why_not(host, ret) < 0 ? error_oom(reterr) : 0;
}

int backend_can_spawn(ks_backend *backend, const struct ks_host *host, ks_error **reterr)
{
	struct why_not why;
	int r = backend_can_plan(backend, reterr);

	if (r < 0 || backend->is_stub)
		return r;
	if (backend_is_described(backend))
		return error_set(reterr, -EOPNOTSUPP,
			ABOUT(.step = "resolve", .remedy = "leave out the facts of another host"),
			"the host is one that a file describes: nothing can be run there from "
			"here");
	r = backend->row->why_not(host, &why);
	return why_not_refuse(r, &why, reterr);
}
