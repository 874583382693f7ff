/* SPDX-License-Identifier: Apache-2.0 */
/* The plan: everything that will be done for one worker, as data. Pure planners fill it from the
 * policy, the opened grants' facts and the host's facts; printing and the receipt read it; only
 * apply_* acts on it. What is not in the plan does not happen. */
#ifndef KS_PLAN_PLAN_H
#define KS_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <kastellan/backend.h>
#include <kastellan/plan.h>

#include "base/sha256.h"
#include "base/strv.h"
#include "policy/policy.h"
#include "resolve/host.h"
#include "resolve/why_not.h"

/* One grant after its only name resolution (src/linux/grants/open_grants.c). */
struct grant {
	enum policy_field field; /* FIELD_FS_READ or FIELD_FS_WRITE */
	size_t index; /* in the policy's list */
	char *asked; /* as the policy says, normalised */
	char *path; /* of the opened object, without links: where it appears inside */
	bool directory;
	bool pin; /* asked by nobody: holds the name of a read grant in a writable directory */
	bool idmap; /* its file system can show it with mapped ids (privileged callers only) */
	uint64_t dev;
	uint64_t ino;
	uint32_t owner_uid;
	uint32_t owner_gid;
	int fd; /* O_PATH; -1 in pure tests */
};

struct grants {
	struct grant *items; /* absent optional grants are not in it */
	size_t len;
	struct strv absent; /* optional paths that do not exist, for the receipt */
};

enum mount_kind {
	MOUNT_BIND_HOST, /* read-only bind of the host's path `source` */
	MOUNT_BIND_GRANT, /* bind of grant number `grant` */
	MOUNT_MASK_FILE, /* /dev/null over a file */
	MOUNT_CLOSED, /* nothing: the file at `path` is closed to the worker already, by its mode */
	MOUNT_MASK_DIRECTORY, /* an empty read-only tmpfs over a directory */
	MOUNT_DATA, /* a generated read-only file with text `source` */
	MOUNT_LINK, /* symbolic link with target `source` */
	MOUNT_TMPFS, /* of `size` bytes and `mode` */
	MOUNT_PROC,
	MOUNT_DEV,
	MOUNT_DEVICE /* the host's device `source`, which may be used */
};

/* One thing in the jail's root, in the order of application. */
struct mount {
	enum mount_kind kind;
	char *path;
	char *source;
	size_t grant;
	bool writable;
	uint64_t size;
	unsigned mode;
};

struct mount_list {
	struct mount *items;
	size_t len;
};

struct landlock_rule {
	char *path;
	uint64_t access;
	bool optional; /* host-dependent system path: a missing one grants less */
	size_t grant; /* its number: the rule is for what was opened; SIZE_MAX = by the path */
};

struct landlock_plan {
	int abi; /* 0 = no Landlock on this host */
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
	uint64_t temporary; /* rights in plan->temporary's new directory */
	struct landlock_rule *rules;
	size_t n_rules;
};

struct filter_plan {
	bool enabled;
	bool notify; /* never-legitimate calls are named in the outcome; else they just kill */
	bool on_host; /* the filter for workers without namespaces, ... */
	bool scoped; /* ... where Landlock holds signals */
	bool around_emulator; /* the filter of a jail whose program opens sockets for a guest */
	enum ks_profile profile;
	const char *machine; /* static string */
};

struct rlimit_plan {
	int resource;
	const char *name; /* "nofile" */
	uint64_t soft;
	uint64_t hard;
};

#define PLAN_MAX_RLIMITS 8

struct limits_plan {
	/* For the control group; UINT64_MAX = no limit asked. */
	uint64_t memory_bytes;
	uint64_t tasks;
	uint64_t cpu_quota_pct;
	uint64_t cpu_budget_usec; /* watched by the supervisor; UINT64_MAX = none */
	bool group; /* a control group is used */
	struct rlimit_plan rlimits[PLAN_MAX_RLIMITS];
	size_t n_rlimits;
};

struct identity_plan {
	uint32_t uid; /* what the worker sees */
	uint32_t gid;
	bool drop; /* kernel ids of its own are given by the spawn (privileged callers) */
	bool idmap; /* grants are shown with mapped ids */
	bool on_host; /* no user namespace: uid and gid are the kernel's, unless dropped */
};

/* What the worker's network is. */
enum plan_network {
	NETWORK_NONE, /* a namespace that leads nowhere, or no sockets */
	NETWORK_PROXY, /* a namespace whose every address leads to the egress proxy */
	NETWORK_DOOR, /* nothing but the egress proxy's unix socket */
	NETWORK_HOST /* the caller's own */
};

/* A value that the text of a profile takes by name, so that no path is ever part of the text. */
struct seatbelt_param {
	char *name;
	char *value; /* NULL: known at the start only, ... */
	const char *late; /* ... and this is what it will be, in words (static) */
};

struct seatbelt_plan {
	char *profile; /* NULL: no such profile */
	struct seatbelt_param *params;
	size_t n_params;
};

