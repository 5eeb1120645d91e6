// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The order is what makes this safe.  As the user: options, the list, his
 * subordinate ids, the target, which is held by a descriptor from then on.  As
 * root: the listed path, whose every part only root can change.  Then root for
 * good, and the mount between the two descriptors.  No path of the user's is
 * looked up with privilege.
 */
#include "delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libmount/libmount.h>
#include <linux/magic.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"
#include "lower.h"
#include "mount.h"
#include "options.h"
#include "privilege.h"
#include "subid.h"
#include "syscalls.h"
#include "userlock.h"
#include "userumount.h"

/* Mounts that one user may have at a time; the kernel counts all users' as one. */
#define MOUNTS_MAX 64

#define FLAGS_ALLOWED (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | \
		       MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME | MS_SILENT | \
		       256 /* MS_NOSYMFOLLOW */)

struct job {
	struct request req;
	const char *source;	/* as the user wrote it, which must be as listed */
	const char *target;
	char *options;
	char *user;
	struct shift_grants grants;
	const struct shift_grant *grant;
	int tree;		/* O_PATH of the listed path */
	char tree_path[64];	/* its name in /proc */
	char *target_path;
};

static void job_clear(struct job *job)
{
	request_clear(&job->req);
	shift_grants_clear(&job->grants);
	free(job->options);
	free(job->user);
	free(job->target_path);
	if (job->tree >= 0)
		close(job->tree);
}

