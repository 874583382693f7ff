/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/apply/probe_container.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "macos/apply/answer.h"

static const char *const container_places[] = {
	"/usr/local/bin/container", "/opt/homebrew/bin/container"};

/* The word behind the last space: "container CLI version 0.12.0 (build: ...)". */
static char *version_in(const char *text)
{
	const char *word = strstr(text, "version ");
	size_t len = word ? strspn(word + strlen("version "), "0123456789.") : 0;

	return len ? strndup(word + strlen("version "), len) : NULL;
}

void probe_container_program(struct host_macos *mac, bool tried)
{
	const char *const version[] = {"container", "--version", NULL};
	const char *const status[] = {"container", "system", "status", NULL};
	char text[1024];

	for (size_t i = 0; i < sizeof(container_places) / sizeof(container_places[0]); i++)
		if (!mac->container && access(container_places[i], X_OK) == 0)
			mac->container = strdup(container_places[i]);
	if (!mac->container)
		return;
	/* A spawn needs the version, too. */
	if (answer_of(mac->container, version, ANSWER_MS, text, sizeof(text)) == 0)
		mac->container_version = version_in(text);
	mac->container_runs = !tried ||
			      answer_of(mac->container, status, ANSWER_MS, text, sizeof(text)) == 0;
}
