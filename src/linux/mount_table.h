/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_MOUNT_TABLE_H
#define KS_LINUX_MOUNT_TABLE_H

/* The text of /proc/self/mountinfo as it is now, for the calling thread; mountinfo.h takes it
 * apart. It is long on many hosts, so the last one is kept and handed out again for as long as the
 * kernel says that nothing was mounted or unmounted. Free with free(). 0 or -errno. Thread-safe. */
int mount_table_text(char **ret_text);

#endif
