/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a worker without namespaces is not allowed to make itself, as no filter could tell
 * which of them stay within its grants and its jail (seccomp/host.def, ASK). */
#ifndef KS_LINUX_INIT_ASKED_H
#define KS_LINUX_INIT_ASKED_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/types.h>

#include "linux/init/spec_read.h"

/* Whether the call is one of those; else it is one that ends its process. */
bool asked_knows(const struct seccomp_notif *call);

/* Does it or refuses it, and answers. caller: the process that the thread belongs to. Whether
 * nobody waits for the answer any more; who would go on to wait is to be ended. */
bool asked_answer(
	const struct spec *spec, int listener, pid_t caller, const struct seccomp_notif *call);

/* Answers that it is not permitted, whoever asks. Returns as asked_answer() does. */
bool asked_refuse(int listener, const struct seccomp_notif *call);

/* asked_files.c: the same for calls about files. Returns 0 or -errno, the answer. */
bool asked_about_files(int nr);
int asked_file(const struct spec *spec, int listener, const struct seccomp_notif *call);

/* Whether the caller still waits; what was looked up by its pid was its own then. */
bool asked_waits(int listener, const struct seccomp_notif *call);

#endif
