/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/skopeo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/regular.h"
#include "base/util.h"
#include "cleanup.h"
#include "store/sandbox.h"

#define MANIFEST_MAX (4u << 20)
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

#define SEARCH "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

struct call {
	const char *from;
	const char *to;			/* NULL: its manifest goes to stdout */
	const char *layout;		/* the folder in which @to is */
	const char *in;			/* a folder that is /in, or NULL */
	const struct skopeo_access *remote;	/* NULL: a file or a directory */
	int fd, said;
	uint64_t file_max;
};

static void __attribute__((noreturn)) execute(const struct call *c,
					      const char *to,
					      char *const environment[])
{
	const struct skopeo_access *a = c->remote;
	const char *argv[12] = { "skopeo" };
	int n = 1;

	if (!a)
		argv[n++] = "--insecure-policy";
	argv[n++] = to ? "copy" : "inspect";
	argv[n++] = to ? "--quiet" : "--raw";
	if (a && a->authfile) {
		argv[n++] = "--authfile";
		argv[n++] = a->authfile;
	}
	if (a && a->cert_dir) {
		argv[n++] = to ? "--src-cert-dir" : "--cert-dir";
		argv[n++] = a->cert_dir;
	}
	if (a && a->insecure)
		argv[n++] = to ? "--src-tls-verify=false" : "--tls-verify=false";
	argv[n++] = "--";
	argv[n++] = c->from;
	argv[n++] = to;
	argv[n] = NULL;
	execvpe(argv[0], (char *const *)argv, environment);
	_exit(errno == ENOENT ? 127 : 126);
}

/*
 * Of a registry, or what the host has elsewhere: the administrator's environment,
 * network and files, but not his terminal, and no way to more privileges.
 */
static void __attribute__((noreturn)) become(const struct call *c, pid_t parent)
{
	struct rlimit most = { c->file_max, c->file_max };
	char *to = NULL;
	int null;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(126);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(c->to ? null : c->fd, 1) < 0 ||
	    dup2(c->said, 2) < 0 || close_range(3, ~0U, 0) < 0 ||
	    setsid() < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(126);
	signal(SIGPIPE, SIG_DFL);
	setenv("PATH", SEARCH, 1);
	setenv("TMPDIR", c->layout, 1);
	umask(077);
	if (c->file_max)
		setrlimit(RLIMIT_FSIZE, &most);
	if (c->to && strf(&to, NULL, "dir:%s", c->to) < 0)
		_exit(126);
	execute(c, to, environ);
}

/* Of a file or a directory: it sees that and what it makes. */
static pid_t start_local(const struct call *c, struct shift_error *err)
{
	static char *const environment[] = {
		"PATH=" SEARCH, "TMPDIR=/out", "HOME=/out", NULL,
	};
	_cleanup_close_ int userns = sandbox_userns();
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct sandbox sandbox = {
		.role = SANDBOX_SKOPEO, .root = c->layout, .in = c->in,
		.fds = (int[]){ c->fd >= 0 ? c->fd : null, c->said }, .n = 2,
		.file_max = c->file_max, .userns = userns,
	};
	char to[PATH_MAX];
	pid_t pid;

	if (null < 0)
		return shift_err_set(err, errno, "/dev/null");
	pid = sandbox_fork(&sandbox, err);
	if (pid)
		return pid;
	umask(077);
	snprintf(to, sizeof(to), "dir:/out%s", strrchr(c->to, '/'));
	if (dup2(4, 2) < 0 || fcntl(4, F_SETFD, FD_CLOEXEC) < 0)
		_exit(126);
	execute(c, to, environment);
}

static pid_t start(const struct call *c, struct shift_error *err)
{
	pid_t parent = getpid(), pid;

	if (!c->remote)
		return start_local(c, err);
	fflush(NULL);
	pid = fork();
	if (!pid)
		become(c, parent);
	return pid < 0 ? shift_err_set(err, errno, "cannot fork") : pid;
}

/* The last line of what it said, without the frame and escapes of its logger. */
static const char *last_words(char *text)
{
	size_t len = strlen(text);
	char *line, *msg, *out;

	while (len && strchr("\n\r \"", text[len - 1]))
		text[--len] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	msg = strstr(line, "msg=\"");
	line = msg ? msg + 5 : line;
	out = line;
	for (const char *p = line; *p; p++) {
		if (msg && *p == '\\' && (p[1] == '"' || p[1] == '\\'))
			p++;
		*out++ = *p;
	}
	*out = '\0';
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return line;
}

