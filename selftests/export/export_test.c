// SPDX-License-Identifier: GPL-2.0-or-later
/* File handles. */
#include "fixture.h"

struct handle {
	struct file_handle h;
	unsigned char bytes[MAX_HANDLE_SZ];
};

static int get(int dir, const char *name, struct handle *h)
{
	int id;

	memset(h, 0, sizeof(*h));
	h->h.handle_bytes = MAX_HANDLE_SZ;
	return name_to_handle_at(dir, name, &h->h, &id,
				 *name ? 0 : AT_EMPTY_PATH);
}

static bool no_handles(void)
{
	struct handle h;
	int fd;

	make("probe", 0, 0, S_IFREG | 0644);
	if (get(lower, "probe", &h))
		return true;
	fd = open_by_handle_at(lower, &h.h, O_RDONLY);
	if (fd < 0)
		return true;
	close(fd);
	return false;
}

#define NEED_HANDLES() SKIP_IF(no_handles(), "the lower has no file handles")

/*
 * The kernel drops a dentry that was used since it was last looked at
 * (DCACHE_REFERENCED) only on its second pass. It makes another pass if the one
 * before has freed something, which on a tmpfs, whose own dentries are pinned, it may
 * not: so twice.
 */
static void drop_caches(void)
{
	int fd = OK(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));

	sync();
	for (int i = 0; i < 2; i++)
		EQ(1, write(fd, "2", 1));
	close(fd);
}

TEST_F(shift, open)
{
	struct handle h;
	int fd;

	NEED_HANDLES();
	make("d", 5, 5, S_IFDIR | 0755);
	make("d/f", 1000, 2000, S_IFREG | 0640);
	OK(put(lower, "d/f", "text"));
	OK(get(upper, "d/f", &h));
	fd = OK(open_by_handle_at(upper, &h.h, O_RDONLY));
	ATTR(fd, "", SEEN(1000), SEEN(2000), S_IFREG | 0640);
	EQ(st(upper, "d/f").st_ino, st(fd, "").st_ino);
	EQ(st(upper, "d/f").st_dev, st(fd, "").st_dev);
	close(fd);
	/* written through the handle, stored below */
	fd = OK(open_by_handle_at(upper, &h.h, O_WRONLY));
	EQ(1, pwrite(fd, "T", 1, 0));
	OK(fchown(fd, SEEN(7), SEEN(8)));
	close(fd);
	CONTENT(lower, "d/f", "Text");
	BOTH("d/f", 7, 8, S_IFREG | 0640);
	/* no handle for those without CAP_DAC_READ_SEARCH of the host */
	AS_NS(userns(MAP), 0, 0, ALL_CAPS)
		FAILS(open_by_handle_at(upper, &h.h, O_RDONLY), EPERM);
}

TEST_F(shift, after_drop_caches)
{
	struct handle f, d;
	int fd;

	NEED_HANDLES();
	make("d", 5, 5, S_IFDIR | 0755);
	make("d/e", 6, 6, S_IFDIR | 0755);
	make("d/e/f", 1000, 2000, S_IFREG | 0640);
	OK(get(upper, "d/e/f", &f));
	OK(get(upper, "d/e", &d));
	drop_caches();
	fd = OK(open_by_handle_at(upper, &f.h, O_RDONLY));
	ATTR(fd, "", SEEN(1000), SEEN(2000), S_IFREG | 0640);
	close(fd);
	drop_caches();
	fd = OK(open_by_handle_at(upper, &d.h, O_RDONLY | O_DIRECTORY));
	ATTR(fd, "", SEEN(6), SEEN(6), S_IFDIR | 0755);
	ATTR(fd, "f", SEEN(1000), SEEN(2000), S_IFREG | 0640);
	EQ(st(upper, "d").st_ino, st(fd, "..").st_ino);
	EQ(st(upper, "").st_ino, st(fd, "../..").st_ino);
	become(SEEN(6), SEEN(6));
	OK(touch(fd, "new", 0600));
	become_root();
	BOTH("d/e/new", 6, 6, S_IFREG | 0600);
	close(fd);
}

