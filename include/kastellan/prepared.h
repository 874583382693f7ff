/* SPDX-License-Identifier: Apache-2.0 */
/* One policy, prepared for many workers: jails are built ahead, so that a spawn only has to execute
 * the program. Every worker has a jail of its own, which serves once: when a worker has its
 * outcome, none of its processes is left and its control groups are removed. On Linux the empty
 * jail's own two processes (kastellan-init) then end by themselves, within milliseconds;
 * ks_prepared_fill(), the next spawn's end or ks_prepared_free() reaps the one of them that is the
 * caller's child, and never are more than 64 left. All functions may be called from any thread, on
 * one object from several at once, but for ks_prepared_free(). */
#ifndef KASTELLAN_PREPARED_H
#define KASTELLAN_PREPARED_H

#include <stddef.h>

#include <kastellan/backend.h>
#include <kastellan/error.h>
#include <kastellan/policy.h>
#include <kastellan/run.h>
#include <kastellan/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ks_prepared ks_prepared;

/* The most jails that are kept waiting. */
#define KS_PREPARED_MAX 256

/* Prepares a policy, of which it keeps a copy. Of the options only cwd, allow_degraded,
 * egress_audit and egress_pool count, and are those of all workers; a terminal cannot be built
 * ahead. A jail that waits counts as a worker of the pool. ahead: how many jails ks_prepared_fill()
 * keeps waiting. Nothing is built yet, but what would be refused is refused here. Returns 0,
 * -EINVAL, -ERANGE, or as ks_child_spawn(). */
KS_API int ks_prepared_new(ks_backend *backend, const ks_policy *policy,
	const struct ks_run_options *options, size_t ahead, ks_prepared **ret_prepared,
	ks_error **reterr);

/* Builds the jails that are missing: at the start, and whenever there is time for it after a spawn.
 * It takes as long as that many spawns. A waiting jail costs the memory of two small processes
 * and of its mounts, a control group, and the descriptors of its grants; one of KS_BACKEND_QEMU_VM
 * a guest that is up, with its emulator, and all that two such jails cost. On macOS nothing waits:
 * workers are started when they are wanted, which means the same. Returns 0, or as
 * ks_child_spawn(): what was built before the failure is kept; or -EBUSY where a jail whose worker
 * has ended does not end itself, as when a file server that it shows is away. */
KS_API int ks_prepared_fill(ks_prepared *prepared, ks_error **reterr);

/* How many jails wait. */
KS_API size_t ks_prepared_waiting(ks_prepared *prepared);

/* As ks_child_spawn(), in a jail that waits, or in a new one where none does. A jail is dropped and
 * never used where the host has changed since it was built: another object behind the name of a
 * grant or of a part of the system that it shows, or another owner of it, another mount table,
 * another working directory of the caller. In a child of fork() the jails that its parent has built
 * are neither used nor ended. cwd, allow_degraded, egress_audit, egress_pool and terminal of these
 * options must be zero. */
KS_API int ks_prepared_spawn(ks_prepared *prepared, const char *const *argv,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr);

/* Ends the jails that wait, and waits for those whose workers have ended; workers that run are not
 * touched. NULL is allowed. */
KS_API void ks_prepared_free(ks_prepared *prepared);

#ifdef __cplusplus
}
#endif

#endif
