/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "osd/layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "blockdev/holders.h"
#include "blockdev/lock.h"
#include "cleanup.h"
#include "osd/probe.h"

const char *const osd_scenario_names[OSD_SCENARIOS] = {
	"osd_directory", "osd_directory_single", "osd_disk_prepare",
	"osd_disk_activate", "osd_disks", "raw", "lvm",
};

int osd_scenario(const char *name)
{
	for (int i = 0; i < OSD_SCENARIOS; i++)
		if (!strcmp(name, osd_scenario_names[i]))
			return i;
	return -1;
}

static int find(const char *path, dev_t *ret, struct shift_error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return shift_err_set(err, errno, "%s", path);
	if (!S_ISBLK(st.st_mode))
		return shift_err_set(err, 0, "%s is no block device", path);
	*ret = st.st_rdev;
	return 0;
}

static int named(const char *path, enum osd_role role, struct osd_device *d,
		 struct shift_error *err)
{
	int r = find(path, &d->dev, err);

	d->role = role;
	snprintf(d->named, sizeof(d->named), "%s", path);
	return r < 0 ? r : blockdev_path(d->dev, d->path, err);
}

/* The partition of the disk @disk that the table calls @p. */
static int of_table(dev_t disk, const struct probe_partition *p,
		    struct osd_device *d, struct shift_error *err)
{
	dev_t parts[PROBE_PARTITIONS];
	size_t n = blockdev_partitions(disk, parts, PROBE_PARTITIONS);
	char text[32], path[BLOCKDEV_NAME];

	for (size_t i = 0; i < n; i++) {
		if (blockdev_attr(parts[i], "partition", text, sizeof(text)) < 0 ||
		    atoi(text) != p->number)
			continue;
		if (blockdev_attr(parts[i], "start", text, sizeof(text)) < 0 ||
		    strtoull(text, NULL, 10) != p->start)
			break;
		d->dev = parts[i];
		d->role = osd_parttype(p->type, &d->crypt);
		snprintf(d->uuid, sizeof(d->uuid), "%s", p->uuid);
		return blockdev_path(d->dev, d->path, err);
	}
	if (blockdev_path(disk, path, err) < 0)
		return -ENODEV;
	shift_err_set(err, ENODEV, "the kernel does not have partition %d of %s as the disk's table says it",
		      p->number, path);
	shift_err_hint(err, "partx --update %s, once nothing uses it", path);
	return -ENODEV;
}

/*
 * Fills @d with the partition of @role: @dev itself when it is one, or the only
 * one on the disk @dev.  Returns 1, 0 when the disk has none, or an error.
 */
static int search(dev_t dev, enum osd_role role, struct osd_device *d,
		  struct shift_error *err)
{
	_cleanup_free_ struct probe *probe = calloc(1, sizeof(*probe));
	char path[BLOCKDEV_NAME], text[32];
	const struct probe_partition *found = NULL;
	int wanted = 0, r;
	dev_t disk = dev;

	if (!probe)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r = blockdev_path(dev, path, err);
	if (r < 0)
		return r;
	if (blockdev_disk(dev, &disk) &&
	    blockdev_attr(dev, "partition", text, sizeof(text)) == 0)
		wanted = atoi(text);
	r = probe_device(disk, probe, err);
	if (r < 0)
		return r;
	for (int i = 0; i < probe->n; i++) {
		const struct probe_partition *p = &probe->partitions[i];
		enum osd_crypt crypt;
		enum osd_role is = osd_parttype(p->type, &crypt);

		if (wanted && p->number != wanted)
			continue;
		if (wanted && is != role)
			return shift_err_set(err, 0, "%s is not Ceph's %s: its partition type is %s%s%s%s",
					     path, osd_role_name(role), p->type,
					     is ? ", Ceph's " : "",
					     is ? osd_role_name(is) : "",
					     is == OSD_UNREADY ? ", so ceph-disk has not finished it" : "");
		if (is != role)
			continue;
		if (found)
			return shift_err_set(err, 0, "%s has several %s partitions: name one of them",
					     path, osd_role_name(role));
		found = p;
	}
	if (!found && wanted)
		return shift_err_set(err, 0, "%s is in no GPT of its disk", path);
	if (!found)
		return 0;
	r = of_table(disk, found, d, err);
	return r < 0 ? r : 1;
}

/* What is mounted, mapped or locked: who has @d, and whether that is as it should. */
static int check_use(struct osd_device *d, bool mounted, struct shift_error *err)
{
	struct blockdev_lock locks[64];
	pid_t holder;
	int n;

	if (mounted) {
		if (holders_mount(d->opened ?: d->dev, d->mount, sizeof(d->mount)))
			return 0;
		shift_err_set(err, 0, "%s is not mounted", d->path);
		shift_err_hint(err, "osd_directory and osd_directory_single use data that is mounted already; osd_disk_activate mounts it");
		return -EINVAL;
	}
	n = blockdev_lock(&(struct blockdev_use){ d->opened ?: d->dev, true }, 1,
			  locks, 64, &holder, err);
	if (n > 0)
		blockdev_unlock(locks, (size_t)n);
	return n < 0 ? n : 0;
}

