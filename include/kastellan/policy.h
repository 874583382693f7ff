/* SPDX-License-Identifier: Apache-2.0 */
/* The policy: what a worker may read, write, reach and spend. kastellan-policy(5) describes the
 * JSON form field by field.
 *
 * Ownership: a ks_policy belongs to the caller, who frees it. Strings passed in are copied.
 * Thread-safety: several threads may read one policy; changing one needs it to oneself. */
#ifndef KASTELLAN_POLICY_H
#define KASTELLAN_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include <kastellan/error.h>
#include <kastellan/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ks_policy ks_policy;

/* Network: none at all; only the listed endpoints; the egress proxy's own, real network. */
enum ks_net { KS_NET_DENY = 0, KS_NET_ALLOWLIST = 1, KS_NET_PROXY_EGRESS = 2 };

/* Preset that selects the system-call set, the root file system and the socket families. */
enum ks_profile { KS_PROFILE_WORKER_STRICT = 0, KS_PROFILE_WORKER_NET_CLIENT = 1 };

/* What the egress proxy wants of TLS to port 443: the name (SNI) of the host that was connected to;
 * anything. */
enum ks_sni { KS_SNI_MATCH = 0, KS_SNI_OFF = 1 };

/* Stands for null: the backend's default. */
#define KS_POLICY_UNSET UINT64_MAX

/* A policy with every default: nothing readable or writable, no network, 1000 ms of CPU time,
 * 64 MiB of memory. Returns 0 or -ENOMEM. */
KS_API int ks_policy_new(ks_policy **ret_policy);

/* A deep copy. Returns 0 or -ENOMEM. */
KS_API int ks_policy_copy(const ks_policy *policy, ks_policy **ret_policy);

/* NULL is allowed. */
KS_API void ks_policy_free(ks_policy *policy);

/* Reads a policy from JSON text of len bytes (no NUL needed; at most 1 MiB). name is what errors
 * call the text, usually its file name. Every problem found is in the chain at *reterr
 * (ks_error_next), in the order of the text, with line, column, field and remedy. Returns 0,
 * -EINVAL for a bad policy, -E2BIG, or -ENOMEM. */
KS_API int ks_policy_parse(
	const char *text, size_t len, const char *name, ks_policy **ret_policy, ks_error **reterr);

/* The same from a file. "-" is not special. Returns also the errno of opening or reading. */
KS_API int ks_policy_load(const char *path, ks_policy **ret_policy, ks_error **reterr);

/* Writes the canonical JSON form: every field, in the order of kastellan-policy(5), two spaces of
 * indentation, a final newline. egress is left out where it says nothing: where each of its
 * settings is the default, or where net is no list of endpoints. *ret_text is NUL-terminated; free
 * it with free(). Returns 0 or -ENOMEM. */
KS_API int ks_policy_write(const ks_policy *policy, char **ret_text);

/* The JSON Schema of the policy (draft 2020-12), NUL-terminated; free it with free(). */
KS_API int ks_policy_schema(char **ret_text);

/* Adds a grant. The path is absolute, without "..", control characters or NUL; a leading "?" makes
 * it optional (left out where it does not exist). The file system is not looked at before the
 * spawn. Returns 0, -EINVAL, -E2BIG past 512 grants, or -ENOMEM. */
KS_API int ks_policy_add_read(ks_policy *policy, const char *path, ks_error **reterr);
KS_API int ks_policy_add_write(ks_policy *policy, const char *path, ks_error **reterr);

/* Sets the kind of network; the list of endpoints is emptied. KS_NET_ALLOWLIST with no endpoint
 * means KS_NET_DENY. */
KS_API int ks_policy_set_net(ks_policy *policy, enum ks_net net, ks_error **reterr);

/* Adds "host:port" (IPv6: "[addr]:port"; all hosts below a domain: "*.domain:port") to the list;
 * the kind becomes KS_NET_ALLOWLIST. An international name in UTF-8 is kept in its ASCII form, for
 * which libidn2 is loaded; without it such a name is refused. */
KS_API int ks_policy_add_endpoint(ks_policy *policy, const char *endpoint, ks_error **reterr);