/*
 * A mount of the whole lower file system: `whole` is its root, and `t` in it
 * is what `lower` and `upper` are otherwise.
 */
static int whole_view(int *t)
{
	int view = open_view(lo(".."), MAP, 0, NULL);

	*t = OK(openat(view, strrchr(lower_path, '/') + 1,
		       O_RDONLY | O_DIRECTORY));
	return view;
}

TEST_F(shift, after_rename)
{
	struct handle f, d;
	int fd, whole, t;

	NEED_HANDLES();
	make("f", 1, 1, S_IFREG | 0600);
	make("d", 2, 2, S_IFDIR | 0755);
	make("to", 0, 0, S_IFDIR | 0777);
	whole = whole_view(&t);
	OK(get(t, "f", &f));
	OK(get(t, "d", &d));
	OK(renameat(lower, "f", lower, "to/g"));
	OK(renameat(lower, "d", lower, "to/e"));
	for (int round = 0; round < 2; round++) {
		fd = OK(open_by_handle_at(whole, &f.h, O_RDONLY));
		EQ(st(lower, "to/g").st_ino, st(fd, "").st_ino);
		ATTR(fd, "", SEEN(1), SEEN(1), S_IFREG | 0600);
		close(fd);
		fd = OK(open_by_handle_at(whole, &d.h, O_RDONLY));
		EQ(st(lower, "to").st_ino, st(fd, "..").st_ino);
		ATTR(fd, "", SEEN(2), SEEN(2), S_IFDIR | 0755);
		close(fd);
		drop_caches();
	}
}

/*
 * The same where a part of the lower is mounted. A file that moved to another
 * directory may be stale then, as for NFS with subtree_check: its handle
 * names the old one.
 */
TEST_F(shift, after_rename_in_a_part)
{
	struct handle f, d;
	int fd;

	NEED_HANDLES();
	make("f", 1, 1, S_IFREG | 0600);
	make("d", 2, 2, S_IFDIR | 0755);
	make("to", 0, 0, S_IFDIR | 0777);
	OK(get(upper, "f", &f));
	OK(get(upper, "d", &d));
	OK(renameat(lower, "f", lower, "g"));
	OK(renameat(lower, "d", lower, "to/e"));
	for (int round = 0; round < 2; round++) {
		fd = OK(open_by_handle_at(upper, &f.h, O_RDONLY));
		EQ(st(upper, "g").st_ino, st(fd, "").st_ino);
		close(fd);
		fd = OK(open_by_handle_at(upper, &d.h, O_RDONLY));
		EQ(st(upper, "to").st_ino, st(fd, "..").st_ino);
		ATTR(fd, "", SEEN(2), SEEN(2), S_IFDIR | 0755);
		close(fd);
		drop_caches();
	}
	OK(renameat(lower, "g", lower, "to/h"));
	drop_caches();
	fd = open_by_handle_at(upper, &f.h, O_RDONLY);
	if (fd < 0)
		CHECK(errno == ESTALE);
	else
		EQ(st(upper, "to/h").st_ino, st(fd, "").st_ino);
}

TEST_F(shift, unlinked)
{
	struct handle h, k;
	int fd;

	NEED_HANDLES();
	make("f", 1, 1, S_IFREG | 0600);
	make("k", 1, 1, S_IFREG | 0600);
	OK(linkat(lower, "k", lower, "k2", 0));
	OK(get(upper, "f", &h));
	OK(get(upper, "k", &k));
	OK(unlinkat(lower, "f", 0));
	OK(unlinkat(lower, "k", 0));
	FAILS(open_by_handle_at(upper, &h.h, O_RDONLY), ESTALE);
	drop_caches();
	FAILS(open_by_handle_at(upper, &h.h, O_RDONLY), ESTALE);
	fd = OK(open_by_handle_at(upper, &k.h, O_RDONLY));
	EQ(st(upper, "k2").st_ino, st(fd, "").st_ino);
	EQ(1, st(fd, "").st_nlink);
	close(fd);
	/* not by a new file in the same place either */
	make("f", 2, 2, S_IFREG | 0600);
	FAILS(open_by_handle_at(upper, &h.h, O_RDONLY), ESTALE);
}

