// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Marks, and mounts of them by user namespaces: how they are used, and what is
 * tried against them. The rules M1 to M12 that the tests name are in
 * Documentation/design/credentials-and-marks.rst.
 */
#include <linux/btrfs.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define SHIFT_HELPER helper
static int helper(int argc, char **argv);
#include "acl.h"
#include "fixture.h"

#define MAP2	"b:0:300000:65536"
#define NESTED	"b:0:10000:1000"	/* within a namespace of MAP */
#define MAGIC	0x6a656a62

/* 4 when the effective user id is another, 2 when there are capabilities. */
static int helper(int argc, char **argv)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	(void)argc, (void)argv;
	if (syscall(SYS_capget, &head, data))
		return 1;
	return (geteuid() != getuid()) * 4 + !!data[0].effective * 2;
}

static int run_path(const char *path)
{
	char *argv[] = { "prog", "--helper", NULL };
	pid_t pid = spawn();

	if (!pid) {
		execve(path, argv, environ);
		_exit(errno == EACCES ? 13 : 5);
	}
	return reap(pid);
}

/* What a process of the host does while a namespace waits for it. */
static int to_host[2], from_host[2];
static pid_t host_pid;

static void host_start(void (*action)(int arg))
{
	int arg;

	OK(pipe(to_host));
	OK(pipe(from_host));
	host_pid = spawn();
	if (!host_pid) {
		close(to_host[1]);
		while (read(to_host[0], &arg, sizeof(arg)) == sizeof(arg)) {
			action(arg);
			OK(write(from_host[1], "", 1));
		}
		_exit(0);
	}
}

static void host_do(int arg)
{
	char c;

	EQ(sizeof(arg), write(to_host[1], &arg, sizeof(arg)));
	EQ(1, read(from_host[0], &c, 1));
}

static void host_end(void)
{
	close(to_host[1]);
	EQ(0, reap(host_pid));
}

static int shift(const char *source, const char *target, const char *options)
{
	return mount(source, target, "shiftfs", 0, options);
}

/* A mark of the tree below, at a new place. */
static const char *mark(const char *options)
{
	const char *point = mount_point(true);

	OK(shift(lower_path, point, options));
	return point;
}

static const char *in(const char *dir, const char *name)
{
	static char path[8][PATH_MAX];
	static int next;
	char *p = path[next++ % 8];

	snprintf(p, PATH_MAX, "%.2000s/%.2000s", dir, name);
	return p;
}

/* The root of a user namespace, in a mount namespace of its own. */
#define AS_ROOT_OF(map)							\
	AS_NS(userns(map), 0, 0, ALL_CAPS)				\
		for (int once_ = OK(unshare(CLONE_NEWNS)) + 1; once_; once_ = 0)

TEST_F(shift, mark_and_mount)
{
	const char *m, *point = mount_point(true);
	char src[PATH_MAX], opts[256];

	ONLY_SHIFTFS();
	make("f", 0, 0, S_IFREG | 0644);
	make("out", OUTSIDE, OUTSIDE, S_IFREG | 0644);
	m = mark("mark");
	/* a mark shows what is stored */
	ATTR(AT_FDCWD, in(m, "out"), OUTSIDE, OUTSIDE, S_IFREG | 0644);
	CHECK(mount_info(m, src, opts, sizeof(opts)));
	CHECK(strstr(opts, ",mark") && !strstr(opts, "idmap"));

	AS_ROOT_OF(MAP) {
		OK(shift(m, point, NULL));
		ATTR(AT_FDCWD, in(point, "f"), 0, 0, S_IFREG | 0644);
		ATTR(AT_FDCWD, in(point, "out"), NOBODY, NOBODY, S_IFREG | 0644);
		OK(touch(AT_FDCWD, in(point, "new"), 0600));
		OK(mkdir(in(point, "d"), 0755));
		OK(chown(in(point, "d"), 1000, 1001));
		CHECK(mount_info(point, src, opts, sizeof(opts)));
		CHECK(!strcmp(src, m));
		CHECK(!strstr(opts, "mark") && !strstr(opts, "idmap"));
	}
	ATTR(lower, "new", 0, 0, S_IFREG | 0600);
	ATTR(lower, "d", 1000, 1001, S_IFDIR | 0755);
	/* the map is the namespace's, the mark is for all of them */
	AS_ROOT_OF(MAP2) {
		OK(shift(m, point, NULL));
		ATTR(AT_FDCWD, in(point, "new"), 0, 0, S_IFREG | 0600);
		ATTR(AT_FDCWD, in(point, "d"), 1000, 1001, S_IFDIR | 0755);
		OK(put(AT_FDCWD, in(point, "new"), "shared"));
	}
	CONTENT(lower, "new", "shared");
	/* and for the host; without the mark it stays */
	OK(shift(m, point, NULL));
	OK(umount(m));
	ATTR(AT_FDCWD, in(point, "out"), OUTSIDE, OUTSIDE, S_IFREG | 0644);
	OK(put(AT_FDCWD, in(point, "new"), "no mark"));
	CONTENT(lower, "new", "no mark");
}

