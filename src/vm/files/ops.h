/* SPDX-License-Identifier: Apache-2.0 */
/* The operations, one function each; table.c says which opcode is whose. Each gives its answer to
 * server->reply and returns 0, or -errno, or NO_REPLY. */
#ifndef KS_VM_FILES_OPS_H
#define KS_VM_FILES_OPS_H

#include "vm/files/server.h"

/* Of a mode: what the server gives to no file. From <sys/stat.h>. */
#define SET_IDS (S_ISUID | S_ISGID)

struct statx;

/* op_start.c */
operation op_init, op_destroy;
/* op_look.c */
operation op_lookup, op_forget, op_batch_forget, op_getattr, op_readlink, op_access, op_statfs;
/* op_make.c */
operation op_mknod, op_mkdir, op_symlink, op_link;
/* op_change.c */
operation op_setattr, op_unlink, op_rmdir, op_rename, op_rename2;
/* op_open.c */
operation op_open, op_create, op_tmpfile, op_release, op_flush, op_fsync;
/* op_data.c */
operation op_read, op_write, op_lseek, op_fallocate, op_copy;
/* op_directory.c */
operation op_opendir, op_readdir, op_readdirplus, op_releasedir, op_fsyncdir;
/* op_attribute.c */
operation op_setxattr, op_getxattr, op_listxattr, op_removexattr;
/* op_lock.c */
operation op_getlk, op_setlk, op_setlkw, op_interrupt;

/* The permissions of a new file are the host kernel's to decide: its umask, or the directory's
 * access list. */
void ops_umask(struct server *server, uint32_t umask);
/* The answer to all that make or find a name. */
int ops_entry(struct server *server, const struct node *node, const struct statx *stat);
/* A handle of an open file for the node; the descriptor is taken. 0 or -ENFILE. */
int ops_handle(struct server *server, const struct node *node, int fd, bool append, uint64_t *ret);
/* A handle of a request's node. */
struct handle *ops_file(struct server *server, const struct wire_request *request, uint64_t number);

#endif
