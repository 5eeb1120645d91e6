/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cp: files between the host and pods. */
#include "cli/copy_cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/caller.h"
#include "base/regular.h"
#include "cleanup.h"
#include "cli/words.h"
#include "pod/files.h"
#include "setup/inroot.h"
#include "setup/target.h"
#include "setup/user.h"
#include "store/copy.h"
#include "store/layer.h"
#include "store/sandbox.h"

#define FAILED 125

static const struct words_option cp_options[] = {
	{ 'a', "archive", 0, NULL, "true (default): what is copied belongs to the pod's user, or on the host to the caller; false: it keeps the numbers of its owners", NULL },
	{ 0, "overwrite", 0, NULL, NULL, "a directory and a file never take each other's place: remove what is there" },
	WORDS_END,
};
static const struct words_command cp_words = {
	"cp", "[POD:]FROM [POD:]TO", "Copy files between the host and pods.",
	2, 2, false, cp_options,
	"\"-\" is a tar archive on stdin or stdout.  FROM/. is what is in that directory.\n"
	"Devices, sockets and what the kernel shows in /proc and /sys are left out.  What\n"
	"comes out of a pod has no set-ids and capabilities, except in an archive.\n",
};

struct side {
	char *text;		/* as given */
	bool is_pod, is_tar;
	char *path;		/* in the pod or on the host */
	struct files files;
};

struct copying {
	struct side from, to;
	bool keep_ids;
	char *as;		/* the last name of from, NULL: its contents */
	struct copy_in in;
};

/* POD:PATH; a path with a colon of its own has a '/' before it. */
static int parse_side(struct side *s, char *text, struct shift_error *err)
{
	char *colon = strchr(text, ':'), *slash = strchr(text, '/');
	_cleanup_free_ char *pod = NULL;
	int r;

	s->files = (struct files)FILES_INIT;
	s->text = text;
	s->is_tar = !strcmp(text, "-");
	s->is_pod = colon && colon > text && *text != '.' && (!slash || colon < slash);
	if (!s->is_pod)
		return *text ? str_replace(&s->path, text, err) :
			shift_err_set(err, 0, "cp: an empty name");
	if (!colon[1])
		return shift_err_set(err, 0, "cp: %s names no file of the pod", text);
	/* Without one it begins at the pod's root as well. */
	r = strf(&s->path, err, "%s%s", colon[1] == '/' ? "" : "/", colon + 1);
	if (r >= 0)
		r = strf(&pod, err, "%.*s", (int)(colon - text), text);
	return r < 0 ? r : files_open(&s->files, pod, err);
}

static void clear_side(struct side *s)
{
	files_close(&s->files);
	free(s->path);
}

/* The last name of @path; NULL: what is in it is meant, or it has none. */
static int last_name(const char *path, char **ret, struct shift_error *err)
{
	size_t end = strlen(path), start;

	while (end && path[end - 1] == '/')
		end--;
	start = end;
	while (start && path[start - 1] != '/')
		start--;
	if (end == start || (end - start == 1 && path[start] == '.') ||
	    (end - start == 2 && !strncmp(path + start, "..", 2))) {
		*ret = NULL;
		return 0;
	}
	return strf(ret, err, "%.*s", (int)(end - start), path + start);
}

/* "a/b/" in "a/" and "b"; "b" in "." and "b". */
static int split(const char *path, char **dir, char **name,
		 struct shift_error *err)
{
	int r = last_name(path, name, err);
	const char *at;

	if (r >= 0 && !*name)
		r = shift_err_set(err, ENOENT, "%s", path);
	if (r < 0)
		return r;
	at = path + strlen(path);
	while (at > path && at[-1] == '/')
		at--;
	at -= strlen(*name);
	return at == path ? str_replace(dir, ".", err) :
		strf(dir, err, "%.*s", (int)(at - path), path);
}

static bool ends_in_slash(const char *path)
{
	return *path && path[strlen(path) - 1] == '/';
}

