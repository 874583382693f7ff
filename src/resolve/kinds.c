/* SPDX-License-Identifier: Apache-2.0 */
/* The names of all kinds, also of those that other systems have: enough to say where they are. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "resolve/kinds.h"

static const struct {
	unsigned number;
	const char *name;
	const char *os;
} kinds[] = {
	{1, "bwrap", "Linux"},
	{2, "native", "Linux"},
	{3, "landlock", "Linux"},
	{4, "firecracker", "Linux"},
	{5, "qemu", "Linux"},
	{6, "seatbelt", "macOS"},
	{7, "container", "macOS"},
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *kind_name(unsigned number)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (kinds[i].number == number)
			return kinds[i].name;
	return "none";
}

int kind_from_name(const struct backend_table *table, const char *name,
	enum ks_backend_kind *ret_kind, ks_error **reterr)
{
	size_t i = 0;

	while (i < N_KINDS && strcmp(kinds[i].name, name) != 0)
		i++;
	if (i == N_KINDS)
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "resolve", .remedy = "use bwrap, native, landlock, "
							   "firecracker or qemu on Linux, "
							   "seatbelt or container on macOS"),
			"there is no backend named \"%s\"", name);
	if (!backend_row_find(table, (enum ks_backend_kind)kinds[i].number))
		return error_set(reterr, -EOPNOTSUPP,
			ABOUT(.step = "resolve",
				.remedy =
					"leave the backend out to get the default of this system"),
			"the backend \"%s\" exists only on %s", name, kinds[i].os);
	*ret_kind = (enum ks_backend_kind)kinds[i].number;
	return 0;
}
