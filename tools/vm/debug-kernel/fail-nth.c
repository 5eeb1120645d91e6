// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fail-nth LOWER MOUNTPOINT: run each operation on a shiftfs mount of LOWER
 * with its first memory allocation failing, then its second, and so on until
 * none is left to fail. An operation must then succeed or report it, and
 * must succeed once nothing fails. What it leaks or breaks on the way is for
 * the debug kernel to report.
 *
 * The kernel counts down in /proc/thread-self/fail-nth; the file reads 0 again
 * when the failure was used up. debugfs' failslab and fail_page_alloc must
 * have ignore-gfp-wait=N and verbose=0.
 *
 * Each operation gets names of its own (%u), made below before and removed
 * below after, so that no attempt finds what an earlier one cached.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LIMIT 1000	/* more allocations than any operation makes */
#define MAP "b:0:100000:65536"

static const char *lower_path, *mount_path;
static int lower, upper;
static unsigned int serial;
static char name[64], other[64];

/* A new object below, of stored owner 0. */
static void make(const char *what, mode_t type)
{
	int r;

	if (S_ISDIR(type))
		r = mkdirat(lower, what, 0755);
	else if (S_ISLNK(type))
		r = symlinkat("target", lower, what);
	else
		r = mknodat(lower, what, S_IFREG | 0644, 0);
	if (r || fchownat(lower, what, 0, 0, AT_SYMLINK_NOFOLLOW)) {
		perror("fail-nth: preparing an object below");
		exit(2);
	}
}

/* Zero, or a negative errno. */
static int ret(long r)
{
	return r < 0 ? -errno : 0;
}

static int closing(int fd)
{
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int make_mount(int *mnt)
{
	int fs = fsopen("shiftfs", FSOPEN_CLOEXEC);
	int r = fs < 0 ? -errno : 0;

	*mnt = -1;
	if (!r)
		r = ret(fsconfig(fs, FSCONFIG_SET_STRING, "source",
				 lower_path, 0));
	if (!r)
		r = ret(fsconfig(fs, FSCONFIG_SET_STRING, "idmap", MAP, 0));
	if (!r)
		r = ret(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	if (!r) {
		*mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
		r = *mnt < 0 ? -errno : 0;
	}
	if (fs >= 0)
		close(fs);
	return r;
}

static int op_mount(void)
{
	int mnt, r = make_mount(&mnt);

	if (mnt >= 0)
		close(mnt);
	return r;
}

static int op_lookup(void)
{
	struct stat st;

	return ret(fstatat(upper, name, &st, AT_SYMLINK_NOFOLLOW));
}

static int op_lookup_absent(void)
{
	struct stat st;
	int r = ret(fstatat(upper, other, &st, AT_SYMLINK_NOFOLLOW));

	return r == -ENOENT ? 0 : r;
}

static int op_create(void)
{
	return closing(openat(upper, other, O_CREAT | O_EXCL | O_RDWR, 0640));
}

static int op_mkdir(void)
{
	return ret(mkdirat(upper, other, 0750));
}

static int op_mknod(void)
{
	return ret(mknodat(upper, other, S_IFIFO | 0600, 0));
}

static int op_symlink(void)
{
	return ret(symlinkat("target", upper, other));
}

static int op_readlink(void)
{
	char buf[64];

	return ret(readlinkat(upper, name, buf, sizeof(buf)));
}

static int op_link(void)
{
	return ret(linkat(upper, name, upper, other, 0));
}

static int op_unlink(void)
{
	return ret(unlinkat(upper, name, 0));
}

static int op_rmdir(void)
{
	return ret(unlinkat(upper, name, AT_REMOVEDIR));
}

static int op_rename(void)
{
	return ret(renameat(upper, name, upper, other));
}

static int op_exchange(void)
{
	return ret(renameat2(upper, name, upper, other, RENAME_EXCHANGE));
}

static int op_whiteout(void)
{
	return ret(renameat2(upper, name, upper, other, RENAME_WHITEOUT));
}

static int op_tmpfile(void)
{
	return closing(openat(upper, ".", O_TMPFILE | O_RDWR, 0600));
}

static int op_readdir(void)
{
	int fd = openat(upper, ".", O_RDONLY | O_DIRECTORY);
	char buf[4096];
	int r;

	if (fd < 0)
		return -errno;
	r = ret(getdents64(fd, buf, sizeof(buf)));
	close(fd);
	return r;
}

static int op_chown(void)
{
	return ret(fchownat(upper, name, 100001, 100002, 0));
}

static int op_chmod(void)
{
	return ret(fchmodat(upper, name, 0604, 0));
}

static int op_utimes(void)
{
	return ret(utimensat(upper, name, NULL, 0));
}

static int op_truncate(void)
{
	return closing(openat(upper, name, O_WRONLY | O_TRUNC));
}

/* open_and DO: open the name for reading and writing and evaluate DO on fd. */
#define OPEN_AND(do_) ({					\
	int fd = openat(upper, name, O_RDWR | O_CLOEXEC);	\
	int r_ = fd < 0 ? -errno : 0;				\
								\
	if (!r_) {						\
		r_ = (do_);					\
		close(fd);					\
	}							\
	r_; })

