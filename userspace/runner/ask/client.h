/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent's end of a spool. */
#ifndef RUNNER_CLIENT_H
#define RUNNER_CLIENT_H

#include "ask/message.h"
#include "error.h"

/* Where the pod has its spool, unless RUNNER_SIDE_SPOOL or --spool say otherwise. */
#define CLIENT_SPOOL "/run/runner-side"

/* A new id: the time, so that they sort, and 64 random bits. */
int client_new_id(char id[SIDE_ID + 1], struct shift_error *err);

/*
 * Asks in the spool whose directory is @spool, and waits @seconds for the answer,
 * which the caller clears.  -ETIMEDOUT: the request is withdrawn, but the host may
 * have begun with it.
 */
int client_ask(int spool, const struct side_request *q, int seconds,
	       struct side_answer *a, struct shift_error *err);

/* Waits until the supervisor of the side container @pod has ended. */
int client_wait(int spool, const char *pod, struct shift_error *err);

/*
 * The name below /run/netns of the network namespace of this process, in *ret, the
 * caller's; NULL when it has none there.
 */
int client_netns(char **ret, struct shift_error *err);

#endif
