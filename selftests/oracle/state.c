// SPDX-License-Identifier: GPL-2.0-or-later
/* The tree at the start, and all that can be seen of it. */
#include <dirent.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "oracle.h"

#define OLD	1000000		/* seconds: a time that nothing sets by itself */
#define MAX_FILES 256

struct out {
	char *p, *end;
	uint64_t ino[MAX_FILES];	/* in the order of appearance */
	int nr_ino;
	int root;
	bool shallow;	/* of a directory the names alone */
};

static void put_text(struct out *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void put_text(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(o->p, o->end - o->p, fmt, ap);
	va_end(ap);
	CHECK(n < o->end - o->p);
	o->p += n;
}

static uint64_t sum(const void *data, size_t len, uint64_t h)
{
	for (const unsigned char *c = data; len--; c++)
		h = (h ^ *c) * 0x100000001b3ull;
	return h;
}

static void old_times(int dir, const char *name)
{
	struct timespec t[2] = { { .tv_sec = OLD }, { .tv_sec = OLD } };

	OK(utimensat(dir, name, t, AT_SYMLINK_NOFOLLOW));
}

static void make_file(int dir, const char *name, unsigned int id, mode_t mode,
		      const char *content)
{
	int fd = OK(openat(dir, name, O_CREAT | O_EXCL | O_WRONLY, 0600));

	OK(write(fd, content, strlen(content)));
	OK(fchown(fd, id, id));
	OK(fchmod(fd, gen_server ? mode & 01777 : mode));
	close(fd);
	old_times(dir, name);
}

static void make_dir(int dir, const char *name, uid_t uid, gid_t gid,
		     mode_t mode)
{
	OK(mkdirat(dir, name, 0700));
	OK(fchownat(dir, name, uid, gid, 0));
	OK(fchmodat(dir, name, mode, 0));
}

static void make_xattr(int dir, const char *path, const char *name,
		       const void *value, size_t size)
{
	int fd = OK(openat(dir, path, O_RDONLY | O_CLOEXEC));

	/* not every lower has them all */
	if (fsetxattr(fd, name, value, size, 0))
		CHECK(errno == EOPNOTSUPP);
	close(fd);
}

static void make_xattrs(int dir)
{
	struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entry[5];
	} acl = {
		2, { { 0x01, 7, -1 }, { 0x02, 7, 1001 }, { 0x04, 5, -1 },
		     { 0x10, 7, -1 }, { 0x20, 5, -1 } },
	};
	struct vfs_ns_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_3,
		.data[0].permitted = 1 << CAP_CHOWN,
	};

	make_xattr(dir, "a", "user.one", "1", 1);
	/* no client sees a server's, which the mounter's mount goes by none of */
	if (!gen_server) {
		make_xattr(dir, "a", "system.posix_acl_access", &acl, sizeof(acl));
		make_xattr(dir, "D", "system.posix_acl_default", &acl, sizeof(acl));
	}
	make_xattr(dir, "T/a", "security.capability", &cap, sizeof(cap));
	cap.rootid = 1000;
	make_xattr(dir, "G/a", "security.capability", &cap, sizeof(cap));
}

void tree_make(int dir, unsigned int other)
{
	static const char *const dirs[] = { "D/E", "D", "E", "T", "G", "Z" };

	make_dir(dir, "D", 1000, 1000, 0775);
	make_dir(dir, "D/E", 1001, 1000, 0755);
	make_dir(dir, "E", 0, 0, 0777);
	make_dir(dir, "T", 0, 0, 01777);
	make_dir(dir, "G", 1000, 2000, 02775);
	make_dir(dir, "Z", other, other, 0777);
	make_file(dir, "a", 1000, 0644, "content of a\n");
	make_file(dir, "b", 0, 04755, "content of b\n");
	make_file(dir, "c", other, 0666, "content of c\n");
	make_file(dir, "D/a", 1001, 02775, "");
	make_file(dir, "E/a", 1000, 0600, "secret\n");
	make_file(dir, "T/a", 1001, 0666, "everybody's\n");
	make_file(dir, "G/a", 1000, 06770, "the group's\n");
	make_xattrs(dir);
	OK(symlinkat("D/a", dir, "S"));
	OK(fchownat(dir, "S", 1000, 1000, AT_SYMLINK_NOFOLLOW));
	old_times(dir, "S");
	OK(mknodat(dir, "F", S_IFIFO | 0666, 0));
	OK(fchownat(dir, "F", 1000, 1000, 0));
	old_times(dir, "F");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		old_times(dir, dirs[i]);
	OK(fchown(dir, 0, 0));
	OK(fchmod(dir, 0777));
	old_times(dir, ".");
}