/* mount(8), and with it mount.shiftfs, on both sides. */
TEST_F(shift, by_mount_8)
{
	const char *m = mount_point(true), *point = mount_point(true);
	char cmd[3 * PATH_MAX];

	ONLY_SHIFTFS();
	snprintf(cmd, sizeof(cmd),
		 "mount -t shiftfs -o mark,passthrough=3,allow=0-200000 %s %s",
		 lower_path, m);
	EQ(0, system(cmd));
	AS_ROOT_OF(MAP) {
		snprintf(cmd, sizeof(cmd),
			 "mount -t shiftfs -o passthrough=3 %s %s && mount -o remount,ro %s && mount -o remount,rw %s",
			 m, point, point, point);
		EQ(0, system(cmd));
		OK(touch(AT_FDCWD, in(point, "f"), 0600));
	}
	ATTR(lower, "f", 0, 0, S_IFREG | 0600);
}

/* M8 */
TEST_F(shift, acls)
{
	const char *m, *point = mount_point(true);

	ONLY_SHIFTFS();
	make("f", 0, 0, S_IFREG | 0600);
	make("g", 0, 0, S_IFREG | 0600);
	SKIP_IF(set_acl(lo("g"), ACCESS, "u::6 u:5:4 u:70000:6 g::0 m::6 o::0") &&
		errno == EOPNOTSUPP, "the lower has no ACLs");
	m = mark("mark");
	AS_ROOT_OF(MAP) {
		OK(shift(m, point, NULL));
		OK(set_acl(in(point, "f"), ACCESS,
			   "u::6 u:5:4 g::0 g:1000:4 m::4 o::0"));
		ACL_IS(in(point, "f"), ACCESS,
		       "u::6 u:5:4 g::0 g:1000:4 m::4 o::0");
		FAILS(set_acl(in(point, "f"), ACCESS,
			      "u::6 u:70000:4 g::0 m::4 o::0"), EINVAL);
		AS_NS(-1, 5, 5, 0) {
			close(OK(open(in(point, "f"), O_RDONLY)));
			FAILS(open(in(point, "f"), O_WRONLY), EACCES);
			FAILS(open(in(point, "g"), O_WRONLY), EACCES);
		}
	}
	ACL_IS(lo("f"), ACCESS, "u::6 u:5:4 g::0 g:1000:4 m::4 o::0");
}

TEST_F(shift, mark_of_a_directory_and_a_file)
{
	const char *m, *point = mount_point(true);
	const char *fm = mount_point(false), *fpoint = mount_point(false);

	ONLY_SHIFTFS();
	make("d", 5, 5, S_IFDIR | 0755);
	make("d/f", 5, 5, S_IFREG | 0600);
	OK(put(lower, "d/f", "text"));
	m = mark("mark");
	OK(shift(lo("d/f"), fm, "mark"));
	AS_ROOT_OF(MAP) {
		OK(shift(in(m, "d"), point, NULL));
		ATTR(AT_FDCWD, in(point, "f"), 5, 5, S_IFREG | 0600);
		OK(shift(fm, fpoint, NULL));
		ATTR(AT_FDCWD, fpoint, 5, 5, S_IFREG | 0600);
		CONTENT(AT_FDCWD, fpoint, "text");
		OK(chown(fpoint, 6, 6));
	}
	ATTR(lower, "d/f", 6, 6, S_IFREG | 0600);
}

static void detach(int arg)
{
	(void)arg;
	OK(umount2(lower_path, MNT_DETACH));
}

/* As LXD does: over itself, in the container over that, then detached. */
TEST_F(shift, mark_over_itself_and_detached)
{
	int dir;

	ONLY_SHIFTFS();
	copy_self("prog", 0, 0, 0755);
	OK(shift(lower_path, lower_path, "mark,passthrough=3"));
	host_start(detach);
	AS_ROOT_OF(MAP) {
		OK(shift(lower_path, lower_path, "passthrough=3"));
		dir = OK(open(lower_path, O_RDONLY | O_DIRECTORY));
		OK(touch(dir, "before", 0600));
		host_do(0);
		OK(touch(dir, "after", 0600));
		CONTENT(dir, "after", "");
		ATTR(AT_FDCWD, in(lower_path, "before"), 0, 0, S_IFREG | 0600);
		EQ(2, run_path(in(lower_path, "prog")));
		OK(unlinkat(dir, "before", 0));
	}
	host_end();
	ATTR(lower, "after", 0, 0, S_IFREG | 0600);
	ABSENT(lower, "before");
}