static int op_read(void)
{
	char buf[8192];

	return OPEN_AND(ret(pread(fd, buf, sizeof(buf), 0)));
}

static int op_write(void)
{
	return OPEN_AND(ret(pwrite(fd, "new", 3, 4096)));
}

static int op_fsync(void)
{
	return OPEN_AND(ret(fsync(fd)));
}

static int op_fallocate(void)
{
	return OPEN_AND(ret(fallocate(fd, 0, 0, 65536)));
}

static int op_flock(void)
{
	return OPEN_AND(ret(flock(fd, LOCK_EX)));
}

static int op_posix_lock(void)
{
	struct flock fl = { .l_type = F_WRLCK, .l_len = 10 };

	return OPEN_AND(ret(fcntl(fd, F_SETLK, &fl)));
}

static int op_ofd_lock(void)
{
	struct flock fl = { .l_type = F_WRLCK, .l_len = 10 };

	return OPEN_AND(ret(fcntl(fd, F_OFD_SETLK, &fl)));
}

static int op_sendfile(void)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	r = OPEN_AND(ret(sendfile(fds[1], fd, NULL, 4096)));
	close(fds[0]);
	close(fds[1]);
	return r;
}

static int op_copy_range(void)
{
	int to = openat(upper, other, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	int r;

	if (to < 0)
		return -errno;
	r = OPEN_AND(ret(copy_file_range(fd, NULL, to, NULL, 100, 0)));
	close(to);
	return r;
}

static int map_and_touch(int fd)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	/* A fault without memory would be SIGBUS: let the kernel touch it. */
	madvise(p, 4096, MADV_POPULATE_WRITE);
	munmap(p, 4096);
	return 0;
}

static int op_mmap(void)
{
	return OPEN_AND(map_and_touch(fd));
}

static int op_setxattr(void)
{
	return OPEN_AND(ret(fsetxattr(fd, "trusted.x", "value", 5, 0)));
}

static int op_getxattr(void)
{
	char value[64];
	int r = OPEN_AND(ret(fgetxattr(fd, "security.capability", value,
				       sizeof(value))));

	return r == -ENODATA ? 0 : r;
}

static int op_listxattr(void)
{
	char list[256];

	return OPEN_AND(ret(flistxattr(fd, list, sizeof(list))));
}

/* user::rw- user:100005:r-- group::r-- mask::r-- other::--- */
static const unsigned char acl[] = {
	2, 0, 0, 0,
	0x01, 0, 6, 0, 0xff, 0xff, 0xff, 0xff,
	0x02, 0, 4, 0, 0xa5, 0x86, 0x01, 0x00,
	0x04, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
	0x10, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
	0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
};

static int op_set_acl(void)
{
	return OPEN_AND(ret(fsetxattr(fd, "system.posix_acl_access", acl,
				      sizeof(acl), 0)));
}

static int op_get_acl(void)
{
	char value[128];
	int r = OPEN_AND(ret(fgetxattr(fd, "system.posix_acl_access", value,
				       sizeof(value))));

	return r == -ENODATA ? 0 : r;
}

static int op_set_cap(void)
{
	/* version 3, effective, cap_net_raw, of the root that the map knows */
	static const unsigned int cap[] = {
		0x03000001, 1 << 13, 0, 0, 0, 100000
	};

	return OPEN_AND(ret(fsetxattr(fd, "security.capability", cap,
				      sizeof(cap), 0)));
}

static int op_statfs(void)
{
	struct statfs st;

	return ret(fstatfs(upper, &st));
}

