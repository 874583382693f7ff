/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/apply/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "macos/plan/parts.h"

#define PREFIX "kastellan-"
#define RECORD ".owner"
#define BYTES 16
#define LENGTH ((size_t)2 * BYTES) /* of as many digits */
#define DIGITS "0123456789abcdef"

int names_draw(bool machine, struct worker_names *ret)
{
	autofd int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	unsigned char bytes[BYTES];
	char drawn[DRAWN_NAME] = PREFIX;
	char *at = drawn + strlen(drawn);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, bytes, sizeof(bytes));
	if (got != (ssize_t)sizeof(bytes))
		return got < 0 ? -errno : -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		*at++ = DIGITS[bytes[i] >> 4];
		*at++ = DIGITS[bytes[i] & 15];
	}
	names_fill(drawn, machine, ret);
	return 0;
}

bool names_read(const char *file, char ret_drawn[DRAWN_NAME])
{
	size_t len = strlen(PREFIX) + LENGTH;

	if (strncmp(file, PREFIX, strlen(PREFIX)) != 0 ||
		strspn(file + strlen(PREFIX), DIGITS) != LENGTH || strcmp(file + len, RECORD) != 0)
		return false;
	memcpy(ret_drawn, file, len);
	ret_drawn[len] = '\0';
	return true;
}

void names_fill(const char *drawn, bool machine, struct worker_names *ret)
{
	const char *end = machine ? "" : ".door";

	*ret = (struct worker_names){0};
	snprintf(ret->drawn, sizeof(ret->drawn), "%s", drawn);
	snprintf(ret->directory, sizeof(ret->directory), MACOS_TEMPORARY "/%s", drawn);
	snprintf(ret->door, sizeof(ret->door), MACOS_TEMPORARY "/%s%s", drawn, end);
	snprintf(ret->socket, sizeof(ret->socket), MACOS_TEMPORARY "/%s%s/egress", drawn, end);
	snprintf(ret->record, sizeof(ret->record), MACOS_TEMPORARY "/%s" RECORD, drawn);
}
