/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volumes: directories, files and sockets of the host in the pod.
 *
 * A volume is a mount of type "bind" in the pod's description, all of it in the
 * comma-separated options: ro, rw, the usual flags, and
 *
 *	idmap			stored ids are the pod's
 *	idmap=[TYPE:]STORED:POD:COUNT;...
 *	idmap=uids=STORED-HOST-COUNT#...;gids=...	as crun has it; "@" before
 *				the first number: HOST is an id of the pod
 *	squash=UID:GID		whatever the pod makes is stored with these
 *	z, Z			accepted; an error where SELinux is in use
 */
#ifndef RUNNER_VOLUME_ADD_H
#define RUNNER_VOLUME_ADD_H

#include "error.h"
#include "spec/spec.h"

/* HOST:CTR[:OPTION]..., options separated by ':' or ','. */
int volume_add(struct spec *spec, const char *text, struct shift_error *err);

/* CTR[:OPTION,...] */
int volume_add_tmpfs(struct spec *spec, const char *text,
		     struct shift_error *err);

/* type=bind|nfs|tmpfs,source=,destination=,... */
int volume_add_mount(struct spec *spec, const char *text,
		     struct shift_error *err);

/*
 * Adds one of an image's Volumes: @how is "anonymous", "tmpfs" or
 * "ignore".  Nothing when something is at @place already.  1, and nothing is added,
 * when a pod has no such place for an image to choose.
 */
int volume_add_of_image(struct spec *spec, const char *place,
			const char *how, struct shift_error *err);

#endif
