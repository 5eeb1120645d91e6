// SPDX-License-Identifier: GPL-2.0-or-later
#include "explain.h"

#include <inttypes.h>
#include <libmount/libmount.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "advice.h"
#include "cleanup.h"
#include "foreign.h"
#include "userns.h"

static void print_ids(const char *what, const struct shift_idmap_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct shift_idmap_extent *e = &table->extents[i];

		if (e->count == 1)
			printf("  %s %" PRIu32 " is stored, %" PRIu32 " is seen\n",
			       what, e->stored, e->seen);
		else
			printf("  %ss %" PRIu32 " to %" PRIu32 " are stored, %" PRIu32 " to %" PRIu32 " are seen\n",
			       what, e->stored, e->stored + (e->count - 1),
			       e->seen, e->seen + (e->count - 1));
	}
	if (!table->n)
		printf("  %ss: no map\n", what);
}

static void print_owner(const char *what, const struct shift_idmap *map,
			enum shift_id_type type, uint32_t id)
{
	uint32_t seen;

	if (shift_idmap_seen(map, type, id, &seen))
		printf("  %s %" PRIu32 " is seen as %" PRIu32 "\n", what, id, seen);
	else
		printf("  %s %" PRIu32 " is in no extent: seen as the overflow id, 65534 as a rule\n",
		       what, id);
}

static int print_map(const struct request *req, const struct shift_idmap *map,
		     struct shift_error *err)
{
	_cleanup_free_ char *own = NULL, *blanks = NULL;
	_cleanup_free_ char *crun = foreign_crun_text(map), *pve = foreign_pve_text(map);
	int r = shift_idmap_format(map, ';', &own, err);

	if (r >= 0)
		r = shift_idmap_format(map, ' ', &blanks, err);
	if (r < 0)
		return r;
	if (!crun || !pve)
		return shift_err_set(err, ENOMEM, "idmap");
	printf("Map: idmap=%s\n", own);
	print_ids("user id", &map->uids);
	print_ids("group id", &map->gids);
	printf("The same map in other words:\n"
	       "  mount(8), idmapped mount:  X-mount.idmap=\"%s\"\n"
	       "  crun and podman:           idmap=%s\n"
	       "  Proxmox VE, with CONTAINER as the host's id:  idmap=%s\n",
	       blanks, crun, pve);
	if (req->userns_fd < 0 && shift_idmap_empty(&req->relative))
		puts("A map that was written for Proxmox VE has the container's id first. Put pve: before it\n"
		     "and name the container by userns=: idmap=pve:u:CONTAINER:DISK:COUNT;...,userns=/proc/PID/ns/user");
	return 0;
}

static int print_path(const char *path, const struct shift_idmap *map, struct shift_error *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return shift_err_set(err, errno, "%s", path);
	printf("%s:\n", path);
	print_owner("user id", map, SHIFT_UID, st.st_uid);
	print_owner("group id", map, SHIFT_GID, st.st_gid);
	return 0;
}

int explain(const struct request *req, const char *path)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	_cleanup_free_ struct shift_idmap *map = calloc(1, sizeof(*map));
	int r = 0;

	if (!map)
		return MNT_EX_SYSERR;
	*map = req->map;
	if (req->userns_fd >= 0)
		r = shift_userns_read(req->userns_fd, map, &err);
	if (r >= 0 && shift_idmap_empty(map)) {
		r = shift_err_set(&err, 0, "--explain: no map given");
		advice_no_map(&err);
	}
	if (r >= 0)
		r = print_map(req, map, &err);
	if (r >= 0 && path)
		r = print_path(path, map, &err);
	if (r < 0) {
		shift_err_print(&err, stderr, PROGRAM);
		return MNT_EX_USAGE;
	}
	return fflush(stdout) ? MNT_EX_FILEIO : MNT_EX_SUCCESS;
}