static int refuse(struct shift_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(struct shift_error *err, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	shift_err_set(err, 0, "%s", text ? text : "not permitted");
	return -EPERM;
}

static int take_options(struct job *job, struct shift_error *err)
{
	_cleanup_free_ char *rest = NULL, *fs = NULL;
	unsigned long flags = 0;
	int r;

	r = options_parse(&job->req, job->options, &rest, err);
	if (r < 0)
		return r;
	if (job->req.userns_fd >= 0)
		return refuse(err, "option userns is not for users: give the map by idmap=");
	if (job->req.recursive)
		return refuse(err, "option recursive is not for users: each mount has to be granted and asked for");
	if (mnt_split_optstr(rest, NULL, NULL, &fs, 0, 0) ||
	    mnt_optstr_get_flags(rest, &flags, mnt_get_builtin_optmap(MNT_LINUX_MAP)))
		return shift_err_set(err, 0, "cannot read the options \"%s\"", rest);
	if (job->req.backend == BACKEND_DELEGATE || job->req.netns_fd >= 0)
		return refuse(err, "options backend=delegate and netns are not for users");
	if (fs && *fs)
		return refuse(err, "option %s is not for users: there are idmap, uidmap, gidmap, backend and the generic options", fs);
	if (flags & ~(unsigned long)FLAGS_ALLOWED)
		return refuse(err, "among the options \"%s\" is one that is not for users", rest);
	job->req.mflags = flags | MS_NOSUID | MS_NODEV;
	return 0;
}

/* As the user, but for the open: he need not be able to read the whole list. */
static int read_grants(struct job *job, struct shift_error *err)
{
	_cleanup_free_ char *text = malloc(SHIFT_CONFIG_MAX + 1);
	_cleanup_close_ int fd = -1;
	_cleanup_file_ FILE *f = NULL;
	struct stat st;
	size_t n;
	int saved;

	if (!text)
		return shift_err_set(err, ENOMEM, SHIFT_DELEGATE_FILE);
	privilege_take_out();
	fd = open(SHIFT_DELEGATE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	saved = errno;
	privilege_put_back();
	if (fd < 0 && saved == ENOENT)
		return refuse(err, "users may not mount shiftfs here: there is no " SHIFT_DELEGATE_FILE);
	if (fd < 0)
		return shift_err_set(err, saved, SHIFT_DELEGATE_FILE);
	if (fstat(fd, &st) < 0)
		return shift_err_set(err, errno, SHIFT_DELEGATE_FILE);
	if (!S_ISREG(st.st_mode) || st.st_uid || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return refuse(err, SHIFT_DELEGATE_FILE " is not trusted: it must be a file of root's which nobody else can write");
	f = fdopen(fd, "r");
	if (!f)
		return shift_err_set(err, errno, SHIFT_DELEGATE_FILE);
	steal_fd(&fd);
	n = fread(text, 1, SHIFT_CONFIG_MAX + 1, f);
	if (ferror(f))
		return shift_err_set(err, errno, SHIFT_DELEGATE_FILE);
	return shift_grants_parse(text, n, SHIFT_DELEGATE_FILE, &job->grants, err);
}

static bool is_user(const char *name, uid_t uid)
{
	const struct passwd *pw = getpwnam(name);
	char number[16];

	if (pw)
		return pw->pw_uid == uid;
	snprintf(number, sizeof(number), "%u", uid);
	return !strcmp(name, number);
}

static int find_grant(struct job *job, struct shift_error *err)
{
	const struct shift_idmap *map = &job->req.map;
	bool listed = false;
	int r;

	if (!map->uids.n != !map->gids.n)
		return shift_err_set(err, 0, "there is a map for one type of id only: give uidmap= and gidmap=, or idmap=b:STORED:SEEN:COUNT");
	for (size_t i = 0; i < job->grants.n && !job->grant; i++) {
		const struct shift_grant *g = &job->grants.list[i];

		if (strcmp(g->path, job->source) || !is_user(g->user, getuid()))
			continue;
		listed = true;
		if (shift_grant_covers(g, map))
			job->grant = g;
	}
	if (!listed) {
		r = refuse(err, "%s: not listed for the user %s", job->source, job->user);
		shift_err_hint(err, "the administrator lists paths and users in " SHIFT_DELEGATE_FILE "; give the path as it is there");
		return r;
	}
	if (!job->grant)
		return refuse(err, "%s: the map asks for more than is listed for the user %s", job->source, job->user);
	if (shift_idmap_empty(map))
		job->req.map = job->grant->map;
	if (!job->grant->write)
		job->req.mflags |= MS_RDONLY;
	return shift_subid_check(job->user, &job->req.map, err);
}

/*
 * Only root may be able to replace the listed path. Files written there may be
 * setuid root as they are stored, so users must not reach them beneath:
 * *ret_private tells whether a directory above lets only root in.
 */
static int walk(struct job *job, bool *ret_private, struct shift_error *err)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH,
	};
	_cleanup_free_ char *copy = strdup(job->grant->path);
	_cleanup_close_ int at = -1;
	char *part, *next;
	struct stat st;

	if (!copy)
		return shift_err_set(err, ENOMEM, "%s", job->source);
	at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return shift_err_set(err, errno, "/");
	for (part = strtok_r(copy, "/", &next); part; part = strtok_r(NULL, "/", &next)) {
		int fd;

		if (fstat(at, &st) < 0)
			return shift_err_set(err, errno, "%s", job->source);
		if (st.st_uid || (st.st_mode & (S_IWGRP | S_IWOTH)))
			return refuse(err, "%s: others than root can change the directory above \"%s\"",
				      job->source, part);
		if (!(st.st_mode & (S_IXGRP | S_IXOTH)))
			*ret_private = true;
		fd = sys_openat2(at, part, &how);
		if (fd < 0 && errno == ELOOP)
			return refuse(err, "%s: \"%s\" is a symbolic link", job->source, part);
		if (fd < 0)
			return shift_err_set(err, errno, "%s", job->source);
		close(at);
		at = fd;
	}
	if (fstat(at, &st) < 0)
		return shift_err_set(err, errno, "%s", job->source);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return refuse(err, "%s is no directory and no regular file", job->source);
	if (st.st_uid)
		return refuse(err, "%s belongs to the user %u, who could mount something else over it; it must be root's",
			      job->source, st.st_uid);
	job->tree = steal_fd(&at);
	snprintf(job->tree_path, sizeof(job->tree_path), "/proc/self/fd/%d", job->tree);
	return 0;
}

static int open_source(struct job *job, struct shift_error *err)
{
	_cleanup_lower_ struct shift_lower lower = SHIFT_LOWER_INIT;
	bool private = false;
	int r;

	privilege_take_out();
	r = walk(job, &private, err);
	privilege_put_back();
	if (r < 0)
		return r;
	if (!job->grant->write || private)
		return 0;
	r = shift_lower_probe(job->tree_path, &lower, err);
	if (r < 0)
		return r;
	if (lower.attrs & MOUNT_ATTR_NOSUID)
		return 0;
	r = refuse(err, "%s is listed for writing, but a setuid program stored there could be run on this machine",
		   job->source);
	shift_err_hint(err, "mount %s nosuid, or put the tree into a directory which only root can enter", lower.root);
	return r;
}

/* Only filesystems that store files; users may not cover directories of /proc. */
static bool may_be_covered(long type)
{
	static const long types[] = {
		EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC,
		OVERLAYFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, NFS_SUPER_MAGIC,
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (type == types[i])
			return true;
	return false;
}

static int open_target(struct job *job, struct shift_error *err)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	char proc[64], path[PATH_MAX];
	struct statfs fs;
	struct stat st;
	ssize_t n;
	int fd;

	fd = sys_openat2(AT_FDCWD, job->target, &how);
	if (fd < 0 && errno == ELOOP)
		return refuse(err, "target %s: there is a symbolic link in it, give the path that it stands for", job->target);
	if (fd < 0)
		return shift_err_set(err, errno, "target %s", job->target);
	job->req.target_fd = fd;
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return shift_err_set(err, errno, "target %s", job->target);
	if (st.st_uid != getuid())
		return refuse(err, "target %s does not belong to the user %s", job->target, job->user);
	if (!may_be_covered((long)fs.f_type))
		return refuse(err, "target %s is on a filesystem where users may not mount", job->target);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	n = readlink(proc, path, sizeof(path) - 1);
	if (n < 0)
		return shift_err_set(err, errno, "target %s", job->target);
	path[n] = '\0';
	job->target_path = strdup(path);
	return job->target_path ? 0 : shift_err_set(err, ENOMEM, "target %s", job->target);
}

static int check(struct job *job, struct shift_error *err)
{
	int r;

	if (!shift_in_initial_userns())
		return refuse(err, "users may mount shiftfs from the machine's own user namespace only");
	r = take_options(job, err);
	if (r >= 0)
		r = read_grants(job, err);
	if (r >= 0)
		r = find_grant(job, err);
	if (r >= 0)
		r = open_target(job, err);
	if (r >= 0)
		r = open_source(job, err);
	if (r >= 0 && user_mounts(job->user) >= MOUNTS_MAX)
		r = refuse(err, "the user %s has %d such mounts already", job->user, MOUNTS_MAX);
	return r;
}

/* In a child: somebody can hold the lock of utab for ever. */
static int note(const struct job *job, const char *options)
{
	bool bind = job->req.backend == BACKEND_IDMAP;
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(user_mount_note(bind ? job->source : job->tree_path, job->target_path,
				      bind ? MS_BIND : 0, options) != 0);
	for (int ms = 0; pid > 0 && ms < USERLOCK_WAIT_MS; ms += 10) {
		const struct timespec t = { .tv_nsec = 10000000 };

		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
		nanosleep(&t, NULL);
	}
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return -ETIMEDOUT;
}

/* One that utab does not know yet counts until it does. */
static int mount_and_note(struct job *job, int lock, int unnoted, struct shift_error *err)
{
	_cleanup_free_ char *options = NULL;
	int r;

	if (asprintf(&options, "user=%s,uhelper=" DELEGATE_UHELPER, job->user) < 0)
		return shift_err_set(err, ENOMEM, "options");
	if (userlock_set_unnoted(lock, unnoted + 1))
		return shift_err_set(err, EIO, "the number of mounts of the user %s", job->user);
	job->req.source = job->tree_path;
	job->req.target = job->target_path;
	r = mount_new(&job->req, err);
	if (r < 0) {
		userlock_set_unnoted(lock, unnoted);
		return shift_err_prefix(err, "%s on %s", job->source, job->target);
	}
	if (note(job, options))
		warn("%s is mounted, but /run/mount/utab could not be written: root has to unmount it", job->target);
	else
		userlock_set_unnoted(lock, unnoted);
	return 0;
}

static int mount_it(struct job *job, uid_t uid, struct shift_error *err)
{
	_cleanup_close_ int lock = -1;
	int64_t deadline = userlock_deadline();
	int r, unnoted = 0;

	r = lock = userlock_take(uid, deadline, &unnoted, err);
	if (r >= 0)
		r = userlock_utab_is_free(deadline, err);
	/* Again, as he can have made some since. */
	if (r >= 0 && user_mounts(job->user) + (long)unnoted >= MOUNTS_MAX)
		r = refuse(err, "the user %s has %d such mounts already", job->user, MOUNTS_MAX);
	return r < 0 ? r : mount_and_note(job, lock, unnoted, err);
}

static int run(struct job *job)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	int r = check(job, &err);
	uid_t uid;

	if (r < 0) {
		shift_err_print(&err, stderr, PROGRAM);
		return r == -EPERM || r == -EINVAL ? MNT_EX_USAGE : MNT_EX_FAIL;
	}
	if (job->req.fake)
		return MNT_EX_SUCCESS;
	uid = getuid();
	privilege_take_over();
	r = mount_it(job, uid, &err);
	if (r < 0) {
		shift_err_print(&err, stderr, PROGRAM);
		return r == -EPERM || r == -EINVAL ? MNT_EX_USAGE : MNT_EX_FAIL;
	}
	return MNT_EX_SUCCESS;
}

