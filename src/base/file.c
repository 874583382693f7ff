/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
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

int file_read_text(const char *path, char **ret_text)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
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
