/* SPDX-License-Identifier: Apache-2.0 */
/* State that a process inherits from the one that started it, put in order. System calls only. */
#ifndef KS_LINUX_INIT_PROCESS_H
#define KS_LINUX_INIT_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Blocks every signal and gives each its default disposition, those of the C library's own use
 * included: an ignored SIGCHLD of the caller would lose exit statuses. */
void signals_settle(void);
/* The mask that a new program expects: empty. */
void signals_unblock(void);
/* A descriptor that becomes readable when a child ends (empty it with signals_drain()), or
 * -errno. */
int signals_open(void);
void signals_drain(int fd);

/* Closes every descriptor from 3 on that is not in keep, which is in any order and may hold -1.
 * Returns 0 or -errno. */
int close_others(const int *keep, size_t n_keep);

/* Reads a whole small file (of /proc or of a control group) at path, relative to dirfd, and ends it
 * with a NUL. Returns its length, cut to room - 1, or -errno. */
long read_small_file(int dirfd, const char *path, char *text, size_t room);
/* The same for a file of numbers: what does not fit is cut off behind a whole one. */
long read_numbers(int dirfd, const char *path, char *text, size_t room);
/* Writes text to the file at path in one go; 0 or -errno. */
int write_small_file(int dirfd, const char *path, const char *text);

/* A number in the status of a process or thread: "Tgid", "PPid"; 0 where it cannot be told. */
uint64_t process_status(pid_t pid, const char *label);

/* Whether the next one could do anything: 0, or -errno of the list. */
int children_seen(void);

/* Kills the children, also those that fell to the caller as a subreaper. Their pids are safe to
 * signal: they stay taken until the caller waits for them. */
void children_kill(void);

/* The number at the head of *text, and *text moved behind it and one separator. */
uint64_t parse_number(const char **text);

#endif