static void clear_flags(int dir)
{
	struct dirent *d;
	DIR *list = fdopendir(dir);

	while (list && (d = readdir(list))) {
		int fd, flags;

		if (!strcmp(d->d_name, ".."))
			continue;
		if (d->d_type != DT_DIR && d->d_type != DT_REG)
			continue;
		fd = openat(dir, d->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (!ioctl(fd, FS_IOC_GETFLAGS, &flags) &&
		    flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) {
			flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
			ioctl(fd, FS_IOC_SETFLAGS, &flags);
		}
		if (d->d_type == DT_DIR && strcmp(d->d_name, "."))
			clear_flags(fd);
		else
			close(fd);
	}
	if (list)
		closedir(list);
}

void tree_remove(const char *path, const char *stored)
{
	int fd = open(stored, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char list[2 * PATH_MAX + 64];

	if (fd < 0)
		return;
	clear_flags(fd);
	/* what NFS has yet to write keeps its file, under another name */
	for (int tries = 0; tries < (strcmp(path, stored) ? 20 : 100); tries++) {
		remove_tree(path);
		if (access(path, F_OK))
			return;
		usleep(100000);
	}
	/* what a client cannot name, its server can */
	if (strcmp(path, stored))
		remove_tree(stored);
	if (access(path, F_OK))
		return;
	snprintf(list, sizeof(list), "find '%s' -ls >&2; rm -r '%s'", path, path);
	if (system(list))
		fail_at(__FILE__, __LINE__, "%s cannot be removed", path);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Errors of the observer are part of the state: it may not see everything. */
static void put_error(struct out *o, const char *what)
{
	put_text(o, " %s:%s", what, strerrorname_np(errno));
}

static void put_xattrs(struct out *o, int dir, const char *path)
{
	char list[2048], names[32][64], value[ACL_BUFFER(512)];
	ssize_t n, len;
	int count = 0;

	/* the l* calls take no directory */
	OK(fchdir(dir));
	n = llistxattr(path, list, sizeof(list));
	if (n < 0) {
		put_error(o, "listxattr");
		return;
	}
	for (char *p = list; p < list + n && count < 32; p += strlen(p) + 1)
		snprintf(names[count++], sizeof(names[0]), "%.63s", p);
	qsort(names, count, sizeof(names[0]), compare);
	for (int i = 0; i < count; i++) {
		put_text(o, " %s", names[i]);
		len = lgetxattr(path, names[i], value, sizeof(value));
		len = xattr_seen(names[i], value, len, sizeof(value));
		if (len < 0) {
			put_error(o, "getxattr");
			continue;
		}
		put_text(o, "=");
		if (len > 64)
			put_text(o, "%zd:%016llx", len, (unsigned long long)
				 sum(value, len, 0xcbf29ce484222325ull));
		else
			for (int c = 0; c < len; c++)
				put_text(o, "%02x", (unsigned char)value[c]);
	}
}

static void put_content(struct out *o, int dir, const char *name)
{
	static char buf[65536];
	uint64_t h = 0xcbf29ce484222325ull;
	ssize_t n;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW);
	if (fd < 0) {
		put_error(o, "open");
		return;
	}
	do {
		n = read(fd, buf, sizeof(buf));
		h = sum(buf, n > 0 ? n : 0, h);
	} while (n == sizeof(buf));
	if (n < 0)
		put_error(o, "read");
	put_text(o, " sum=%016llx", (unsigned long long)h);
	close(fd);
}

static int identity(struct out *o, uint64_t ino)
{
	int i;

	for (i = 0; i < o->nr_ino; i++)
		if (o->ino[i] == ino)
			return i;
	CHECK(i < MAX_FILES);
	o->ino[o->nr_ino++] = ino;
	return i;
}

static char type_of(mode_t mode)
{
	static const char types[] = "?pc?d?b?-?l?s???";

	return types[(mode >> 12) & 15];
}

static void put_dir(struct out *o, int dir, const char *path);

/* A step that was given the symlink may have changed what it leads to. */
static void put_followed(struct out *o, int dir, const char *name)
{
	struct statx x;

	if (statx(dir, name, 0, STATX_BASIC_STATS, &x))
		put_error(o, "followed");
	else
		put_text(o, " (%c %04o %u:%u nlink=%u)", type_of(x.stx_mode),
			 x.stx_mode & 07777, x.stx_uid + id_shift,
			 x.stx_gid + id_shift, x.stx_nlink);
}

static void put_file(struct out *o, int dir, const char *name,
		     const char *path, const struct dirent *d)
{
	struct statx x;

	put_text(o, "%s", path);
	if (statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x)) {
		put_error(o, "statx");
		put_text(o, "\n");
		return;
	}
	put_text(o, " %c %04o %u:%u nlink=%u", type_of(x.stx_mode),
		 x.stx_mode & 07777, x.stx_uid + id_shift,
		 x.stx_gid + id_shift, x.stx_nlink);
	if (!S_ISDIR(x.stx_mode))
		put_text(o, " size=%llu", (unsigned long long)x.stx_size);
	if (S_ISCHR(x.stx_mode) || S_ISBLK(x.stx_mode))
		put_text(o, " rdev=%u:%u", x.stx_rdev_major, x.stx_rdev_minor);
	put_text(o, " ino=#%d attr=%llx", identity(o, x.stx_ino),
		 (unsigned long long)(x.stx_attributes &
				      ~(STATX_ATTR_MOUNT_ROOT)));
	if (x.stx_mtime.tv_sec <= OLD * 10)
		put_text(o, " mtime=%lld.%u", (long long)x.stx_mtime.tv_sec,
			 x.stx_mtime.tv_nsec);
	if (d && (d->d_ino != x.stx_ino ||
		  d->d_type != ((x.stx_mode >> 12) & 15)))
		put_text(o, " readdir tells another inode or type");
	put_xattrs(o, dir, name);
	if (S_ISLNK(x.stx_mode)) {
		char target[256];
		ssize_t n = readlinkat(dir, name, target, sizeof(target));

		if (n < 0)
			put_error(o, "readlink");
		else
			put_text(o, " -> %.*s", (int)n, target);
		if (o->shallow)
			put_followed(o, dir, name);
	}
	if (S_ISREG(x.stx_mode))
		put_content(o, dir, name);
	put_text(o, "\n");
	if (S_ISDIR(x.stx_mode) && (o->shallow || strcmp(name, "."))) {
		int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
				O_CLOEXEC);

		if (fd < 0) {
			put_text(o, "%s/", path);
			put_error(o, "open");
			put_text(o, "\n");
			return;
		}
		put_dir(o, fd, path);
	}
}