static int parse_args(struct job *job, int argc, char *argv[])
{
	int c;

	opterr = 0;
	while ((c = getopt(argc, argv, "fno:rst:vw")) != -1) {
		switch (c) {
		case 'f':
			job->req.fake = true;
			break;
		case 'o':
			if (mnt_optstr_append_option(&job->options, optarg, NULL))
				return MNT_EX_SYSERR;
			break;
		case 'r':
		case 'w':
			if (mnt_optstr_append_option(&job->options, c == 'r' ? "ro" : "rw", NULL))
				return MNT_EX_SYSERR;
			break;
		case 'v':
			set_verbose(true);
			break;
		case 'n':
		case 's':
		case 't':
			break;
		default:
			fputs(PROGRAM ": users may give -f, -o, -r, -v and -w only\n", stderr);
			return MNT_EX_USAGE;
		}
	}
	if (argc - optind != 2) {
		fputs(PROGRAM ": SOURCE and TARGET are needed\n", stderr);
		return MNT_EX_USAGE;
	}
	job->source = argv[optind];
	job->target = argv[optind + 1];
	return 0;
}

/* Options that need no privilege; the program gives up root for them. */
static bool asks_only(int argc, char *argv[])
{
	static const char *const words[] = { "--probe", "--explain", "--help", "--version", "-h", "-V" };

	for (int i = 1; i < argc; i++)
		for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
			if (!strcmp(argv[i], words[k]))
				return true;
	return false;
}

int delegate_main(int argc, char *argv[])
{
	struct job job __attribute__((cleanup(job_clear))) = { .req = REQUEST_INIT, .tree = -1 };
	const struct passwd *pw;
	int status;

	if (!privilege_is_borrowed())
		return user_umount_is_asked() ? user_umount_main(argc, argv) : -1;
	privilege_put_away();
	if (user_umount_is_asked())
		return user_umount_main(argc, argv);
	if (asks_only(argc, argv)) {
		privilege_renounce();
		return -1;
	}
	mnt_init_debug(0);
	pw = getpwuid(getuid());
	if (!pw) {
		fprintf(stderr, PROGRAM ": the user %u has no name\n", getuid());
		return MNT_EX_SYSERR;
	}
	job.user = strdup(pw->pw_name);
	job.options = strdup("");
	if (!job.user || !job.options)
		return MNT_EX_SYSERR;
	status = parse_args(&job, argc, argv);
	return status ? status : run(&job);
}
