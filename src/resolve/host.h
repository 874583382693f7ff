/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a host, as data: filled by a probe (src/linux/probe/probe.c) or read from JSON
 * (host_json.c) for tests, and only read by the pure stages. */
#ifndef KS_RESOLVE_HOST_H
#define KS_RESOLVE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kastellan/error.h>

enum host_userns_cause {
	USERNS_USABLE,
	USERNS_CLONE_SYSCTL, /* kernel.unprivileged_userns_clone=0 */
	USERNS_MAX_ZERO, /* user.max_user_namespaces=0 */
	USERNS_APPARMOR, /* mediated: kernel.apparmor_restrict_unprivileged_userns or a policy */
	USERNS_PROC_MASKED, /* they work, but a fresh /proc may not be mounted: nested container */
	USERNS_PROC_ABSENT, /* nothing is mounted at /proc */
	USERNS_PROC_READ_ONLY, /* so that no id can be mapped */
	USERNS_SECCOMP, /* the caller's own filter refuses */
	USERNS_CHROOT, /* the caller lives in a chroot, where the kernel makes none */
	USERNS_SELINUX, /* a policy of SELinux refuses */
	USERNS_COMPILED_OUT,
	USERNS_OTHER
};

enum host_cgroup_manager { CGROUP_NONE, CGROUP_V1, CGROUP_V2, CGROUP_SCOPE };

struct host_bwrap {
	char *path; /* NULL = not found in the search path */
	char *version; /* "0.8.0", as it says; for people, never for decisions */
	bool setuid; /* refused: its set-uid mode has another, larger attack surface */
	bool works; /* a jail with all namespaces could be made; untried: it may be executed */
	bool bind_fd; /* --bind-fd and --ro-bind-fd */
	bool disable_userns;
	bool size; /* --size for tmpfs */
	char *reason; /* why it does not work: its own words, or NULL */
};

/* What was tried by doing it. */
struct host_trial {
	bool works; /* it could be done; only where it was tried */
	char *reason; /* why it could not, or NULL; the step and what the kernel said */
	char *remedy; /* what that step knows to do about it, or NULL */
};

struct host_cgroup {
	enum host_cgroup_manager manager;
	/* v1: base directories in which this caller may create groups; NULL where it may not. The
	 * same directory may appear twice (cpu,cpuacct mounted together). */
	char *v1_memory;
	char *v1_pids;
	char *v1_cpu;
	char *v1_cpuacct;
	char *v2_base; /* v2: the directory that may be written; scope: the hierarchy's mount point
			*/
	bool scope_system; /* scope: the system manager, else the user's */
	bool memory; /* the controller works: set, read back */
	bool swap; /* swap is counted */
	bool tasks;
	bool cpu_quota;
	bool cpu_time; /* CPU time of the group can be read */
	char *reason; /* why something of it is missing, or NULL */
};

/* What machines with a kernel of their own are made of. Hashes are there only where all was tried:
 * they cost too much for those who want no machine (see backend_ops.look). */
struct host_vm {
	char *qemu; /* qemu-system-x86_64; NULL = not found */
	char *qemu_version; /* "7.2.22", as it says, for people; NULL = not asked */
	char *qemu_sha256;
	char *firmware; /* qboot.rom, or another for QEMU's microvm; NULL = none */
	char *firmware_sha256;
	char *firecracker; /* NULL = not found */
	bool firecracker_static; /* it needs no library */
	char *firecracker_version;
	char *firecracker_sha256;
	char *kernel; /* a kernel's image with a directory of modules; NULL = none */
	char *kernel_release; /* "6.1.0-37-cloud-amd64" */
	char *kernel_sha256;
	char *kernel_reason; /* why one that is there is not used, or NULL */
	char *modules; /* the directory of its modules */
	char *shown; /* "DIR:DIR": libraries and data of the emulator, which its jail shows */
	bool kvm; /* the machine's process may use /dev/kvm */
	char *kvm_reason; /* why not */
	uint32_t tsc_khz; /* of the processor's time stamp counter; 0 = not measured */
	bool templates; /* guests are restored from templates where that works */
	char *templates_reason; /* why not */
};

