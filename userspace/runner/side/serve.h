/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request of one asker: decided, carried out, answered. */
#ifndef RUNNER_SERVE_H
#define RUNNER_SERVE_H

#include <stdbool.h>

#include "ask/message.h"
#include "error.h"
#include "pod/state.h"

/* Below place_run(): locks, and sockets. */
#define SIDE_LOCKS "side"

struct side_asker {
	const char *name;	/* of its pod, and of its spool */
	const char *templates;	/* directory */
	int spool;		/* its spool's directory, -1: it has none */
};

/*
 * Carries @q out, one of an asker's at a time.  Always fills *a, which the caller clears; what stops it is
 * result "refused" or "failed" with the reason in a->error.
 */
void side_serve(const struct side_asker *asker, const struct side_request *q,
		struct side_answer *a);

/* The name of a side container, in @name: at most 63 bytes and a NUL. */
int side_pod_name(const char *asker, const char *template, const char *key,
		  char name[64], struct shift_error *err);

/*
 * Adds the names of the side containers of @asker, NULL: of all, to @ret.  Who is
 * what they say is not looked at: side_pod_load() does.
 */
int side_pod_list(const char *asker, struct strv *ret, struct shift_error *err);

/*
 * Loads the pod @name and its description.  -ENOENT: there is none, or it is no
 * side container.  What a killed supervisor left is ended first.
 */
int side_pod_load(const char *name, struct state *st, struct spec *spec,
		  struct shift_error *err);

/* Ends it, as its template said. */
int side_pod_stop(const struct state *st, const struct spec *spec,
		  struct shift_error *err);

/*
 * What is done once for each run of a reader of @asker: orphans are ended, and of
 * the ended ones all but the last 64 removed.
 */
void side_tidy(const char *asker);

#endif