/* Who has it open can open it again by its handle, and it goes with the last. */
TEST_F(shift, open_and_unlinked)
{
	const int by[] = { lower, upper };
	struct handle h;
	char text[4];

	NEED_HANDLES();
	for (int i = 0; i < 2; i++) {
		int fd, again;

		make("f", 1, 1, S_IFREG | 0600);
		OK(put(lower, "f", "text"));
		OK(get(upper, "f", &h));
		fd = OK(openat(upper, "f", O_RDWR | O_CLOEXEC));
		OK(unlinkat(by[i], "f", 0));
		again = OK(open_by_handle_at(upper, &h.h, O_RDWR));
		EQ(st(fd, "").st_ino, st(again, "").st_ino);
		EQ(0, st(again, "").st_nlink);
		ATTR(again, "", SEEN(1), SEEN(1), S_IFREG | 0600);
		EQ(1, pwrite(again, "T", 1, 0));
		close(again);
		EQ(4, pread(fd, text, 4, 0));
		CHECK(!memcmp(text, "Text", 4));
		close(fd);
		FAILS(open_by_handle_at(upper, &h.h, O_RDONLY), ESTALE);
		ABSENT_BOTH("f");
	}
}

/* A file that has lost the name of its handle has another one. */
TEST_F(shift, other_link)
{
	const int by[] = { lower, upper };
	struct handle h;

	NEED_HANDLES();
	make("to", 0, 0, S_IFDIR | 0777);
	for (int i = 0; i < 2; i++) {
		int fd;

		make("f", 1, 1, S_IFREG | 0600);
		OK(linkat(lower, "f", lower, "to/g", 0));
		OK(get(upper, "f", &h));
		OK(unlinkat(by[i], "f", 0));
		fd = OK(open_by_handle_at(upper, &h.h, O_RDONLY));
		EQ(st(lower, "to/g").st_ino, st(fd, "").st_ino);
		EQ(1, st(fd, "").st_nlink);
		close(fd);
		OK(unlinkat(lower, "to/g", 0));
	}
}

TEST_F(shift, garbage)
{
	struct handle h, bad;

	NEED_HANDLES();
	make("f", 1, 1, S_IFREG | 0600);
	OK(get(upper, "f", &h));
	/*
	 * xfs of 6.1 waits for ever for some numbers of its own inodes, also
	 * without a mount over it: there the inode number is left as it is.
	 */
	for (unsigned int i = lower_is("xfs") ? 64 : 0;
	     i < h.h.handle_bytes * 8; i += 3) {
		int fd;

		bad = h;
		bad.h.f_handle[i / 8] ^= 1u << (i % 8);
		fd = open_by_handle_at(upper, &bad.h, O_RDONLY);
		/* whatever it finds must be inside */
		if (fd >= 0) {
			EQ(st(upper, "").st_dev, st(fd, "").st_dev);
			close(fd);
		}
	}
	/* shortened, it may lack the parent alone and still be one */
	for (unsigned int n = 0; n < h.h.handle_bytes; n++) {
		int fd;

		bad = h;
		bad.h.handle_bytes = n;
		fd = open_by_handle_at(upper, &bad.h, O_RDONLY);
		if (fd >= 0) {
			EQ(st(lower, "f").st_ino, st(fd, "").st_ino);
			close(fd);
		} else {
			CHECK(errno == (n ? ESTALE : EINVAL));
		}
	}
	bad = h;
	bad.h.handle_type ^= 0x40;
	/* a type that no file system uses; tmpfs does not look at it */
	if (!lower_is("tmpfs"))
		FAILS(open_by_handle_at(upper, &bad.h, O_RDONLY), ESTALE);
	BOTH("f", 1, 1, S_IFREG | 0600);
}

/*
 *	lower/sub	the mounted tree
 *	lower/outside	never to be reached through it
 */
