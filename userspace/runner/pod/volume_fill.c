/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/volume_fill.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/report.h"
#include "cleanup.h"
#include "setup/plan.h"
#include "setup/rootfs.h"
#include "syscalls.h"

/*
 * The directory in the image, without links; 0 when there is none.  The maker
 * of the image chose the path and the links on it, and nobody changes them now.
 */
static int find(const char *root, const char *destination, char real[PATH_MAX],
		struct shift_error *err)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -1;
	char proc[64];
	ssize_t n;

	if (top < 0)
		return shift_err_set(err, errno, "%s", root);
	fd = sys_openat2(top, destination, &how);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return shift_err_set(err, errno, "%s in the image", destination);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	n = readlink(proc, real, PATH_MAX - 1);
	if (n <= 0)
		return shift_err_set(err, errno, "%s in the image", destination);
	real[n] = '\0';
	return 1;
}

/* In a mount namespace of its own, which goes with this process. */
static int copy(const struct spec *spec, const char *destination,
		const char *data, struct shift_error *err)
{
	const char *root;
	char real[PATH_MAX];
	int r;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return shift_err_set(err, errno, "cannot make a mount namespace");
	if ((r = rootfs_stage(STAGE_DIR, err)) < 0 ||
	    (r = rootfs_mount_image(spec, &root, err)) < 0)
		return r;
	r = find(root, destination, real, err);
	return r <= 0 ? r : helper_image(HELPER_FILL,
					 (const char *const[]){ real, data }, 2, err);
}

int volume_fill(const struct spec *spec, const char *destination,
		const char *data, struct shift_error *err)
{
	struct report report = { .type = REPORT_NONE };
	int sock, status, ended_by, r;
	pid_t pid = report_fork(&sock, err);

	if (pid < 0)
		return (int)pid;
	if (!pid) {
		struct shift_error own = SHIFT_ERROR_INIT;

		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		r = copy(spec, destination, data, &own);
		if (r < 0) {
			report = (struct report){ .type = REPORT_FAILED,
						  .status = 1 };
			report_failure(sock, &report, r, &own);
		}
		_exit(0);
	}
	ended_by = helper_interrupted(sock);
	if (ended_by)
		kill(pid, SIGKILL);
	(void)report_receive(sock, &report, NULL);
	close(sock);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ended_by)
		return shift_err_set(err, EINTR, "ended by signal %d while what the image has at %s was copied",
				     ended_by, destination);
	if (report.type == REPORT_FAILED)
		return shift_err_relay(err, report.text);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 :
		shift_err_set(err, EIO, "what the image has at %s could not be copied",
			      destination);
}
