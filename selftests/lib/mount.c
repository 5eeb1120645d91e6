// SPDX-License-Identifier: GPL-2.0-or-later
/* The backends, mount points, and the set-up of a test. */
#include <sys/ioctl.h>
#include <linux/loop.h>

#include "utils.h"

#define WORK "/run/shiftfs-selftests"

char mount_log[4096];

static const char *backend(void)
{
	const char *name = getenv("SHIFTFS_TEST_BACKEND") ?: "shiftfs";

	if (strcmp(name, "shiftfs") && strcmp(name, "idmap") &&
	    strcmp(name, "both"))
		fail_at(__FILE__, __LINE__,
			"SHIFTFS_TEST_BACKEND=%s: none of shiftfs, idmap, both",
			name);
	return name;
}

bool on_shiftfs(void)
{
	return strcmp(backend(), "idmap");
}

bool on_idmap(void)
{
	return strcmp(backend(), "shiftfs");
}

static void read_log(int fd)
{
	size_t used = 0;
	ssize_t n;

	mount_log[0] = 0;
	while (used + 2 < sizeof(mount_log) &&
	       (n = read(fd, mount_log + used,
			 sizeof(mount_log) - used - 1)) > 0) {
		used += n;
		if (mount_log[used - 1] != '\n')
			mount_log[used++] = '\n';
		mount_log[used] = 0;
	}
}

int shiftfs_fsmount(const char *const *pairs, unsigned int attr)
{
	int fd = fsopen("shiftfs", FSOPEN_CLOEXEC), mnt = -1, err;

	if (fd < 0)
		return -1;
	for (; *pairs; pairs += 2) {
		int r;

		if (!strcmp(pairs[0], "userns"))
			r = fsconfig(fd, FSCONFIG_SET_FD, pairs[0], NULL,
				     atoi(pairs[1]));
		else if (pairs[1])
			r = fsconfig(fd, FSCONFIG_SET_STRING, pairs[0],
				     pairs[1], 0);
		else
			r = fsconfig(fd, FSCONFIG_SET_FLAG, pairs[0], NULL, 0);
		if (r < 0)
			goto out;
	}
	if (fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		goto out;
	mnt = fsmount(fd, FSMOUNT_CLOEXEC, attr);
out:
	err = errno;
	read_log(fd);
	close(fd);
	errno = err;
	return mnt;
}

int idmap_mount(const char *source, const char *map, unsigned int attr)
{
	struct mount_attr a = {
		.attr_set = MOUNT_ATTR_IDMAP | attr,
		.userns_fd = userns(map),
	};
	int fd = open_tree(AT_FDCWD, source,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0)
		return -1;
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &a, sizeof(a)) < 0) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* fsconfig(2) takes 255 characters: one extent at a time */
static int shiftfs_mount(const char *source, const char *map, unsigned int attr)
{
	const char *pairs[2 * (1 + 400) + 1];
	char *copy = strdup(map), *save = NULL;
	int n = 0, fd, err;

	pairs[n++] = "source";
	pairs[n++] = source;
	for (char *tok = strtok_r(copy, " ;", &save); tok;
	     tok = strtok_r(NULL, " ;", &save)) {
		CHECK(n < 2 * 400);
		pairs[n++] = "idmap";
		pairs[n++] = tok;
	}
	pairs[n] = NULL;
	fd = shiftfs_fsmount(pairs, attr);
	err = errno;
	free(copy);
	errno = err;
	return fd;
}

/*
 * Split the map in two which make it up: shiftfs shows the ids in between,
 * which are neither stored nor seen, the idmapped mount of it the final ones.
 */