/* M2: nothing else can be mounted, and not otherwise. */
TEST_F(shift, without_a_mark)
{
	const char *m, *point = mount_point(true), *tmp = mount_point(true);

	ONLY_SHIFTFS();
	m = mark("mark");
	AS_ROOT_OF(MAP) {
		FAILS(shift(lower_path, point, NULL), EPERM);
		FAILS(shift(upper_path, point, NULL), EPERM);
		FAILS(shift(lower_path, point, "idmap=b:0:100000:65536"), EPERM);
		OK(mount("t", tmp, "tmpfs", 0, NULL));
		FAILS(shift(tmp, point, NULL), EPERM);
		FAILS(shift(tmp, point, "idmap=b:100000:100000:65536"), EPERM);
		/* of which nothing is kept */
		OK(umount(tmp));
		FAILS(shift(m, point, "idmap=b:0:100000:65536"), EPERM);
		FAILS(shift(m, point, "squash_uid=0:100000"), EPERM);
	}
	/* without privilege in the namespace */
	AS_NS(userns(MAP), 0, 0, 0)
		FAILS(shift(m, point, NULL), EPERM);
	AS_NS(-1, 1000, 1000, 0)
		FAILS(shift(m, point, NULL), EPERM);
	ABSENT(lower, "x");
	/* the host's administrator: marks have no map, and others need one */
	FAILS(shift(lower_path, point, NULL), EINVAL);
	FAILS(shift(lower_path, point, "mark,idmap=b:0:0:1"), EINVAL);
	FAILS(shift(lower_path, point, "allow=5,idmap=b:0:0:1"), EINVAL);
	FAILS(shift(lower_path, point, "allow=5"), EINVAL);
	FAILS(shift(m, point, "allow=5"), EINVAL);
	AS_ROOT_OF(MAP)
		FAILS(shift(m, point, "allow=5"), EINVAL);
	FAILS(shift(lower_path, point, "mark,allow=5-4"), EINVAL);
	FAILS(shift(lower_path, point, "mark,allow="), EINVAL);
	FAILS(shift(lower_path, point, "mark,allow=root"), EINVAL);
	FAILS(shift(lower_path, point, "mark,passthrough=4"), EINVAL);
}

/* M1 */
TEST_F(shift, who_may_mark)
{
	const char *m, *point = mount_point(true), *again = mount_point(true);

	ONLY_SHIFTFS();
	m = mark("mark");
	AS_ROOT_OF(MAP) {
		FAILS(shift(lower_path, again, "mark"), EPERM);
		FAILS(shift(m, again, "mark"), EPERM);
		FAILS(shift(upper_path, again, "mark"), EPERM);
		OK(mount("t", again, "tmpfs", 0, NULL));
		FAILS(shift(again, again, "mark"), EPERM);
		OK(umount(again));
		OK(shift(m, point, NULL));
		OK(shift(point, again, "mark"));
		/* another namespace's mount is not its own */
		AS_ROOT_OF(NESTED)
			FAILS(shift(point, point, "mark"), EPERM);
	}
}

/* M10 */
TEST_F(shift, allow)
{
	const char *one, *range, *others, *point = mount_point(true);
	const char *again = mount_point(true), *deep = mount_point(true);
	char src[PATH_MAX], opts[256];

	ONLY_SHIFTFS();
	one = mark("mark,allow=100000");
	range = mark("mark,allow=99000-165535");
	others = mark("mark,allow=100001-200000");
	CHECK(mount_info(range, src, opts, sizeof(opts)));
	CHECK(strstr(opts, "mark,allow=99000-165535"));

	AS_ROOT_OF(MAP2) {
		FAILS(shift(one, point, NULL), EPERM);
		FAILS(shift(range, point, NULL), EPERM);
	}
	AS_ROOT_OF(MAP) {
		FAILS(shift(others, point, NULL), EPERM);
		OK(shift(one, point, NULL));
		/* a mark of it is not for more, said or unsaid */
		FAILS(shift(point, again, "mark,allow=0-200000"), EPERM);
		FAILS(shift(point, again, "mark,allow=110000"), EPERM);
		OK(shift(point, again, "mark"));
		AS_ROOT_OF(NESTED)
			FAILS(shift(again, deep, NULL), EPERM);
		OK(umount(again));
		OK(umount(point));

		OK(shift(range, point, NULL));
		OK(shift(point, again, "mark"));
		AS_ROOT_OF(NESTED)
			OK(shift(again, deep, NULL));
		OK(umount(again));
		OK(shift(point, again, "mark,allow=100000"));
		AS_ROOT_OF(NESTED)
			FAILS(shift(again, deep, NULL), EPERM);
	}
}

