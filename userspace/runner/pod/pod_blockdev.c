/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/pod_blockdev.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/report.h"
#include "blockdev/lock.h"
#include "cleanup.h"

/* Milliseconds for a monitor to answer. */
#define ANSWER_MS 5000

/* Whether @d is to be the pod's alone, and then how it is used. */
static bool is_own(const struct spec *spec, const struct spec_device *d,
		   struct blockdev_use *use)
{
	int can = d->type == 'b' ? spec_device_access(spec, d) : 0;

	use->dev = makedev(d->major, d->minor);
	use->write = can & W_OK;
	return can && !spec_device_shared(spec, d);
}

/* The pod whose monitor @pid is, as a text of the caller's; or NULL. */
static char *pod_of(pid_t pid)
{
	struct strv names = { NULL, 0 };
	char *found = NULL;

	if (pid <= 0 || state_list(&names, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < names.n && !found; i++) {
		struct state st = STATE_INIT;

		if (state_load(&st, names.v[i], NULL) >= 0 &&
		    st.monitor == pid)
			found = strdup(names.v[i]);
		state_clear(&st);
	}
	strv_clear(&names);
	return found;
}

static int take(const struct blockdev_use *uses, size_t n,
		struct blockdev_lock *locks, struct shift_error *err)
{
	_cleanup_free_ char *pod = NULL;
	pid_t holder;
	int r = blockdev_lock(uses, n, locks, MONITOR_DEVICES, &holder, err);

	if (r != -EBUSY)
		return r;
	pod = pod_of(holder);
	if (pod)
		shift_err_prefix(err, "the pod %s has it", pod);
	shift_err_prefix(err, "a block device is not free for this pod");
	shift_err_hint(err, "end what uses it, or let the pod share it, which is safe only for programs made for that: --device HOST:PATH:rw,shared");
	return r;
}

int pod_blockdev_hold(const struct spec *spec, struct monitor *m,
		      struct shift_error *err)
{
	struct blockdev_lock locks[MONITOR_DEVICES];
	_cleanup_free_ struct blockdev_use *uses = NULL;
	size_t n = 0;
	int r;

	uses = calloc(spec->linux_.n_devices + 1, sizeof(*uses));
	if (!uses)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (size_t i = 0; i < spec->linux_.n_devices; i++)
		n += is_own(spec, &spec->linux_.devices[i], &uses[n]);
	r = take(uses, n, locks, err);
	for (int i = 0; i < r; i++)
		monitor_hold(m, locks[i].fd, locks[i].dev);
	return r < 0 ? r : 0;
}

/* One message and, with @wait, its answer. */
static int tell(int sock, char what, dev_t dev, int fd, bool wait)
{
	char message[1 + sizeof(dev)] = { what }, answer[MONITOR_MESSAGE + 1];
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int r;

	memcpy(message + 1, &dev, sizeof(dev));
	/* A monitor that waits for the caller reads nothing meanwhile. */
	r = message_send(sock, message, sizeof(message), fd,
			 wait ? 0 : MSG_DONTWAIT);
	while (r >= 0 && wait) {
		if (poll(&p, 1, ANSWER_MS) <= 0)
			return -ETIMEDOUT;
		r = message_receive(sock, answer, sizeof(answer), NULL);
		if (!r)
			return -EPIPE;
		if (r > 0 && answer[0] == what + ('a' - 'A'))
			break;
	}
	return r < 0 ? r : 0;
}

/* Whether a device of @spec other than @i covers @dev. */
static bool others_cover(const struct spec *spec, size_t i, dev_t dev)
{
	struct blockdev_use other;

	for (size_t k = 0; k < spec->linux_.n_devices; k++)
		if (k != i && is_own(spec, &spec->linux_.devices[k], &other) &&
		    blockdev_covers(other.dev, dev))
			return true;
	return false;
}

int pod_blockdev_add(const struct state *st, const struct spec *spec, size_t i,
		     bool wait, struct shift_error *err)
{
	struct blockdev_lock locks[MONITOR_DEVICES];
	_cleanup_close_ int sock = -1;
	struct blockdev_use use;
	int n, r = 0;

	if (!is_own(spec, &spec->linux_.devices[i], &use) ||
	    others_cover(spec, i, use.dev))
		return 0;
	sock = monitor_connect(st->dir, err);
	if (sock < 0)
		return sock;
	n = take(&use, 1, locks, err);
	for (int k = 0; r >= 0 && k < n; k++)
		r = tell(sock, 'D', locks[k].dev, locks[k].fd, wait);
	if (n > 0)
		blockdev_unlock(locks, (size_t)n);
	if (r >= 0)
		return n < 0 ? n : 0;
	shift_err_set(err, -r, "the monitor of the pod %s does not take the locks of a block device",
		      st->name);
	return r;
}

int pod_blockdev_remove(const struct state *st, const struct spec *spec,
			size_t i, bool wait)
{
	_cleanup_close_ int sock = -1;
	const struct spec_device *d = &spec->linux_.devices[i];
	struct blockdev_use use = { .dev = makedev(d->major, d->minor) }, other;

	/* Its rule may be gone by now. */
	if (d->type != 'b' || spec_device_shared(spec, d))
		return 0;
	for (size_t k = 0; k < spec->linux_.n_devices; k++)
		if (k != i && is_own(spec, &spec->linux_.devices[k], &other) &&
		    (blockdev_covers(use.dev, other.dev) ||
		     blockdev_covers(other.dev, use.dev)))
			return 0;
	sock = monitor_connect(st->dir, NULL);
	return sock < 0 ? sock : tell(sock, 'U', use.dev, -1, wait);
}
