/* SPDX-License-Identifier: Apache-2.0 */
/* The initramfs of a micro-VM: kastellan-init and the kernel modules that it loads, as a cpio
 * archive in memory (the "newc" form that the kernel unpacks), nothing of it from a user. Pure. */
#ifndef KS_VM_INITRAMFS_H
#define KS_VM_INITRAMFS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "base/strv.h"

struct initramfs_file {
	const void *bytes;
	size_t len;
};

/* To be raised where the same files would be another archive than before: templates are known by
 * their files. */
#define INITRAMFS_FORM "2"

/* The archive: directories for mounts, /init as far as it is loaded, and the modules in their order
 * as GUEST_MODULES/0, 1, ... without the signatures behind them, which would only cost the time to
 * check them: whoever can change the archive can change the kernel. 0 or the buffer's error. */
int initramfs_build(const struct initramfs_file *init, const struct initramfs_file *modules,
	size_t n_modules, struct strbuf *ret);

/* Where modules come from: by their path in modules.order, which every kernel package has, unlike
 * the modules.dep that is made when one is installed. 0 or -errno; the bytes outlive the list. */
struct initramfs_source {
	const char *modules_order;
	int (*read)(void *object, const char *path, struct initramfs_file *ret);
	void *object;
};

#define INITRAMFS_MAX_MODULES 32

struct initramfs_modules {
	struct initramfs_file files[INITRAMFS_MAX_MODULES];
	struct strv paths; /* of the same; the owner is done with it */
};

/* The modules wanted (names as lsmod shows them: "virtio_console") and what they say that they
 * need, each once and behind what it needs. One that is not in modules.order is taken for a part of
 * the kernel itself: the plan has looked. 0; -errno of read; -EBADMSG: a file is no module;
 * -ELOOP: they need each other, or are too many; -ENOMEM. */
int initramfs_collect(const struct initramfs_source *source, const char *const *wanted,
	struct initramfs_modules *ret);

/* Whether there is a file for the module. */
bool initramfs_has_module(const char *modules_order, const char *name);

/* How long the program is without what the kernel does not load, as what debuggers read is; all of
 * it where that cannot be told. */
size_t initramfs_loaded_len(const void *bytes, size_t len);

/* How long the module is without the signature appended to it. */
size_t initramfs_unsigned_len(const void *bytes, size_t len);

#endif
