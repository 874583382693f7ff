/* SPDX-License-Identifier: Apache-2.0 */
/* The library's side of a worker on macOS. */
#ifndef KS_MACOS_APPLY_PARTS_H
#define KS_MACOS_APPLY_PARTS_H

#include "macos/apply/message.h"
#include "plan/plan.h"
#include "supervise/jail.h"

struct jail {
	pid_t warden; /* 0 = waited for */
	int control; /* -1 = its end has been seen */
	pid_t worker;
	uint64_t worker_born; /* as the table of processes has it */
	bool machine;
	bool ended; /* the warden has told how */
	struct message end;
	struct network_report network;
};

/* A name that nobody else draws, for the worker's directory and its machine: "kastellan-" and 32
 * digits. 0 or -errno. */
#define DRAWN_NAME 48
int draw_name(char name[DRAWN_NAME]);

/* Where the program is that the plan names: its real path; free with free(). 0, or -errno with step
 * "exec". */
int program_find(const struct ks_plan *plan, char **ret_path, ks_error **reterr);

/* All that the warden is told, as bytes; free with free(). name: drawn. 0 or -errno. */
int order_of_plan(const struct ks_plan *plan, const struct ks_host *host, const char *name,
	char **ret_bytes, size_t *ret_len, ks_error **reterr);

/* Starts kastellan-warden of this installation; KASTELLAN_WARDEN in the environment names another
 * one. */
int warden_spawn(const int stdio[3], int control, pid_t *ret_pid, ks_error **reterr);

/* A sentence and an instruction for what the warden reports as failed. Returns -errno. */
int warden_error(const struct ks_plan *plan, const struct message *failure, ks_error **reterr);

#endif
