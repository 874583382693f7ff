/* SPDX-License-Identifier: Apache-2.0 */
/* The process of a pool: its start, its control group and its end (shared.c, keeper.c). */
#ifndef KS_EGRESS_SHARED_H
#define KS_EGRESS_SHARED_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "egress/control.h"
#include "egress/pool.h"
#include "linux/cgroup/cgroup.h"
#include "resolve/host.h"

/* What removes the group when this process is gone, however it went. */
struct keeper {
	pid_t pid; /* 0 = there is none */
	int pidfd;
	int socket;
};

#define KEEPER_NONE ((struct keeper){.pidfd = -1, .socket = -1})

/* Of what members say first, all but the lock does not change. */
struct egress_shared {
	unsigned users; /* the pool's too; atomic */
	int ended; /* a pidfd of its own */
	int lobby; /* the owner's socket, for those who come */
	struct keeper keeper;
	pthread_mutex_t lock; /* for what follows */
	struct egress_owner *process;
	struct cgroup *group; /* NULL = the host has none to give */
	bool condemned; /* killed by this process, whether that has ended it or not */
	bool over;
	int status;
	bool memory;
};

/* 0 or -errno, with nothing left. It becomes ready while the caller goes on. */
int shared_start(const struct egress_pool_config *config, const struct host_cgroup *host,
	struct egress_shared **ret_shared, ks_error **reterr);
/* 0; -EPIPE where nobody can be let in any more; other -errno. */
int shared_admit(struct egress_shared *shared, const int *fds, size_t n_fds);

int keeper_start(struct keeper *keeper, ks_error **reterr);
/* Before the group exists, and again once all its directories are known. */
int keeper_tell(const struct keeper *keeper, const struct cgroup *group, ks_error **reterr);
/* The group is gone, if there was one, or is left to the keeper to remove. Waits for its end. */
void keeper_end(struct keeper *keeper, bool gone);

#endif
