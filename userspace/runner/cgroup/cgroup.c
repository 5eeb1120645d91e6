/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cgroup/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/host.h"
#include "base/place.h"
#include "base/util.h"
#include "cgroup/cgroup_tree.h"
#include "cleanup.h"

/* Below the root of cgroup version 2, where there is no systemd. */
#define PARENT "runner"
#define WAIT_MS 10000

static int file_of(const char *path, const char *file, char **ret,
		   struct shift_error *err)
{
	return strf(ret, err, "%s/%s", path, file);
}

static int set(const char *path, const char *file, const char *value,
	       struct shift_error *err)
{
	_cleanup_free_ char *at = NULL;
	int r = file_of(path, file, &at, err);

	return r < 0 ? r : write_file(at, value, err);
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += len)
		if ((p == list || p[-1] == ' ') &&
		    (!p[len] || p[len] == ' ' || p[len] == '\n'))
			return true;
	return false;
}

/* Hands every controller down to the children of @path that can be. */
static void enable_controllers(const char *path)
{
	_cleanup_free_ char *file = NULL, *have = NULL;
	char *save, *word, line[64];

	if (file_of(path, "cgroup.controllers", &file, NULL) < 0 ||
	    read_file(file, 4096, &have, NULL, NULL) < 0)
		return;
	for (word = strtok_r(have, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save)) {
		snprintf(line, sizeof(line), "+%s", word);
		/* Some are refused, say with real-time tasks: a limit that
		 * needs one of those says so. */
		set(path, "cgroup.subtree_control", line, NULL);
	}
}

bool cgroup_can_limit(const char *controller)
{
	_cleanup_free_ char *file = NULL, *have = NULL;

	return cgroup_mount_point() &&
	       file_of(cgroup_mount_point(), "cgroup.controllers", &file,
		       NULL) >= 0 &&
	       read_file(file, 4096, &have, NULL, NULL) >= 0 &&
	       has_word(have, controller);
}

int cgroup_path(const struct spec *spec, const char *name, char **ret,
		struct shift_error *err)
{
	const char *root = cgroup_mount_point();
	const char *path = spec->linux_.cgroups_path;
	const char *parent = spec_annotation(spec, SPEC_ANNOTATION_PARENT);
	_cleanup_free_ char *own = NULL;
	int r;

	if (!root) {
		*ret = NULL;
		return 0;
	}
	if (!path && parent)
		return strf(ret, err, "%s/app-%s", parent, name);
	if (!path) {
		r = place_name(name, &own, err);
		return r < 0 ? r : strf(ret, err, "%s/" PARENT "/%s", root,
					own);
	}
	if (strstr(path, ".."))
		return shift_err_set(err, 0, "the cgroup path '%s' has '..' in it",
				     path);
	return strf(ret, err, "%s/%s", root, path + (*path == '/'));
}

static int need(const char *path, const char *controller,
		struct shift_error *err)
{
	_cleanup_free_ char *file = NULL, *have = NULL;
	int r;

	if ((r = file_of(path, "cgroup.controllers", &file, err)) < 0 ||
	    (r = read_file(file, 4096, &have, NULL, err)) < 0)
		return r;
	if (has_word(have, controller))
		return 0;
	shift_err_set(err, ENOTSUP,
		      "a limit needs the %s controller, which the pod's cgroup %s does not have",
		      controller, path);
	shift_err_hint(err, "it may be bound to cgroup version 1, or disabled on the kernel's command line: see /proc/cgroups and %s/cgroup.controllers",
		       cgroup_mount_point());
	return -ENOTSUP;
}

/* -1 is "max", as in the OCI runtime specification. */
static int set_number(const char *path, const char *controller,
		      const char *file, int64_t value, struct shift_error *err)
{
	char text[32] = "max";
	int r = need(path, controller, err);

	if (value >= 0)
		snprintf(text, sizeof(text), "%lld", (long long)value);
	return r < 0 ? r : set(path, file, text, err);
}

static int limit_memory(const char *path, const struct spec_resources *res,
			struct shift_error *err)
{
	int64_t swap = res->memory_swap;
	int r = 0;

	if (res->memory_limit)
		r = set_number(path, "memory", "memory.max",
			       res->memory_limit, err);
	if (r < 0 || !swap)
		return r;
	if (swap > 0) {
		/* The specification counts memory in, version 2 does not. */
		if (swap < res->memory_limit)
			return shift_err_set(err, 0, "the limit of memory and swap together is below that of memory");
		swap -= res->memory_limit;
	}
	return set_number(path, "memory", "memory.swap.max", swap, err);
}

