/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made by trace-sandbox: do not edit. */
#ifndef RUNNER_STORE_SANDBOX_CALLS_H
#define RUNNER_STORE_SANDBOX_CALLS_H

static const char *const sandbox_calls_check[] = {
	"_llseek", "access", "alarm", "arch_prctl", "brk", "chdir", "clock_gettime",
	"clock_gettime64", "clock_nanosleep", "close", "dup", "dup2", "dup3",
	"execve", "exit", "exit_group", "faccessat", "faccessat2", "fadvise64",
	"fadvise64_64", "fchdir", "fcntl", "fcntl64", "fdatasync", "fstat",
	"fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "futex",
	"futex_time64", "getcwd", "getdents", "getdents64", "getegid",
	"getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getpid",
	"getpriority", "getrandom", "getrlimit", "getrusage", "gettid",
	"gettimeofday", "getuid", "getuid32", "ioctl", "lseek", "lstat",
	"lstat64", "madvise", "membarrier", "mincore", "mlock", "mmap", "mmap2",
	"mprotect", "mremap", "munmap", "nanosleep", "newfstatat", "open",
	"openat", "pipe2", "prctl", "pread64", "preadv", "prlimit64",
	"pwrite64", "pwritev", "read", "readlink", "readlinkat", "readv",
	"restart_syscall", "rseq", "rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "sched_yield", "set_robust_list",
	"set_tid_address", "setrlimit", "stat", "stat64", "statfs", "statfs64",
	"statx", "sysinfo", "tgkill", "time", "times", "uname", "write",
	"writev", NULL,
};

static const char *const sandbox_calls_pack[] = {
	"_llseek", "brk", "chdir", "close", "exit", "exit_group", "fchdir",
	"fcntl", "fcntl64", "fgetxattr", "flistxattr", "fstat", "fstat64",
	"fstatat64", "fstatfs", "fstatfs64", "futex", "getcwd", "getdents",
	"getdents64", "getrandom", "getxattr", "ioctl", "lgetxattr",
	"listxattr", "llistxattr", "lseek", "lstat", "lstat64", "madvise",
	"mmap", "mmap2", "mprotect", "mremap", "munmap", "newfstatat", "open",
	"openat", "pread64", "preadv", "pwrite64", "pwritev", "read",
	"readlink", "readlinkat", "readv", "restart_syscall", "rt_sigreturn",
	"stat", "stat64", "statfs", "statfs64", "statx", "write", "writev", NULL,
};

static const char *const sandbox_calls_read[] = {
	"_llseek", "brk", "close", "exit", "exit_group", "fstat", "fstat64",
	"fstatat64", "futex", "getrandom", "lseek", "lstat", "lstat64",
	"madvise", "mmap", "mmap2", "mprotect", "mremap", "munmap",
	"newfstatat", "pread64", "preadv", "pwrite64", "pwritev", "read",
	"readv", "restart_syscall", "rt_sigreturn", "stat", "stat64", "statx",
	"write", "writev", NULL,
};

static const char *const sandbox_calls_skopeo[] = {
	"_llseek", "access", "arch_prctl", "brk", "capget", "chdir", "chmod",
	"clock_gettime", "clock_gettime64", "clock_nanosleep", "close",
	"copy_file_range", "dup", "dup2", "dup3", "epoll_create1", "epoll_ctl",
	"epoll_pwait", "epoll_pwait2", "eventfd2", "execve", "exit",
	"exit_group", "faccessat", "faccessat2", "fchdir", "fchmod", "fchmodat",
	"fchmodat2", "fcntl", "fcntl64", "fdatasync", "flock", "fstat",
	"fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate",
	"ftruncate64", "futex", "futex_time64", "getcwd", "getdents",
	"getdents64", "getegid", "getegid32", "geteuid", "geteuid32", "getgid",
	"getgid32", "getpid", "getrandom", "getrlimit", "gettid",
	"gettimeofday", "getuid", "getuid32", "lseek", "lstat", "lstat64",
	"madvise", "mincore", "mkdir", "mkdirat", "mmap", "mmap2", "mprotect",
	"mremap", "munmap", "nanosleep", "newfstatat", "open", "openat",
	"pipe2", "prctl", "pread64", "preadv", "prlimit64", "pwrite64",
	"pwritev", "read", "readlink", "readlinkat", "readv", "rename",
	"renameat", "renameat2", "restart_syscall", "rmdir", "rseq",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait",
	"sched_getaffinity", "sched_yield", "sendfile", "set_robust_list",
	"set_tid_address", "setitimer", "sigaltstack", "sigreturn", "splice",
	"stat", "stat64", "statfs", "statfs64", "statx", "sysinfo", "tgkill",
	"time", "timer_create", "timer_delete", "timer_settime", "umask",
	"uname", "unlink", "unlinkat", "write", "writev", NULL,
};

static const char *const sandbox_calls_unpack[] = {
	"_llseek", "brk", "chmod", "chown", "chown32", "close", "exit",
	"exit_group", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchown32",
	"fchownat", "fcntl", "fcntl64", "fsetxattr", "fstat", "fstat64",
	"fstatat64", "ftruncate", "ftruncate64", "futex", "futimesat",
	"getdents", "getdents64", "getegid", "getegid32", "geteuid",
	"geteuid32", "getgid", "getgid32", "getrandom", "getuid", "getuid32",
	"lchown", "lchown32", "link", "linkat", "lseek", "lsetxattr", "lstat",
	"lstat64", "madvise", "mkdir", "mkdirat", "mknod", "mknodat", "mmap",
	"mmap2", "mprotect", "mremap", "munmap", "newfstatat", "open", "openat",
	"openat2", "pread64", "preadv", "pwrite64", "pwritev", "read", "readv",
	"rename", "renameat", "renameat2", "restart_syscall", "rmdir",
	"rt_sigreturn", "setxattr", "stat", "stat64", "statx", "symlink",
	"symlinkat", "umask", "unlink", "unlinkat", "utimensat",
	"utimensat_time64", "utimes", "write", "writev", NULL,
};

#endif
