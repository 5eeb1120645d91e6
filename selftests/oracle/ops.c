// SPDX-License-Identifier: GPL-2.0-or-later
/* The kinds of operations. */
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "ops.h"

#ifndef AT_EACCESS
#define AT_EACCESS 0x200
#endif

#define F(x) { x, #x }
#define FLAGS(n, ...) static const struct flag n[] = { __VA_ARGS__, { 0 } }

FLAGS(mknod_types, F(S_IFREG), F(S_IFCHR), F(S_IFCHR), F(S_IFBLK), F(S_IFIFO),
      F(S_IFSOCK), F(S_IFDIR));
FLAGS(link_flags, F(AT_SYMLINK_FOLLOW));
FLAGS(linkfd_flags, F(AT_SYMLINK_FOLLOW), F(AT_SYMLINK_FOLLOW),
      F(AT_EMPTY_PATH));
FLAGS(rename_one, F(0), F(RENAME_NOREPLACE), F(RENAME_EXCHANGE),
      F(RENAME_EXCHANGE), F(RENAME_WHITEOUT), F(RENAME_WHITEOUT));
FLAGS(rename_any, F(RENAME_NOREPLACE));
FLAGS(nofollow, F(AT_SYMLINK_NOFOLLOW));
FLAGS(accesses, F(F_OK), F(R_OK), F(W_OK), F(X_OK));
FLAGS(access_any, F(AT_EACCESS), F(AT_SYMLINK_NOFOLLOW));
FLAGS(xattr_flags, F(0), F(0), F(XATTR_CREATE), F(XATTR_REPLACE));
FLAGS(handle_flags, F(0), F(AT_SYMLINK_FOLLOW));
FLAGS(open_modes, F(O_RDONLY), F(O_WRONLY), F(O_RDWR), F(O_RDWR));
FLAGS(open_any, F(O_CREAT), F(O_CREAT), F(O_EXCL), F(O_TRUNC), F(O_APPEND),
      F(O_NOFOLLOW), F(O_NOATIME));
FLAGS(open_rare, F(O_RDONLY), F(O_WRONLY), F(O_RDWR), F(O_PATH), F(3));
FLAGS(open_rare_any, F(O_CREAT), F(O_DIRECTORY), F(O_DIRECT), F(O_SYNC),
      F(O_DSYNC), F(O_NOFOLLOW), F(O_TRUNC));
FLAGS(creat_any, F(O_EXCL), F(O_TRUNC), F(O_APPEND), F(O_NOFOLLOW));
FLAGS(tmpfile_modes, F(O_RDWR), F(O_RDWR), F(O_WRONLY), F(O_RDONLY));
FLAGS(tmpfile_any, F(O_EXCL));
FLAGS(resolve, F(RESOLVE_BENEATH), F(RESOLVE_IN_ROOT), F(RESOLVE_NO_XDEV),
      F(RESOLVE_NO_SYMLINKS));
FLAGS(preadv2_any, F(RWF_HIPRI));
FLAGS(pwritev2_any, F(RWF_APPEND), F(RWF_DSYNC), F(RWF_SYNC));
FLAGS(whences, F(SEEK_SET), F(SEEK_CUR), F(SEEK_END), F(SEEK_DATA),
      F(SEEK_HOLE), F(77));
FLAGS(falloc, F(0), F(FALLOC_FL_KEEP_SIZE),
      F(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE), F(FALLOC_FL_PUNCH_HOLE),
      F(FALLOC_FL_ZERO_RANGE), F(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE),
      F(FALLOC_FL_COLLAPSE_RANGE), F(FALLOC_FL_INSERT_RANGE),
      F(FALLOC_FL_UNSHARE_RANGE));
FLAGS(cfr, F(0), F(0), F(0), F(1));
FLAGS(advices, F(POSIX_FADV_NORMAL), F(POSIX_FADV_DONTNEED),
      F(POSIX_FADV_WILLNEED), F(99));