static int compare_dirent(const void *a, const void *b)
{
	return strcmp(((const struct dirent *)a)->d_name,
		      ((const struct dirent *)b)->d_name);
}

bool silly_name(const char *name)
{
	return !strncmp(name, ".nfs", strlen(".nfs")) ||
	       !strncmp(name, ".__smbfile_silly", strlen(".__smbfile_silly"));
}

/* Takes the descriptor. */
static void put_dir(struct out *o, int dir, const char *path)
{
	struct dirent *list = NULL, *d;
	DIR *stream = fdopendir(dir);
	int n = 0, dots = 0, silly = 0;

	CHECK(stream);
	errno = 0;
	while ((d = readdir(stream))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..")) {
			dots++;
			continue;
		}
		if (silly_name(d->d_name)) {
			silly++;
			continue;
		}
		list = realloc(list, (n + 1) * sizeof(*list));
		list[n++] = *d;
	}
	if (errno)
		put_error(o, "readdir");
	if (dots != 2)
		put_text(o, "%s has %d dots\n", path, dots);
	if (silly)
		put_text(o, "%s has %d silly names\n", path, silly);
	if (n)
		qsort(list, n, sizeof(*list), compare_dirent);
	for (int i = 0; i < n; i++) {
		char name[PATH_MAX];

		snprintf(name, sizeof(name), "%s%s%s", path, *path ? "/" : "",
			 list[i].d_name);
		if (o->shallow)
			put_text(o, "%s has type %d\n", name, list[i].d_type);
		else
			put_file(o, dir, list[i].d_name, name, &list[i]);
	}
	free(list);
	closedir(stream);
}

void tree_state(int dir, int failed, char *buf)
{
	struct out o = { .p = buf, .end = buf + STATE_SIZE, .root = dir };
	int fd;

	*buf = 0;
	if (failed)
		put_text(&o, "not written: %s\n", strerrorname_np(failed));
	put_file(&o, dir, ".", ".", NULL);
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		put_error(&o, "open");
		OK(chdir("/"));
		return;
	}
	put_dir(&o, fd, "");
	OK(chdir("/"));
}

void tree_touched(int dir, int failed, const struct touched *t, char *buf)
{
	struct out o = { .p = buf, .end = buf + STATE_SIZE, .root = dir, .shallow = true };

	*buf = 0;
	if (failed)
		put_text(&o, "not written: %s\n", strerrorname_np(failed));
	for (int i = 0; i < t->n; i++)
		put_file(&o, dir, t->names[i], t->names[i], NULL);
	OK(chdir("/"));
}