/* A failure in a child goes to layer_hear(). */
static void __attribute__((noreturn)) complain(int say, int r,
					       struct shift_error *err)
{
	dprintf(say, "%c%d %s", SANDBOX_FAILED, r < 0 ? -r : EIO,
		shift_err_text(err));
	_exit(1);
}

static int check_source(int fd, const char *path, struct shift_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return shift_err_set(err, errno, "%s", path);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return S_ISDIR(st.st_mode);
	return shift_err_set(err, 0, "%s is neither a file nor a directory", path);
}

/* In the pod: all that is opened is the pod's own. */
static void __attribute__((noreturn)) pack_in_pod(const struct copying *c,
						  int out, int say)
{
	const struct side *s = &c->from;
	struct shift_error err = SHIFT_ERROR_INIT;
	const int keep[] = { out, say };
	int r, file;

	sandbox_warm_up();
	r = files_enter(&s->files, keep, 2, &err);
	if (r < 0)
		complain(say, r, &err);
	signal(SIGPIPE, SIG_IGN);
	/* A device is not even opened, nor is one that was a file a moment ago. */
	file = inroot_open(s->path, O_PATH, INROOT_FOLLOW);
	r = file < 0 ? file : check_source(file, s->path, &err);
	if (file >= 0)
		close(file);
	if (file >= 0 && r < 0)
		complain(say, r, &err);
	do {
		file = inroot_open(s->path, O_RDONLY | O_NONBLOCK | O_NOCTTY,
				   INROOT_FOLLOW);
	} while (file == -EAGAIN && regular_lease_wait());
	if (file < 0)
		complain(say, file == -EAGAIN ? regular_failed(EAGAIN, s->path, &err) :
			 shift_err_set(&err, -file, "%s in the pod", s->path),
			 &err);
	r = check_source(file, s->path, &err);
	if (r > 0 && fchdir(file) < 0)
		r = shift_err_set(&err, errno, "%s", s->path);
	if (r < 0 || sandbox_confine(SANDBOX_PACK, &err) < 0)
		complain(say, r, &err);
	_exit(copy_pack(out, r ? -1 : file, r ? c->as : c->as ?: "file", true,
			say));
}

static int pack_on_host(const struct copying *c, int out, int say, pid_t *ret,
			struct shift_error *err)
{
	_cleanup_free_ char *real = realpath(c->from.path, NULL);
	_cleanup_close_ int file = -1;
	int fds[3] = { out, say, say };
	bool is_dir;
	pid_t pid;
	int r;

