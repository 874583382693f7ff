/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/cgroup/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

int cgroup_dir_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

ssize_t cgroup_file_read(int dir, const char *name, char text[KS_MAX_CGROUP_FILE])
{
	autofd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t len = 0;

	if (fd < 0)
		return -errno;
	while (len < KS_MAX_CGROUP_FILE - 1) {
		ssize_t n = read(fd, text + len, KS_MAX_CGROUP_FILE - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	return (ssize_t)len;
}

static int write_all(int fd, const char *text)
{
	size_t len = strlen(text);
	ssize_t n;

	do {
		n = write(fd, text, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int cgroup_file_write(int dir, const char *name, const char *text)
{
	autofd int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : write_all(fd, text);
}

bool cgroup_file_exists(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool ends_number(char c)
{
	return c == '\0' || c == '\n' || c == ' ';
}

int cgroup_parse_number(const char *text, uint64_t *ret)
{
	uint64_t value;
	char *end;

	if ((strncmp(text, "max", 3) == 0 && ends_number(text[3])) ||
		(strncmp(text, "-1", 2) == 0 && ends_number(text[2]))) {
		*ret = CGROUP_FILE_NO_LIMIT;
		return 0;
	}
	if (*text < '0' || *text > '9')
		return -EBADMSG;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || !ends_number(*end))
		return -EBADMSG;
	*ret = value;
	return 0;
}

int cgroup_parse_key(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	for (const char *line = text; line && *line;) {
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return cgroup_parse_number(line + len + 1, ret);
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return -ENODATA;
}

bool cgroup_has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	while (*text) {
		size_t n = strcspn(text, " \n,");

		if (n == len && memcmp(text, word, len) == 0)
			return true;
		text += n;
		text += strspn(text, " \n,");
	}
	return false;
}

/* All of a file that is less than a page is there at the first call. Lists of processes are more.
 */
static int read_at_once(int fd, char text[KS_MAX_CGROUP_FILE])
{
	ssize_t n;

	do
		n = pread(fd, text, KS_MAX_CGROUP_FILE - 1, 0);
	while (n < 0 && errno == EINTR);
	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? -errno : 0;
}

static int read_small(int dir, const char *name, char text[KS_MAX_CGROUP_FILE])
{
	autofd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : read_at_once(fd, text);
}

int cgroup_file_number(int dir, const char *name, uint64_t *ret)
{
	char text[KS_MAX_CGROUP_FILE] = "";
	int r = read_small(dir, name, text);

	return r < 0 ? r : cgroup_parse_number(text, ret);
}

int cgroup_file_key(int dir, const char *name, const char *key, uint64_t *ret)
{
	char text[KS_MAX_CGROUP_FILE] = "";
	int r = read_small(dir, name, text);

	return r < 0 ? r : cgroup_parse_key(text, key, ret);
}

uint64_t cgroup_round_to_pages(uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return bytes == CGROUP_FILE_NO_LIMIT ? bytes : bytes - bytes % page;
}

/* The first version of control groups spells "no limit" of memory as the largest number of bytes
 * that it can count. */
static uint64_t without_ceiling(uint64_t value)
{
	return value >= cgroup_round_to_pages(INT64_MAX) ? CGROUP_FILE_NO_LIMIT : value;
}

/* What follows the first number ("100000" in "50000 100000"), without the end of the line. */
static bool has_same_rest(const char *left, const char *right)
{
	size_t left_len, right_len;

	left += strcspn(left, " \n");
	right += strcspn(right, " \n");
	left_len = strcspn(left, "\n");
	right_len = strcspn(right, "\n");
	return left_len == right_len && memcmp(left, right, left_len) == 0;
}

int cgroup_file_set(
	int dir, const char *dir_path, const struct cgroup_setting *setting, ks_error **reterr)
{
	const struct error_about about = {.step = "cgroup",
		.field = setting->field,
		.path = dir_path,
		.remedy = setting->remedy};
	autofd int fd = openat(dir, setting->file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	char text[KS_MAX_CGROUP_FILE] = "";
	uint64_t value = 0;
	int r = fd < 0 ? -errno : write_all(fd, setting->text);

	if (r < 0)
		return error_set(reterr, r, &about,
			"%s of the control group %s cannot be set to %s: %s", setting->file,
			dir_path, setting->text,
			r == -EINVAL && setting->invalid ? setting->invalid : strerror(-r));
	r = read_at_once(fd, text);
	if (r == 0)
		r = cgroup_parse_number(text, &value);
	if (r < 0)
		return error_set(reterr, r, &about,
			"%s of the control group %s cannot be read back: %s", setting->file,
			dir_path, strerror(-r));
	if (without_ceiling(value) == setting->expected && has_same_rest(text, setting->text))
		return 0;
	return error_set(reterr, -EBADMSG, &about,
		"%s of the control group %s was set to %s but reads %.*s: the limit is not "
		"enforced",
		setting->file, dir_path, setting->text, (int)strcspn(text, "\n"), text);
}