/* What the administrator can do about what skopeo said; part of it is the server's. */
static void advise(const struct call *c, const char *said, struct shift_error *err)
{
	static const char http[] = "the registry speaks plain http: pull with --tls-verify=false, or set insecure = true for it in registries.conf(5)";
	static const char authority[] = "put the certificate of its authority into /etc/containers/certs.d/HOST:PORT/ca.crt, or name its folder by --cert-dir";
	static const char login[] = "log in by skopeo login HOST, or name a file with the password by --authfile";
	static const struct { const char *said, *advice; } known[] = {
		{ "HTTP response to HTTPS client", http },
		{ "first record does not look like a TLS handshake", http },
		{ "x509: ", authority },
		{ "policy.json", "install golang-github-containers-common, or write one as containers-policy.json(5) has it" },
		{ "manifest unknown", "skopeo list-tags lists the tags that the registry has" },
		{ "unauthorized", login },
		{ "authentication required", login },
		{ "invalid username", login },
		{ "access to the resource is denied", "there is no such image, or it takes a login: skopeo login HOST" },
	};

	if (!c->remote)
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strstr(said, known[i].said)) {
			shift_err_hint(err, "%s", known[i].advice);
			return;
		}
}

static int run(const struct call *given, struct shift_error *err)
{
	const char *said;
	_cleanup_close_ int in = -1, out = -1;
	struct call c = *given;
	char text[8192];
	pid_t pid;
	size_t len = 0;
	int p[2], status;
	ssize_t n;

	if (pipe2(p, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	in = p[0];
	c.said = out = p[1];
	pid = start(&c, err);
	if (pid < 0)
		return pid;
	close(steal_fd(&out));
	/* Of a long speech the end is what matters. */
	while ((n = read(in, text + len, sizeof(text) - 1 - len)) > 0 ||
	       (n < 0 && errno == EINTR)) {
		len += n > 0 ? (size_t)n : 0;
		if (len == sizeof(text) - 1) {
			memmove(text, text + len / 2, len - len / 2);
			len -= len / 2;
		}
	}
	text[len] = '\0';
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return shift_err_set(err, errno, "cannot wait for skopeo");
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		shift_err_set(err, ENOENT, "cannot start skopeo, which reads this kind of image");
		shift_err_hint(err, "install it: apt-get install skopeo");
		return -ENOENT;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) {
		shift_err_set(err, EFBIG, "skopeo: unpacked it is larger than there is room for");
		return -EFBIG;
	}
	if (*text == SANDBOX_FAILED) {
		shift_err_set(err, 0, "%s", text + 1);
		return -EBADMSG;
	}
	said = last_words(text);
	shift_err_set(err, 0, "skopeo: %s", said);
	advise(&c, said, err);
	return -EBADMSG;
}

static int write_text(int dir, const char *name, const char *text, size_t len,
		      struct shift_error *err)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL |
					O_CLOEXEC, 0600);
	ssize_t n = 0;

	for (size_t at = 0; fd >= 0 && at < len; at += (size_t)n) {
		n = write(fd, text + at, len - at);
		if (n <= 0)
			return shift_err_set(err, n ? errno : EIO, "cannot write %s", name);
	}
	return fd < 0 ? shift_err_set(err, errno, "cannot make %s", name) : 0;
}

/* HEX, or HEX.manifest.json of one of several, is blobs/sha256/HEX. */
static int move_blobs(int from, int to, struct shift_error *err)
{
	DIR *d = fdopendir(dup(from));
	struct dirent *e;
	int r = 0;

	if (!d)
		return shift_err_set(err, errno, "cannot read what skopeo made");
	while (!r && (errno = 0, e = readdir(d))) {
		char name[sizeof("blobs/sha256/") + DIGEST_HEX];
		size_t n = strspn(e->d_name, "0123456789abcdef");

		if (n != DIGEST_HEX ||
		    (e->d_name[n] && strcmp(e->d_name + n, ".manifest.json")))
			continue;
		snprintf(name, sizeof(name), "blobs/sha256/%.*s", DIGEST_HEX, e->d_name);
		if (renameat(from, e->d_name, to, name) < 0)
			r = shift_err_set(err, errno, "cannot move %s", e->d_name);
	}
	if (!r && errno)
		r = shift_err_set(err, errno, "cannot read what skopeo made");
	closedir(d);
	return r;
}