/* M10: in two steps either. */
TEST_F(shift, passthrough)
{
	const char *m, *point = mount_point(true), *again = mount_point(true);
	struct statfs low, s;

	ONLY_SHIFTFS();
	OK(statfs(lower_path, &low));
	m = mark("mark,passthrough=1");
	OK(statfs(m, &s));
	EQ(low.f_type, s.f_type);
	AS_ROOT_OF(MAP) {
		FAILS(shift(m, point, "passthrough=2"), EPERM);
		FAILS(shift(m, point, "passthrough=3"), EPERM);
		OK(shift(m, point, "passthrough=1"));
		OK(statfs(point, &s));
		EQ(low.f_type, s.f_type);
		OK(umount(point));
		OK(shift(m, point, NULL));
		OK(statfs(point, &s));
		EQ(MAGIC, s.f_type);
		FAILS(shift(point, again, "mark,passthrough=1"), EPERM);
		FAILS(mount(NULL, point, NULL, MS_REMOUNT, "passthrough=1"),
		      EINVAL);
		OK(shift(point, again, "mark"));
		AS_ROOT_OF(NESTED)
			FAILS(shift(again, again, "passthrough=1"), EPERM);
	}
}

/*
 * M5: a mark in a mark is one layer. On an overlay a second one would be too
 * deep, on the others a third.
 */
TEST_F(shift, nested)
{
	const char *m, *point = mount_point(true), *again = mount_point(true);
	const char *deep = mount_point(true), *deeper = mount_point(true);

	ONLY_SHIFTFS();
	make("f", 7, 8, S_IFREG | 0644);
	make("high", 5000, 5000, S_IFREG | 0644);
	m = mark("mark");
	AS_ROOT_OF(MAP) {
		OK(shift(m, point, NULL));
		OK(shift(point, again, "mark"));
		AS_ROOT_OF(NESTED) {
			OK(shift(again, deep, NULL));
			/* what its parent calls 7 is its 7 */
			ATTR(AT_FDCWD, in(deep, "f"), 7, 8, S_IFREG | 0644);
			ATTR(AT_FDCWD, in(deep, "high"), NOBODY, NOBODY,
			     S_IFREG | 0644);
			OK(touch(AT_FDCWD, in(deep, "n"), 0600));
			OK(chown(in(deep, "n"), 999, 999));
			FAILS(chown(in(deep, "high"), 1, 1), EPERM);
			OK(shift(deep, deeper, "mark"));
			AS_ROOT_OF("b:0:100:10") {
				OK(shift(deeper, deep, NULL));
				ATTR(AT_FDCWD, in(deep, "f"), 7, 8,
				     S_IFREG | 0644);
				ATTR(AT_FDCWD, in(deep, "n"), NOBODY, NOBODY,
				     S_IFREG | 0600);
				OK(touch(AT_FDCWD, in(deep, "nn"), 0600));
			}
		}
		ATTR(AT_FDCWD, in(point, "nn"), 0, 0, S_IFREG | 0600);
	}
	ATTR(lower, "n", 999, 999, S_IFREG | 0600);
	ATTR(lower, "nn", 0, 0, S_IFREG | 0600);
	/* the host marks what it has shifted itself */
	OK(shift(upper_path, point, "mark"));
	OK(shift(point, again, "mark"));
	OK(shift(again, deep, "mark"));
	ATTR(AT_FDCWD, in(deep, "f"), SEEN(7), SEEN(8), S_IFREG | 0644);
}

/* M3: what lies hidden under a mount that the namespace cannot remove. */
TEST_F(shift, locked_mounts)
{
	const char *m, *point = mount_point(true);

	ONLY_SHIFTFS();
	make("secret", 0, 0, S_IFDIR | 0755);
	make("secret/f", 0, 0, S_IFREG | 0644);
	make("open", 0, 0, S_IFDIR | 0755);
	m = mark("mark");
	OK(mount("cover", in(m, "secret"), "tmpfs", 0, NULL));
	AS_ROOT_OF(MAP) {
		ABSENT(AT_FDCWD, in(m, "secret/f"));
		FAILS(shift(m, point, NULL), EINVAL);
		OK(shift(in(m, "open"), point, NULL));
	}
	OK(mount(NULL, m, NULL, MS_UNBINDABLE, NULL));
	AS_ROOT_OF(MAP2)
		FAILS(shift(m, point, NULL), EINVAL);
	OK(umount(in(m, "secret")));
}

static void move_out(int arg)
{
	(void)arg;
	OK(renameat(lower, "m/d", lower, "d"));
}

/* M4: a directory that has left the mark beneath is not in it any more. */
TEST_F(shift, escape_by_rename)
{
	const char *m = mount_point(true), *point = mount_point(true);
	int view;

	ONLY_SHIFTFS();
	make("m", 0, 0, S_IFDIR | 0755);
	make("m/d", 0, 0, S_IFDIR | 0755);
	make("m/d/e", 0, 0, S_IFDIR | 0755);
	make("out", 0, 0, S_IFREG | 0644);
	OK(shift(lo("m"), m, "mark"));
	host_start(move_out);
	AS_ROOT_OF(MAP) {
		OK(shift(m, point, NULL));
		view = OK(open(in(point, "d/e"), O_RDONLY | O_DIRECTORY));
		OK(chdir(in(m, "d")));
		host_do(0);
		FAILS(shift(".", point, NULL), ESTALE);
		FAILS(shift("e", point, NULL), ESTALE);
		/* upwards one comes to the root of the mount and no further */
		ABSENT(view, "../../out");
		ABSENT(view, "../../../../out");
		ABSENT(AT_FDCWD, in(point, "d"));
	}
	host_end();
}

