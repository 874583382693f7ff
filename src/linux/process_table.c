/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes by /proc: no backend of Linux needs it, the watchdog's tests do. */
#include "watch/table.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LINE 1024

static bool read_line(pid_t pid, const char *name, char line[LINE])
{
	char path[64];
	autofile FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "re");
	return file && fgets(line, LINE, file);
}

static uint64_t ticks_usec(uint64_t ticks)
{
	return ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* That many numbers. */
static bool read_numbers(const char *text, int64_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *end;

		errno = 0;
		numbers[i] = strtoll(text, &end, 10);
		if (end == text || errno)
			return false;
		text = end;
	}
	return true;
}

/* proc(5), from the one after the state on. */
enum {
	PARENT = 0,
	SESSION = 2,
	USER = 10,
	SYSTEM,
	CHILDREN_USER,
	CHILDREN_SYSTEM,
	THREADS = 16,
	BORN = 18,
	STAT_NUMBERS
};

/* The name is in brackets, and may hold any others. */
static bool read_stat(pid_t pid, struct process *process)
{
	char line[LINE];
	int64_t numbers[STAT_NUMBERS];
	const char *rest = read_line(pid, "stat", line) ? strrchr(line, ')') : NULL;

	if (!rest || rest[1] != ' ' || !rest[2] || !read_numbers(rest + 3, numbers, STAT_NUMBERS))
		return false;
	*process = (struct process){.pid = pid,
		.parent = (pid_t)numbers[PARENT],
		.session = (pid_t)numbers[SESSION],
		.born = (uint64_t)numbers[BORN],
		.cpu_usec = ticks_usec((uint64_t)(numbers[USER] + numbers[SYSTEM])),
		.children_usec = ticks_usec(
			(uint64_t)(numbers[CHILDREN_USER] + numbers[CHILDREN_SYSTEM])),
		.threads = (uint64_t)numbers[THREADS],
		.ended = rest[2] == 'Z' || rest[2] == 'X'};
	return true;
}

int process_read(pid_t pid, struct process *ret_process)
{
	char line[LINE];
	int64_t pages[3]; /* all, resident, of these shared */
	struct process process;

	if (!read_stat(pid, &process))
		return -ESRCH;
	if (read_line(pid, "statm", line) && read_numbers(line, pages, 3) && pages[1] > pages[2])
		process.memory = (uint64_t)(pages[1] - pages[2]) * (uint64_t)sysconf(_SC_PAGESIZE);
	*ret_process = process;
	return 0;
}

int process_list(pid_t **ret_pids, size_t *ret_len)
{
	DIR *directory = opendir("/proc");
	pid_t *pids = NULL;
	size_t len = 0;
	int r = 0;

	if (!directory)
		return -errno;
	for (struct dirent *entry; r == 0 && (entry = readdir(directory));) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (len % 64 == 0) {
			pid_t *more = realloc(pids, (len + 64) * sizeof(*more));

			if (!more) {
				r = -ENOMEM;
				break;
			}
			pids = more;
		}
		pids[len++] = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	closedir(directory);
	if (r < 0) {
		free(pids);
		return r;
	}
	*ret_pids = pids;
	*ret_len = len;
	return 0;
}
