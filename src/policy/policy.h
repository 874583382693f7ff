/* SPDX-License-Identifier: Apache-2.0 */
/* The policy as data. Parsing fills it, validation has looked at every field before anyone else
 * sees it; later stages only read it. */
#ifndef KS_POLICY_POLICY_H
#define KS_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kastellan/policy.h>

/* Bits of enum policy_field, one a key: used by the receipt and by --allow-degraded. */
enum policy_field {
	FIELD_FS_READ,
	FIELD_FS_WRITE,
	FIELD_NET,
	FIELD_CPU_MS,
	FIELD_MEM_MB,
	FIELD_PROFILE,
	FIELD_CPU_QUOTA_PCT,
	FIELD_TASKS_MAX,
	FIELD_ENV,
	FIELD_EGRESS,
	FIELD_COUNT
};

struct policy_path {
	char *path; /* absolute, normalised: no "//", ".", trailing "/" (but "/" itself) */
	bool optional;
};

struct policy_endpoint {
	char *text; /* canonical "host:port", ASCII in lower case, IPv6 in brackets */
	char *host; /* without brackets; "*.domain" stands for every name below it */
	uint16_t port;
};

struct policy_env {
	char *name;
	char *value;
};

/* Settings of the egress proxy. Nothing looks at them unless net is an Allowlist. */
struct policy_egress {
	enum ks_sni sni;
	uint64_t connections;
	uint64_t names;
	uint64_t bytes; /* 0 = unlimited */
	uint64_t connect_ms;
	uint64_t idle_ms; /* 0 = no connection is ended for being idle */
};

struct ks_policy {
	struct policy_path *fs_read;
	size_t n_fs_read;
	struct policy_path *fs_write;
	size_t n_fs_write;
	enum ks_net net;
	struct policy_endpoint *endpoints;
	size_t n_endpoints;
	uint64_t cpu_ms; /* 0 = unset */
	uint64_t mem_mb; /* 0 = unset */
	enum ks_profile profile;
	uint64_t cpu_quota_pct; /* KS_POLICY_UNSET = null */
	uint64_t tasks_max; /* KS_POLICY_UNSET = null */
	struct policy_env *env;
	size_t n_env;
	struct policy_egress egress;
};

#endif
