/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "osd/probe.h"

#include <blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/util.h"
#include "blockdev/node.h"
#include "cleanup.h"
#include "store/sandbox.h"

/* In the sandbox: */

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ?: "");
	for (char *p = to; *p; p++)
		if (*p >= 'A' && *p <= 'F' && size == 40)
			*p = (char)(*p - 'A' + 'a');
}

static void take_table(blkid_probe pr, struct probe *p)
{
	blkid_partlist list = blkid_probe_get_partitions(pr);
	int n = list ? blkid_partlist_numof_partitions(list) : 0;

	for (int i = 0; i < n && p->n < PROBE_PARTITIONS; i++) {
		blkid_partition part = blkid_partlist_get_partition(list, i);
		struct probe_partition *to = &p->partitions[p->n++];

		to->number = blkid_partition_get_partno(part);
		to->start = (uint64_t)blkid_partition_get_start(part);
		copy(to->type, sizeof(to->type),
		     blkid_partition_get_type_string(part));
		copy(to->uuid, sizeof(to->uuid),
		     blkid_partition_get_uuid(part));
	}
}

static const char *look(int fd, uint64_t size, unsigned int sector,
			struct probe *p)
{
	blkid_probe pr = blkid_new_probe();
	const char *text;

	/* Without the size libblkid asks the device, which it cannot here. */
	if (!pr || blkid_probe_set_sectorsize(pr, sector) ||
	    blkid_probe_set_device(pr, fd, 0, (blkid_loff_t)size))
		return "libblkid does not take the device";
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE |
					      BLKID_SUBLKS_UUID);
	blkid_probe_enable_partitions(pr, 1);
	blkid_probe_set_partitions_flags(pr, BLKID_PARTS_ENTRY_DETAILS);
	/* -2: two signatures, which is nothing to rely on. */
	switch (blkid_do_safeprobe(pr)) {
	case -1:
		return "libblkid cannot read the device";
	case -2:
		copy(p->content, sizeof(p->content), "ambivalent");
		break;
	}
	if (!blkid_probe_lookup_value(pr, "TYPE", &text, NULL))
		copy(p->content, sizeof(p->content), text);
	if (!blkid_probe_lookup_value(pr, "UUID", &text, NULL))
		copy(p->uuid, sizeof(p->uuid), text);
	if (!blkid_probe_lookup_value(pr, "PTTYPE", &text, NULL))
		copy(p->table, sizeof(p->table), text);
	if (!strcmp(p->table, "gpt"))
		take_table(pr, p);
	return NULL;
}

static void __attribute__((noreturn)) child_main(uint64_t size, unsigned int sector)
{
	struct probe p = { .n = 0 };
	const char *failed = look(3, size, sector, &p);

	if (failed) {
		dprintf(4, "%c%s", SANDBOX_FAILED, failed);
		_exit(1);
	}
	if (write(4, "+", 1) != 1)
		_exit(1);
	_exit(write_whole(4, &p, sizeof(p)) < 0);
}

/* In runner: */

static bool is_guid(const char text[40])
{
	if (strnlen(text, 40) != 36)
		return false;
	for (int i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-' :
		    !strchr("0123456789abcdef", text[i]))
			return false;
	return true;
}

static int check(struct probe *p)
{
	p->content[sizeof(p->content) - 1] = '\0';
	p->table[sizeof(p->table) - 1] = '\0';
	if (!is_guid(p->uuid))
		p->uuid[0] = '\0';
	if (p->n < 0 || p->n > PROBE_PARTITIONS)
		return -EIO;
	for (int i = 0; i < p->n; i++)
		if (!is_guid(p->partitions[i].type) ||
		    !is_guid(p->partitions[i].uuid) ||
		    p->partitions[i].number < 1)
			return -EIO;
	return 0;
}

/* Bytes that came, of @size, until the end or the time is up: -ETIMEDOUT. */
static ssize_t hear(int fd, char *to, size_t size)
{
	int64_t end = util_now_ms() + PROBE_MS, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;

	while (len < size) {
		ssize_t n;

		left = end - util_now_ms();
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return -ETIMEDOUT;
		n = read(fd, to + len, size - len);
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int probe_device(dev_t dev, struct probe *ret, struct shift_error *err)
{
	_cleanup_close_ int fd = -1, from = -1, to = -1;
	_cleanup_free_ char *said = NULL;
	_cleanup_child_ pid_t pid = -1;
	char path[BLOCKDEV_NAME];
	unsigned int sector = 512;
	int pair[2], fds[2], r;
	uint64_t size;
	ssize_t n;

	r = blockdev_path(dev, path, err);
	if (r < 0)
		return r;
	fd = blockdev_open(path, dev, O_RDONLY, err);
	if (fd < 0)
		return fd;
	if (ioctl(fd, BLKGETSIZE64, &size) < 0 ||
	    ioctl(fd, BLKSSZGET, &sector) < 0 || pipe2(pair, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot read %s", path);
	from = pair[0];
	fds[0] = fd;
	fds[1] = to = pair[1];
	pid = sandbox_fork(&(struct sandbox){
		.role = SANDBOX_READ, .root = "/proc", .fds = fds, .n = 2,
		.userns = -1 }, err);
	if (!pid)
		child_main(size, sector);
	if (pid < 0)
		return (int)pid;
	close(steal_fd(&to));
	said = calloc(1, sizeof(*ret) + 1);
	if (!said)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	n = hear(from, said, sizeof(*ret) + 1);
	if (n == -ETIMEDOUT)
		return shift_err_set(err, ETIMEDOUT, "%s does not answer", path);
	if (n > 0 && *said == SANDBOX_FAILED)
		return shift_err_set(err, EIO, "%s: %.*s", path, 200, said + 1);
	if (n != (ssize_t)sizeof(*ret) + 1)
		return shift_err_set(err, EIO, "the process that reads %s ended too early",
				     path);
	memcpy(ret, said + 1, sizeof(*ret));
	if (check(ret) < 0)
		return shift_err_set(err, EIO, "the process that reads %s said something wrong",
				     path);
	return 0;
}
