/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pod's words on itself (sd_notify(3)), for the manager that started runner. */
#ifndef RUNNER_NOTIFY_H
#define RUNNER_NOTIFY_H

/* Tells whoever started runner, as sd_notify(3) does; nobody may listen. */
void notify_manager(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * The pod's socket, which hostdir_make() made.  The reader of a message has to close
 * the descriptors that come with it, and to close the last of a socket takes as long as
 * SO_LINGER says (inet_release() in net/ipv4/af_inet.c): the pod's choice.  So another
 * process reads each message.  One that exits does not wait.
 */

/*
 * Starts a process that reads a message.  Returns a pidfd, the caller's, of a child to be
 * waited for, or a negative errno; *ret_text is for notify_end(), and the caller's.
 */
int notify_begin(int notify_fd, int *ret_text);

/* After the end of that process: tells the manager what it has read. */
void notify_end(int text_fd);

/* Closes it; the messages in it are thrown away by another process. */
void notify_close(int *notify_fd);

#endif
