/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/caller.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fds.h"

/* From the first argument to behind the last: the kernel shows these bytes. */
static char *arguments, *arguments_end;
static char **copied;

void caller_undumpable(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void caller_reset_signals(void)
{
	sigset_t none;

	/*
	 * By the system call: libc hides two signals of its own, which
	 * posix_spawn(3) leaves ignored in what make and others start.
	 */
	for (int s = 1; s < NSIG; s++)
		syscall(SYS_rt_sigaction, s, (const long[8]){ 0 }, NULL,
			(size_t)(NSIG - 1) / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Those of a service of the host.  How many processes and signals there may be
 * depends on the machine: as its first process has it.
 */
static void reset_limits(void)
{
	static const struct {
		int which;
		rlim_t soft, hard;
	} limits[] = {
		{ RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_STACK, 8 << 20, RLIM_INFINITY },
		{ RLIMIT_CORE, 0, RLIM_INFINITY },
		{ RLIMIT_RSS, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_NOFILE, 1024, 524288 },
		{ RLIMIT_MEMLOCK, 8 << 20, 8 << 20 },
		{ RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_LOCKS, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_MSGQUEUE, 819200, 819200 },
		{ RLIMIT_NICE, 0, 0 },
		{ RLIMIT_RTPRIO, 0, 0 },
		{ RLIMIT_RTTIME, RLIM_INFINITY, RLIM_INFINITY },
	};
	static const int of_machine[] = { RLIMIT_NPROC, RLIMIT_SIGPENDING };
	struct rlimit want, have;

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		__rlimit_resource_t which = (__rlimit_resource_t)limits[i].which;

		want = (struct rlimit){ limits[i].soft, limits[i].hard };
		if (setrlimit(which, &want) == 0 ||
		    getrlimit(which, &have) < 0)
			continue;
		/* In a container without CAP_SYS_RESOURCE: as far as it goes. */
		want.rlim_max = have.rlim_max;
		if (want.rlim_cur > want.rlim_max)
			want.rlim_cur = want.rlim_max;
		setrlimit(which, &want);
	}
	for (size_t i = 0; i < sizeof(of_machine) / sizeof(*of_machine); i++) {
		__rlimit_resource_t which = (__rlimit_resource_t)of_machine[i];

		if (prlimit(1, which, NULL, &want) == 0)
			setrlimit(which, &want);
	}
}

/* As much as may be asked for; what is, and by whom, is for the options to say. */
#define PASSED_MOST 1000

static int passed;

int caller_passed(void)
{
	return passed;
}

static int wanted(int argc, char **argv)
{
	static const char option[] = "--preserve-fds";
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int n = 0;

	if (pid && fds && atoi(pid) == getpid())
		n = atoi(fds);
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		size_t len = strlen(option);

		if (strncmp(argv[i], option, len))
			continue;
		if (argv[i][len] == '=')
			n += atoi(argv[i] + len + 1);
		else if (!argv[i][len] && i + 1 < argc)
			n += atoi(argv[i + 1]);
	}
	return n < 0 || n > PASSED_MOST ? 0 : n;
}

void caller_forget(int argc, char **argv)
{
	int most = wanted(argc, argv);

	caller_undumpable();
	fds_fill_streams();
	while (passed < most &&
	       fcntl(3 + passed, F_SETFD, FD_CLOEXEC) == 0)
		passed++;
	fds_close_from(3 + passed, NULL, 0);
	umask(022);
	caller_reset_signals();
	reset_limits();
	/* READ_IMPLIES_EXEC and addresses that are known. */
	personality(PER_LINUX);
}

/* The value of NAME=VALUE, or NULL. */
static char *value_of(char *text)
{
	char *value = strchr(text, '=');

	return value ? value + 1 : NULL;
}

/*
 * What follows an option for a variable in the same word, "" for the next word,
 * NULL for another option: -e, alone or behind others, --env, or a beginning of it.
 */
static char *after_option(char *word)
{
	size_t len;

	if (word[0] != '-')
		return NULL;
	if (word[1] != '-') {
		word += 1 + strspn(word + 1, "dit");
		return *word == 'e' ? word + 1 : NULL;
	}
	word += 2;
	len = strcspn(word, "=");
	if (!len || strncmp(word, "env", len))
		return NULL;
	return word + len + (word[len] == '=');
}

char **caller_arguments(int argc, char **argv)
{
	char **copy = calloc((size_t)argc + 1, sizeof(*copy));
	bool next = false;

	for (int i = 0; i < argc; i++) {
		char *value, *after;

		copy[i] = strdup(argv[i]);
		if (!copy[i])
			return NULL;
		after = next ? argv[i] : after_option(argv[i]);
		next = !next && after && !*after;
		value = after ? value_of(after) : NULL;
		if (i == 1)
			arguments = argv[i];
		if (i)
			arguments_end = argv[i] + strlen(argv[i]);
		if (value)
			memset(value, 'x', strlen(value));
	}
	copied = copy;
	return copy;
}

char *const *caller_argv(void)
{
	return copied;
}

void caller_hide(void)
{
	if (arguments && arguments_end > arguments)
		memset(arguments, 0, (size_t)(arguments_end - arguments));
	arguments = NULL;
}
