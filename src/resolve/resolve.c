/* SPDX-License-Identifier: Apache-2.0 */
/* Should: answer every request with exactly the backend that was asked for. Must not: fall back
 * from one backend to another, or look at the host to choose. */
#include "resolve/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/error.h"
#include "policy/say.h"
#include "resolve/kinds.h"

struct ks_backends {
	const struct backend_table *table;
	struct facts *facts;
	pthread_mutex_t lock; /* over all below */
	ks_backend *instances[BACKEND_MAX_ROWS];
	ks_backend *none; /* the answer where the table is empty */
	struct findings *findings;
};

/* Takes the facts, also when it fails; NULL is out of memory. */
static int bundle(
	const struct backend_table *table, struct facts *facts, ks_backends **ret_backends)
{
	ks_backends *backends = calloc(1, sizeof(*backends));
	int r = 0;

	if (!facts || !backends) {
		facts_unref(facts);
		free(backends);
		return -ENOMEM;
	}
	pthread_mutex_init(&backends->lock, NULL);
	backends->table = table;
	backends->facts = facts;
	if (r == 0)
		r = backend_new(NULL, NULL, backends->facts, &backends->none);
	for (size_t i = 0; r == 0 && i < table->len; i++)
		r = backend_new(&table->rows[i], NULL, backends->facts, &backends->instances[i]);
	if (r < 0) {
		ks_backends_free(backends);
		return r;
	}
	*ret_backends = backends;
	return 0;
}

int backends_new(
	const struct backend_table *table, probe_function *probe, ks_backends **ret_backends)
{
	return bundle(table, facts_new(probe), ret_backends);
}

static const struct backend_table *table_of(const struct ks_host *host)
{
	if (host->os && strcmp(host->os, platform_backends.os) == 0)
		return &platform_backends;
	return host->os && strcmp(host->os, macos_backends.os) == 0 ? &macos_backends : NULL;
}

static int no_table(const char *os, ks_error **reterr)
{
	bool mac = strcmp(platform_backends.os, macos_backends.os) == 0;

	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "host", .field = "os",
			.remedy = mac ? "plan for a Mac here (\"os\": \"macos\"), and for other "
					"systems there"
				      : phrase("give the facts of a Mac (\"os\": \"macos\") or of "
					       "a host like this one (\"os\": \"%s\")",
						platform_backends.os)
						  .text),
		"facts of a host: os: there are no plans for %s on this system",
		quoted(os, strlen(os)).text);
}

int backends_new_described(
	const char *text, size_t len, ks_backends **ret_backends, ks_error **reterr)
{
	const struct backend_table *table;
	struct ks_host *host = NULL;
	int r;

	if (len > KS_MAX_POLICY_BYTES)
		return error_set(reterr, -E2BIG,
			ABOUT(.step = "host", .remedy = "give the facts of one host"),
			"facts of a host: the text is longer than 1 MiB");
	r = host_read_described(text, len, &host, reterr);
	if (r < 0)
		return r;
	table = table_of(host);
	if (!table) {
		r = no_table(host->os, reterr);
		host_free(host);
		return r;
	}
	return bundle(table, facts_new_described(host), ret_backends) < 0 ? error_oom(reterr) : 0;
}

const struct backend_table *backends_table(const ks_backends *backends)
{
	return backends->table;
}

void ks_backends_free(ks_backends *backends)
{
	if (!backends)
		return;
	for (size_t i = 0; i < BACKEND_MAX_ROWS; i++)
		ks_backend_unref(backends->instances[i]);
	ks_backend_unref(backends->none);
	findings_free(backends->findings);
	facts_unref(backends->facts);
	pthread_mutex_destroy(&backends->lock);
	free(backends);
}

int ks_backends_set(
	ks_backends *backends, enum ks_backend_kind kind, ks_backend *backend, ks_error **reterr)
{
	const struct backend_row *row = backend_row_find(backends->table, kind);
	ks_backend *before;

	if (!row)
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "resolve", .remedy = "give one of the KS_BACKEND_ kinds"),
			"there is no backend of kind %d on this system", (int)kind);
	ks_backend_ref(backend);
	pthread_mutex_lock(&backends->lock);
	before = backends->instances[row - backends->table->rows];
	backends->instances[row - backends->table->rows] = backend;
	pthread_mutex_unlock(&backends->lock);
	/* Outside the lock, as a stub's last reference runs its owner's code. */
	ks_backend_unref(before);
	return 0;
}

int ks_backends_resolve(ks_backends *backends, enum ks_backend_kind kind, const char *image,
	ks_backend **ret_backend)
{
	const struct backend_table *table = backends->table;
	const struct backend_row *row;

	if (kind == KS_BACKEND_NONE)
		kind = table->default_kind;
	if (kind == KS_BACKEND_NONE) {
		*ret_backend = ks_backend_ref(backends->none);
		return 0;
	}
	row = backend_row_find(table, kind);
	if (!row)
		return -EINVAL;
	if (image && row->default_image)
		return backend_new(row, image, backends->facts, ret_backend);
	pthread_mutex_lock(&backends->lock);
	*ret_backend = ks_backend_ref(backends->instances[row - table->rows]);
	pthread_mutex_unlock(&backends->lock);
	return 0;
}

int backends_host(
	ks_backends *backends, bool tried, const struct ks_host **ret_host, ks_error **reterr)
{
	return facts_get(backends->facts, tried, HOST_PARTS, ret_host, reterr);
}

int backends_findings(
	ks_backends *backends, const struct findings **ret_findings, ks_error **reterr)
{
	const struct ks_host *host;
	int r = facts_get(backends->facts, true, HOST_PARTS, &host, reterr);

	if (r < 0)
		return r;
	pthread_mutex_lock(&backends->lock);
	if (!backends->findings)
		r = findings_new(backends->table, host, &backends->findings);
	if (r == 0)
		*ret_findings = backends->findings;
	pthread_mutex_unlock(&backends->lock);
	return r < 0 ? error_oom(reterr) : 0;
}
