/* SPDX-License-Identifier: Apache-2.0 */
/* A worker of JSON-RPC that does nothing: each request, on one line, is answered by its id.
 * Requests are of the measuring process's own making, with the id as a number. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char bytes[65536];

static void answer(const char *line)
{
	const char *id = strstr(line, "\"id\":");
	char text[128];
	int len = snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":{}}\n",
		id ? (int)strcspn(id + 5, ",}") : 4, id ? id + 5 : "null");

	if (write(STDOUT_FILENO, text, (size_t)len) != len)
		_exit(1);
}

int main(void)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, bytes + len, sizeof(bytes) - 1 - len)) > 0) {
		char *line = bytes, *end;

		len += (size_t)n;
		bytes[len] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			answer(line);
			line = end + 1;
		}
		len -= (size_t)(line - bytes);
		memmove(bytes, line, len);
	}
	return 0;
}