	if (!real)
		return shift_err_set(err, errno, "%s", c->from.path);
	do {
		file = open(real, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	} while (file < 0 && errno == EAGAIN && regular_lease_wait());
	if (file < 0)
		return regular_failed(errno, c->from.path, err);
	r = check_source(file, c->from.path, err);
	if (r < 0)
		return r;
	is_dir = r;
	if (!is_dir && ends_in_slash(c->from.path))
		return shift_err_set(err, ENOTDIR, "%s", c->from.path);
	if (!is_dir) {
		fds[1] = file;
		strrchr(real, '/')[real[0] == '/' && !strchr(real + 1, '/')] = '\0';
	}
	pid = sandbox_fork(&(struct sandbox){
		.role = SANDBOX_PACK, .root = real, .fds = fds,
		.n = is_dir ? 2 : 3, .userns = -1, .mounts = true }, err);
	if (pid < 0)
		return pid;
	if (!pid) {
		signal(SIGPIPE, SIG_IGN);
		_exit(is_dir ? copy_pack(3, -1, c->as, true, 4) :
		      copy_pack(3, 4, c->as, true, 5));
	}
	*ret = pid;
	return 0;
}

/*
 * Where in the pod it goes: the working directory becomes the one to copy into,
 * in->top the name there, NULL for an archive and for what keeps its name.
 */
static int place_in_pod(const struct copying *c, struct copy_in *in,
			char **top, struct shift_error *err)
{
	_cleanup_free_ char *real = NULL, *parent = NULL;
	const char *path = c->to.path;
	struct statfs fs;
	int dir = inroot_open(path, O_PATH | O_DIRECTORY, INROOT_FOLLOW), r;

	if (dir < 0 && c->from.is_tar)
		return shift_err_set(err, -dir, "%s in the pod", path);
	if (dir < 0) {
		in->top_wants_dir = ends_in_slash(path);
		if ((r = target_resolve(path, &real, err)) < 0 ||
		    (r = split(real, &parent, top, err)) < 0)
			return r;
		r = inroot_open(real, O_PATH | O_NOFOLLOW, INROOT_NONE);
		in->top_is_file = r >= 0;
		if (r >= 0)
			close(r);
		dir = inroot_open(parent, O_PATH | O_DIRECTORY, INROOT_NONE);
		in->top = *top;
	}
	if (dir < 0)
		return shift_err_set(err, -dir, "%s in the pod", path);
	if (fstatfs(dir, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC ||
	    fs.f_type == SYSFS_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC)
		return shift_err_set(err, EPERM, "%s in the pod is the kernel's", path);
	if (fchdir(dir) < 0)
		return shift_err_set(err, errno, "%s in the pod", path);
	close(dir);
	return 0;
}

static void __attribute__((noreturn)) unpack(int fd, const struct copy_in *in,
					     int say)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	int r = copy_unpack(fd, in, &err);

	if (r < 0)
		complain(say, r, &err);
	_exit(0);
}

static void __attribute__((noreturn)) unpack_in_pod(const struct copying *c,
						    int fd, int say)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	const int keep[] = { fd, say };
	struct copy_in in = c->in;
	char *top = NULL;
	struct identity id;
	int r;

	sandbox_warm_up();
	r = files_enter(&c->to.files, keep, 2, &err);
	if (r >= 0 && !c->keep_ids) {
		r = user_resolve(c->to.files.spec.process.user, &id, &err);
		if (r < 0) {
			shift_err_prefix(&err, "in the pod");
			complain(say, r, &err);
		}
		in.own = true;
		in.uid = id.uid;
		in.gid = id.gid;
	}
	if (r >= 0)
		r = place_in_pod(c, &in, &top, &err);
	if (r >= 0)
		r = sandbox_confine(SANDBOX_UNPACK, &err);
	if (r < 0)
		complain(say, r, &err);
	unpack(fd, &in, say);
}

static int unpack_on_host(const struct copying *c, int fd, int say, pid_t *ret,
			  struct shift_error *err)
{
	_cleanup_free_ char *root = realpath(c->to.path, NULL), *top = NULL;
	_cleanup_free_ char *parent = NULL, *real = NULL;
	struct copy_in in = c->in;
	struct stat st;
	pid_t pid;
	int r;

	in.harmless = true;
	in.own = !c->keep_ids;
	if (root && stat(root, &st) == 0 && !S_ISDIR(st.st_mode)) {
		in.top_is_file = true;
		real = steal_ptr(&root);
	}
	if (!root) {
		in.top_wants_dir = ends_in_slash(c->to.path);
		r = split(real ?: c->to.path, &parent, &top, err);
		if (r < 0)
			return r;
		root = realpath(parent, NULL);
		in.top = top;
	}
	if (!root)
		return shift_err_set(err, errno, "%s", c->to.path);
	pid = sandbox_fork(&(struct sandbox){
		.role = SANDBOX_UNPACK, .root = root, .fds = (int[]){ fd, say },
		.n = 2, .userns = -1, .mounts = true }, err);
	if (pid < 0)
		return pid;
	if (!pid)
		unpack(3, &in, 4);
	*ret = pid;
	return 0;
}

/* One process of either side; 0 in the parent. */
static int start(struct copying *c, bool packs, int fd, int say, pid_t *pid,
		 struct shift_error *err)
{
	const struct side *s = packs ? &c->from : &c->to;

	if (!s->is_pod)
		return packs ? pack_on_host(c, fd, say, pid, err) :
			unpack_on_host(c, fd, say, pid, err);
	fflush(NULL);
	*pid = fork();
	if (*pid < 0)
		return shift_err_set(err, errno, "cannot fork");
	if (*pid)
		return 0;
	if (packs)
		pack_in_pod(c, fd, say);
	unpack_in_pod(c, fd, say);
}

