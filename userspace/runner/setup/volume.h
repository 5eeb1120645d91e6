/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounting a volume; spec/volume_add.h says what one is. */
#ifndef RUNNER_VOLUME_H
#define RUNNER_VOLUME_H

#include <stdint.h>

#include "base/util.h"
#include "error.h"
#include "spec/spec.h"

/*
 * Mounts @source, which volume_source_resolve() has put into the description,
 * with @options at @at, which is made.  The pod's ids are @spec's; its shift says
 * which backend may be used.  @written is as for volume_source_open().
 */
int volume_mount(const struct spec *spec, const struct strv *written,
		 const char *source, const char *options, const char *at,
		 struct shift_error *err);

/*
 * The same of an NFS export, HOST:/EXPORT, mounted for the pod's map from the network
 * that the pod joins.  @options are those of nfs(5) and ro, nosuid and the like.  A
 * pod without a network to join is refused: the kernel's client of a server is one
 * for a network, and the host's own mounts would show this pod's ids.
 */
int volume_mount_nfs(const struct spec *spec, const char *source,
		     const char *options, const char *at, struct shift_error *err);

#endif
