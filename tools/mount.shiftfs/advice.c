// SPDX-License-Identifier: GPL-2.0-or-later
#include "advice.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"

/* Entries of the source that are looked at; more would delay a mount. */
#define ENTRIES_MAX 256

void advice_values(const char *name, struct shift_error *err)
{
	static const struct {
		const char *name;
		const char *values;
	} options[] = {
		{ "creds", "creds=mounter or creds=caller" },
		{ "chown", "chown=fail or chown=ignore" },
		{ "passthrough", "passthrough=N, where N is 0, 1, 2 or 3" },
		{ "squash_uid", "squash_uid=STORED or squash_uid=STORED:SEEN, in numbers" },
		{ "squash_gid", "squash_gid=STORED or squash_gid=STORED:SEEN, in numbers" },
		{ "mark", "mark, without a value" },
		{ "allow", "allow=UID or allow=UID-LAST, in numbers, beside the option mark" },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!strcmp(name, options[i].name))
			shift_err_hint(err, "allowed: %s", options[i].values);
}

void advice_no_map(struct shift_error *err)
{
	shift_err_hint(err, "example: idmap=b:0:100000:65536 shows the stored ids 0 to 65535 as 100000 to 165535");
	shift_err_hint(err, "if X-mount.idmap was given: mount(8) does not hand it on to -t shiftfs; write idmap= with the same value");
}

void advice_for_user(struct shift_error *err)
{
	struct stat st;
	bool setuid = !stat("/proc/self/exe", &st) && (st.st_mode & S_ISUID);

	shift_err_hint(err, "the option user of fstab does not suffice: the administrator lets users mount shiftfs by listing them in " SHIFT_DELEGATE_FILE "%s",
		       setuid ? "" : " and by setting the setuid bit of this program, \"chmod u+s /sbin/mount.shiftfs\"");
	shift_err_hint(err, "see MOUNTS BY USERS in mount.shiftfs(8)");
}

/* How many of the owners looked at a map shows, either way round. */
struct shown {
	size_t looked;
	size_t as_given;
	size_t swapped;
	uid_t uid;		/* of the source itself */
	gid_t gid;
};

static void look(const struct shift_idmap *map, const struct stat *st, struct shown *s)
{
	uint32_t id;

	s->looked++;
	if (shift_idmap_seen(map, SHIFT_UID, st->st_uid, &id) ||
	    shift_idmap_seen(map, SHIFT_GID, st->st_gid, &id))
		s->as_given++;
	if (shift_idmap_stored(map, SHIFT_UID, st->st_uid, &id) ||
	    shift_idmap_stored(map, SHIFT_GID, st->st_gid, &id))
		s->swapped++;
}

/* Names in the source are its owner's: they are looked at, never followed. */
static void look_at_entries(int fd, const struct shift_idmap *map, struct shown *s)
{
	_cleanup_dir_ DIR *dir = fdopendir(fd);
	struct dirent *entry;
	struct stat st;

	if (!dir) {
		close(fd);
		return;
	}
	while (s->looked < ENTRIES_MAX && !s->as_given && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    !fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
			look(map, &st, s);
}

static char *swapped_text(const struct shift_idmap *map)
{
	_cleanup_free_ struct shift_idmap *other = calloc(1, sizeof(*other));
	char *text = NULL;

	if (!other)
		return NULL;
	*other = *map;
	for (int t = 0; t < 2; t++) {
		struct shift_idmap_table *table = t ? &other->gids : &other->uids;

		for (size_t i = 0; i < table->n; i++) {
			uint32_t stored = table->extents[i].stored;

			table->extents[i].stored = table->extents[i].seen;
			table->extents[i].seen = stored;
		}
	}
	return shift_idmap_format(other, ';', &text, NULL) < 0 ? NULL : text;
}

void advice_swapped(const struct request *req)
{
	_cleanup_free_ char *other = NULL;
	struct shown s = { 0 };
	struct stat st;
	int fd;

	/* With one stored id for all, the map need not hold what is stored. */
	for (size_t i = 0; i < req->n_params; i++)
		if (!strncmp(req->params[i].name, "squash_", strlen("squash_")))
			return;
	if (shift_idmap_empty(&req->map) || stat(req->source, &st) < 0)
		return;
	s.uid = st.st_uid;
	s.gid = st.st_gid;
	look(&req->map, &st, &s);
	if (!s.as_given && S_ISDIR(st.st_mode)) {
		fd = open(req->source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			look_at_entries(fd, &req->map, &s);
	}
	if (s.as_given)
		return;
	if (s.swapped)
		other = swapped_text(&req->map);
	warn("%s is stored as %u:%u, and neither that nor an owner in it is in the map: everything will be seen as nobody's",
	     req->source, s.uid, s.gid);
	if (other)
		warn("the first number is what is stored, the second what is seen; if they were swapped, give idmap=%s",
		     other);
}