/*
 * An encrypted device has its clear side as /dev/mapper/NAME.  ceph-disk calls it
 * as the PARTUUID; another one is called by the UUID of its LUKS header here, unless
 * it is opened already.  Whoever wrote the disk chose both, which are GUIDs and
 * nothing else; a name that is taken is refused by device mapper.
 */
static int find_mapper(struct osd_device *d, struct shift_error *err)
{
	char name[BLOCKDEV_NAME];
	int n = holders_mapping(d->dev, &d->opened, name);

	if (n > 1)
		return shift_err_set(err, EBUSY, "%s is in use by several mappings",
				     d->path);
	if (n == 1 && *d->uuid && strcmp(name, d->uuid))
		return shift_err_set(err, EBUSY, "%s is in use by /dev/mapper/%s, and Ceph's mapping is called %s",
				     d->path, name, d->uuid);
	if (n == 1) {
		snprintf(d->mapper, sizeof(d->mapper), "%s", name);
	} else if (*d->uuid) {
		snprintf(d->mapper, sizeof(d->mapper), "%s", d->uuid);
	} else if (*d->content_uuid) {
		snprintf(d->mapper, sizeof(d->mapper), "osd-%s", d->content_uuid);
	} else {
		shift_err_set(err, 0, "%s is encrypted and not opened, so the name of its mapping is not known",
			      d->path);
		shift_err_hint(err, "cryptsetup open %s NAME", d->path);
		return -EINVAL;
	}
	return 0;
}

static int read_content(struct osd_device *d, struct shift_error *err)
{
	_cleanup_free_ struct probe *probe = calloc(1, sizeof(*probe));
	int r;

	if (!probe)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r = probe_device(d->dev, probe, err);
	snprintf(d->content, sizeof(d->content), "%s",
		 *probe->content ? probe->content : probe->table);
	snprintf(d->content_uuid, sizeof(d->content_uuid), "%s", probe->uuid);
	return r;
}

/* Finishes @d, which is found; @dmcrypt as the caller said. */
static int finish(struct osd_device *d, bool dmcrypt, bool mounted,
		  struct shift_error *err)
{
	int r = read_content(d, err);

	if (r < 0)
		return r;
	if (d->crypt != OSD_CLEAR && !dmcrypt) {
		shift_err_set(err, 0, "%s is encrypted", d->path);
		shift_err_hint(err, "say --dmcrypt");
		return -EINVAL;
	}
	if (d->crypt == OSD_CLEAR && dmcrypt && d->role != OSD_LOCKBOX)
		return shift_err_set(err, 0, "%s is not encrypted, and --dmcrypt was given",
				     d->path);
	if (d->crypt == OSD_LUKS && strcmp(d->content, "crypto_LUKS"))
		return shift_err_set(err, 0, "%s should be LUKS by its partition type, and contains %s",
				     d->path, *d->content ? d->content : "nothing known");
	if (d->crypt != OSD_CLEAR)
		r = find_mapper(d, err);
	/* The key of a closed one is of no use to who only plans. */
	if (r >= 0 && d->crypt != OSD_CLEAR && !d->opened && !mounted)
		r = holders_check_claim(d->dev, err);
	else if (r >= 0)
		r = check_use(d, mounted, err);
	return r;
}

/* A part that the caller may have named; 1 when there is one. */
static int part(const struct osd_request *q, struct osd_layout *l, dev_t disk,
		const char *path, enum osd_role role, struct shift_error *err)
{
	struct osd_device *d = &l->parts[l->n];
	bool of_directory = q->scenario <= OSD_DIRECTORY_SINGLE;
	dev_t dev = disk;
	int r;

	if (path && (r = find(path, &dev, err)) < 0)
		return r;
	r = search(dev, role, d, err);
	if (!r && path)
		return shift_err_set(err, 0, "%s has no %s partition of Ceph",
				     path, osd_role_name(role));
	if (r <= 0)
		return r;
	r = finish(d, q->dmcrypt, of_directory && role == OSD_DATA, err);
	if (r < 0)
		return r;
	l->n++;
	return 1;
}

static int of_partitions(const struct osd_request *q, struct osd_layout *l,
			 struct shift_error *err)
{
	int journal, block, r;
	dev_t disk;

