/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a guest that boots still does. One whose kernel found no timer sleeps for ever, one whose
 * timer rings all the time does nothing else; neither says anything. By the emulator's processor
 * time, as the time of day says nothing on a busy host. */
#ifndef KS_VM_MACHINE_PULSE_H
#define KS_VM_MACHINE_PULSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PULSE_EVERY_MS 1000 /* how often it is to be felt */

struct pulse {
	int64_t since_ms; /* 0: not felt yet */
	uint64_t then_ms; /* the processor time at that time */
};

/* Why the guest is lost, in words, or NULL. */
const char *pulse_feel(struct pulse *pulse, pid_t emulator);

/* What decides. now_ms: of any clock that goes on; used_ms: the processor time. */
const char *pulse_judge(struct pulse *pulse, int64_t now_ms, uint64_t used_ms);

#endif
