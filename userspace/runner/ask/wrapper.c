/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The proxy is the process that the agent takes for the helper: its command line
 * has the helper's arguments, and its pid is in the pid file.  One thread waits for
 * the lock of the side container's supervisor, the other for signals, which it has
 * the host pass on.
 */
#include "ask/wrapper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ask/client.h"
#include "base/procid.h"
#include "cleanup.h"

#define FAILED 125
#define TIMEOUT_S 60

/* SIGKILL for the side container: nothing can forward the real one. */
#define SIGNAL_KILL (SIGRTMIN + 9)

/* Of haproxy's configuration, which the agent wrote. */
#define CONFIG_MAX (1 << 20)

struct helper {
	const char *name;
	const char *pid_long, *pid_short;	/* "--x=FILE", "-x FILE" */
	const char *config;			/* "-f FILE" with pidfile, daemon */
	const char *daemon;			/* NULL: unless told otherwise */
	const char *foreground[4];
	const char *looks[5];		/* prints or checks something, and ends */
};

static const struct helper helpers[] = {
	{ "dnsmasq", "--pid-file=", "-x", NULL, NULL,
	  { "-k", "-d", "--keep-in-foreground", "--no-daemon" },
	  { "-v", "--version", "-w", "--help", "--test" } },
	{ "haproxy", NULL, "-p", "-f", "-D", { "-db", "-d" },
	  { "-v", "-vv", "-c" } },
	{ "keepalived", "--pid=", "-p", NULL, NULL, { "-n", "--dont-fork" },
	  { "-v", "--version", "-h", "--help", "--config-test" } },
	{ "radvd", "--pidfile=", "-p", NULL, NULL, { "-n", "--nodaemon" },
	  { "-v", "--version", "-h", "--help", "--configtest" } },
};

static const struct helper *find(const char *name)
{
	for (size_t i = 0; i < sizeof(helpers) / sizeof(*helpers); i++)
		if (!strcmp(helpers[i].name, name))
			return &helpers[i];
	return NULL;
}

bool wrapper_knows(const char *name)
{
	return find(name) != NULL;
}

bool wrapper_is_kill(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && !strcmp(name + len - 5, "-kill");
}

/* Words "pidfile FILE" and "daemon" of haproxy's global section. */
static int read_config(const char *path, char **pidfile, bool *foreground,
		       struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line, *word, *save;
	int r = read_file(path, CONFIG_MAX, &text, NULL, err);

	rest = text;
	while (r >= 0 && (line = strsep(&rest, "\n"))) {
		word = strtok_r(line, " \t\r", &save);
		if (word && !strcmp(word, "daemon"))
			*foreground = false;
		else if (word && !strcmp(word, "pidfile") &&
			 (word = strtok_r(NULL, " \t\r", &save)))
			r = str_replace(pidfile, word, err);
	}
	return r;
}

int wrapper_read(const char *name, int argc, char **argv, char **ret_pidfile,
		 bool *ret_foreground, struct shift_error *err)
{
	const struct helper *h = find(name);
	_cleanup_free_ char *pidfile = NULL;
	const char *given = NULL;
	bool foreground = h->daemon != NULL, told = false;
	int r = 0;

	for (int i = 1; r >= 0 && i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		size_t len = h->pid_long ? strlen(h->pid_long) : 0;

		if (len && !strncmp(argv[i], h->pid_long, len))
			given = argv[i] + len;
		else if (next && !strcmp(argv[i], h->pid_short))
			given = argv[++i];
		else if (next && h->config && !strcmp(argv[i], h->config))
			r = read_config(argv[++i], &pidfile, &foreground, err);
		else if (h->daemon && !strcmp(argv[i], h->daemon))
			foreground = false;
		for (size_t k = 0; k < 4 && h->foreground[k]; k++)
			told |= !strcmp(argv[i], h->foreground[k]);
	}
	if (r >= 0 && given)
		r = str_replace(&pidfile, given, err);
	if (r < 0)
		return r;
	*ret_pidfile = steal_ptr(&pidfile);
	*ret_foreground = foreground || told;
	return 0;
}

bool wrapper_looks(const char *name, int argc, char **argv)
{
	const struct helper *h = find(name);

	for (int i = 1; h && i < argc; i++)
		for (size_t k = 0; k < 5 && h->looks[k]; k++)
			if (!strcmp(argv[i], h->looks[k]))
				return true;
	return false;
}

/*
 * Executes the next program of this name in PATH that is not this one.  It runs in the
 * pod, with the caller's rights.  Returns when there is none.
 */
