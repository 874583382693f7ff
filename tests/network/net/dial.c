/* SPDX-License-Identifier: Apache-2.0 */
/* The least client: dial HOST PORT sends a line, ends its side, and prints what comes. */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_stream(const struct addrinfo *found)
{
	for (; found; found = found->ai_next) {
		int fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);

		if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) == 0)
			return fd;
		perror("connect");
		close(fd);
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	char text[512];
	ssize_t got;
	int error, fd;

	if (argc != 3)
		return 2;
	error = getaddrinfo(argv[1], argv[2], &hints, &found);
	if (error) {
		fprintf(stderr, "%s: %s\n", argv[1], gai_strerror(error));
		return 1;
	}
	fd = open_stream(found);
	if (fd < 0 || send(fd, "static\n", 7, MSG_NOSIGNAL) != 7 || shutdown(fd, SHUT_WR) < 0) {
		perror("send");
		return 1;
	}
	while ((got = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)got, stdout);
	if (got < 0)
		perror("read");
	return got < 0;
}
