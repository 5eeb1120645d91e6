/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent's end of a spool, or of a socket. */
#ifndef RUNNER_CLIENT_H
#define RUNNER_CLIENT_H

#include "ask/message.h"
#include "error.h"

/* Where the pod has its spool, unless RUNNER_SIDE_SPOOL or --spool say otherwise. */
#define CLIENT_SPOOL "/run/runner-side"

/* And its socket, unless RUNNER_SIDE_SOCKET or --socket say otherwise. */
#define CLIENT_SOCKET "/run/host/side"

/* The way to the host. */
struct client {
	int spool;		/* -1: by the socket */
	const char *socket;	/* the caller's */
};

#define CLIENT_INIT { .spool = -1 }

/* A new id: the time, so that they sort, and 64 random bits. */
int client_new_id(char id[SIDE_ID + 1], struct shift_error *err);

/*
 * Opens the spool @spool or the socket @socket; with neither, those that the
 * environment names, or that are at their places, the spool first.
 */
int client_open(struct client *ret, const char *spool, const char *socket,
		struct shift_error *err);
void client_close(struct client *c);

/*
 * Asks, and waits @seconds for the answer, which the caller clears.  -ETIMEDOUT: the
 * request is withdrawn, but the host may have begun with it.
 */
int client_ask(const struct client *c, const struct side_request *q, int seconds,
	       struct side_answer *a, struct shift_error *err);

/*
 * Waits until the supervisor of the side container @pod has ended, which is that of
 * the template and the key of @q.  It may return early: only status tells.
 */
int client_wait(const struct client *c, const struct side_request *q,
		const char *pod, struct shift_error *err);

/* The two of them, by the socket: client_socket.c. */
int client_socket_ask(const struct client *c, const struct side_request *q,
		      int seconds, struct side_answer *a,
		      struct shift_error *err);
int client_socket_wait(const struct client *c, const struct side_request *q,
		       struct shift_error *err);

/*
 * The name below /run/netns of the network namespace of this process, in *ret, the
 * caller's; NULL when it has none there.
 */
int client_netns(char **ret, struct shift_error *err);

#endif