static int limit_cpu(const char *path, const struct spec_resources *res,
		     struct shift_error *err)
{
	char text[64];
	int r = 0;

	if (res->cpu_quota) {
		unsigned long long period = res->cpu_period ?: 100000;

		r = need(path, "cpu", err);
		if (res->cpu_quota < 0)
			snprintf(text, sizeof(text), "max %llu", period);
		else
			snprintf(text, sizeof(text), "%lld %llu",
				 (long long)res->cpu_quota, period);
		if (r >= 0)
			r = set(path, "cpu.max", text, err);
	}
	/* From 2..262144 to 1..10000, as systemd and the OCI runtimes do. */
	if (r >= 0 && res->cpu_shares)
		r = set_number(path, "cpu", "cpu.weight",
			       res->cpu_shares < 2 ? 1 : (int64_t)
			       (1 + ((res->cpu_shares - 2) * 9999) / 262142),
			       err);
	return r;
}

/* The kernel takes one line in a write(2): io.max has one for a device. */
static int set_lines(const char *path, const char *file, const char *text,
		     struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *save, *line;
	int r = 0;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (line = strtok_r(copy, "\n", &save); r >= 0 && line;
	     line = strtok_r(NULL, "\n", &save))
		r = set(path, file, line, err);
	return r;
}

int cgroup_limit(const char *path, const struct spec_resources *res,
		 struct shift_error *err)
{
	int r;

