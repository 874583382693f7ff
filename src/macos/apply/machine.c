/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/apply/machine.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "macos/apply/answer.h"
#include "macos/apply/patience.h"

#define LIST_BYTES 65536

/* Whether a line of the text is the name. */
static bool is_listed(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = text; (at = strstr(at, name)); at += len)
		if ((at == text || at[-1] == '\n') && (at[len] == '\n' || !at[len]))
			return true;
	return false;
}

/* That it cannot be removed is no failure where there is none; only a list tells. */
int machine_remove(const char *program, const char *name)
{
	const char *const finish[] = {"container", "delete", "--force", name, NULL};
	const char *const list[] = {"container", "list", "--all", "--quiet", NULL};
	autofree char *text = malloc(LIST_BYTES);

	if (!text)
		return -ENOMEM;
	if (answer_of(program, finish, COMMAND_MS, text, LIST_BYTES) == 0)
		return 0;
	/* A list that does not fit does not tell either. */
	if (answer_of(program, list, COMMAND_MS, text, LIST_BYTES) == 0 &&
		strlen(text) + 1 < LIST_BYTES && !is_listed(text, name))
		return 0;
	return -EBUSY;
}
