/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cleanup attributes: a scope frees what it owns, steal_*() hands it on. */
#ifndef SHIFT_CLEANUP_H
#define SHIFT_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

static inline void shift_cleanup_free(void *p)
{
	free(*(void **)p);
}

/* errno survives, so that "return -errno" works at any depth of scopes. */
static inline void shift_cleanup_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void shift_cleanup_file(FILE **f)
{
	int saved = errno;

	if (*f)
		fclose(*f);
	errno = saved;
}

static inline void shift_cleanup_dir(DIR **d)
{
	int saved = errno;

	if (*d)
		closedir(*d);
	errno = saved;
}

/* Kills and reaps a child of ours which only held something open. */
static inline void shift_cleanup_child(pid_t *pid)
{
	int saved = errno;

	if (*pid > 0) {
		kill(*pid, SIGKILL);
		while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	errno = saved;
}

#define _cleanup_free_ __attribute__((cleanup(shift_cleanup_free)))
#define _cleanup_close_ __attribute__((cleanup(shift_cleanup_close)))
#define _cleanup_file_ __attribute__((cleanup(shift_cleanup_file)))
#define _cleanup_dir_ __attribute__((cleanup(shift_cleanup_dir)))
#define _cleanup_child_ __attribute__((cleanup(shift_cleanup_child)))

static inline int steal_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

#define steal_ptr(p)				\
	({					\
		__typeof__(p) pp_ = (p);	\
		__typeof__(*pp_) v_ = *pp_;	\
		*pp_ = NULL;			\
		v_;				\
	})

#endif
