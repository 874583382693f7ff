/* SPDX-License-Identifier: Apache-2.0 */
/* An interpreter for the part of BPF that filters use, with a record of what ran. */
#ifndef KS_TESTS_SECCOMP_BPF_H
#define KS_TESTS_SECCOMP_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BPF_RAN = 1, /* the instruction was executed */
	BPF_JUMPED = 2, /* a conditional jump went the true way */
	BPF_JUMPED_NOT = 4 /* and the false way */
};

/* What no program may answer: it left the program or used an instruction that is not known. */
#define BPF_BROKEN 0xdeadu

/* The verdict of the program about the call. seen may be NULL; else it has len bytes. */
uint32_t bpf_run(
	const struct sock_filter *code, size_t len, const struct seccomp_data *data, uint8_t *seen);

/* What of the above an instruction has to come to where it is tried in every way: none may be idle,
 * and no comparison may have gone one way alone; else a part of the program was not tried, or need
 * not be there. */
unsigned bpf_all_of(const struct sock_filter *instruction);

#endif
