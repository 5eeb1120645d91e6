/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/pasta.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/util.h"
#include "cleanup.h"
#include "pod/pasta_tap.h"
#include "setup/plan.h"
#include "setup/process.h"
#include "setup/rootfs.h"
#include "spec/publish_option.h"

#define TUN "/dev/net/tun"
#define NETNS STAGE_DIR "/net"
#define OWN_TUN STAGE_DIR "/tun"

/*
 * How many sockets a pod can have in the host's network.  For each port from which it
 * sends a datagram pasta takes the same one of the host, for minutes: without a limit
 * a pod takes all, and the host has none for its own questions to a nameserver.
 */
#define PASTA_SOCKETS 4096

/* For how long a start waits for a port that is taken, in milliseconds. */
#define PORTS_MS 2000

/* Its keeper's word for success. */
#define READY "+"

static const char *const programs[] = {
	"/usr/local/bin/pasta", "/usr/bin/pasta",
};

bool pasta_wanted(const struct spec *spec)
{
	return spec_annotation(spec, SPEC_ANNOTATION_PASTA);
}

static const char *find_program(void)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		if (!access(programs[i], X_OK))
			return programs[i];
	return NULL;
}

/* The first port that a user of the host may have. */
static unsigned int first_port(void)
{
	_cleanup_free_ char *text = NULL;

	return read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", 64,
			 &text, NULL, NULL) < 0 ? 1024 :
		(unsigned int)strtoul(text, NULL, 10);
}

static int check_port(const char *text, struct shift_error *err)
{
	unsigned int first = first_port();
	struct publish p;
	int r = publish_parse(text, &p, err);

	if (r < 0 || p.host >= first)
		return r;
	shift_err_set(err, 0, "-p %s: ports below %u of the host are root's, and pasta is not",
		      text, first);
	shift_err_hint(err, "sysctl net.ipv4.ip_unprivileged_port_start=%u lets everybody have them; or take another port",
		       p.host);
	return -EPERM;
}

/* @fn for each of the ports, separated by commas. */
static int each_port(const struct spec *spec,
		     int (*fn)(const char *text, struct shift_error *err),
		     struct shift_error *err)
{
	const char *all = spec_annotation(spec, SPEC_ANNOTATION_PUBLISH);
	_cleanup_free_ char *copy = all ? strdup(all) : NULL;
	char *rest = copy, *one;
	int r = 0;

	while (r >= 0 && (one = strsep(&rest, ",")))
		r = fn(one, err);
	return r;
}

int pasta_check(const struct spec *spec, struct shift_error *err)
{
	int r = 0;

	if (!pasta_wanted(spec))
		return 0;
	if (!(spec->linux_.namespaces & SPEC_NS_USER))
		r = shift_err_set(err, 0, "--net pasta: pasta would be the host's root with --userns=host");
	else if (spec->linux_.namespace_paths[0])
		r = shift_err_set(err, 0, "--net pasta: with --pod or --userns=pod: the network is the other pod's");
	if (r < 0)
		return r;
	if (!find_program()) {
		r = shift_err_set(err, 0, "--net pasta: there is no %s", programs[1]);
		shift_err_hint(err, "install passt (apt-get install passt), or join a network that is set up: --net ns:PATH");
		return r;
	}
	if (access(TUN, F_OK) < 0) {
		r = shift_err_set(err, errno, "--net pasta: %s", TUN);
		shift_err_hint(err, "modprobe tun");
		return r;
	}
	return each_port(spec, check_port, err);
}

