/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver for a test in another language. Says "pid N" of the child, then answers lines of
 * "TICKET NAME" with "TICKET ERROR ADDRESS...". Ends at the end of the input, once all is answered.
 * egress_resolve KASTELLAN_NAMES [confined, as the proxy is] */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "egress/confine.h"
#include "egress/control.h"
#include "egress/resolver.h"

static int ask(struct resolver *resolver, const char *line)
{
	struct egress_host host;
	unsigned ticket;
	char name[300];

	if (sscanf(line, "%u %299s", &ticket, name) != 2 ||
		egress_host_parse(name, strlen(name), &host) != HOST_FAULT_NONE)
		return -EINVAL;
	return resolver_ask(resolver, ticket, &host);
}

static int answer(struct resolver *resolver)
{
	struct resolution resolution;
	char text[ADDRESS_TEXT];
	int r = resolver_take(resolver, &resolution);

	if (r <= 0)
		return r;
	printf("%u %d", resolution.ticket, resolution.error);
	for (uint32_t i = 0; i < resolution.n_addresses; i++)
		printf(" %s", address_text(&resolution.addresses[i], text));
	puts("");
	fflush(stdout);
	return 1;
}

static int serve(struct resolver *resolver)
{
	struct pollfd fds[2] = {
		{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = resolver->socket, .events = POLLIN}};
	char line[400];
	size_t len = 0;
	int asked = 0;

	while (fds[0].fd >= 0 || asked) {
		int r = 0;

		if (poll(fds, 2, -1) < 0)
			return -errno;
		if (fds[1].revents && (r = answer(resolver)) > 0)
			asked--;
		if (r < 0)
			return r;
		if (!fds[0].revents)
			continue;
		/* A byte at a time: no line is held back in a buffer. */
		if (len == sizeof(line) - 1 || read(STDIN_FILENO, line + len, 1) != 1) {
			fds[0].fd = -1;
			continue;
		}
		if (line[len++] != '\n')
			continue;
		line[len] = '\0';
		len = 0;
		r = ask(resolver, line);
		if (r < 0)
			return r;
		asked++;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct complaint complaint = {0, "start", ""};
	struct resolver resolver;
	int abi;
	int program = open(argc > 1 ? argv[1] : "", O_RDONLY | O_CLOEXEC);
	int r = dup2(program, EGRESS_SLOT_NAMES) < 0 ? -errno : resolver_start(&resolver);

	if (r == 0)
		printf("pid %d\n", (int)resolver.pid);
	fflush(stdout);
	if (r == 0 && argc > 2)
		r = confine_proxy(64, &abi, &complaint);
	if (r == 0)
		r = serve(&resolver);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", complaint.step, strerror(-r));
	else
		resolver_done(&resolver);
	return r < 0;
}