static void run_own(const char *name, char **argv)
{
	const char *path = getenv("PATH") ?: "/usr/sbin:/usr/bin:/sbin:/bin";
	_cleanup_free_ char *dirs = strdup(path);
	char file[PATH_MAX], *rest = dirs, *dir;
	struct stat own, st;

	if (stat("/proc/self/exe", &own) < 0)
		return;
	while ((dir = strsep(&rest, ":"))) {
		if (snprintf(file, sizeof(file), "%s/%s", *dir ? dir : ".",
			     name) >= (int)sizeof(file) ||
		    stat(file, &st) < 0 ||
		    (st.st_dev == own.st_dev && st.st_ino == own.st_ino))
			continue;
		execv(file, argv);
	}
}

struct proxy {
	struct side_request q;	/* what it was started by */
	char *pidfile, *pod;
	struct client client;
	bool foreground;
};

static int ask(struct proxy *p, enum side_action action, int signo,
	       struct side_answer *a, struct shift_error *err)
{
	struct side_request q = {
		.action = action, .template = p->q.template, .key = p->q.key,
		.signal = signo,
	};
	int r = client_new_id(q.id, err);

	return r < 0 ? r : client_ask(&p->client, &q, TIMEOUT_S, a, err);
}

static int write_pid(const struct proxy *p, struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	char text[16];

	if (!p->pidfile || !*p->pidfile)
		return 0;
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	fd = open(p->pidfile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write_whole(fd, text, strlen(text)) < 0)
		return shift_err_set(err, errno, "cannot write %s", p->pidfile);
	return 0;
}

/* Unless another proxy has written its own there since. */
static void remove_pid(const struct proxy *p)
{
	_cleanup_free_ char *text = NULL;

	if (p->pidfile && *p->pidfile &&
	    read_file(p->pidfile, 64, &text, NULL, NULL) >= 0 &&
	    atoi(text) == (int)getpid())
		unlink(p->pidfile);
}

static void *wait_thread(void *data)
{
	struct proxy *p = data;

	client_wait(&p->client, &p->q, p->pod, NULL);
	kill(getpid(), SIGCHLD);
	return NULL;
}

static int watch(struct proxy *p, struct shift_error *err)
{
	pthread_attr_t attr;
	pthread_t thread;
	int e;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 128 << 10);
	e = pthread_create(&thread, &attr, wait_thread, p);
	pthread_attr_destroy(&attr);
	return e ? shift_err_set(err, e, "cannot start a thread") : 0;
}

/* Blocks them: whatever comes before the loop waits for it. */
static void block(sigset_t *set)
{
	static const int some[] = {
		SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD,
	};

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++)
		sigaddset(set, some[i]);
	sigaddset(set, SIGNAL_KILL);
	sigprocmask(SIG_BLOCK, set, NULL);
}

/*
 * The supervisor is gone.  The host knows how the side container ended.  As long as
 * nobody answers this process stays, since the helper may still run.  Returns whether
 * it has ended, with its status.
 */
static bool has_ended(struct proxy *p, int *status)
{
	struct side_answer a;
	bool ended;

	while (ask(p, SIDE_STATUS, 0, &a, NULL) < 0) {
		side_answer_clear(&a);
		sleep(5);
	}
	ended = a.result != SIDE_RUNNING && a.result != SIDE_FAILED;
	*status = a.result == SIDE_ENDED ? a.status : FAILED;
	if (a.output && p->foreground)
		fputs(a.output, stderr);
	side_answer_clear(&a);
	return ended;
}

static int stay(struct proxy *p, const sigset_t *set, struct shift_error *err)
{
	struct side_answer a;
	int signo, status = FAILED;

	if (watch(p, err) < 0)
		return FAILED;
	for (;;) {
		if (sigwait(set, &signo))
			continue;
		if (signo != SIGCHLD) {
			ask(p, SIDE_SIGNAL, signo == SIGNAL_KILL ? SIGKILL :
			    signo, &a, NULL);
			side_answer_clear(&a);
			continue;
		}
		if (has_ended(p, &status))
			break;
		/* Its lock is made anew by who starts it again. */
		sleep(1);
		if (watch(p, err) < 0)
			break;
	}
	remove_pid(p);
	ask(p, SIDE_REMOVE, 0, &a, NULL);
	side_answer_clear(&a);
	return status;
}

/* As daemon(3), but the parent waits until @said is closed or written to. */
static pid_t become_daemon(int *said, struct shift_error *err)
{
	int fds[2], null;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	fflush(NULL);
	pid = fork();
	*said = fds[pid ? 0 : 1];
	close(fds[pid ? 1 : 0]);
	if (pid < 0)
		return shift_err_set(err, errno, "cannot fork");
	if (pid)
		return pid;
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close(null);
	return 0;
}

