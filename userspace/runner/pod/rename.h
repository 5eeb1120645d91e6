/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another name for a pod that has ended. */
#ifndef RUNNER_RENAME_H
#define RUNNER_RENAME_H

#include "error.h"

/*
 * The pod @from is the pod @to from now on, with its changes, range, volumes, log and
 * description; its hostname too, if that was its name.  -EBUSY: it is up, or another
 * pod names it; -EEXIST: there is a pod @to.  Killed in between, it leaves a pod of
 * one of the two names, whole.
 */
int pod_rename(const char *from, const char *to, struct shift_error *err);

#endif
