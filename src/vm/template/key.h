/* SPDX-License-Identifier: Apache-2.0 */
/* What a template is a template of, as one hash. Pure. */
#ifndef KS_VM_TEMPLATE_KEY_H
#define KS_VM_TEMPLATE_KEY_H

#include "base/sha256.h"
#include "plan/plan.h"

struct template_parts {
	const char *version; /* of kastellan */
	const struct vm_plan *vm; /* emulator, firmware and kernel by their hashes; the command has
				     processor, memory and devices */
	const char *keeper; /* the hash of kastellan-vm, which writes it */
	const char *processor; /* of this host, see processor.h */
	const char *initramfs; /* of its files, the guest's init and its modules, as one hash */
};

/* A guest is restored only from a template of the same key. The rate of the time stamp counter is
 * not in it: it is measured each time a little differently, so that the template's own is noted
 * with it (store.h). */
void template_key(const struct template_parts *parts, char ret[SHA256_TEXT]);

#endif
