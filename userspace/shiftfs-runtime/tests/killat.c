// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * killat N PROGRAM [ARGUMENT]...: run it and kill it before its Nth system call.  Exit
 * status 0: it was killed there; 1: it executed another program, or ended, before.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	long n = argc > 2 ? atol(argv[1]) : 0;
	int status, execs = 0;
	pid_t pid;

	if (n < 1)
		return 2;
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execv(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 2;
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
	/* Each call stops twice, before and after. */
	for (long stops = 0; stops < 2 * n;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) < 0 || waitpid(pid, &status, 0) < 0)
			return 2;
		if (WIFEXITED(status) || WIFSIGNALED(status))
			return 1;
		if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXEC << 8))) {
			/* the first is PROGRAM itself */
			if (execs++) {
				kill(pid, SIGKILL);
				waitpid(pid, &status, 0);
				return 1;
			}
			stops = 0;
		} else if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			stops++;
		}
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return 0;
}
