/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps of config.json: stored ids are the specification's containerID, seen ones hostID. */
#ifndef RUNTIME_MAPS_H
#define RUNTIME_MAPS_H

#include "error.h"
#include "idmap.h"
#include "json.h"

/*
 * Adds the extents of uidMappings (SHIFT_UID) or gidMappings (SHIFT_GID); NULL and an
 * empty list add none.
 */
int maps_add_list(struct shift_idmap *map, enum shift_id_type type,
		  struct json_object *list, struct shift_error *err);

/*
 * Adds what crun's option idmap=@text says: uids=STORED-HOST-COUNT#...;gids=..., with '@'
 * before STORED where HOST is an id of the container, whose map is @container.
 */
int maps_add_option(struct shift_idmap *map, const char *text,
		    const struct shift_idmap *container, struct shift_error *err);

/*
 * The map of the container's user namespace, of @linux_part, config.json's "linux": its
 * mappings, or those of the namespace that it names by a path.  *ret_any is false if the
 * container has no user namespace of its own.
 */
int maps_of_container(struct json_object *linux_part, struct shift_idmap *map,
		      bool *ret_any, struct shift_error *err);

#endif
