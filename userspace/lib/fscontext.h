/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filesystem contexts: fsopen(2), fsconfig(2), fsmount(2).  A failure here
 * is reported with the lines which the kernel left in the context's log, the
 * one place where it says why.
 */
#ifndef SHIFT_FSCONTEXT_H
#define SHIFT_FSCONTEXT_H

#include <stdbool.h>

#include "error.h"
#include "idmap.h"

/* Receives what is done, one line each, for -v; may be NULL. */
typedef void (*shift_trace_fn)(const char *line);
void shift_fsctx_trace(shift_trace_fn fn);

/* fsopen(2), which also asks for the module.  Returns an fd, the caller's. */
int shift_fsctx_open(const char *fstype, struct shift_error *err);

/* fspick(2) of the filesystem mounted at @path.  Returns an fd, the caller's. */
int shift_fsctx_pick(const char *path, struct shift_error *err);

int shift_fsctx_flag(int fd, const char *key, struct shift_error *err);
int shift_fsctx_string(int fd, const char *key, const char *value,
		       struct shift_error *err);
int shift_fsctx_fd(int fd, const char *key, int value, struct shift_error *err);

/* Sends @map by as many idmap= parameters as fsconfig(2)'s limit asks for. */
int shift_fsctx_idmap(int fd, const struct shift_idmap *map,
		      struct shift_error *err);

/* Makes the superblock.  Messages of success are traced. */
int shift_fsctx_create(int fd, struct shift_error *err);

/* Applies new parameters to the superblock of a context made by fspick(2). */
int shift_fsctx_reconfigure(int fd, struct shift_error *err);

/* fsmount(2) with MOUNT_ATTR_* bits.  Returns a mount fd, the caller's. */
int shift_fsctx_mount(int fd, unsigned int attr_flags, struct shift_error *err);

/*
 * Takes the lines out of the log, joined by "; ", without their level; lines
 * below an error are left out when @errors_only.  Never NULL unless memory is
 * out; malloc()ed, the caller's.
 */
char *shift_fsctx_log(int fd, bool errors_only);

#endif