TEST_F(shift, never_outside)
{
	struct handle in, out, moved, dir;
	int view;

	/* An idmapped bind mount of a directory does open what is outside. */
	ONLY_SHIFTFS();
	NEED_HANDLES();
	make("outside", 1, 1, S_IFREG | 0600);
	make("sub", 0, 0, S_IFDIR | 0755);
	make("sub/in", 1, 1, S_IFREG | 0600);
	make("sub/moved", 1, 1, S_IFREG | 0600);
	make("sub/dir", 1, 1, S_IFDIR | 0755);
	view = open_view(lo("sub"), MAP, 0, NULL);
	OK(get(upper, "outside", &out));
	OK(get(view, "in", &in));
	OK(get(view, "moved", &moved));
	OK(get(view, "dir", &dir));
	close(OK(open_by_handle_at(view, &in.h, O_RDONLY)));
	FAILS(open_by_handle_at(view, &out.h, O_RDONLY), ESTALE);
	OK(renameat(lower, "sub/moved", lower, "gone"));
	OK(renameat(lower, "sub/dir", lower, "gone.d"));
	FAILS(open_by_handle_at(view, &moved.h, O_RDONLY), ESTALE);
	FAILS(open_by_handle_at(view, &dir.h, O_RDONLY), ESTALE);
	drop_caches();
	FAILS(open_by_handle_at(view, &moved.h, O_RDONLY), ESTALE);
	FAILS(open_by_handle_at(view, &dir.h, O_RDONLY), ESTALE);
	FAILS(open_by_handle_at(view, &out.h, O_RDONLY), ESTALE);
	close(OK(open_by_handle_at(view, &in.h, O_RDONLY)));
}

/*
 * A file that has lost its last name within the mounted part has one outside. It
 * opens for as long as it is in use here. One that is moved out is refused at once,
 * even while it is open, and opens again when it is back.
 */
TEST_F(shift, name_left_outside)
{
	struct handle linked, moved;
	char text[4];
	int view;

	/* An idmapped bind mount of a directory does open what is outside. */
	ONLY_SHIFTFS();
	NEED_HANDLES();
	make("sub", 0, 0, S_IFDIR | 0755);
	view = open_view(lo("sub"), MAP, 0, NULL);
	for (int i = 0; i < 2; i++) {
		int fd, again;

		make("sub/f", 1, 1, S_IFREG | 0600);
		OK(put(lower, "sub/f", "text"));
		OK(linkat(lower, "sub/f", lower, "g", 0));
		OK(get(view, "f", &linked));
		fd = OK(openat(view, "f", O_RDWR | O_CLOEXEC));
		OK(i ? unlinkat(lower, "sub/f", 0) : unlinkat(view, "f", 0));
		again = OK(open_by_handle_at(view, &linked.h, O_RDWR));
		EQ(st(lower, "g").st_ino, st(again, "").st_ino);
		ATTR(again, "", SEEN(1), SEEN(1), S_IFREG | 0600);
		EQ(1, pwrite(again, "T", 1, 0));
		close(again);
		close(fd);
		CONTENT(lower, "g", "Text");
		drop_caches();
		FAILS(open_by_handle_at(view, &linked.h, O_RDONLY), ESTALE);
		OK(unlinkat(lower, "g", 0));
	}
	make("sub/m", 1, 1, S_IFREG | 0600);
	OK(put(lower, "sub/m", "text"));
	OK(get(view, "m", &moved));
	int fd = OK(openat(view, "m", O_RDONLY | O_CLOEXEC));
	OK(renameat(lower, "sub/m", lower, "m"));
	FAILS(open_by_handle_at(view, &moved.h, O_RDONLY), ESTALE);
	EQ(4, pread(fd, text, 4, 0));
	OK(mkdirat(lower, "sub/to", 0755));
	OK(renameat(lower, "m", lower, "sub/to/m"));
	close(OK(open_by_handle_at(view, &moved.h, O_RDONLY)));
	close(fd);
	BOTH("sub/to/m", 1, 1, S_IFREG | 0600);
}

SHIFT_TEST_MAIN
