/* SPDX-License-Identifier: Apache-2.0 */
/* Which modules an initramfs needs, and in which order. A module names those that it needs in its
 * own information, as "depends=virtio,virtio_ring". */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "vm/initramfs.h"

#define DEPTH 16 /* of modules that need each other in a row; real ones have 4 */
#define NAME 64

static bool is_same(char a, char b)
{
	return a == b || (a == '-' && b == '_') || (a == '_' && b == '-');
}

/* The name in a path: behind the last slash, up to ".ko". */
static bool is_module(const char *path, size_t len, const char *wanted)
{
	size_t at = len;

	while (at > 0 && path[at - 1] != '/')
		at--;
	for (; at < len && *wanted; at++, wanted++)
		if (!is_same(path[at], *wanted))
			return false;
	return !*wanted && len - at >= 3 && memcmp(path + at, ".ko", 3) == 0;
}

static const char *find(const char *modules_order, const char *wanted, size_t *ret_len)
{
	while (*modules_order) {
		size_t len = strcspn(modules_order, "\n");

		if (is_module(modules_order, len, wanted)) {
			*ret_len = len;
			return modules_order;
		}
		modules_order += len + (modules_order[len] == '\n');
	}
	return NULL;
}

bool initramfs_has_module(const char *modules_order, const char *name)
{
	size_t len;

	return find(modules_order, name, &len);
}

/* "a,b" behind "depends=", which stands behind a NUL as all of the information does. */
static const char *needs(const struct initramfs_file *module)
{
	static const char label[] = "\0depends=";
	const char *at = module->bytes;
	size_t left = module->len;

	while (left >= sizeof(label)) {
		const char *next = memchr(at, '\0', left - sizeof(label) + 1);

		if (!next)
			break;
		if (memcmp(next, label, sizeof(label) - 1) == 0) {
			next += sizeof(label) - 1;
			left = module->len - (size_t)(next - (const char *)module->bytes);
			return memchr(next, '\0', left) ? next : NULL;
		}
		left -= (size_t)(next + 1 - at);
		at = next + 1;
	}
	return NULL;
}

static bool is_there(const struct initramfs_modules *list, const char *path)
{
	for (size_t i = 0; i < list->paths.len; i++)
		if (strcmp(list->paths.items[i], path) == 0)
			return true;
	return false;
}

static int add(const struct initramfs_source *source, const char *name, unsigned depth,
	struct initramfs_modules *list);

static int add_needs(const struct initramfs_source *source, const char *text, unsigned depth,
	struct initramfs_modules *list)
{
	int r = 0;

	while (r == 0 && *text) {
		size_t len = strcspn(text, ",");
		char name[NAME];

		if (len == 0 || len >= sizeof(name))
			return -EBADMSG;
		memcpy(name, text, len);
		name[len] = '\0';
		r = add(source, name, depth + 1, list);
		text += len + (text[len] == ',');
	}
	return r;
}

static int add_file(const struct initramfs_source *source, const char *path, unsigned depth,
	struct initramfs_modules *list)
{
	struct initramfs_file file = {0};
	const char *text;
	int r;

	if (is_there(list, path))
		return 0;
	if (depth > DEPTH)
		return -ELOOP;
	r = source->read(source->object, path, &file);
	if (r < 0)
		return r;
	text = needs(&file);
	if (!text)
		return -EBADMSG;
	r = add_needs(source, text, depth, list);
	if (r < 0)
		return r;
	if (list->paths.len == INITRAMFS_MAX_MODULES)
		return -ELOOP;
	list->files[list->paths.len] = file;
	return strv_add(&list->paths, path);
}

static int add(const struct initramfs_source *source, const char *name, unsigned depth,
	struct initramfs_modules *list)
{
	size_t len = 0;
	const char *found = find(source->modules_order, name, &len);
	autofree char *path = NULL;

	if (!found)
		return 0;
	path = strndup(found, len);
	return path ? add_file(source, path, depth, list) : -ENOMEM;
}

int initramfs_collect(const struct initramfs_source *source, const char *const *wanted,
	struct initramfs_modules *ret)
{
	int r = 0;

	ret->paths = (struct strv){0};
	for (; r == 0 && *wanted; wanted++)
		r = add(source, *wanted, 0, ret);
	if (r < 0)
		strv_done(&ret->paths);
	return r;
}