/* M9: a handle of a file outside, and one made by hand. */
TEST_F(shift, escape_by_handle)
{
	struct {
		struct file_handle head;
		unsigned char data[MAX_HANDLE_SZ];
	} h;
	const char *m = mount_point(true), *point = mount_point(true);
	int id, fd;

	ONLY_SHIFTFS();
	make("m", 0, 0, S_IFDIR | 0755);
	make("m/f", 0, 0, S_IFREG | 0644);
	make("out", 0, 0, S_IFREG | 0644);
	OK(shift(lo("m"), m, "mark"));
	h.head.handle_bytes = MAX_HANDLE_SZ;
	SKIP_IF(name_to_handle_at(lower, "out", &h.head, &id, 0),
		"the lower has no file handles");
	AS_ROOT_OF(MAP) {
		OK(shift(m, point, NULL));
		fd = OK(open(point, O_RDONLY | O_DIRECTORY));
		errno = 0;
		CHECK(open_by_handle_at(fd, &h.head, O_RDONLY) < 0);
		CHECK(errno == ESTALE || errno == EPERM || errno == EOPNOTSUPP);
		h.head.handle_bytes = MAX_HANDLE_SZ;
		FAILS(name_to_handle_at(AT_FDCWD, in(point, "f"), &h.head, &id,
					0), EOPNOTSUPP);
	}
}

/* M8 */
TEST_F(shift, unmapped_files)
{
	const char *m, *point = mount_point(true);

	ONLY_SHIFTFS();
	make("f", OUTSIDE, 0, S_IFREG | 0666);
	make("g", 0, OUTSIDE, S_IFREG | 0666);
	make("s", OUTSIDE, OUTSIDE, S_IFREG | 0600);
	make("d", OUTSIDE, OUTSIDE, S_IFDIR | 0777);
	m = mark("mark");
	AS_ROOT_OF(MAP) {
		OK(shift(m, point, NULL));
		CONTENT(AT_FDCWD, in(point, "f"), "");
		FAILS(open(in(point, "f"), O_WRONLY), EACCES);
		FAILS(open(in(point, "g"), O_WRONLY), EACCES);
		FAILS(open(in(point, "s"), O_RDONLY), EACCES);
		FAILS(truncate(in(point, "f"), 0), EACCES);
		FAILS(chmod(in(point, "f"), 06777), EOVERFLOW);
		/* the VFS would let a namespace's root have them */
		FAILS(chown(in(point, "f"), 0, 0), EPERM);
		FAILS(chown(in(point, "d"), 0, 0), EPERM);
		FAILS(chown(in(point, "g"), -1, 0), EPERM);
		FAILS(touch(AT_FDCWD, in(point, "d/x"), 0600), EACCES);
		FAILS(setxattr(in(point, "f"), "user.x", "", 0, 0), EPERM);
	}
	ATTR(lower, "f", OUTSIDE, 0, S_IFREG | 0666);
	ABSENT(lower, "d/x");
}

static const char *host_sees;

static void host_writes(int pid)
{
	char path[PATH_MAX];
	int fd;

	/* as the host's root, and as its root's double outside of any map */
	snprintf(path, sizeof(path), "/proc/%d/root%s/x", pid, host_sees);
	FAILS(touch(AT_FDCWD, path, 0600), EOVERFLOW);
	become_caps(SEEN(65536), SEEN(65536));
	FAILS(mkdir(path, 0700), EOVERFLOW);
	become_caps(SEEN(3), SEEN(3));
	OK(mkdir(path, 0700));
	become_root();
	/* the host does not honour what was stored here by the container */
	snprintf(path, sizeof(path), "/proc/%d/root%s/s", pid, host_sees);
	fd = OK(open(path, O_PATH));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	AS_NS(-1, 1000, 1000, 0)
		EQ(0, run_path(path));
	close(fd);
}

/* M8, and setuid files seen by who is not in the namespace. */
TEST_F(shift, callers_from_outside)
{
	const char *m;

	ONLY_SHIFTFS();
	host_sees = mount_point(true);
	copy_self("s", 0, 0, 04755);
	m = mark("mark");
	host_start(host_writes);
	AS_ROOT_OF(MAP) {
		OK(shift(m, host_sees, NULL));
		host_do(getpid());
		ATTR(AT_FDCWD, in(host_sees, "x"), 3, 3, S_IFDIR | 0700);
	}
	host_end();
	ATTR(lower, "x", 3, 3, S_IFDIR | 0700);
}

static void set_caps_of(const char *path)
{
	struct vfs_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1u << CAP_NET_RAW,
	};

	OK(setxattr(path, "security.capability", &cap, sizeof(cap), 0));
}

