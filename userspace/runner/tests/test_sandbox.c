/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process that reads archives of strangers can still do: each of these
 * was possible once.
 */
#include "store/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "tap.h"
#include "base/util.h"

static char base[64];

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

/* In the sandbox: a word for each thing that is possible and should not be. */
static void escape(int say)
{
	char buf[64];

	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
		dprintf(say, "socket ");
	if (!ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		dprintf(say, "ptrace ");
	if (!unshare(CLONE_NEWUSER) || !unshare(CLONE_NEWNS))
		dprintf(say, "namespace ");
	if (!mount("none", "/", "tmpfs", 0, NULL))
		dprintf(say, "mount ");
	if (!chroot("/"))
		dprintf(say, "chroot ");
	if (syscall(SYS_io_uring_setup, 1, buf) >= 0 || syscall(SYS_bpf, 0, buf, 0) >= 0)
		dprintf(say, "io_uring ");
	if (syscall(SYS_execve, "/true", (char *[]){ "/true", NULL }, NULL) == 0 || errno != ENOSYS)
		dprintf(say, "execve ");
	if (fork() >= 0)
		dprintf(say, "fork ");
	if (!kill(1, 0))
		dprintf(say, "kill ");
	if (open("/victim", O_RDONLY) >= 0 || open("/proc/self/status", O_RDONLY) >= 0 ||
	    open("/etc/passwd", O_RDONLY) >= 0)
		dprintf(say, "open ");
	if (read(0, buf, 1) > 0)
		dprintf(say, "stdin ");
	if (open("/dev/tty", O_RDWR) >= 0)
		dprintf(say, "terminal ");
	for (int fd = 5; fd < 300; fd++)
		if (fcntl(fd, F_GETFD) >= 0 || (errno != EBADF && errno != ENOSYS))
			dprintf(say, "descriptor:%d ", fd);
}


static char *run(enum sandbox_role role, const char *root, int userns,
		 void (*what)(int say), const char *file)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	static char text[1024];
	size_t len = 0;
	int p[2], in, status;
	ssize_t n;
	pid_t pid;

	in = open(file, O_RDONLY | O_CLOEXEC);
	must(in >= 0 && !pipe(p), "pipe");
	pid = sandbox_fork(&(struct sandbox){
		.role = role, .root = root, .fds = (int[]){ in, p[1] }, .n = 2,
		.userns = userns }, &err);
	must(pid >= 0, shift_err_text(&err));
	if (!pid) {
		what(4);
		_exit(0);
	}
	close(p[1]);
	close(in);
	while ((n = read(p[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	close(p[0]);
	text[len] = '\0';
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	if (WIFSIGNALED(status))
		snprintf(text + len, sizeof(text) - len, "signal %d", WTERMSIG(status));
	return text;
}

/* What unpacking needs is there: files of any owner and kind. */
static void make_files(int say)
{
	int fd = open("file", O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1 || fchown(fd, 4000000000u, 12) ||
	    fchmod(fd, 06755) || mkdir("dir", 0700) || chown("dir", 1000, 1000) ||
	    symlink("/victim", "link") || link("file", "dir/hard"))
		dprintf(say, "%s", strerror(errno));
	if (!mknod("device", S_IFCHR | 0666, 0x103))
		dprintf(say, "device ");
	if (open("link", O_RDONLY) >= 0)
		dprintf(say, "link leads out ");
	close(fd);
}

static void write_anywhere(int say)
{
	if (open("new", O_WRONLY | O_CREAT, 0600) >= 0 || !mkdir("newdir", 0700))
		dprintf(say, "written ");
}

static void kinds(void)
{
	static const char *const names[] = { "reads", "unpacks", "packs" };
	int userns = sandbox_userns();
	char root[128], file[128];
	struct stat st;
	bool good;

	ok(userns >= 0, "there is a user namespace with all ids");
	snprintf(root, sizeof(root), "%s/root", base);
	snprintf(file, sizeof(file), "%s/root/file", base);
	for (int role = SANDBOX_READ; role <= SANDBOX_PACK; role++) {
		char *text = run(role, root, role == SANDBOX_UNPACK ? userns : -1,
				 escape, "/dev/null");

		ok(!*text, "who %s can do nothing else: %s", names[role], text);
	}
	is_str(run(SANDBOX_UNPACK, root, userns, make_files, "/dev/null"), "",
	       "who unpacks makes files");
	good = !lstat(file, &st) && st.st_uid == 4000000000u && st.st_gid == 12 &&
	       (st.st_mode & 07777) == 06755 && st.st_nlink == 2;
	ok(good, "they have their owners and modes");
	is_str(run(SANDBOX_PACK, root, -1, write_anywhere, "/dev/null"), "",
	       "who packs cannot write");
	is_str(run(SANDBOX_READ, root, -1, write_anywhere, "/dev/null"), "",
	       "who reads cannot either");
	snprintf(file, sizeof(file), "%s/root/new", base);
	ok(access(file, F_OK) < 0, "nothing was written");
	close(userns);
}

/* From outside: its namespaces and capabilities are not the host's. */
static void wait_for_byte(int say)
{
	char c;

	dprintf(say, "ready");
	while (read(3, &c, 1) < 0)
		;
}

static char *status_of(pid_t pid, const char *key)
{
	static char value[64];
	char path[64], *text, *at;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	must(read_file(path, 1 << 16, &text, NULL, NULL) >= 0, path);
	at = strstr(text, key);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + strlen(key) + 1, "\n"),
		 at + strlen(key) + 1);
	free(text);
	return value;
}

static void from_outside(void)
{
	static const char *const spaces[] = { "pid", "net", "ipc", "mnt", "uts", "cgroup", "user" };
	struct shift_error err = SHIFT_ERROR_INIT;
	int in[2], out[2], userns = sandbox_userns();
	char root[128], path[64];
	struct stat own, its;
	char word[8] = "";
	pid_t pid;

	snprintf(root, sizeof(root), "%s/root", base);
	must(!pipe(in) && !pipe(out), "pipe");
	pid = sandbox_fork(&(struct sandbox){
		.role = SANDBOX_UNPACK, .root = root, .fds = (int[]){ in[0], out[1] },
		.n = 2, .userns = userns }, &err);
	must(pid >= 0, shift_err_text(&err));
	if (!pid) {
		wait_for_byte(4);
		_exit(0);
	}
	must(read(out[0], word, 5) == 5, "ready");
	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, spaces[i]);
		must(!stat(path, &its), path);
		snprintf(path, sizeof(path), "/proc/self/ns/%s", spaces[i]);
		must(!stat(path, &own), path);
		ok(own.st_ino != its.st_ino, "a %s namespace of its own", spaces[i]);
	}
	is_str(status_of(pid, "Seccomp:"), "2", "a seccomp filter");
	is_str(status_of(pid, "NoNewPrivs:"), "1", "no new privileges");
	is_str(status_of(pid, "CapEff:"), "000000008000001b", "five capabilities");
	is_str(status_of(pid, "CapBnd:"), "0000000000000000", "and never more");
	ok(atoi(strrchr(status_of(pid, "NSsid:"), '\t') + 1) == 1, "a session of its own");
	must(write(in[1], "x", 1) == 1, "write");
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
}

int main(void)
{
	char path[128];
	int fd;

	strcpy(base, "/var/tmp/test_sandbox.XXXXXX");
	must(mkdtemp(base) != NULL, "mkdtemp");
	snprintf(path, sizeof(path), "%s/root", base);
	must(!mkdir(path, 0755), path);
	fd = open("/victim", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0, "/victim");
	close(fd);
	kinds();
	from_outside();
	unlink("/victim");
	must(remove_tree(base, NULL) >= 0, base);
	return tap_done();
}
