/* SPDX-License-Identifier: Apache-2.0 */
/* Should: end what is provably a worker's. Must not: touch a process, a machine or a file that a
 * record of this user, whose owners are gone, does not name. */
#include "macos/apply/remains.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "macos/apply/directory.h"
#include "macos/apply/machine.h"
#include "macos/apply/patience.h"
#include "macos/apply/record.h"
#include "macos/plan/parts.h"
#include "watch/watch.h"

static int end_tree(const struct remains *remains)
{
	struct watch watch = {
		.root = remains->process, .root_born = remains->born, .last_usec = clock_usec()};
	int r = watch_kill(&watch);

	watch_done(&watch);
	return r;
}

/* The command of a machine first, which could be making it still. */
int remains_end(const struct remains *remains, const char **ret_what)
{
	const struct worker_names *names = remains->names;
	const char *const directories[] = {names->directory, names->door};
	int r = remains->process > 1 ? end_tree(remains) : 0;

	*ret_what = "processes";
	if (remains->container) {
		int removed = machine_remove(remains->container, names->drawn);

		if (r == 0 && removed < 0) {
			*ret_what = names->drawn;
			r = removed;
		}
	}
	for (size_t i = 0; i < 2; i++) {
		int removed = directory_remove(directories[i]);

		if (r == 0 && removed < 0) {
			*ret_what = directories[i];
			r = removed;
		}
	}
	if (r == 0 && unlink(names->record) < 0 && errno != ENOENT) {
		*ret_what = names->record;
		r = -errno;
	}
	return r;
}

/* Long after its owners only a process that is still the very one leads to others: its number, and
 * that of its session, may be a stranger's by now. */
static bool lives(const struct record *record)
{
	struct process process;

	return record->process > 1 && process_read((pid_t)record->process, &process) == 0 &&
	       process.born == record->born;
}

static void sweep(const char *drawn, const char *path, const char *container)
{
	struct worker_names names;
	struct record record = {0};
	autofd int fd = -1;
	const char *what;

	int r = record_take(path, &fd);

	if (r == 0)
		r = record_read(fd, &record);
	/* One without a word is of an owner who had made nothing else yet. */
	if ((r < 0 && r != -EINVAL) || (r == 0 && (record.machine == 1) != (container != NULL)))
		return;
	names_fill(drawn, record.machine == 1, &names);
	remains_end(&(struct remains){.names = &names,
			    .container = record.process ? container : NULL,
			    .process = lives(&record) ? (pid_t)record.process : 0,
			    .born = record.born},
		&what);
}

void remains_sweep(const char *container)
{
	uint64_t end = clock_now() + SWEEP_MS;
	DIR *stream = opendir(MACOS_TEMPORARY);
	struct dirent *entry;

	while (stream && clock_left(end) > 0 && (entry = readdir(stream))) {
		struct worker_names names;
		char drawn[DRAWN_NAME];

		if (!names_read(entry->d_name, drawn))
			continue;
		names_fill(drawn, false, &names);
		sweep(drawn, names.record, container);
	}
	if (stream)
		closedir(stream);
}