	r = part(q, l, 0, q->data, OSD_DATA, err);
	if (r < 0)
		return r;
	l->parts[0].into = q->into;
	if (!blockdev_disk(l->parts[0].dev, &disk))
		return shift_err_set(err, 0, "%s is no partition", l->parts[0].path);
	if ((journal = part(q, l, disk, q->journal, OSD_JOURNAL, err)) < 0)
		return journal;
	if ((block = part(q, l, disk, NULL, OSD_BLOCK, err)) < 0)
		return block;
	if (!journal && !block) {
		shift_err_set(err, 0, "the disk of %s has no journal and no block partition",
			      l->parts[0].path);
		shift_err_hint(err, "--journal DEV names one elsewhere");
		return -EINVAL;
	}
	if ((r = part(q, l, disk, q->db, OSD_DB, err)) < 0 ||
	    (r = part(q, l, disk, q->wal, OSD_WAL, err)) < 0)
		return r;
	if (journal)
		l->name = q->dmcrypt ?
			(q->journal ? "encrypted, dedicated journal" :
				      "encrypted, collocated journal") :
			(q->journal ? "dedicated journal" : "collocated journal");
	else
		l->name = q->dmcrypt ? "encrypted bluestore" : "bluestore";
	return 0;
}

/* An empty disk, or one that others have partitions on: for a journal. */
static int whole(struct osd_layout *l, const char *path, enum osd_role role,
		 struct shift_error *err)
{
	struct osd_device *d = &l->parts[l->n];
	dev_t disk;
	int r;

	if (!path)
		return 0;
	if ((r = named(path, role, d, err)) < 0 ||
	    (r = read_content(d, err)) < 0 ||
	    (r = check_use(d, false, err)) < 0)
		return r;
	if (blockdev_disk(d->dev, &disk))
		return shift_err_set(err, 0, "%s is a partition, and ceph-disk prepares whole disks",
				     path);
	if (*d->content && (role == OSD_DATA || strcmp(d->content, "gpt"))) {
		shift_err_set(err, 0, "%s is not empty: it contains %s", path,
			      d->content);
		shift_err_hint(err, "wipefs --all %s destroys that", path);
		return -EINVAL;
	}
	l->n++;
	return 0;
}

static int prepare(const struct osd_request *q, struct osd_layout *l,
		   struct shift_error *err)
{
	int r;

	if (q->dmcrypt) {
		shift_err_set(err, 0, "osd_disk_prepare does not make encrypted OSDs");
		shift_err_hint(err, "cryptsetup luksFormat on the host and the scenario raw make one");
		return -EINVAL;
	}
	l->whole = true;
	l->name = q->journal ? "dedicated journal" : "collocated journal";
	if ((r = whole(l, q->data, OSD_DATA, err)) < 0 ||
	    (r = whole(l, q->journal, OSD_JOURNAL, err)) < 0 ||
	    (r = whole(l, q->db, OSD_DB, err)) < 0)
		return r;
	return whole(l, q->wal, OSD_WAL, err);
}

static int device(const struct osd_request *q, struct osd_layout *l,
		  const char *path, enum osd_role role, struct shift_error *err)
{
	struct osd_device *d = &l->parts[l->n];
	char uuid[BLOCKDEV_NAME];
	int r;

	if (!path)
		return 0;
	r = named(path, role, d, err);
	if (r < 0)
		return r;
	if (q->scenario == OSD_LVM &&
	    (blockdev_attr(d->dev, "dm/uuid", uuid, sizeof(uuid)) < 0 ||
	     strncmp(uuid, "LVM-", 4)))
		return shift_err_set(err, 0, "%s is no logical volume", path);
	if ((r = read_content(d, err)) < 0)
		return r;
	if (!strcmp(d->content, "crypto_LUKS"))
		d->crypt = OSD_LUKS;
	if (d->crypt == OSD_CLEAR && strcmp(d->content, "ceph_bluestore"))
		return shift_err_set(err, 0, "%s is not Ceph's: it contains %s",
				     path, *d->content ? d->content : "nothing known");
	r = finish(d, q->dmcrypt, false, err);
	if (r >= 0)
		l->n++;
	return r;
}

int osd_layout(const struct osd_request *q, struct osd_layout *ret,
	       struct shift_error *err)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	if (q->into && q->scenario != OSD_DISK_ACTIVATE && q->scenario != OSD_DISKS)
		return shift_err_set(err, 0, "--host-mount is of osd_disk_activate and osd_disks, whose data is a filesystem that nobody has mounted");
	if (q->into && *q->into != '/')
		return shift_err_set(err, 0, "--host-mount '%s' is no absolute path in the pod",
				     q->into);
	if (q->scenario == OSD_DISK_PREPARE)
		return prepare(q, ret, err);
	if (q->scenario != OSD_RAW && q->scenario != OSD_LVM)
		return of_partitions(q, ret, err);
	if (q->journal)
		return shift_err_set(err, 0, "an OSD of ceph-volume has no journal: --db and --wal name its other devices");
	ret->name = q->dmcrypt ? "encrypted bluestore" : "bluestore";
	if ((r = device(q, ret, q->data, OSD_DATA, err)) < 0 ||
	    (r = device(q, ret, q->db, OSD_DB, err)) < 0)
		return r;
	return device(q, ret, q->wal, OSD_WAL, err);
}
