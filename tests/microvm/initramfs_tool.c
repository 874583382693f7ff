/* SPDX-License-Identifier: Apache-2.0 */
/* Not a test: writes the initramfs that the library would, for tests that boot without it.
 *
 *   initramfs_tool INIT DIRECTORY-OF-MODULES NAME... > initramfs
 *
 * and says which modules are in it. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "vm/initramfs.h"

static struct initramfs_file read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *bytes = malloc(KS_MAX_TEXT);
	size_t len;

	if (!file || !bytes) {
		fprintf(stderr, "initramfs_tool: %s: cannot be read\n", path);
		exit(EXIT_FAILURE);
	}
	len = fread(bytes, 1, KS_MAX_TEXT, file);
	fclose(file);
	return (struct initramfs_file){bytes, len};
}

static int read_module(void *object, const char *path, struct initramfs_file *ret)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", (const char *)object, path);
	*ret = read_file(whole);
	return 0;
}

int main(int argc, char **argv)
{
	char path[PATH_MAX];
	autofree char *order = NULL;
	struct initramfs_modules modules;
	struct initramfs_source source = {.read = read_module};
	autostrbuf struct strbuf text;
	struct initramfs_file init;

	strbuf_init(&text, KS_MAX_TEXT);
	if (argc < 3)
		return EXIT_FAILURE;
	init = read_file(argv[1]);
	source.object = argv[2];
	snprintf(path, sizeof(path), "%s/modules.order", argv[2]);
	if (file_read_text(path, &order) < 0) {
		fprintf(stderr, "initramfs_tool: %s: cannot be read\n", path);
		return EXIT_FAILURE;
	}
	source.modules_order = order;
	if (initramfs_collect(&source, (const char *const *)argv + 3, &modules) < 0)
		return EXIT_FAILURE;
	if (initramfs_build(&init, modules.files, modules.paths.len, &text) < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; i < modules.paths.len; i++)
		fprintf(stderr, "%s\n", modules.paths.items[i]);
	strv_done(&modules.paths);
	return fwrite(text.data, 1, text.len, stdout) == text.len ? EXIT_SUCCESS : EXIT_FAILURE;
}