static int op_handle(void)
{
	union {
		struct file_handle h;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = { .h.handle_bytes = MAX_HANDLE_SZ };
	int id, fd;

	if (name_to_handle_at(upper, name, &u.h, &id, 0))
		return -errno;
	fd = open_by_handle_at(upper, &u.h, O_RDONLY | O_CLOEXEC);
	return closing(fd);
}

static const struct {
	const char *name;
	int (*run)(void);
	mode_t type;		/* what is there below under the first name */
	bool both;		/* and under the other */
} ops[] = {
#define OP(x) { #x, op_##x, S_IFREG, false }
	OP(mount), OP(lookup), OP(lookup_absent), OP(create), OP(mkdir),
	OP(mknod), OP(symlink), { "readlink", op_readlink, S_IFLNK, false },
	OP(link), OP(unlink), { "rmdir", op_rmdir, S_IFDIR, false },
	OP(rename), { "rename_dir", op_rename, S_IFDIR, false },
	{ "exchange", op_exchange, S_IFREG, true }, OP(whiteout), OP(tmpfile),
	OP(readdir), OP(chown), OP(chmod), OP(utimes), OP(truncate), OP(read),
	OP(write), OP(fsync), OP(fallocate), OP(flock), OP(posix_lock),
	OP(ofd_lock), OP(sendfile), OP(copy_range), OP(mmap), OP(setxattr),
	OP(getxattr), OP(listxattr), OP(set_acl), OP(get_acl), OP(set_cap),
	OP(statfs), OP(handle),
};

static int fail_fd;

static void arm(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(fail_fd, text, len, 0) != len) {
		perror("fail-nth: /proc/thread-self/fail-nth");
		exit(2);
	}
}

/* True when the armed failure happened. */
static bool used_up(void)
{
	char text[16] = "";

	if (pread(fail_fd, text, sizeof(text) - 1, 0) < 0) {
		perror("fail-nth: /proc/thread-self/fail-nth");
		exit(2);
	}
	return atoi(text) == 0;
}

/*
 * How the kernel says that an allocation failed: tmpfs has no inode then,
 * the lock code no lock, and open no file.
 */
static bool out_of_memory(int r)
{
	return r == -ENOMEM || r == -ENOSPC || r == -ENOLCK || r == -ENFILE;
}

static void prepare(mode_t type, bool both)
{
	serial++;
	snprintf(name, sizeof(name), "f%u", serial);
	snprintf(other, sizeof(other), "g%u", serial);
	make(name, type);
	if (both)
		make(other, type);
	if (S_ISREG(type)) {
		int fd = openat(lower, name, O_WRONLY);

		if (fd < 0 || write(fd, "text", 4) != 4 || ftruncate(fd, 5000)) {
			perror("fail-nth: preparing a file below");
			exit(2);
		}
		close(fd);
	}
}

static void clean(void)
{
	const char *names[] = { name, other };

	for (int i = 0; i < 2; i++) {
		unlinkat(lower, names[i], 0);
		unlinkat(lower, names[i], AT_REMOVEDIR);
	}
}

int main(int argc, char **argv)
{
	int failed = 0, mnt;

	if (argc != 3) {
		fprintf(stderr, "usage: fail-nth LOWER MOUNTPOINT\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	lower_path = argv[1];
	mount_path = argv[2];
	lower = open(lower_path, O_PATH | O_CLOEXEC);
	fail_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (lower < 0 || fail_fd < 0) {
		perror("fail-nth: LOWER, or a kernel without fault injection");
		return 2;
	}
	if (make_mount(&mnt) ||
	    move_mount(mnt, "", AT_FDCWD, mount_path, MOVE_MOUNT_F_EMPTY_PATH)) {
		perror("fail-nth: mounting shiftfs");
		return 2;
	}
	close(mnt);
	upper = open(mount_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A caller with an id that the map knows, and every capability. */
	if (upper < 0 || prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)) {
		perror("fail-nth: entering the mount");
		return 2;
	}
	umask(0);
	setfsgid(100000);
	setfsuid(100000);

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		unsigned int nth, survived = 0;
		bool bad = false;
		int r = 0;

		for (nth = 1; nth <= LIMIT; nth++) {
			bool used;

			prepare(ops[i].type, ops[i].both);
			arm(nth);
			r = ops[i].run();
			used = used_up();
			arm(0);
			clean();
			if (!used)
				break;
			if (r == 0)
				survived++;
			else if (!out_of_memory(r)) {
				printf("# %s: allocation %u failed: %s, wanted ENOMEM\n",
				       ops[i].name, nth, strerror(-r));
				bad = true;
			}
		}
		if (nth > LIMIT) {
			printf("# %s: no end after %u allocations\n",
			       ops[i].name, LIMIT);
			bad = true;
		} else if (r) {
			printf("# %s: without a failure: %s\n", ops[i].name,
			       strerror(-r));
			bad = true;
		}
		printf("%s fail-nth %s: %u allocations failed, %u survived\n",
		       bad ? "not ok" : "ok", ops[i].name, nth - 1, survived);
		failed += bad;
	}
	close(upper);
	if (umount2(mount_path, 0)) {
		perror("fail-nth: umount");
		failed++;
	}
	return failed ? 1 : 0;
}