	if ((r = limit_memory(path, res, err)) < 0 ||
	    (r = limit_cpu(path, res, err)) < 0)
		return r;
	if (res->pids_limit) {
		r = set_number(path, "pids", "pids.max", res->pids_limit, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < res->unified.n; i++) {
		const char *text = res->unified.v[i];
		size_t len = strcspn(text, "=");
		_cleanup_free_ char *file = strndup(text, len);
		_cleanup_free_ char *controller = strndup(text,
							  strcspn(text, "."));

		if (!file || !controller)
			return shift_err_set(err, ENOMEM,
					     "cannot allocate memory");
		if (strchr(file, '/'))
			return shift_err_set(err, 0, "'%s' is not a file of a cgroup",
					     file);
		r = strcmp(controller, "cgroup") ?
			need(path, controller, err) : 0;
		if (r >= 0)
			r = set_lines(path, file, text + len + 1, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_bound(const char *path, struct shift_error *err)
{
	_cleanup_close_ int dir = cgroup_tree_open(path);
	int r;

	if (dir < 0)
		return shift_err_set(err, -dir, "cannot open the cgroup %s",
				     path);
	r = cgroup_tree_write(dir, "cgroup.max.descendants",
			      CGROUP_MAX_DESCENDANTS, err);
	if (r >= 0)
		r = cgroup_tree_write(dir, "cgroup.max.depth",
				      CGROUP_MAX_DEPTH, err);
	return r < 0 ? shift_err_prefix(err, "%s", path) : 0;
}

int cgroup_delegate(const char *path, uid_t uid, struct shift_error *err)
{
	_cleanup_free_ char *list = NULL;
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY |
				       O_CLOEXEC);
	char *save, *file;
	int r;

	if (dir < 0)
		return shift_err_set(err, errno, "cannot open the cgroup %s",
				     path);
	r = read_file("/sys/kernel/cgroup/delegate", 4096, &list, NULL, NULL);
	if (r < 0) {
		list = strdup("cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n");
		if (!list)
			return shift_err_set(err, ENOMEM,
					     "cannot allocate memory");
	}
	if (fchown(dir, uid, (gid_t)-1) < 0)
		return shift_err_set(err, errno, "cannot give away %s", path);
	for (file = strtok_r(list, "\n", &save); file;
	     file = strtok_r(NULL, "\n", &save))
		/* The list is the kernel's, not this cgroup's. */
		if (fchownat(dir, file, uid, (gid_t)-1,
			     AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return shift_err_set(err, errno,
					     "cannot give away %s/%s", path,
					     file);
	return 0;
}

int cgroup_kill(const char *path, struct shift_error *err)
{
	_cleanup_close_ int dir = cgroup_tree_open(path);
	int r;

	if (dir < 0)
		return dir == -ENOENT ? 0 :
			shift_err_set(err, -dir, "cannot open the cgroup %s", path);
	r = cgroup_tree_kill(dir, err);
	return r < 0 ? shift_err_prefix(err, "%s", path) : 0;
}

int cgroup_freeze(const char *path, bool freeze, struct shift_error *err)
{
	_cleanup_close_ int dir = cgroup_tree_open(path);
	int r;

	if (dir < 0)
		return shift_err_set(err, -dir, "cannot open the cgroup %s",
				     path);
	r = cgroup_tree_write(dir, "cgroup.freeze", freeze ? "1" : "0", err);
	if (r >= 0)
		r = cgroup_tree_wait(dir, "frozen", freeze ? "1" : "0",
				     WAIT_MS, err);
	return r < 0 ? shift_err_prefix(err, "%s", path) : 0;
}

bool cgroup_is_frozen(const char *path)
{
	_cleanup_close_ int dir = path ? cgroup_tree_open(path) : -1;

	return dir >= 0 && cgroup_tree_event_is(dir, "frozen", "1") > 0;
}

static bool has_processes(const char *path)
{
	_cleanup_free_ char *file = NULL, *text = NULL;

	return file_of(path, "cgroup.procs", &file, NULL) >= 0 &&
	       read_file(file, 1 << 20, &text, NULL, NULL) >= 0 && *text;
}

/* Not one that has processes: then errno is EBUSY. */
static int remove_empty(const char *path, struct shift_error *err)
{
	_cleanup_close_ int dir = cgroup_tree_open(path);

	errno = EBUSY;
	if (dir < 0 || cgroup_tree_event_is(dir, "populated", "0") != 1)
		return -EBUSY;
	return cgroup_tree_clear(dir, err) < 0 ? -EBUSY :
		cgroup_tree_rmdir(-1, path, err);
}

int cgroup_create(const char *path, pid_t pid, struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(path);
	size_t root = strlen(cgroup_mount_point());
	char number[32];

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (char *p = copy + root; p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return shift_err_set(err, errno,
					     "cannot make the cgroup %s", copy);
		/*
		 * Not in a cgroup with processes, that of a pod that is joined:
		 * cpu and pids would make it threaded, and its children invalid.
		 * The root is an exception of the kernel's.
		 */
		if (p == copy + root || !has_processes(copy))
			enable_controllers(copy);
		*p = '/';
	}
	/* An empty one is nobody's: of a pod whose state is lost. */
	if (mkdir(path, 0755) < 0 &&
	    (errno != EEXIST || remove_empty(path, err) < 0 ||
	     mkdir(path, 0755) < 0))
		return shift_err_set(err, errno, "cannot make the cgroup %s",
				     path);
	snprintf(number, sizeof(number), "%d", (int)pid);
	return set(path, "cgroup.procs", number, err);
}

int cgroup_remove(const char *path, struct shift_error *err)
{
	return cgroup_remove_within(path, CGROUP_END_MS, err);
}

int cgroup_remove_within(const char *path, int ms, struct shift_error *err)
{
	_cleanup_free_ char *parent = NULL;
	_cleanup_close_ int dir = -1;
	int r;

	if (!path)
		return 0;
	dir = cgroup_tree_open(path);
	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return shift_err_set(err, -dir, "cannot open the cgroup %s", path);
	if ((r = cgroup_tree_kill(dir, err)) < 0 ||
	    (r = cgroup_tree_wait(dir, "populated", "0", ms, err)) < 0 ||
	    (r = cgroup_stop_scope(path, err)) < 0 ||
	    (r = cgroup_tree_clear(dir, err)) < 0 ||
	    (r = cgroup_tree_rmdir(-1, path, err)) < 0)
		return shift_err_prefix(err, "%s", path);
	/* The last one takes the folder of runner's own with it. */
	parent = strndup(path, (size_t)(strrchr(path, '/') - path));
	if (parent && !strcmp(strrchr(parent, '/') ?: "", "/" PARENT))
		rmdir(parent);
	return 0;
}

uint64_t cgroup_oom_kills(const char *path)
{
	_cleanup_free_ char *file = NULL, *text = NULL;
	const char *p;

	if (!path || file_of(path, "memory.events", &file, NULL) < 0 ||
	    read_file(file, 4096, &text, NULL, NULL) < 0)
		return 0;
	p = strstr(text, "oom_kill ");
	return p ? strtoull(p + 9, NULL, 10) : 0;
}

int cgroup_of(pid_t pid, char **ret, struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	char file[64], *p;
	int r;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	r = read_file(file, 65536, &text, NULL, err);
	if (r < 0)
		return r;
	p = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text;
	if (!p || !cgroup_mount_point())
		return shift_err_set(err, ENOENT, "%s has no cgroup of version 2",
				     file);
	p += *p == '\n' ? 4 : 3;
	p[strcspn(p, "\n")] = '\0';
	return strf(ret, err, "%s%s", cgroup_mount_point(),
		    strcmp(p, "/") ? p : "");
}
