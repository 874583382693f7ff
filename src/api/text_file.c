/* SPDX-License-Identifier: Apache-2.0 */
#include "api/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "policy/say.h"

static int file_error(
	const char *path, const char *noun, int number, const char *verb, ks_error **reterr)
{
	return error_set(reterr, -number,
		ABOUT(.step = "policy", .path = path,
			.remedy = phrase("check that the path names a %s file and that it may be "
					 "read",
				noun)
					  .text),
		"cannot %s %s: %s", verb, path, strerror(number));
}

int text_file_read(
	const char *path, const char *noun, char **ret_text, size_t *ret_len, ks_error **reterr)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	autofree char *text = NULL;
	size_t len = 0;

	if (fd < 0)
		return file_error(path, noun, errno, "open", reterr);
	text = malloc(KS_MAX_POLICY_BYTES + 1);
	if (!text)
		return error_oom(reterr);
	while (len < KS_MAX_POLICY_BYTES + 1) {
		ssize_t got = read(fd, text + len, KS_MAX_POLICY_BYTES + 1 - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return file_error(path, noun, errno, "read", reterr);
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret_text = take_ptr(text);
	*ret_len = len;
	return 0;
}