static int run(struct proxy *p, struct shift_error *err)
{
	_cleanup_close_ int said = -1;
	sigset_t set;
	pid_t pid;
	char c;

	block(&set);
	if (p->foreground)
		return write_pid(p, err) < 0 ? FAILED : stay(p, &set, err);
	pid = become_daemon(&said, err);
	if (pid < 0)
		return FAILED;
	if (pid) {
		if (read(said, &c, 1) == 1)
			return 0;
		shift_err_set(err, 0, "its proxy could not write %s",
			      p->pidfile ?: "?");
		return FAILED;
	}
	if (chdir("/") < 0 || write_pid(p, err) < 0 ||
	    write(said, "", 1) != 1)
		return FAILED;
	close(steal_fd(&said));
	return stay(p, &set, err);
}

/* The key is the path of the pid file, of which each helper has its own. */
static int set_key(struct proxy *p, struct shift_error *err)
{
	const char *key = p->pidfile && *p->pidfile ? p->pidfile :
			  p->q.netns ?: p->q.template;

	return str_replace(&p->q.key, key, err);
}

static int start(struct proxy *p, struct side_answer *a,
		 struct shift_error *err)
{
	int r = client_new_id(p->q.id, err);

	if (r >= 0)
		r = client_ask(&p->client, &p->q, TIMEOUT_S, a, err);
	return r < 0 ? r : str_replace(&p->pod, a->pod, err);
}

static int said_no(struct proxy *p, const struct side_answer *a,
		   struct shift_error *err)
{
	struct side_answer gone;

	if (a->result != SIDE_ENDED) {
		shift_err_set(err, 0, "%s: %s", side_result_name(a->result),
			      a->error ?: "?");
		return FAILED;
	}
	fputs(a->output ?: "", stderr);
	ask(p, SIDE_REMOVE, 0, &gone, NULL);
	side_answer_clear(&gone);
	return a->status;
}

int wrapper_main(const char *name, int argc, char **argv,
		 struct shift_error *err)
{
	struct proxy p = { .q.action = SIDE_START, .client = CLIENT_INIT };
	struct side_answer a = { .result = SIDE_NONE };
	int status = FAILED, r;

	if (wrapper_looks(name, argc, argv))
		run_own(name, argv);
	r = wrapper_read(name, argc, argv, &p.pidfile, &p.foreground, err);
	if (r >= 0)
		r = str_replace(&p.q.template, name, err);
	if (r >= 0)
		r = client_netns(&p.q.netns, err);
	for (int i = 1; r >= 0 && i < argc; i++)
		r = strv_add(&p.q.args, argv[i], err);
	if (r >= 0)
		r = set_key(&p, err);
	if (r >= 0)
		r = client_open(&p.client, NULL, NULL, err);
	if (r >= 0)
		r = start(&p, &a, err);
	if (r >= 0 && a.result == SIDE_RUNNING)
		status = run(&p, err);
	else if (r >= 0)
		status = said_no(&p, &a, err);
	side_answer_clear(&a);
	side_request_clear(&p.q);
	free(p.pidfile);
	free(p.pod);
	return status;
}

/* A number, or a name with or without SIG; 0: none. */
static int signal_of(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text >= '0' && *text <= '9')
		return !*end && n > 0 && n < SIGRTMIN ? (int)n : 0;
	if (!strncmp(text, "SIG", 3))
		text += 3;
	for (int i = 1; i < SIGRTMIN; i++)
		if (sigabbrev_np(i) && !strcmp(sigabbrev_np(i), text))
			return i;
	return 0;
}

/* A zombie is gone as well: an agent's process 1 may not reap it. */
static bool is_gone(pid_t pid)
{
	return kill(pid, 0) < 0 || procid_is_zombie(pid);
}

int wrapper_kill(int argc, char **argv, struct shift_error *err)
{
	int signo = argc == 3 ? signal_of(argv[1]) : 0;
	int64_t end = util_now_ms() + TIMEOUT_S * 1000LL;
	char *rest = NULL;
	long pid = argc == 3 ? strtol(argv[2], &rest, 10) : 0;

	if (!signo || pid < 2 || pid > INT32_MAX || *rest) {
		shift_err_set(err, 0, "usage: %s SIGNAL PID", argv[0]);
		return FAILED;
	}
	if (kill((pid_t)pid, signo == SIGKILL ? SIGNAL_KILL : signo) < 0) {
		shift_err_set(err, errno, "process %ld", pid);
		return 1;
	}
	if (signo != SIGKILL)
		return 0;
	/* After kill(1) the process is gone; here the host has to answer first. */
	while (!is_gone((pid_t)pid)) {
		if (util_now_ms() > end) {
			shift_err_set(err, ETIMEDOUT, "the host has not ended what process %ld stands for",
				      pid);
			return 1;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	return 0;
}