/* CPU time of the whole worker tree in milliseconds; 0 = no budget. */
KS_API int ks_policy_set_cpu_ms(ks_policy *policy, uint64_t cpu_ms, ks_error **reterr);

/* Memory of the whole worker tree, swap included, in MiB; 0 = no limit. */
KS_API int ks_policy_set_mem_mb(ks_policy *policy, uint64_t mem_mb, ks_error **reterr);

KS_API int ks_policy_set_profile(ks_policy *policy, enum ks_profile profile, ks_error **reterr);

/* CPU bandwidth in percent of one processor, at least 1; KS_POLICY_UNSET = the backend's default.
 */
KS_API int ks_policy_set_cpu_quota_pct(ks_policy *policy, uint64_t percent, ks_error **reterr);

/* Processes and threads at once, at least 1; KS_POLICY_UNSET = the backend's default. */
KS_API int ks_policy_set_tasks_max(ks_policy *policy, uint64_t tasks, ks_error **reterr);

/* Sets one variable of the worker's environment; a variable of that name is replaced. */
KS_API int ks_policy_set_env(
	ks_policy *policy, const char *name, const char *value, ks_error **reterr);

/* Settings of the egress proxy, through which a worker reaches the endpoints of its list. They mean
 * nothing under another kind of network: they are kept then, neither used nor written, and apply
 * once there is an endpoint. (In JSON text they are an error without one: a person who wrote them
 * expects something of them.) Each returns 0, or -EINVAL out of its bounds.
 *
 * sni: whether TLS to port 443 must name the host that was connected to (KS_SNI_MATCH, the
 * default). */
KS_API int ks_policy_set_egress_sni(ks_policy *policy, enum ks_sni sni, ks_error **reterr);

/* Connections at once, 1 to 4096; the default is 256. */
KS_API int ks_policy_set_egress_connections(
	ks_policy *policy, uint64_t connections, ks_error **reterr);

/* Different host names that the worker may look up, 1 to 65535; the default is 1024. */
KS_API int ks_policy_set_egress_names(ks_policy *policy, uint64_t names, ks_error **reterr);

/* Bytes that all connections may send and receive together, up to 2^50; 0 = no limit, the default.
 */
KS_API int ks_policy_set_egress_bytes(ks_policy *policy, uint64_t bytes, ks_error **reterr);

/* Milliseconds for the resolution and the dialling of one connection, 1 to 600000; the default is
 * 30000. */
KS_API int ks_policy_set_egress_connect_ms(
	ks_policy *policy, uint64_t connect_ms, ks_error **reterr);

/* Milliseconds without a byte either way after which a connection is ended, up to 86400000 (a day);
 * 0 = never, the default. */
KS_API int ks_policy_set_egress_idle_ms(ks_policy *policy, uint64_t idle_ms, ks_error **reterr);

/* Reading. Returned strings belong to the policy. An index past the end gives NULL. */
KS_API const char *ks_policy_read_path(const ks_policy *policy, size_t index, int *ret_optional);
KS_API const char *ks_policy_write_path(const ks_policy *policy, size_t index, int *ret_optional);
KS_API enum ks_net ks_policy_net(const ks_policy *policy);
KS_API const char *ks_policy_endpoint(const ks_policy *policy, size_t index);
KS_API uint64_t ks_policy_cpu_ms(const ks_policy *policy);
KS_API uint64_t ks_policy_mem_mb(const ks_policy *policy);
KS_API enum ks_profile ks_policy_profile(const ks_policy *policy);
KS_API uint64_t ks_policy_cpu_quota_pct(const ks_policy *policy);
KS_API uint64_t ks_policy_tasks_max(const ks_policy *policy);
KS_API enum ks_sni ks_policy_egress_sni(const ks_policy *policy);
KS_API uint64_t ks_policy_egress_connections(const ks_policy *policy);
KS_API uint64_t ks_policy_egress_names(const ks_policy *policy);
KS_API uint64_t ks_policy_egress_bytes(const ks_policy *policy);
KS_API uint64_t ks_policy_egress_connect_ms(const ks_policy *policy);
KS_API uint64_t ks_policy_egress_idle_ms(const ks_policy *policy);
KS_API const char *ks_policy_env(const ks_policy *policy, size_t index, const char **ret_value);

#ifdef __cplusplus
}
#endif

#endif
