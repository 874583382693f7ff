/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan-init as the first process of a micro-VM's guest, /init of its initramfs.
 *
 * It loads /modules/0, /modules/1, ... in this order, finds the ports by name, or connects to them
 * by number where the machine has a vsock, and follows vm/channel/frame.h. The spec that it is sent
 * is the one of the Native backend, with these differences:
 *
 * - The root is the tree that the files port serves (the policy's own, made and held by the host's
 *   kernel), or without such a port the initramfs. Of the records SPEC_MOUNT the new file systems
 *   are made here, SPEC_MOUNT_TMPFS, _PROC and _DEV, on places that the tree has; what lies in them
 *   (a grant in /tmp, a mask in /proc) is mounted from the tree; all else the tree shows already,
 *   and is left out.
 * - Rules of Landlock go by their paths: slot 0.
 * - There is a control group always, and SPEC_FLAG_KEEP_GROUP is not looked at.
 * - With SPEC_FLAG_TTY the terminal is the guest's own, and its master's bytes are the streams
 * stdin and stdout.
 * - SPEC_VERIFY, SPEC_CLOSED, SPEC_KERNEL_IDS and SPEC_STAGE are for the host's jail, which holds
 *   the tree, and not to be in here. */
#ifndef KS_LINUX_INIT_GUEST_H
#define KS_LINUX_INIT_GUEST_H

/* Where the guest's init finds the kernel modules it loads, by number. */
#define GUEST_MODULES "/modules"

int guest_main(void);

#endif
