/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that a jail is made with, found once and opened; they are executed by descriptor. */
#ifndef KS_LINUX_PROGRAMS_H
#define KS_LINUX_PROGRAMS_H

#include "resolve/host.h"

/* kastellan-init of this installation; KASTELLAN_INIT in the environment names another one (ignored
 * in set-id programs). */
const char *init_program_path(void);

/* Opens it. 0 or -errno. */
int init_program_open(int *ret_fd, ks_error **reterr);

/* The same for kastellan-egress and KASTELLAN_EGRESS. */
const char *egress_program_path(void);
int egress_program_open(int *ret_fd, ks_error **reterr);

/* kastellan-names, which lies beside kastellan-egress, unless KASTELLAN_NAMES says where. */
int names_program_open(int *ret_fd, ks_error **reterr);

/* The command behind its front (cli/front), and KASTELLAN_COMMAND; executed by name. */
const char *command_program_path(void);

/* The same for the two programs of a machine: kastellan-vm and KASTELLAN_VM, kastellan-files and
 * KASTELLAN_FILES. */
int vm_program_open(int *ret_fd, ks_error **reterr);
int files_program_open(int *ret_fd, ks_error **reterr);

/* bubblewrap, where the probe found it. */
int helper_program_open(const struct ks_host *host, int *ret_fd, ks_error **reterr);

#endif