static int run_one(struct copying *c, bool packs, int fd, pid_t *pid, int *hear,
		   struct shift_error *err)
{
	int say[2], r;

	if (pipe2(say, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	r = start(c, packs, fd, say[1], pid, err);
	close(say[1]);
	*hear = say[0];
	return r;
}

/* A writer that nobody listens to any more is not who failed. */
static int end(struct copying *c, pid_t packer, int packs, pid_t unpacker,
	       int unpacks, struct shift_error *err)
{
	struct shift_error own = SHIFT_ERROR_INIT;
	char text[4096];
	int r = 0, last;

	if (packer > 0)
		r = layer_hear(packer, packs, c->from.text, text, sizeof(text), err);
	if (unpacker > 0) {
		last = layer_hear(unpacker, unpacks, c->to.text, text,
				  sizeof(text), &own);
		if (last < 0 && (r >= 0 || r == -EPIPE)) {
			shift_err_clear(err);
			*err = own;
			own = (struct shift_error)SHIFT_ERROR_INIT;
			r = last;
		}
		shift_err_clear(&own);
	}
	return r < 0 ? shift_err_prefix(err, "cp") : 0;
}

static int copy(struct copying *c, struct shift_error *err)
{
	_cleanup_close_ int packs = -1, unpacks = -1, in = -1, out = -1;
	pid_t packer = -1, unpacker = -1;
	int pair[2], r = 0, later;

	if (c->from.is_tar)
		in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (c->to.is_tar)
		out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (!c->from.is_tar && !c->to.is_tar) {
		if (pipe2(pair, O_CLOEXEC) < 0)
			return shift_err_set(err, errno, "cannot make a pipe");
		in = pair[0];
		out = pair[1];
	}
	if (!c->from.is_tar)
		r = run_one(c, true, out, &packer, &packs, err);
	close(steal_fd(&out));
	if (r >= 0 && !c->to.is_tar)
		r = run_one(c, false, in, &unpacker, &unpacks, err);
	close(steal_fd(&in));
	if (r < 0) {
		/* The other one fails only because of this one. */
		if (packer > 0)
			kill(packer, SIGKILL), waitpid(packer, NULL, 0);
		return shift_err_prefix(err, "cp");
	}
	later = end(c, packer, packs, unpacker, unpacks, err);
	return later;
}

static int parse(struct copying *c, int argc, char **argv,
		 struct shift_error *err)
{
	struct words w;
	int r;

	words_begin(&w, &cp_words, argc, argv);
	while ((r = words_next(&w, err)) > 0)
		c->keep_ids = !w.on;
	if (r < 0 || (r = parse_side(&c->from, w.operands[0], err)) < 0 ||
	    (r = parse_side(&c->to, w.operands[1], err)) < 0)
		return r;
	if (!c->from.is_pod && !c->to.is_pod) {
		r = shift_err_set(err, 0, "cp: neither of both is in a pod, as POD:PATH");
		words_hint(&cp_words, err);
		return r;
	}
	if (c->to.is_tar && isatty(STDOUT_FILENO))
		return shift_err_set(err, 0, "cp: a terminal takes no tar archive: use > FILE");
	r = last_name(c->from.path, &c->as, err);
	c->in.what = c->to.text;
	c->in.contents = !c->as;
	return r;
}

int copy_cmd(int argc, char **argv, struct shift_error *err)
{
	struct copying c = { .from = { .files = FILES_INIT },
			     .to = { .files = FILES_INIT } };
	int r;

	/* runner was so, and has executed this. */
	caller_undumpable();
	caller_reset_signals();
	r = parse(&c, argc, argv, err);
	if (r >= 0)
		r = copy(&c, err);
	clear_side(&c.from);
	clear_side(&c.to);
	free(c.as);
	return r < 0 ? FAILED : 0;
}
