/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/plan/areas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/paths.h"

/* Of two grants of one path the writable one comes first, as writing is the larger wish. */
static int compare(const void *a, const void *b)
{
	const struct area *first = a;
	const struct area *second = b;
	int order = path_compare(first->grant->path, second->grant->path);

	return order ? order : second->writable - first->writable;
}

static size_t around(const struct areas *areas, const char *path)
{
	size_t inner = AREA_TOP;

	/* The last one is the innermost: they are sorted. */
	for (size_t i = 0; i < areas->len; i++)
		if (areas->items[i].grant->directory &&
			path_beneath(areas->items[i].grant->path, path))
			inner = i;
	return inner;
}

static void add(struct areas *areas, struct area area, size_t numbers[2])
{
	area.parent = around(areas, area.grant->path);
	if (area.parent != AREA_TOP && areas->items[area.parent].writable == area.writable)
		return;
	area.number = numbers[area.writable]++;
	areas->items[areas->len++] = area;
}

int areas_make(const struct grants *grants, struct areas *ret_areas)
{
	struct areas areas = {.items = calloc(grants->len + 1, sizeof(struct area))};
	size_t numbers[2] = {0, 0};
	const char *before = NULL;

	if (!areas.items)
		return -ENOMEM;
	for (size_t i = 0; i < grants->len; i++)
		areas.items[i] = (struct area){.grant = &grants->items[i],
			.writable = grants->items[i].field == FIELD_FS_WRITE};
	if (grants->len > 1)
		qsort(areas.items, grants->len, sizeof(struct area), compare);
	for (size_t i = 0; i < grants->len; i++) {
		const char *path = areas.items[i].grant->path;

		if (!before || strcmp(before, path) != 0)
			add(&areas, areas.items[i], numbers);
		before = path;
	}
	*ret_areas = areas;
	return 0;
}

void areas_done(struct areas *areas)
{
	free(areas->items);
	*areas = (struct areas){0};
}