/* What a Mac has; all zero elsewhere. */
struct host_macos {
	char *version; /* "14.5": of the system, or NULL where it is not known */
	bool sandbox_exec; /* /usr/bin/sandbox-exec may be executed; tried: it started a program */
	bool sandboxed; /* the caller lives in a sandbox, inside of which no other can be applied */
	char *sandbox_reason; /* why sandbox-exec does not work: its own words, or NULL */
	char *container; /* the program container, or NULL = not found */
	char *container_version; /* "0.12.0", or NULL where it does not tell */
	bool container_runs; /* its services are started */
};

enum host_path_kind { HOST_FILE, HOST_DIRECTORY, HOST_LINK };

/* An existing path that the root file system of a jail is made from: shown read-only as it is. A
 * link is one whose text leads to something else that is shown; what leads out of that is listed as
 * the file or directory that it leads to. Beneath /proc it is the other way round: these are the
 * entries that tell of the host, and are to be covered up. */
struct host_path {
	char *path;
	char *target; /* of a link: its text */
	enum host_path_kind kind;
	bool closed; /* nobody but its owner may open it, by its mode */
	uint32_t owner; /* of a closed one, as the caller sees it */
};

enum {
	HOST_PART_HELPER = 1 << 0, /* bwrap, and distribution where that lacks */
	HOST_PART_MACHINE = 1 << 1, /* vm */
	HOST_PARTS = (1 << 2) - 1
};

struct ks_host {
	/* True: all was tried by doing. False: the cheap facts only, which a spawn needs; what
	 * needs a process to find out (userns, bwrap.works, native, egress, idmap) is taken to
	 * work. */
	bool tried;
	char *os; /* "linux" or "macos" */
	char *distribution; /* ID of os-release ("debian"), or NULL */
	char *machine; /* uname -m */
	char *kernel; /* uname -r */
	uint32_t uid;
	uint32_t gid;
	bool privileged; /* may set ids (to the kernel ids of a jail too) and mount */
	bool set_ids; /* may set such ids, and end whoever has them */
	enum host_userns_cause userns;
	int userns_errno;
	char *userns_step; /* that failed: "unshare", "map", "net", "proc", ...; NULL = none */
	int landlock_abi; /* 0 = none */
	int landlock_errno;
	bool seccomp; /* filters can be loaded */
	bool seccomp_notify; /* with user notification */
	bool idmap; /* privileged callers: mounts with mapped ids can be made */
	unsigned processors;
	struct host_bwrap bwrap;
	struct host_trial native; /* a jail without a helper */
	struct host_trial egress; /* one whose network leads to the egress proxy */
	struct host_cgroup cgroup;
	struct host_vm vm;
	struct host_macos macos;
	struct host_path *paths; /* sorted by path */
	size_t n_paths;
	/* Parts that only some backends need are looked at when one of them asks for the facts, by
	 * this function: 0 or -ENOMEM. NULL: all there is to be known is known. */
	int (*look)(struct ks_host *host, unsigned parts);
	unsigned looked; /* HOST_PART_* */
	/* What the platform keeps from one spawn for the next, which changes though the facts do
	 * not, and who frees it. NULL: nothing. */
	void *kept;
	void (*free_kept)(void *kept);
};

/* NULL if there is no such path on the host. */
const struct host_path *host_path_find(const struct ks_host *host, const char *path);

/* Adds or replaces a path. Returns 0 or -ENOMEM. */
int host_add_path(
	struct ks_host *host, const char *path, enum host_path_kind kind, const char *target);

/* Notes that a path, which is there, is closed to everybody but its owner. */
void host_close_path(struct ks_host *host, const char *path, uint32_t owner);

struct ks_host *host_new(void); /* NULL = out of memory */
void host_free(struct ks_host *host);

/* Facts as JSON: host.json of the golden tests, and a part of `kastellan doctor --json`. */
int host_write_json(const struct ks_host *host, char **ret_text);
int host_read_json(const char *text, size_t len, struct ks_host **ret_host, ks_error **reterr);

/* The same where they may also be a part, "host", of what the doctor prints, and where a plan is to
 * be made from them: what has no harmless value if it is left out, has to be there. */
int host_read_described(const char *text, size_t len, struct ks_host **ret_host, ks_error **reterr);

/* "usable", "clone-sysctl", ...; and back: a negative number for no cause. */
const char *host_userns_cause_name(enum host_userns_cause cause);
int host_userns_cause_from_name(const char *name);
const char *host_cgroup_manager_name(enum host_cgroup_manager manager);
int host_cgroup_manager_from_name(const char *name);
const char *host_path_kind_name(enum host_path_kind kind);
int host_path_kind_from_name(const char *name);

#endif