/* The file for pasta to open: a path would name a process of the pod or root's files. */
static int stage(pid_t pid, struct shift_error *err)
{
	_cleanup_close_ int file = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdir_parents(STAGE_DIR, 0755, err) < 0 ||
	    mount("stage", STAGE_DIR, "tmpfs", MS_NOSUID | MS_NOEXEC,
		  "mode=0755,size=64k") < 0)
		return shift_err_set(err, errno, "cannot mount a tmpfs at " STAGE_DIR);
	file = open(NETNS, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file < 0 || mount(path, NETNS, NULL, MS_BIND, NULL) < 0)
		return shift_err_set(err, errno, "the pod's network");
	if (mknod(OWN_TUN, S_IFCHR | 0600, makedev(10, 200)) < 0 ||
	    chmod(OWN_TUN, 0666) < 0 ||
	    mount(OWN_TUN, TUN, NULL, MS_BIND, NULL) < 0)
		return shift_err_set(err, errno, "cannot give pasta " TUN);
	return 0;
}

static int add_port(struct strv *argv, const struct publish *p,
		    struct shift_error *err)
{
	int r = strv_add(argv, p->udp ? "-u" : "-t", err);

	if (r < 0)
		return r;
	return strv_addf(argv, err, "%s%s%u-%u:%u-%u", p->address,
			 *p->address ? "/" : "", p->host, p->host + p->count - 1,
			 p->pod, p->pod + p->count - 1);
}

static int arguments(const struct spec *spec, struct strv *argv,
		     unsigned int *ports, struct shift_error *err)
{
	static const char *const fixed[] = {
		"pasta", "--config-net", "--quiet", "--no-map-gw",
		"--netns-only", "--netns", NETNS, "-T", "none", "-U", "none",
	};
	const char *all = spec_annotation(spec, SPEC_ANNOTATION_PUBLISH);
	_cleanup_free_ char *copy = strdup(all ?: "");
	char *rest = copy, *one;
	bool any[2] = { false, false };
	int r = copy ? 0 : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < sizeof(fixed) / sizeof(*fixed); i++)
		r = strv_add(argv, fixed[i], err);
	while (r >= 0 && (one = strsep(&rest, ","))) {
		struct publish p;

		if (!*one)
			continue;
		r = publish_parse(one, &p, err);
		any[p.udp] = true;
		if (r >= 0)
			*ports += p.count;
		if (r >= 0)
			r = add_port(argv, &p, err);
	}
	/* Without a word about ports pasta would publish all of the pod's. */
	for (int udp = 0; udp < 2; udp++) {
		if (r >= 0 && !any[udp])
			r = strv_add(argv, udp ? "-u" : "-t", err);
		if (r >= 0 && !any[udp])
			r = strv_add(argv, "none", err);
	}
	return r;
}

/* pasta takes as many descriptors as it may, and for each published port up to four. */
static int limit_sockets(unsigned int ports, struct shift_error *err)
{
	rlim_t n = PASTA_SOCKETS + 4 * (rlim_t)ports;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return shift_err_set(err, errno, "RLIMIT_NOFILE");
	if (limit.rlim_max > n)
		limit.rlim_max = n;
	if (limit.rlim_cur > n)
		limit.rlim_cur = n;
	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ?
		shift_err_set(err, errno, "RLIMIT_NOFILE of pasta") : 0;
}

/* The end of @text that pasta wrote, without what its log could not take. */
static void tell(int say, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;

	while (copy && (line = strsep(&rest, "\n")))
		if (*line && strncmp(line, "Failed to send", 14))
			dprintf(say, "pasta: %s\n", line);
}

/*
 * In the pod's user namespace: 0 when pasta is ready and has gone on by itself, else its
 * status, and in @text what it wrote, or -1 without a process.
 */
