/* SPDX-License-Identifier: Apache-2.0 */
/* The library's side of a worker on macOS. */
#ifndef KS_MACOS_APPLY_PARTS_H
#define KS_MACOS_APPLY_PARTS_H

#include "egress/owner.h"
#include "macos/apply/message.h"
#include "plan/plan.h"
#include "supervise/jail.h"
#include "supervise/waiter.h"

struct jail {
	pid_t warden; /* 0 = waited for */
	int control; /* -1 = its end has been seen */
	pid_t worker;
	uint64_t worker_born; /* as the table of processes has it */
	bool machine;
	bool ended; /* the warden has told how */
	struct message end;
	struct egress_owner *egress; /* NULL = there is none, or none any more */
	struct waiter waiter; /* of both streams, where there is one */
	bool egress_stopped;
	struct network_report network;
};

/* A name that nobody else draws, for the worker's directory and its machine: "kastellan-" and 32
 * digits. 0 or -errno. */
#define DRAWN_NAME 48
#define DRAWN_PATH 96 /* less than a unix socket's name may have */
int draw_name(char name[DRAWN_NAME]);

/* What is made of the name, besides. door is where the socket lies. */
struct door_name {
	const char *drawn; /* lent */
	char directory[DRAWN_PATH];
	char door[DRAWN_PATH];
	char socket[DRAWN_PATH];
};
void door_name_draw(const struct ks_plan *plan, const char *drawn, struct door_name *ret);

/* Where the program is that the plan names: its real path; free with free(). 0, or -errno with step
 * "exec". */
int program_find(const struct ks_plan *plan, char **ret_path, ks_error **reterr);

/* All that the warden is told, as bytes; free with free(). 0 or -errno. */
int order_of_plan(const struct ks_plan *plan, const struct ks_host *host,
	const struct door_name *names, char **ret_bytes, size_t *ret_len, ks_error **reterr);

/* The egress proxy of a worker, whose socket the warden has made the directory for: 0 once it
 * serves, or -errno. audit is lent, or -1. */
int network_open(const struct ks_plan *plan, const struct door_name *names, int audit,
	struct jail *jail, ks_error **reterr);
/* The worker is gone: what is under way may end, for a while. */
void network_stop(struct jail *jail);
/* True once there is no proxy any more; then its report is the jail's. */
bool network_dispatch(struct jail *jail);
void network_free(struct jail *jail);

/* Starts kastellan-warden of this installation; KASTELLAN_WARDEN in the environment names another
 * one. */
int warden_spawn(const int stdio[3], int control, pid_t *ret_pid, ks_error **reterr);

/* A sentence and an instruction for what the warden reports as failed. Returns -errno. */
int warden_error(const struct ks_plan *plan, const struct message *failure, ks_error **reterr);

#endif