/* A bind mount of the tree below with these flags. */
static const char *bind_with(unsigned int attr)
{
	struct mount_attr a = { .attr_set = attr };
	const char *point = mount_point(true);

	OK(mount(lower_path, point, NULL, MS_BIND, NULL));
	OK(mount_setattr(AT_FDCWD, point, 0, &a, sizeof(a)));
	return point;
}

/* M6, M7: setuid and capabilities, and that neither leaves the namespace. */
TEST_F(shift, nosuid)
{
	const char *m = mount_point(true), *point = mount_point(true);
	const char *n = mount_point(true), *again = mount_point(true);
	struct mount_attr nosuid = { .attr_set = MOUNT_ATTR_NOSUID };
	struct vfs_ns_cap_data cap;
	int fd;

	ONLY_SHIFTFS();
	copy_self("s", 0, 0, 04755);
	copy_self("c", 0, 0, 0755);
	copy_self("w", 0, 0, 06777);
	set_caps_of(lo("c"));
	OK(shift(lower_path, n, "mark"));
	OK(shift(bind_with(MOUNT_ATTR_NOSUID), m, "mark"));
	AS_ROOT_OF(MAP) {
		OK(shift(n, again, NULL));
		OK(shift(m, point, NULL));
		AS_NS(-1, 1000, 1000, 0) {
			/* in the namespace both have their effect */
			EQ(4 + 2, run_path(in(again, "s")));
			EQ(2, run_path(in(again, "c")));
			/* unless the mark's source was nosuid */
			EQ(0, run_path(in(point, "s")));
			EQ(0, run_path(in(point, "c")));
		}
		ATTR(AT_FDCWD, in(point, "s"), 0, 0, S_IFREG | 04755);
		FAILS(getxattr(in(point, "c"), "security.capability", &cap,
			       sizeof(cap)), ENODATA);
		/* hidden bits go by a write all the same */
		AS_NS(-1, 1000, 1000, 0) {
			fd = OK(open(in(point, "w"), O_WRONLY));
			OK(write(fd, "x", 1));
		}
	}
	ATTR(lower, "w", 0, 0, S_IFREG | 0777);
	/* or the mark's own mount, or one in between */
	OK(mount_setattr(AT_FDCWD, n, 0, &nosuid, sizeof(nosuid)));
	AS_ROOT_OF(MAP) {
		OK(shift(n, again, NULL));
		AS_NS(-1, 1000, 1000, 0)
			EQ(0, run_path(in(again, "s")));
		OK(shift(again, point, "mark"));
		OK(shift(point, point, NULL));
		AS_NS(-1, 1000, 1000, 0)
			EQ(0, run_path(in(point, "s")));
	}
}

TEST_F(shift, noexec)
{
	const char *m = mount_point(true), *point = mount_point(true);
	const char *n, *again = mount_point(true);
	struct mount_attr exec = { .attr_clr = MOUNT_ATTR_NOEXEC };

	ONLY_SHIFTFS();
	copy_self("prog", 0, 0, 0755);
	OK(shift(bind_with(MOUNT_ATTR_NOEXEC), m, "mark"));
	n = mark("mark");
	/* M7: a mark shows setuid files of root as such */
	EQ(13, run_path(in(n, "prog")));
	AS_ROOT_OF(MAP) {
		OK(shift(n, again, NULL));
		EQ(2, run_path(in(again, "prog")));
		OK(shift(m, point, NULL));
		EQ(13, run_path(in(point, "prog")));
		OK(mount_setattr(AT_FDCWD, point, 0, &exec, sizeof(exec)));
		EQ(13, run_path(in(point, "prog")));
		OK(mount(NULL, point, NULL, MS_REMOUNT, NULL));
		EQ(13, run_path(in(point, "prog")));
		OK(shift(point, again, "mark"));
		OK(shift(again, again, NULL));
		EQ(13, run_path(in(again, "prog")));
	}
}

static void refuses_writes(const char *point)
{
	struct mount_attr rw = { .attr_clr = MOUNT_ATTR_RDONLY };

	FAILS(touch(AT_FDCWD, in(point, "x"), 0600), EROFS);
	OK(mount_setattr(AT_FDCWD, point, 0, &rw, sizeof(rw)));
	FAILS(mount(NULL, point, NULL, MS_REMOUNT, NULL), EROFS);
	FAILS(touch(AT_FDCWD, in(point, "x"), 0600), EROFS);
	FAILS(open(in(point, "f"), O_WRONLY), EROFS);
	FAILS(chmod(in(point, "f"), 0600), EROFS);
}

