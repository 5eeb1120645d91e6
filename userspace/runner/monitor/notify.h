/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a pod says of itself, handed on to whoever started runner. */
#ifndef RUNNER_NOTIFY_H
#define RUNNER_NOTIFY_H

/* Tells whoever started runner, as sd_notify(3) does; nobody may listen. */
void notify_manager(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Takes a message off the pod's socket, which hostdir_make() made. */
void notify_relay(int notify_fd);

#endif
