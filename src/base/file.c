/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/strbuf.h"

int file_write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, data, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		data += done;
		len -= (size_t)done;
	}
	return 0;
}

void file_last_line(int fd, char *text, size_t room)
{
	ssize_t len = fd >= 0 ? read(fd, text, room - 1) : -1;
	char *start;

	text[len > 0 ? len : 0] = '\0';
	for (char *end = text + strlen(text); end > text && end[-1] == '\n';)
		*--end = '\0';
	start = strrchr(text, '\n');
	if (start)
		memmove(text, start + 1, strlen(start + 1) + 1);
}

int file_read_text(const char *path, char **ret_text)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : file_read_rest(fd, ret_text);
}

int file_read_rest(int fd, char **ret_text)
{
	autostrbuf struct strbuf text;
	char part[4096];
	ssize_t n;

	strbuf_init(&text, KS_MAX_TEXT);
	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			strbuf_add(&text, part, (size_t)n);
	}
	return strbuf_take(&text, ret_text, NULL);
}
