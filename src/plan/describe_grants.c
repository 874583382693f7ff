/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "plan/open_grants.h"
#include "plan/paths.h"
#include "policy/fields.h"

#define MOST_LINKS 40 /* as the kernel follows */

/* The first link on the way to the path, itself included; NULL = none is listed. */
static const struct host_path *first_link(const struct ks_host *host, const char *path)
{
	const struct host_path *first = NULL;

	for (size_t i = 0; i < host->n_paths; i++) {
		const struct host_path *entry = &host->paths[i];

		if (entry->kind == HOST_LINK && path_covers(entry->path, path) &&
			(!first || strlen(entry->path) < strlen(first->path)))
			first = entry;
	}
	return first;
}

/* Takes "." and ".." out of a text from the root; links in it have been followed by then. */
static char *normalise(const char *path)
{
	char *out = calloc(1, strlen(path) + 2);
	size_t used = 0;

	for (const char *part = path; out && *part;) {
		size_t len = strcspn(part, "/");

		if (len == 2 && strncmp(part, "..", 2) == 0) {
			while (used && out[used - 1] != '/')
				used--;
			used -= used > 0;
		} else if (len && !(len == 1 && *part == '.')) {
			out[used++] = '/';
			memcpy(out + used, part, len);
			used += len;
		}
		part += len + (part[len] == '/');
	}
	if (out && used == 0)
		out[used++] = '/';
	if (out)
		out[used] = '\0';
	return out;
}

/* The path with the link replaced by what it leads to. NULL = out of memory. */
static char *follow(const struct host_path *link, const char *path)
{
	const char *slash = strrchr(link->path, '/');
	autostrbuf struct strbuf text;

	strbuf_init(&text, KS_MAX_TEXT);
	if (link->target[0] != '/')
		strbuf_add(&text, link->path, (size_t)(slash - link->path) + 1);
	strbuf_puts(&text, link->target);
	strbuf_puts(&text, path + strlen(link->path));
	return text.error ? NULL : normalise(text.data);
}

static int real_path(const struct ks_host *host, const char *path, char **ret_path)
{
	char *real = strdup(path);
	const struct host_path *link;

	for (int i = 0; real && (link = first_link(host, real)); i++) {
		char *next = i < MOST_LINKS ? follow(link, real) : NULL;

		free(real);
		if (i == MOST_LINKS)
			return -ELOOP;
		real = next;
	}
	*ret_path = real;
	return real ? 0 : -ENOMEM;
}

static int describe(const struct ks_host *host, const struct policy_path *path,
	enum policy_field field, size_t index, struct grant *ret_grant)
{
	const struct host_path *entry;
	int r;

	*ret_grant = (struct grant){.field = field, .index = index, .idmap = host->idmap, .fd = -1};
	ret_grant->asked = strdup(path->path);
	r = real_path(host, path->path, &ret_grant->path);
	if (r < 0)
		return r;
	entry = host_path_find(host, ret_grant->path);
	ret_grant->directory = !entry || entry->kind == HOST_DIRECTORY;
	return ret_grant->asked ? 0 : -ENOMEM;
}

static int describe_all(const struct ks_host *host, const struct policy_path *paths, size_t len,
	enum policy_field field, struct grants *grants, ks_error **reterr)
{
	for (size_t i = 0; i < len; i++) {
		const char *name = policy_field_name(field);
		int r = describe(host, &paths[i], field, i, &grants->items[grants->len++]);

		if (r == -ELOOP)
			return error_set(reterr, r,
				ABOUT(.step = "host", .field = name, .path = paths[i].path,
					.remedy = "correct the links in \"paths\" of the facts"),
				"%s: %s: the links of the described host lead in a circle", name,
				paths[i].path);
		if (r < 0)
			return error_oom(reterr);
	}
	return 0;
}

int grants_describe(const struct ks_policy *policy, const struct ks_host *host,
	struct grants *ret_grants, ks_error **reterr)
{
	struct grants grants = {
		.items = calloc(policy->n_fs_read + policy->n_fs_write + 1, sizeof(struct grant))};
	int r;

	if (!grants.items)
		return error_oom(reterr);
	r = describe_all(host, policy->fs_read, policy->n_fs_read, FIELD_FS_READ, &grants, reterr);
	if (r == 0)
		r = describe_all(host, policy->fs_write, policy->n_fs_write, FIELD_FS_WRITE,
			&grants, reterr);
	if (r < 0) {
		grants_done(&grants);
		return r;
	}
	*ret_grants = grants;
	return 0;
}
