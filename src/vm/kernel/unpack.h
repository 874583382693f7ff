/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel inside a bzImage. An emulated machine would take half a second to unpack it at each
 * boot, and a kernel that is unpacked is entered without the image's own stages. */
#ifndef KS_VM_KERNEL_UNPACK_H
#define KS_VM_KERNEL_UNPACK_H

#include <stddef.h>
#include <stdint.h>

/* An ELF file in new memory. 0; -ENOTSUP for a compression that nothing here unpacks, or whose
 * library is not installed; -EBADMSG for an image that is not whole; -E2BIG, -ENOMEM. */
int unpack_kernel(const uint8_t *image, size_t len, uint8_t **ret_elf, size_t *ret_len);

#endif