FLAGS(sync_ranges, F(0), F(SYNC_FILE_RANGE_WRITE), F(0x80));
FLAGS(flocks, F(LOCK_SH), F(LOCK_EX), F(LOCK_UN), F(LOCK_EX));
FLAGS(lock_types, F(F_RDLCK), F(F_WRLCK), F(F_UNLCK), F(F_WRLCK));
FLAGS(inode_flags, F(0), F(FS_APPEND_FL), F(FS_IMMUTABLE_FL), F(FS_NODUMP_FL),
      F(FS_NOATIME_FL), F(0), F(0));
FLAGS(setfl_any, F(O_APPEND), F(O_NOATIME), F(O_DIRECT));

const struct kind kinds[] = {
	{ "mkdir", "pm", 10, op_mkdir, NULL, NULL },
	{ "rmdir", "p", 6, op_rmdir, NULL, NULL },
	{ "unlink", "p", 6, op_unlink, NULL, NULL },
	{ "mknod", "pfmv", 8, op_mknod, mknod_types, NULL },
	{ "bind", "p", 2, op_bind, NULL, NULL },
	{ "symlink", "pq", 5, op_symlink, NULL, NULL },
	{ "linkat", "pqf", 10, op_linkat, NULL, link_flags },
	{ "rename", "pq", 10, op_rename, NULL, NULL },
	{ "renameat2", "pqf", 12, op_renameat2, rename_one, rename_any },
	{ "chmod", "pm", 12, op_chmod, NULL, NULL },
	{ "fchmodat2", "pmf", 3, op_fchmodat2, NULL, nofollow },
	{ "chown", "pug", 10, op_chown, NULL, NULL },
	{ "lchown", "pug", 6, op_lchown, NULL, NULL },
	{ "utimensat", "pvf", 8, op_utimensat, NULL, nofollow },
	{ "truncate", "pl", 6, op_truncate, NULL, NULL },
	{ "stat", "pr", 4, op_stat, NULL, NULL },
	{ "lstat", "pr", 2, op_lstat, NULL, NULL },
	{ "access", "pfr", 4, op_access, NULL, accesses },
	{ "faccessat2", "pmfr", 4, op_faccessat2, NULL, access_any },
	{ "readlink", "pr", 3, op_readlink, NULL, NULL },
	{ "statfs", "pr", 2, op_statfs, NULL, NULL },
	{ "setxattr", "pxvmf", 16, op_setxattr, xattr_flags, NULL },
	{ "lsetxattr", "pxvmf", 3, op_lsetxattr, xattr_flags, NULL },
	{ "getxattr", "pxvr", 6, op_getxattr, NULL, NULL },
	{ "removexattr", "px", 6, op_removexattr, NULL, NULL },
	{ "listxattr", "pvr", 3, op_listxattr, NULL, NULL },
	{ "name_to_handle_at", "pfr", 2, op_handle, handle_flags, NULL },
	{ "open_by_handle_at", "pfr", 3, op_open_by_handle, handle_flags, NULL },
	{ "umask", "mr", 1, op_umask, NULL, NULL },
	{ "execve", "p", 4, op_exec, NULL, NULL },
	{ "chdir", "pr", 3, op_chdir, NULL, NULL },
	{ "open", "spfm", 30, op_open, open_modes, open_any },
	{ "open", "spfm", 8, op_open, open_rare, open_rare_any },
	{ "creat", "spfm", 16, op_creat, NULL, creat_any },
	{ "open_tmpfile", "spfm", 8, op_tmpfile, tmpfile_modes, tmpfile_any },
	{ "openat2", "spf", 4, op_openat2, NULL, resolve },
	{ "reopen", "stf", 4, op_reopen, open_modes, setfl_any },
	{ "close", "s", 4, op_close, NULL, NULL },
	{ "dup", "st", 2, op_dup, NULL, NULL },
	{ "linkfd", "spf", 8, op_linkfd, linkfd_flags, NULL },
	{ "read", "slr", 6, op_read, NULL, NULL },
	{ "write", "slv", 12, op_write, NULL, NULL },
	{ "pread", "slor", 4, op_pread, NULL, NULL },
	{ "pwrite", "slov", 12, op_pwrite, NULL, NULL },
	{ "preadv2", "slofr", 3, op_preadv2, NULL, preadv2_any },
	{ "pwritev2", "slofv", 6, op_pwritev2, NULL, pwritev2_any },
	{ "lseek", "sofr", 5, op_lseek, whences, NULL },
	{ "ftruncate", "sl", 6, op_ftruncate, NULL, NULL },
	{ "fallocate", "sfol", 10, op_fallocate, falloc, NULL },
	{ "copy_file_range", "stolfv", 6, op_copy_file_range, cfr, NULL },
	{ "sendfile", "stolv", 4, op_sendfile, NULL, NULL },
	{ "splice", "stolv", 4, op_splice, NULL, NULL },
	{ "mmap_write", "sov", 6, op_mmap_write, NULL, NULL },
	{ "mmap_read", "sovr", 3, op_mmap_read, NULL, NULL },
	{ "fsync", "sv", 2, op_fsync, NULL, NULL },
	{ "sync_file_range", "solf", 2, op_sync_file_range, sync_ranges, NULL },
	{ "posix_fadvise", "solfr", 2, op_fadvise, advices, NULL },
	{ "fstat", "sr", 6, op_fstat, NULL, NULL },
	{ "fchmod", "sm", 6, op_fchmod, NULL, NULL },
	{ "fchown", "sug", 6, op_fchown, NULL, NULL },
	{ "futimens", "sv", 4, op_futimens, NULL, NULL },
	{ "fsetxattr", "sxvmf", 6, op_fsetxattr, xattr_flags, NULL },
	{ "fgetxattr", "sxr", 3, op_fgetxattr, NULL, NULL },
	{ "fremovexattr", "sx", 3, op_fremovexattr, NULL, NULL },
	{ "flistxattr", "sr", 2, op_flistxattr, NULL, NULL },
	{ "flock", "sfr", 5, op_flock, flocks, NULL },
	{ "fcntl_setlk", "solfvr", 5, op_setlk, lock_types, NULL },
	{ "fcntl_ofd_setlk", "solfvr", 5, op_ofd_setlk, lock_types, NULL },
	{ "fcntl_getlk", "solfvr", 4, op_getlk, lock_types, NULL },
	{ "readdir", "sr", 4, op_readdir, NULL, NULL },
	{ "fs_ioc_getflags", "sr", 3, op_getflags, NULL, NULL },
	{ "fs_ioc_setflags", "sf", 4, op_setflags, inode_flags, NULL },
	{ "fs_ioc_fsgetxattr", "sr", 2, op_fsgetxattr, NULL, NULL },
	{ "fstatfs", "sr", 2, op_fstatfs, NULL, NULL },
	{ "fcntl_setfl", "sf", 3, op_setfl, NULL, setfl_any },
	{ "fcntl_getfl", "sr", 2, op_getfl, NULL, NULL },
	{ "ficlone", "st", 2, op_ficlone, NULL, NULL },
	{ "ficlonerange", "stolv", 2, op_ficlonerange, NULL, NULL },
	/* with --actors alone, see gen_actors */
	{ "held_chdir", "pr", 6, op_held_chdir, NULL, NULL },
	{ "held_stat", "r", 8, op_held_stat, NULL, NULL },
	{ "held_list", "r", 4, op_held_list, NULL, NULL },
	{ "held_creat", "mv", 6, op_held_creat, NULL, NULL },
	{ "held_unlink", "v", 3, op_held_unlink, NULL, NULL },
	{ "held_rename", "v", 3, op_held_rename, NULL, NULL },
	{ "held_map", "s", 10, op_held_map, NULL, NULL },
	{ "held_map_read", "or", 10, op_held_map_read, NULL, NULL },
	{ "held_map_write", "ov", 8, op_held_map_write, NULL, NULL },
	{ "held_map_sync", "", 4, op_held_map_sync, NULL, NULL },
};
const int nr_kinds = sizeof(kinds) / sizeof(*kinds);
