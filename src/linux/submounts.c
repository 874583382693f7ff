/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/submounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "plan/paths.h"

static bool is_kernel_type(const char *type)
{
	static const char *const types[] = {"proc", "sysfs", "cgroup", "cgroup2", "devpts",
		"devtmpfs", "debugfs", "tracefs", "securityfs", "selinuxfs", "smackfs", "bpf",
		"efivarfs", "configfs", "pstore", "binfmt_misc", "fusectl", "nsfs", "rpc_pipefs",
		"nfsd"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

/* Space, tab, newline and backslash are three octal digits each. In place. */
static void unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
			text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*to++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0');
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /root /place options optional... - type source options". In place. */
static bool split(char *line, char **ret_place, char **ret_type)
{
	char *rest = line;
	char *word;

	for (int i = 0; i < 5; i++) {
		word = strsep(&rest, " ");
		if (!rest)
			return false;
		*ret_place = word;
	}
	do {
		word = strsep(&rest, " ");
	} while (rest && strcmp(word, "-") != 0);
	*ret_type = rest ? strsep(&rest, " ") : NULL;
	if (!*ret_type)
		return false;
	unescape(*ret_place);
	return true;
}

int submounts_find(const char *text, const char *directory, char **ret_place, char **ret_type)
{
	autofree char *copy = strdup(text);
	char *rest = copy;
	char *line, *place, *type;

	if (!copy)
		return -ENOMEM;
	while ((line = strsep(&rest, "\n"))) {
		if (!split(line, &place, &type) || !is_kernel_type(type) ||
			!path_beneath(directory, place))
			continue;
		*ret_place = strdup(place);
		*ret_type = strdup(type);
		if (*ret_place && *ret_type)
			return 1;
		free(*ret_place);
		free(*ret_type);
		*ret_place = *ret_type = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int read_mounts(char **ret_text)
{
	autofd int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	autostrbuf struct strbuf text;
	char part[4096];
	ssize_t n;

	strbuf_init(&text, KS_MAX_TEXT);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			strbuf_add(&text, part, (size_t)n);
	}
	return strbuf_take(&text, ret_text, NULL);
}

static int check_one(const char *text, const struct grant *grant, ks_error **reterr)
{
	const char *field = grant->field == FIELD_FS_READ ? "fs_read" : "fs_write";
	autofree char *place = NULL;
	autofree char *type = NULL;
	int r = submounts_find(text, grant->path, &place, &type);

	if (r <= 0)
		return r < 0 ? error_oom(reterr) : 0;
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "grant", .field = field, .path = grant->asked,
			.remedy = "grant the directories beneath it that the worker needs, or "
				  "unmount it there first"),
		"%s: beneath %s, a file system of the kernel's is mounted (%s at %s), which cannot "
		"be granted",
		field, grant->asked, type, place);
}

int submounts_check(const struct grants *grants, ks_error **reterr)
{
	autofree char *text = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < grants->len; i++) {
		if (!grants->items[i].directory || grants->items[i].pin)
			continue;
		if (!text)
			r = read_mounts(&text);
		if (!text)
			return error_set(reterr, r,
				ABOUT(.step = "grant", .remedy = "see that /proc is mounted"),
				"what is mounted beneath the grants cannot be read: %s",
				strerror(-r));
		r = check_one(text, &grants->items[i], reterr);
	}
	return r;
}