/* What only a backend with machines needs to know of the host, and what costs too much to be told
 * to the others. Texts are empty where there is no such file. */
struct vm_look {
	char qemu[SHA256_TEXT];
	char firmware[SHA256_TEXT];
	char firecracker[SHA256_TEXT];
	char kernel[SHA256_TEXT];
	uint32_t tsc_khz;
};

/* A machine with a kernel of its own around the worker. The rest of the plan is the guest's: its
 * control group, Landlock, filter; its mounts are made on the host, and served to it. */
struct vm_plan {
	char *emulator; /* on the host, as the next; NULL: there is no machine */
	char *firmware; /* NULL: it needs none */
	char *kernel; /* the image, compressed as a distribution has it */
	char *modules;
	char *release;
	struct vm_look pins; /* what they have to be */
	bool kvm; /* else it is emulated, */
	char *kvm_reason; /* because of this */
	uint64_t guest_bytes; /* all that the guest has */
	uint64_t host_bytes; /* limit of the machine's group: guest, emulator, keeper */
	uint64_t quota_pct; /* of the same group; UINT64_MAX = none */
	uint32_t connections; /* of the worker's, carried at once; 0: nothing leads out of it */
	bool templates; /* the guest is restored where that works; else it is booted, */
	char *templates_reason; /* because of this */
	int host_landlock; /* ABI that the jails around machine and files have */
	struct strv command; /* of the emulator, as it stands in the machine's jail */
	char *config; /* what it reads besides (Firecracker's), or NULL */
};

enum receipt_verdict { RECEIPT_HELD, RECEIPT_CLAMPED, RECEIPT_DEGRADED, RECEIPT_ABSENT };

struct receipt_row {
	enum policy_field field;
	enum receipt_verdict verdict;
	bool requested; /* false: nothing was asked, so nothing can be refused */
	char *request; /* "64 MiB" */
	char *mechanism; /* "cgroup v1 memory.memsw.limit_in_bytes" */
	char *detail; /* to what it is clamped, how it is degraded; NULL for held */
	char *remedy; /* NULL for held */
};

struct receipt {
	struct receipt_row rows[FIELD_COUNT];
};

struct ks_plan {
	enum ks_backend_kind kind;
	struct ks_policy *policy; /* a copy */
	struct grants grants;
	struct mount_list mounts;
	struct landlock_plan landlock;
	struct filter_plan filter;
	struct limits_plan limits;
	struct identity_plan identity;
	enum plan_network network;
	bool shared_proxy; /* with NETWORK_PROXY: the proxy is a pool's */
	struct strv argv; /* the program and its arguments; empty in `kastellan plan` without one */
	char *cwd; /* inside */
	char *search; /* where a program without a slash is looked for */
	bool tty;
	char *temporary; /* a directory is made in it for the worker and removed at its end; or NULL
			  */
	bool temporary_named; /* by TMPDIR */
	struct strv helper; /* the helper's arguments, argv[0] first */
	struct strv data; /* texts of MOUNT_DATA, in slot order */
	struct seatbelt_plan seatbelt;
	struct vm_plan vm;
	char *image; /* of a backend with images, else NULL */
	const char *evidence; /* how far this backend has been tried (static); NULL: it has been */
	struct receipt receipt;
	/* Whether the backend works there at all; for those who only plan. */
	struct why_not why_not;
};

/* What a planner is given. */
struct plan_request {
	const struct ks_policy *policy;
	const struct ks_host *host;
	const char *const *argv; /* NULL-terminated, or NULL */
	const char *cwd; /* wanted working directory on the host, or NULL */
	bool cwd_asked; /* an explicit --cwd: an error where it is not visible inside */
	bool tty;
	bool shared_proxy; /* of a pool */
	const char *image; /* of a backend with images */
	const struct vm_look *look; /* of one with machines; NULL: the facts have it all */
};

struct ks_plan *plan_alloc(void);
/* Closes the grants' descriptors too. */
void plan_free(struct ks_plan *plan);
void grants_done(struct grants *grants);
/* The innermost granted directory around the path, and of two grants of it the writable one; NULL =
 * none. */
const struct grant *grants_around(const struct grants *grants, const char *path);

/* Field names and texts shared by the printers. */
const char *plan_network_name(enum plan_network network); /* "none", "proxy", "host" */
const char *receipt_verdict_name(enum receipt_verdict verdict);

/* Refuses a plan whose receipt holds a requested field that is neither held nor clamped and not in
 * `allowed` (bits 1 << enum policy_field): -EOPNOTSUPP, with field, reason and remedy. */
int receipt_check(const struct receipt *receipt, unsigned allowed, ks_error **reterr);

/* printing: text for people, JSON for programs. Free with free(). */
int plan_write_text(const struct ks_plan *plan, char **ret_text);
int plan_write_json(const struct ks_plan *plan, char **ret_text);
/* The receipt alone, also part of the status file: a JSON array of rows. */
int receipt_write_text(const struct receipt *receipt, char **ret_text);
struct json_t *receipt_to_json(const struct receipt *receipt);

#endif
