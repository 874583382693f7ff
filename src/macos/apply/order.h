/* SPDX-License-Identifier: Apache-2.0 */
/* What kastellan-warden is told: all of a worker that is not a limit of the profile, as bytes over
 * its socket. Nothing of it is on a command line, where everybody could read it. Pure. */
#ifndef KS_MACOS_APPLY_ORDER_H
#define KS_MACOS_APPLY_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "base/strv.h"

#define ORDER_MAX_RLIMITS 8

struct order_rlimit {
	uint64_t resource;
	uint64_t soft;
	uint64_t hard;
};

/* As they stand in the bytes; same program, same machine. */
struct order_numbers {
	uint64_t version; /* of library and warden: ORDER_VERSION */
	uint64_t size; /* of all bytes */
	uint64_t caller; /* the process that the worker must not outlive */
	uint64_t waits; /* 1: before it makes the worker, until it is told that there is a proxy */
	uint64_t machine; /* 1: argv starts a virtual machine, and not the worker itself */
	uint64_t memory_bytes; /* limits as the watchdog takes them */
	uint64_t tasks;
	uint64_t cpu_budget_usec;
	uint64_t cpu_quota_pct;
	uint64_t n_argv;
	uint64_t n_env;
	uint64_t n_tell;
	uint64_t n_rlimits;
	struct order_rlimit rlimits[ORDER_MAX_RLIMITS];
};

#define ORDER_VERSION 0x6b77617264656e03ull

struct order {
	struct order_numbers numbers;
	/* Each of these is a text; the empty one stands for none. */
	const char *program; /* what is executed first, by its path */
	const char *cwd;
	const char *directory; /* is made for the worker, and removed with all in it */
	const char *door; /* likewise, for the egress proxy's socket */
	const char *file; /* in directory, is written with file_text, for nobody else to read */
	const char *file_text;
	const char *proof; /* appears once the machine exists */
	const char *name; /* of the machine */
	const char *record; /* record.h: is removed once all else is; written as WARDEN_RECORD */
	struct strv argv;
	struct strv env;
	struct strv tell; /* a command that sends the machine a signal, whose name is put in the
			     place of "" */
};

/* 0, -E2BIG or -ENOMEM. */
int order_write(const struct order *order, struct strbuf *out);

/* text has numbers.size bytes, and outlives the order, whose texts point into it. 0, -EINVAL or
 * -ENOMEM; order_done() in each case. */
int order_read(const char *text, size_t size, struct order *ret_order);
void order_done(struct order *order);

#endif
