/* SPDX-License-Identifier: Apache-2.0 */
/* Tools: a manifest names the programs of an agent, each with its policy, its backend and the lives
 * of its workers. kastellan-tools(5) describes the JSON form key by key.
 *
 * Ownership: a ks_tools belongs to the caller, who frees it; strings and policies that it returns
 * belong to it.
 * Thread-safety: a manifest never changes; any number of threads may read it. */
#ifndef KASTELLAN_TOOLS_H
#define KASTELLAN_TOOLS_H

#include <stddef.h>
#include <stdint.h>

#include <kastellan/backend.h>
#include <kastellan/error.h>
#include <kastellan/policy.h>
#include <kastellan/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ks_tools ks_tools;

/* The most workers that a tool has at once, whatever its lifecycle says. */
#define KS_WORKERS_MAX 256

/* How long a worker lives: for one acquisition, or until nobody has used it for a while. */
enum ks_lifecycle { KS_LIFECYCLE_SINGLE_USE = 0, KS_LIFECYCLE_IDLE_TIMEOUT = 1 };

/* One tool of a manifest. */
struct ks_tool {
	size_t size; /* sizeof(struct ks_tool) of the caller, set before the call */
	const char *name;
	const char *const *argv; /* NULL-terminated: program and arguments */
	const char *cwd; /* NULL: "/" */
	const ks_policy *policy;
	const char *image; /* NULL = the backend's own */
	enum ks_backend_kind backend; /* KS_BACKEND_NONE = the default of the operating system */
	enum ks_lifecycle lifecycle;
	/* With KS_LIFECYCLE_IDLE_TIMEOUT; 0 = unlimited. */
	uint64_t idle_seconds;
	uint64_t max_requests;
	uint64_t max_age_seconds;
	uint64_t instances;
	uint64_t wall_ms; /* of one request; 0 = unlimited */
	uint64_t max_message_bytes; /* of one message, in either direction */
	const char *policy_file; /* where the policy was read; NULL: it is part of the manifest */
};

/* Reads a manifest from JSON text of len bytes (at most 1 MiB). name is what errors call the text;
 * policies in files of their own are looked for beside it. Every problem found is in the chain at
 * *reterr, in the order of the text, with line, column and remedy. Returns 0, -EINVAL for a bad
 * manifest or policy, -E2BIG, or -ENOMEM. */
KS_API int ks_tools_parse(
	const char *text, size_t len, const char *name, ks_tools **ret_tools, ks_error **reterr);

/* The same from a file. Returns also the errno of opening or reading. */
KS_API int ks_tools_load(const char *path, ks_tools **ret_tools, ks_error **reterr);

/* The JSON Schema of the manifest (draft 2020-12), NUL-terminated; free it with free(). */
KS_API int ks_tools_schema(char **ret_text);

/* Tool number index, in the order of the text, or the one of that name. 0, or -ENOENT. */
KS_API int ks_tools_get(const ks_tools *tools, size_t index, struct ks_tool *ret_tool);
KS_API int ks_tools_find(const ks_tools *tools, const char *name, struct ks_tool *ret_tool);

/* NULL is allowed. A manager keeps what it needs. */
KS_API void ks_tools_free(ks_tools *tools);

#ifdef __cplusplus
}
#endif

#endif
