/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "mounttree.h"
#include "nfs.h"
#include "setup/volume.h"
#include "spec/volume_options.h"
#include "userns.h"

#define OPTIONS_MAX 32

/* Flags of the mount, which every volume has; what else there is, NFS takes. */
static bool is_flag(const char *word)
{
	static const char *const flags[] = {
		"ro", "rw", "nosuid", "suid", "nodev", "noexec", "exec",
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(word, flags[i]))
			return true;
	return false;
}

/* Splits @text in place; @options point into it. */
static int split(char *text, struct shift_nfs *nfs, struct shift_nfs_option *options,
		 struct shift_error *err)
{
	struct volume_options flags;
	char *word;
	int r;

	while ((word = strsep(&text, ","))) {
		char *value = strchr(word, '=');

		if (!*word)
			continue;
		if (is_flag(word)) {
			r = volume_options_parse(&flags, word, err);
			if (r < 0)
				return r;
			nfs->attr_flags |= flags.attrs;
			continue;
		}
		if (nfs->n_options == OPTIONS_MAX)
			return shift_err_set(err, E2BIG, "more than %d options", OPTIONS_MAX);
		if (value)
			*value++ = '\0';
		options[nfs->n_options++] = (struct shift_nfs_option){ word, value };
	}
	return 0;
}

static int open_network(const struct spec *spec, struct shift_error *err)
{
	const char *path = NULL;
	int fd;

	for (int i = 0; i < SPEC_N_NAMESPACES; i++)
		if ((1u << i) == SPEC_NS_NETWORK)
			path = spec->linux_.namespace_paths[i];
	if (!path) {
		shift_err_set(err, 0, "the pod joins no network from where the server could be reached");
		shift_err_hint(err, "give one by --net=ns:PATH; mounted from the host's, the host's own mounts of this server would show the pod's ids. Or mount it on the host, and give that directory as a volume with idmap");
		return -EINVAL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? shift_err_set(err, errno, "the network %s", path) : fd;
}

int volume_mount_nfs(const struct spec *spec, const char *source,
		     const char *options, const char *at, struct shift_error *err)
{
	_cleanup_free_ struct shift_idmap *map = calloc(1, sizeof(*map));
	_cleanup_close_ int userns = -1, netns = -1, fd = -1;
	struct shift_nfs_option list[OPTIONS_MAX];
	_cleanup_free_ char *text = strdup(options);
	struct shift_nfs nfs = { .source = source, .options = list };
	int r;

	if (!map || !text)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r = split(text, &nfs, list, err);
	if (r >= 0)
		r = nfs.netns = netns = open_network(spec, err);
	if (r >= 0)
		r = shift_idmap_add(map, SHIFT_BOTH, 0, spec->linux_.host_base,
				    spec->linux_.map_size, err);
	if (r >= 0)
		r = nfs.userns = userns = shift_userns_create(map, err);
	if (r >= 0)
		r = fd = shift_nfs_mount(&nfs, err);
	if (r >= 0 && mkdir(at, 0755) < 0)
		r = shift_err_set(err, errno, "cannot make %s", at);
	if (r >= 0)
		r = shift_attach(fd, at, err);
	return r < 0 ? shift_err_prefix(err, "volume %s", source) : 0;
}
