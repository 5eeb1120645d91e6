/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/close_range.h>
#include <net/if.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

#define GROUPS_MAX 256

/* Who the command runs as, by the files of the image. */
struct identity {
	uid_t uid;
	gid_t gid;
	gid_t groups[GROUPS_MAX];
	size_t n_groups;
	char home[PATH_MAX];
};

int process_become_root(struct shift_error *err)
{
	/* A session of its own: the host's terminal is out of TIOCSTI's reach. */
	setsid();
	umask(022);
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
	    setresuid(0, 0, 0) < 0)
		return shift_err_set(err, errno,
				     "cannot become root of the pod");
	return 0;
}

int process_hostname(const char *name, struct shift_error *err)
{
	if (sethostname(name, strlen(name)) < 0)
		return shift_err_set(err, errno, "cannot set the hostname %s",
				     name);
	return 0;
}

int process_loopback(struct shift_error *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo" };

	if (fd < 0)
		return 0;	/* a kernel without IPv4 */
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return shift_err_set(err, errno,
				     "cannot bring up lo in the pod");
	return 0;
}

static bool number(const char *text, uint32_t *ret)
{
	unsigned long long v;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || *end || v >= UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* True when @user, a name or a number, is in the image's /etc/passwd. */
static bool find_user(const char *user, struct identity *id, char *name,
		      size_t name_size)
{
	_cleanup_file_ FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;
	uint32_t uid;
	bool numeric = number(user, &uid);

	while (f && (pw = fgetpwent(f))) {
		if (numeric ? pw->pw_uid != uid : strcmp(pw->pw_name, user))
			continue;
		id->uid = pw->pw_uid;
		id->gid = pw->pw_gid;
		snprintf(id->home, sizeof(id->home), "%s", pw->pw_dir);
		snprintf(name, name_size, "%s", pw->pw_name);
		return true;
	}
	if (numeric) {
		id->uid = uid;
		id->gid = 0;
	}
	return numeric;
}

static bool find_group(const char *group, gid_t *ret)
{
	_cleanup_file_ FILE *f = NULL;
	struct group *gr;
	uint32_t gid;

	if (number(group, &gid)) {
		*ret = gid;
		return true;
	}
	f = fopen("/etc/group", "re");
	while (f && (gr = fgetgrent(f))) {
		if (strcmp(gr->gr_name, group))
			continue;
		*ret = gr->gr_gid;
		return true;
	}
	return false;
}

static void find_groups(const char *name, struct identity *id)
{
	_cleanup_file_ FILE *f = fopen("/etc/group", "re");
	struct group *gr;

	while (f && *name && (gr = fgetgrent(f)))
		for (char **m = gr->gr_mem; *m; m++)
			if (!strcmp(*m, name) && id->n_groups < GROUPS_MAX)
				id->groups[id->n_groups++] = gr->gr_gid;
}

static int resolve(const char *user, struct identity *id,
		   struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(user);
	char name[256] = "", *group;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	memset(id, 0, sizeof(*id));
	strcpy(id->home, "/");
	group = strchr(copy, ':');
	if (group)
		*group++ = '\0';
	if (!find_user(*copy ? copy : "0", id, name, sizeof(name)))
		return shift_err_set(err, 0,
				     "the user '%s' is not in the image's /etc/passwd",
				     copy);
	if (!group)
		find_groups(name, id);
	else if (!find_group(group, &id->gid))
		return shift_err_set(err, 0,
				     "the group '%s' is not in the image's /etc/group",
				     group);
	return 0;
}

static int set_capabilities(uint64_t wanted, struct shift_error *err)
{
	cap_t caps = cap_init();
	int r = caps ? 0 : -1;

	for (cap_value_t c = 0; !r && c <= cap_max_bits() - 1; c++) {
		if (!(wanted & (1ULL << c)))
			continue;
		r = cap_set_flag(caps, CAP_PERMITTED, 1, &c, CAP_SET);
		if (!r)
			r = cap_set_flag(caps, CAP_EFFECTIVE, 1, &c, CAP_SET);
	}
	if (!r)
		r = cap_set_proc(caps);
	if (r)
		shift_err_set(err, errno, "cannot set the pod's capabilities");
	cap_free(caps);
	return r ? -EPERM : 0;
}

static int drop_bounding(uint64_t wanted, struct shift_error *err)
{
	for (cap_value_t c = 0; c < cap_max_bits(); c++)
		if (!(wanted & (1ULL << c)) && cap_drop_bound(c) < 0)
			return shift_err_set(err, errno,
					     "cannot drop capability %d", c);
	return 0;
}

int process_privileges(const struct spec *spec, struct shift_error *err)
{
	struct identity id;
	int r;

	r = resolve(spec->process.user, &id, err);
	if (r < 0)
		return r;
	r = mkdir_parents(spec->process.cwd, 0755, err);
	if (r < 0)
		return r;
	r = drop_bounding(spec->process.capabilities, err);
	if (r < 0)
		return r;
	if (setgroups(id.n_groups, id.groups) < 0 ||
	    setresgid(id.gid, id.gid, id.gid) < 0 ||
	    setresuid(id.uid, id.uid, id.uid) < 0)
		return shift_err_set(err, errno,
				     "cannot become uid %u, gid %u of the pod",
				     id.uid, id.gid);
	/* Anybody but root has lost them by setresuid(2). */
	if (id.uid == 0) {
		r = set_capabilities(spec->process.capabilities, err);
		if (r < 0)
			return r;
	}
	if (chdir(spec->process.cwd) < 0)
		return shift_err_set(err, errno,
				     "cannot change to the directory %s in the pod",
				     spec->process.cwd);
	if (spec->process.no_new_privileges &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return shift_err_set(err, errno, "cannot set no_new_privs");
	/* Every change of credentials above would have reset this. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return shift_err_set(err, errno,
				     "cannot tie the pod's life to runner's");
	environ = spec->process.env.v;
	if (!getenv("HOME") && setenv("HOME", id.home, 1) < 0)
		return shift_err_set(err, errno, "cannot set HOME");
	return 0;
}

bool process_runner_alive(int alive_fd)
{
	struct pollfd p = { .fd = alive_fd };

	return poll(&p, 1, 0) == 0;
}

/* 0 when @path may be executed as far as the file itself tells. */
static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return access(path, X_OK) < 0 ? -errno : 0;
}

static int find_in_path(const char *name, char *buf, size_t size)
{
	const char *p = getenv("PATH");
	int r, worst = -ENOENT;

	while (p && *p) {
		size_t len = strcspn(p, ":");

		if (snprintf(buf, size, "%.*s/%s", len ? (int)len : 1,
			     len ? p : ".", name) < (int)size) {
			r = check_executable(buf);
			if (!r)
				return 0;
			if (r != -ENOENT && r != -ENOTDIR)
				worst = r;
		}
		p += len + (p[len] == ':');
	}
	return worst;
}

int process_exec(const struct spec *spec, struct shift_error *err)
{
	char **argv = spec->process.args.v;
	char path[PATH_MAX];
	int r;

	if (strchr(argv[0], '/')) {
		snprintf(path, sizeof(path), "%s", argv[0]);
		r = check_executable(path);
	} else {
		r = find_in_path(argv[0], path, sizeof(path));
	}
	if (r == -ENOENT || r == -ENOTDIR) {
		shift_err_set(err, 0, "%s: there is no such command in the pod",
			      argv[0]);
		if (!strchr(argv[0], '/'))
			shift_err_hint(err, "looked in PATH, %s",
				       getenv("PATH") ?: "which is not set");
		return -ENOENT;
	}
	if (r < 0) {
		shift_err_set(err, -r, "cannot execute %s in the pod", argv[0]);
		return -EACCES;
	}
	/* Nothing that runner, or who called it, had open goes along. */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot close descriptors");
	execv(path, argv);
	shift_err_set(err, errno, "cannot execute %s in the pod", argv[0]);
	if (errno == ENOENT)
		shift_err_hint(err, "the file exists: its interpreter or loader does not, or it is for another libc or machine");
	return -EACCES;
}