/* M6 */
TEST_F(shift, readonly)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	const char *pairs[] = { "source", lower_path, "mark", NULL, "ro", NULL,
				NULL };
	const char *bind, *sb, *attr, *point = mount_point(true);
	const char *again = mount_point(true), *inner = mount_point(true);

	ONLY_SHIFTFS();
	make("f", 0, 0, S_IFREG | 0644);
	/* the superblock alone, by a mount that says nothing of it */
	OK(move_mount(OK(shiftfs_fsmount(pairs, 0)), "", AT_FDCWD, inner,
		      MOVE_MOUNT_F_EMPTY_PATH));
	bind = mount_point(true);
	OK(shift(bind_with(MOUNT_ATTR_RDONLY), bind, "mark"));
	sb = mount_point(true);
	OK(mount(lower_path, sb, "shiftfs", MS_RDONLY, "mark"));
	attr = mark("mark");
	OK(mount_setattr(AT_FDCWD, attr, 0, &ro, sizeof(ro)));
	AS_ROOT_OF(MAP) {
		OK(shift(bind, point, NULL));
		refuses_writes(point);
		OK(shift(point, again, "mark"));
		AS_ROOT_OF(NESTED) {
			OK(shift(again, again, NULL));
			refuses_writes(again);
		}
		OK(shift(sb, point, NULL));
		refuses_writes(point);
		OK(shift(inner, point, NULL));
		refuses_writes(point);
		OK(shift(attr, point, NULL));
		refuses_writes(point);
	}
	ABSENT(lower, "x");
}

/* M9 */
TEST_F(shift, devices)
{
	struct mount_attr dev = { .attr_clr = MOUNT_ATTR_NODEV };
	const char *m, *point = mount_point(true);

	ONLY_SHIFTFS();
	OK(mknodat(lower, "null", S_IFCHR | 0666, makedev(1, 3)));
	m = mark("mark");
	AS_ROOT_OF(MAP) {
		OK(shift(m, point, NULL));
		FAILS(open(in(point, "null"), O_RDONLY), EACCES);
		mount_setattr(AT_FDCWD, point, 0, &dev, sizeof(dev));
		FAILS(open(in(point, "null"), O_RDONLY), EACCES);
		FAILS(mknod(in(point, "c"), S_IFCHR | 0666, makedev(1, 1)),
		      EPERM);
		FAILS(mknod(in(point, "b"), S_IFBLK | 0666, makedev(8, 0)),
		      EPERM);
		OK(mknod(in(point, "p"), S_IFIFO | 0666, 0));
	}
	ABSENT(lower, "c");
	ABSENT(lower, "b");
	ATTR(lower, "p", 0, 0, S_IFIFO | 0666);
}

/* M9: what an overlay or a security module of the host would believe. */
TEST_F(shift, xattrs)
{
	struct vfs_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1u << CAP_NET_RAW,
	};
	const char *m, *point = mount_point(true);
	struct vfs_ns_cap_data got;
	char list[256];
	ssize_t n;

	ONLY_SHIFTFS();
	make("f", 0, 0, S_IFREG | 0644);
	SKIP_IF(setxattr(lo("f"), "security.x", "host", 4, 0) &&
		errno == EOPNOTSUPP, "the lower has no such attributes");
	OK(setxattr(lo("f"), "trusted.x", "host", 4, 0));
	m = mark("mark");
	AS_ROOT_OF(MAP) {
		OK(shift(m, point, NULL));
		FAILS(setxattr(in(point, "f"), "trusted.overlay.redirect", "/",
			       1, 0), EPERM);
		FAILS(removexattr(in(point, "f"), "trusted.x"), EPERM);
		FAILS(getxattr(in(point, "f"), "trusted.x", list, 256), ENODATA);
		FAILS(setxattr(in(point, "f"), "security.ima", "x", 1, 0), EPERM);
		FAILS(setxattr(in(point, "f"), "security.x", "ns", 2, 0), EPERM);
		FAILS(removexattr(in(point, "f"), "security.x"), EPERM);
		n = OK(listxattr(in(point, "f"), list, sizeof(list)));
		CHECK(!memmem(list, n, "trusted.", 8));
		/* what its owner may */
		OK(setxattr(in(point, "f"), "security.capability", &cap,
			    sizeof(cap), 0));
	}
	EQ(4, getxattr(lo("f"), "security.x", list, sizeof(list)));
	EQ(4, getxattr(lo("f"), "trusted.x", list, sizeof(list)));
	/* ENODATA, or EOPNOTSUPP by an overlay of 6.1 */
	CHECK(getxattr(lo("f"), "trusted.overlay.redirect", list, 256) < 0);
	FAILS(getxattr(lo("f"), "security.ima", list, 256), ENODATA);
	/* stored for the stored root, which is what the tree's owner is */
	EQ(XATTR_CAPS_SZ_2, OK(getxattr(lo("f"), "security.capability", &got,
					sizeof(got))));
}