static const char *type_of(json_object *manifest)
{
	json_object *v = NULL;

	return json_object_is_type(manifest, json_type_object) &&
	       json_object_object_get_ex(manifest, "mediaType", &v) &&
	       json_object_is_type(v, json_type_string) ?
	       json_object_get_string(v) : MANIFEST_TYPE;
}

static int write_index(int to, const char *hex, const char *text, size_t len,
		       struct shift_error *err)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	json_object *manifest = json_tokener_parse(text);
	json_object *index = json_object_new_object();
	json_object *all = json_object_new_array();
	json_object *one = json_object_new_object();
	char digest[DIGEST_HEX + 8];
	const char *json;
	int r;

	snprintf(digest, sizeof(digest), "sha256:%s", hex);
	json_object_object_add(one, "mediaType", json_object_new_string(type_of(manifest)));
	json_object_object_add(one, "digest", json_object_new_string(digest));
	json_object_object_add(one, "size", json_object_new_int64((int64_t)len));
	json_object_array_add(all, one);
	json_object_object_add(index, "schemaVersion", json_object_new_int(2));
	json_object_object_add(index, "manifests", all);
	json = json_object_to_json_string(index);
	r = write_text(to, "index.json", json, strlen(json), err);
	if (r >= 0)
		r = write_text(to, "oci-layout", layout, strlen(layout), err);
	json_object_put(index);
	json_object_put(manifest);
	return r;
}

/* skopeo's "dir:" keeps every byte; this gives it the names of a layout. */
static int make_layout(const char *dir, const char *layout,
		       struct shift_error *err)
{
	_cleanup_close_ int from = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int to = open(layout, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char hex[DIGEST_HEX + 1], name[sizeof("blobs/sha256/") + DIGEST_HEX];
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (from < 0 || to < 0 || mkdirat(to, "blobs", 0700) < 0 ||
	    mkdirat(to, "blobs/sha256", 0700) < 0)
		return shift_err_set(err, errno, "cannot make a layout in %s", layout);
	if ((r = regular_read(from, "manifest.json", REGULAR_BENEATH, MANIFEST_MAX,
			      &text, &len, err)) < 0 ||
	    (r = digest_buf(text, len, hex, err)) < 0 ||
	    (r = move_blobs(from, to, err)) < 0)
		return r;
	snprintf(name, sizeof(name), "blobs/sha256/%s", hex);
	r = write_text(to, name, text, len, err);
	return r < 0 ? r : write_index(to, hex, text, len, err);
}

int skopeo_manifest(const char *from, const struct skopeo_access *access,
		    const char *dir, char **text, size_t *len,
		    struct shift_error *err)
{
	_cleanup_close_ int fd = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	const struct call c = {
		.from = from, .layout = dir, .fd = fd, .remote = access,
		.file_max = MANIFEST_MAX,
	};
	_cleanup_free_ char *path = NULL;
	int r;

	if (fd < 0)
		return shift_err_set(err, errno, "cannot make a file in %s", dir);
	r = run(&c, err);
	if (r >= 0)
		r = strf(&path, err, "/proc/self/fd/%d", fd);
	return r < 0 ? r : read_file(path, MANIFEST_MAX, text, len, err);
}

int skopeo_copy(const char *from, const char *layout, const char *in, int fd,
		const struct skopeo_access *remote, uint64_t file_max,
		struct shift_error *err)
{
	_cleanup_free_ char *dir = NULL;
	struct call c = {
		.from = from, .layout = layout, .in = in, .fd = fd,
		.remote = remote, .file_max = file_max,
	};
	int r = strf(&dir, err, "%s/dir", layout);

	if (r < 0)
		return r;
	c.to = dir;
	r = run(&c, err);
	if (r >= 0)
		r = make_layout(dir, layout, err);
	if (r >= 0)
		r = remove_tree(dir, err);
	return r;
}