static int both_mount(const char *source, const char *map, unsigned int attr)
{
	static char inner[400 * 48], outer[400 * 48];
	struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP };
	char *copy = strdup(map), *save = NULL;
	char *in = inner, *out = outer;
	int fd, err;

	*in = *out = 0;
	for (char *tok = strtok_r(copy, " ;", &save); tok;
	     tok = strtok_r(NULL, " ;", &save)) {
		unsigned int stored, seen, count, between;
		char type;

		if (sscanf(tok, "%c:%u:%u:%u", &type, &stored, &seen,
			   &count) != 4)
			fail_at(__FILE__, __LINE__, "bad map %s", tok);
		between = seen + (1u << 30);
		in += sprintf(in, "%c:%u:%u:%u ", type, stored, between, count);
		out += sprintf(out, "%c:%u:%u:%u ", type, between, seen, count);
	}
	free(copy);

	fd = shiftfs_mount(source, inner, attr);
	if (fd < 0)
		return fd;
	a.userns_fd = userns(outer);
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &a, sizeof(a)) < 0) {
		err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

int mount_map(const char *source, const char *target, const char *map,
	      unsigned int attr)
{
	int fd, ret, err;

	if (!on_shiftfs())
		fd = idmap_mount(source, map, attr);
	else if (on_idmap())
		fd = both_mount(source, map, attr);
	else
		fd = shiftfs_mount(source, map, attr);
	if (fd < 0)
		return -1;
	ret = move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

const char *mount_point(bool directory)
{
	static char path[32][64];
	static int next;
	char *p = path[next];

	CHECK(next < 32);
	snprintf(p, sizeof(path[0]), WORK "/%s%d", directory ? "d" : "f",
		 next++);
	if (directory) {
		if (mkdir(p, 0755) && errno != EEXIST)
			fail_at(__FILE__, __LINE__, "mkdir %s: %s", p,
				strerror(errno));
	} else {
		close(OK(open(p, O_CREAT | O_RDONLY | O_CLOEXEC, 0644)));
	}
	return p;
}

const char *idmap_point(const char *source, const char *map)
{
	const char *point = mount_point(true);
	int tree = idmap_mount(source, map, 0);

	if (tree < 0 && errno == EINVAL)
		return NULL;
	OK(tree);
	OK(move_mount(tree, "", AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH));
	close(tree);
	return point;
}

int open_view(const char *source, const char *map, unsigned int attr,
	      const char **target)
{
	const char *point = mount_point(true);

	if (mount_map(source, point, map, attr))
		fail_at(__FILE__, __LINE__, "mount %s on %s with %s: %s\n# %s",
			source, point, map, strerror(errno), mount_log);
	if (target)
		*target = point;
	return OK(open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

bool mount_info(const char *mountpoint, char *source, char *options,
		size_t size)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	static char line[65536], point[4096], src[4096];
	bool found = false;

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		char *dash = strstr(line, " - ");

		if (!dash || sscanf(line, "%*s %*s %*s %*s %4095s",
				    point) != 1 || strcmp(point, mountpoint))
			continue;
		line[strcspn(line, "\n")] = 0;
		CHECK(sscanf(dash, " - %*s %4095s", src) == 1);
		snprintf(source, size, "%s", src);
		snprintf(options, size, "%s", strrchr(dash, ' ') + 1);
		found = true;
	}
	fclose(f);
	return found;
}

int small_lower(const char *target, const char *size)
{
	char data[64];

	snprintf(data, sizeof(data), "size=%s,mode=0755", size);
	return mount("small", target, "tmpfs", 0, data);
}

void view_setup(const char *map)
{
	const char *dir = getenv("SHIFTFS_TEST_DIR");
	const char *point;

	umask(0);
	OK(unshare(CLONE_NEWNS));
	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	if (mkdir(WORK, 0755) && errno != EEXIST)
		fail_at(__FILE__, __LINE__, "mkdir %s: %s", WORK,
			strerror(errno));
	if (!dir) {
		dir = mount_point(true);
		OK(mount("lower", dir, "tmpfs", 0, "mode=0755"));
	}
	snprintf(lower_path, sizeof(lower_path), "%.3000s/t-XXXXXX", dir);
	CHECK(mkdtemp(lower_path));
	OK(chmod(lower_path, 0755));
	lower = OK(open(lower_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	upper = open_view(lower_path, map, 0, &point);
	snprintf(upper_path, sizeof(upper_path), "%s", point);
	/* What the tests create above, they create as mapped callers. */
	OK(fchmod(lower, 0777));
}

void view_teardown(void)
{
	become_root();
	remove_tree(lower_path);
}