/* M11 */
TEST_F(shift, ioctls)
{
	struct btrfs_ioctl_vol_args args = { .name = "snap" };
	const char *m, *point = mount_point(true);
	int fd, dir;
	long v = 0;

	ONLY_SHIFTFS();
	make("f", 0, 0, S_IFREG | 0644);
	m = mark("mark,passthrough=3");
	AS_ROOT_OF(MAP) {
		OK(shift(m, point, "passthrough=3"));
		fd = OK(open(in(point, "f"), O_RDWR));
		dir = OK(open(point, O_RDONLY | O_DIRECTORY));
		args.fd = dir;
		FAILS(ioctl(dir, BTRFS_IOC_SNAP_CREATE, &args), ENOTTY);
		FAILS(ioctl(dir, BTRFS_IOC_SUBVOL_CREATE, &args), ENOTTY);
		FAILS(ioctl(dir, BTRFS_IOC_TREE_SEARCH, &args), ENOTTY);
		FAILS(ioctl(fd, FS_IOC_GETVERSION, &v), ENOTTY);
		errno = 0;
		CHECK(ioctl(dir, FIFREEZE, 0) < 0);
		CHECK(errno == EPERM || errno == EOPNOTSUPP);
		errno = 0;
		v = FS_IMMUTABLE_FL;
		CHECK(ioctl(fd, FS_IOC_SETFLAGS, &v) < 0);
		CHECK(errno == EPERM || errno == ENOTTY || errno == EOPNOTSUPP);
		v = FS_APPEND_FL;
		CHECK(ioctl(fd, FS_IOC_SETFLAGS, &v) < 0);
	}
	ABSENT(lower, "snap");
	OK(put(lower, "f", "not immutable"));
}

static bool is_mapped(const char *path)
{
	FILE *f = fopen("/proc/self/maps", "re");
	size_t n = 0, len = strlen(path);
	char *line = NULL, *at;
	bool found = false;

	while (f && getline(&line, &n, f) > 0) {
		at = strstr(line, path);
		found |= at > line && at[-1] == ' ' && at[len] == '\n';
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* M11: a mapping is one of the lower file; no way leads to a descriptor. */
TEST_F(shift, lower_descriptors)
{
	const char *m, *point = mount_point(true);
	char path[PATH_MAX];
	struct stat s, t;
	int fd;

	ONLY_SHIFTFS();
	make("f", 0, 0, S_IFREG | 0644);
	OK(put(lower, "f", "text"));
	m = mark("mark");
	AS_ROOT_OF(MAP) {
		char *p;

		OK(shift(m, point, NULL));
		OK(stat(point, &s));
		fd = OK(open(in(point, "f"), O_RDWR));
		p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		CHECK(p != MAP_FAILED && !memcmp(p, "text", 4));
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		OK(stat(path, &t));
		EQ(s.st_dev, t.st_dev);
		EQ(0, t.st_uid);
		snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
			 (long)p, (long)p + 4096);
		FAILS(open(path, O_RDONLY), EPERM);
		/* before there were backing files it had the lower one's name */
		if (kernel_since(6, 8))
			CHECK(is_mapped(in(point, "f")));
		snprintf(path, sizeof(path), "/proc/self/fd/%d/../out", fd);
		FAILS(open(path, O_RDONLY), ENOTDIR);
	}
}

/* A remount changes no rule of the mount. */
TEST_F(shift, remount)
{
	const char *m, *point = mount_point(true);
	char src[PATH_MAX], opts[256];

	ONLY_SHIFTFS();
	m = mark("mark,allow=100000,passthrough=1");
	AS_ROOT_OF(MAP) {
		OK(shift(m, point, "passthrough=1"));
		FAILS(mount(NULL, point, NULL, MS_REMOUNT, "mark"), EINVAL);
		FAILS(mount(NULL, point, NULL, MS_REMOUNT, "allow=5"), EINVAL);
		FAILS(mount(NULL, point, NULL, MS_REMOUNT, "passthrough=3"),
		      EINVAL);
		FAILS(mount(NULL, point, NULL, MS_REMOUNT,
			    "idmap=b:70000:100000:65536"), EINVAL);
		FAILS(mount(NULL, point, NULL, MS_REMOUNT, "squash_uid=0:0"),
		      EINVAL);
		OK(mount(NULL, point, NULL, MS_REMOUNT | MS_RDONLY,
			 "passthrough=1"));
		OK(mount(NULL, point, NULL, MS_REMOUNT, "passthrough=1"));
		OK(touch(AT_FDCWD, in(point, "x"), 0600));
		/* nor is the mark in its reach */
		FAILS(mount(NULL, m, NULL, MS_REMOUNT, "mark"), EPERM);
	}
	/* with what mountinfo shows */
	CHECK(mount_info(m, src, opts, sizeof(opts)));
	CHECK(strstr(opts, "mark,allow=100000-100000,passthrough=1"));
	OK(mount(NULL, m, NULL, MS_REMOUNT | MS_RDONLY, strstr(opts, "mark")));
	FAILS(mount(NULL, m, NULL, MS_REMOUNT, "mark,allow=0-5"), EINVAL);
}

SHIFT_TEST_MAIN
