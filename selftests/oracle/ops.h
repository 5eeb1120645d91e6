/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operations, as the table in ops.c names them. */
#ifndef SHIFTFS_ORACLE_OPS_H
#define SHIFTFS_ORACLE_OPS_H

#include "oracle.h"

/* ops_path.c: by name */
DECLARE_OP(op_mkdir); DECLARE_OP(op_rmdir); DECLARE_OP(op_unlink);
DECLARE_OP(op_mknod); DECLARE_OP(op_symlink); DECLARE_OP(op_linkat);
DECLARE_OP(op_rename); DECLARE_OP(op_renameat2); DECLARE_OP(op_chmod);
DECLARE_OP(op_fchmodat2); DECLARE_OP(op_chown); DECLARE_OP(op_lchown);
DECLARE_OP(op_utimensat); DECLARE_OP(op_truncate); DECLARE_OP(op_stat);
DECLARE_OP(op_lstat); DECLARE_OP(op_access); DECLARE_OP(op_faccessat2);
DECLARE_OP(op_readlink); DECLARE_OP(op_statfs); DECLARE_OP(op_setxattr);
DECLARE_OP(op_lsetxattr); DECLARE_OP(op_getxattr); DECLARE_OP(op_removexattr);
DECLARE_OP(op_listxattr); DECLARE_OP(op_handle); DECLARE_OP(op_umask);
DECLARE_OP(op_exec); DECLARE_OP(op_chdir); DECLARE_OP(op_open_by_handle);
DECLARE_OP(op_bind);

/* ops_fd.c: by descriptor */
DECLARE_OP(op_open); DECLARE_OP(op_tmpfile); DECLARE_OP(op_creat);
DECLARE_OP(op_openat2); DECLARE_OP(op_reopen);
DECLARE_OP(op_close); DECLARE_OP(op_dup); DECLARE_OP(op_linkfd);
DECLARE_OP(op_read); DECLARE_OP(op_write); DECLARE_OP(op_pread);
DECLARE_OP(op_pwrite); DECLARE_OP(op_preadv2); DECLARE_OP(op_pwritev2);
DECLARE_OP(op_lseek); DECLARE_OP(op_ftruncate); DECLARE_OP(op_fallocate);
DECLARE_OP(op_copy_file_range); DECLARE_OP(op_sendfile); DECLARE_OP(op_splice);
DECLARE_OP(op_mmap_write); DECLARE_OP(op_mmap_read); DECLARE_OP(op_fsync);
DECLARE_OP(op_fadvise); DECLARE_OP(op_fstat); DECLARE_OP(op_fchmod);
DECLARE_OP(op_fchown); DECLARE_OP(op_futimens); DECLARE_OP(op_fsetxattr);
DECLARE_OP(op_fgetxattr); DECLARE_OP(op_fremovexattr); DECLARE_OP(op_flistxattr);
DECLARE_OP(op_flock); DECLARE_OP(op_setlk); DECLARE_OP(op_ofd_setlk);
DECLARE_OP(op_getlk); DECLARE_OP(op_readdir); DECLARE_OP(op_getflags);
DECLARE_OP(op_setflags); DECLARE_OP(op_fsgetxattr); DECLARE_OP(op_fstatfs);
DECLARE_OP(op_setfl); DECLARE_OP(op_getfl); DECLARE_OP(op_ficlone);
DECLARE_OP(op_ficlonerange); DECLARE_OP(op_sync_file_range);

/* ops_held.c: by the working directory and the mapping that are kept */
DECLARE_OP(op_held_chdir); DECLARE_OP(op_held_stat); DECLARE_OP(op_held_list);
DECLARE_OP(op_held_creat); DECLARE_OP(op_held_unlink); DECLARE_OP(op_held_rename);
DECLARE_OP(op_held_map); DECLARE_OP(op_held_map_read); DECLARE_OP(op_held_map_write);
DECLARE_OP(op_held_map_sync);

#endif
