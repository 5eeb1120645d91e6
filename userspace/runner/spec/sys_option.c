/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/sys_option.h"

#include <string.h>

#define ANNOTATION "runner.sys"
#define DEVICES "devices"

/* What names the host's disks besides sysfs. */
static const char *const lists[] = {
	"/proc/partitions", "/proc/diskstats", "/proc/swaps", "/proc/mdstat",
};

int sys_option(struct spec *spec, const char *text, struct shift_error *err)
{
	bool devices = !strcmp(text, DEVICES);
	int r;

	if (!devices && strcmp(text, "host"))
		return shift_err_set(err, 0, "--sys %s: it is host or devices",
				     text);
	if (sys_is_devices(spec) && !devices)
		return shift_err_set(err, 0, "--sys devices cannot be taken back");
	if (sys_is_devices(spec) || !devices)
		return 0;
	r = spec_annotate(spec, err, ANNOTATION, DEVICES);
	if (r >= 0)
		r = spec_add_mount(spec, "/run/udev", SYS_UDEV, SYS_UDEV, "ro", err);
	for (size_t i = 0; r >= 0 && i < sizeof(lists) / sizeof(*lists); i++)
		r = strv_add(&spec->linux_.masked_paths, lists[i], err);
	return r;
}

bool sys_is_devices(const struct spec *spec)
{
	const char *value = spec_annotation(spec, ANNOTATION);

	return value && !strcmp(value, DEVICES);
}