static int run_once(const char *program, char *const argv[], char *text, size_t size)
{
	int out[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	*text = '\0';
	if (pipe2(out, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		static char *const none[] = { NULL };

		dup2(out[1], STDERR_FILENO);
		execve(program, argv, none);
		dprintf(STDERR_FILENO, "%s\n", strerror(errno));
		_exit(127);
	}
	close(out[1]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* The one that goes on may have it open: what is there is all. */
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	while (pid > 0 && len < size - 1 &&
	       (n = read(out[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(out[0]);
	if (pid < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/*
 * The ports of a pod that has just ended, perhaps this one before its restart, are free
 * when the kernel has ended its pasta.
 */
static int run_program(char *const argv[], int say)
{
	const char *program = find_program();
	int64_t end = util_now_ms() + PORTS_MS;
	char text[4096] = "";
	int status;

	if (!program) {
		dprintf(say, "there is no %s\n", programs[1]);
		return -1;
	}
	while ((status = run_once(program, argv, text, sizeof(text))) > 0 &&
	       strstr(text, "ailed to bind") && util_now_ms() < end)
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	if (status > 0) {
		tell(say, text);
		dprintf(say, "pasta ended with status %d\n", status);
	} else if (status < 0) {
		dprintf(say, "cannot start pasta: %s\n", strerror(errno));
	}
	return status ? -1 : 0;
}

/* Process 1 of its pid namespace, until the pod has ended. */
static void __attribute__((noreturn)) keeper(const struct spec *spec, pid_t pod,
					     int pidfd, int say, int parent)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	const int keep[] = { pidfd, say, parent };
	struct strv argv = { NULL, 0 };
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	unsigned int ports = 0;
	int null, r = arguments(spec, &argv, &ports, &err);

	if (r >= 0)
		r = process_begin(keep, 3, 0, &err);
	prctl(PR_SET_NAME, "runner-pasta", 0, 0, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	if (r >= 0)
		r = limit_sockets(ports, &err);
	if (r >= 0)
		r = stage(pod, &err);
	if (r >= 0 && setns(pidfd, CLONE_NEWUSER) < 0)
		r = shift_err_set(&err, errno, "the pod's user namespace");
	if (r >= 0)
		r = process_become_root(&err);
	/* From here on its parent may end: the pod's end is its own. */
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	close(parent);
	if (r < 0) {
		dprintf(say, "%s\n", shift_err_text(&err));
		_exit(1);
	}
	if (run_program(argv.v, say) < 0)
		_exit(1);
	if (pasta_tap_filter(&err) < 0) {
		dprintf(say, "%s\n", shift_err_text(&err));
		_exit(1);
	}
	if (write(say, READY, 1) != 1)
		_exit(1);
	close(say);
	close(null);
	/* pasta's own processes are reaped by nobody else. */
	signal(SIGCHLD, SIG_IGN);
	while (poll(&p, 1, -1) <= 0 && errno == EINTR)
		;
	_exit(0);
}

int pasta_start(const struct spec *spec, pid_t pid, int pidfd,
		struct shift_error *err)
{
	char text[2048] = "";
	int say[2], status, ended_by = 0;
	size_t len = 0;
	ssize_t n;
	pid_t child;

	if (pipe2(say, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	fflush(NULL);
	child = fork();
	if (!child) {
		/* A child of a child: it is no zombie of the pod's supervisor. */
		int alive[2];
		pid_t one = pipe2(alive, O_CLOEXEC) < 0 ? -1 :
			(pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL,
				       NULL, NULL, NULL);

		if (!one)
			keeper(spec, pid, pidfd, say[1], alive[1]);
		if (one < 0) {
			dprintf(say[1], "cannot make a pid namespace: %s\n",
				strerror(errno));
			_exit(1);
		}
		/* It ends with its parent, until it says otherwise. */
		close(say[1]);
		close(alive[1]);
		while (read(alive[0], text, 1) < 0 && errno == EINTR)
			;
		_exit(0);
	}
	close(say[1]);
	while (child > 0 && len < sizeof(text) - 1 &&
	       !(ended_by = helper_interrupted(say[0])) &&
	       (n = read(say[0], text + len, sizeof(text) - 1 - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		len += (size_t)n;
	}
	close(say[0]);
	/* The others end with it. */
	if (ended_by)
		kill(child, SIGKILL);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child < 0)
		return shift_err_set(err, errno, "cannot fork");
	if (ended_by)
		return shift_err_set(err, EINTR, "the start was ended by signal %d",
				     ended_by);
	if (!strcmp(text, READY))
		return 0;
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ';';
	return shift_err_set(err, 0, "--net pasta: %s", len ? text : "it ended too early");
}
