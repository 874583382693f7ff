/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes of a Mac, by libproc. Other users' processes are not told of. */
#include "watch/table.h"

#include <errno.h>
#include <libproc.h>
#include <mach/mach_time.h>
#include <stdlib.h>
#include <sys/proc_info.h>
#include <sys/resource.h>
#include <unistd.h>

/* Times of proc_pid_rusage() are ticks of the machine, which are no nanoseconds on Apple's own
 * processors. */
static uint64_t ticks_usec(uint64_t ticks)
{
	mach_timebase_info_data_t base;

	if (mach_timebase_info(&base) != 0 || base.denom == 0)
		return ticks / 1000;
	return (uint64_t)((__uint128_t)ticks * base.numer / base.denom / 1000);
}

int process_read(pid_t pid, struct process *ret_process)
{
	struct proc_taskallinfo info;
	struct rusage_info_v2 usage;
	pid_t session;

	if (proc_pidinfo(pid, PROC_PIDTASKALLINFO, 0, &info, sizeof(info)) != sizeof(info) ||
		proc_pid_rusage(pid, RUSAGE_INFO_V2, (rusage_info_t *)&usage) != 0)
		return -ESRCH;
	session = getsid(pid);
	*ret_process = (struct process){.pid = pid,
		.parent = (pid_t)info.pbsd.pbi_ppid,
		.session = session < 0 ? 0 : session,
		.born = info.pbsd.pbi_start_tvsec * 1000000 + info.pbsd.pbi_start_tvusec,
		.cpu_usec = ticks_usec(usage.ri_user_time + usage.ri_system_time),
		.children_usec = ticks_usec(usage.ri_child_user_time + usage.ri_child_system_time),
		.memory = usage.ri_phys_footprint,
		.threads = (uint64_t)info.ptinfo.pti_threadnum,
		.ended = info.pbsd.pbi_status == 5 /* SZOMB */};
	return 0;
}

int process_list(pid_t **ret_pids, size_t *ret_len)
{
	/* Some room, for those that are made between the two calls. */
	int room = proc_listallpids(NULL, 0) + 64;
	pid_t *pids;
	int n;

	if (room < 64)
		return -errno;
	pids = calloc((size_t)room, sizeof(*pids));
	if (!pids)
		return -ENOMEM;
	n = proc_listallpids(pids, room * (int)sizeof(*pids));
	if (n < 0) {
		n = -errno;
		free(pids);
		return n;
	}
	*ret_pids = pids;
	*ret_len = (size_t)n;
	return 0;
}
