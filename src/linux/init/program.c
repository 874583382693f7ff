/* SPDX-License-Identifier: Apache-2.0 */
/* A program without a slash is looked for as execvp() does, but never in the current directory, and
 * a file that is neither a program nor begins with #! is not handed to a shell. */
#include "linux/init/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP "exec"

static int try(const struct spec *spec, const char *const *argv, const char *path)
{
	execve(path, (char *const *)argv, (char *const *)spec->envp);
	return errno;
}

/* There is no such file, or there is one whose interpreter does not exist; it may not be executed,
 * or is a directory: not the same remedies. */
static int say(struct failure *failure, int code, const char *path)
{
	struct stat st;

	if (code == EACCES && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		code = EISDIR;
	failure_set(failure, code, STEP, path);
	if (code == ENOENT && faccessat(AT_FDCWD, path, F_OK, 0) == 0)
		failure_add(failure, " (the interpreter or loader it names is not there)");
	return -code;
}

/* Means "not in this directory" and lets the search go on. */
static bool is_elsewhere(int code)
{
	return code == ENOENT || code == ENOTDIR || code == ESTALE || code == ENODEV ||
	       code == ETIMEDOUT || code == ENAMETOOLONG;
}

/* dir/name as a path, false when it is too long or the directory is no absolute one. */
static bool join(char path[KS_MAX_PATH + 1], const char *dir, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	if (len == 0 || dir[0] != '/' || len + 1 + name_len > KS_MAX_PATH)
		return false;
	memcpy(path, dir, len);
	path[len] = '/';
	memcpy(path + len + 1, name, name_len + 1);
	return true;
}

static int search(const struct spec *spec, const char *const *argv, struct failure *failure)
{
	char path[KS_MAX_PATH + 1];
	const char *name = argv[0];
	const char *dir = spec->search ? spec->search : "";
	int refused = 0;

	while (*dir) {
		size_t len = strcspn(dir, ":");
		int code = ENOENT;

		if (join(path, dir, len, name))
			code = try(spec, argv, path);
		if (code == EACCES) {
			if (!refused)
				failure_set(failure, code, STEP, path);
			refused = code;
		} else if (!is_elsewhere(code)) {
			return say(failure, code, path);
		} else if (code == ENOENT && faccessat(AT_FDCWD, path, F_OK, 0) == 0) {
			return say(failure, code, path);
		}
		dir += len + (dir[len] == ':');
	}
	return refused ? -refused : failure_set(failure, ENOENT, STEP, name);
}

int program_execute(const struct spec *spec, const char *const *argv, struct failure *failure)
{
	const char *program = argv[0];

	if (!program || !*program)
		return failure_set(failure, ENOENT, STEP, "an empty name");
	if (strchr(program, '/'))
		return say(failure, try(spec, argv, program), program);
	return search(spec, argv, failure);
}
