/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/volume.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fscontext.h"
#include "mounttree.h"
#include "setup/security.h"
#include "setup/shift.h"
#include "spec/volume_options.h"
#include "syscalls.h"

/* Says which option and what it may be; NULL when it is fine. */
static int check_options(const char *what, const char *options,
			 struct shift_error *err)
{
	struct volume_options o;
	int r = volume_options_parse(&o, options, err);

	return r < 0 ? shift_err_prefix(err, "%s", what) : 0;
}

static int add_bind(struct spec *spec, const char *what, const char *source,
		    const char *destination, const char *options,
		    struct shift_error *err)
{
	_cleanup_free_ char *real = NULL;
	int r;

	if (destination[0] != '/')
		return shift_err_set(err, 0, "%s: '%s', the place in the pod, has to be an absolute path",
				     what, destination);
	if (!strchr(source, '/'))
		return shift_err_set(err, 0, "%s: '%s' is no path; runner has no named volumes, give ./%s for the directory",
				     what, source, source);
	r = check_options(what, options, err);
	if (r < 0)
		return r;
	real = realpath(source, NULL);
	if (!real) {
		r = shift_err_set(err, errno, "%s: %s", what, source);
		if (r == -ENOENT)
			shift_err_hint(err, "make it first, with the owner that it shall have");
		return r;
	}
	return spec_add_mount(spec, destination, "bind", real, options, err);
}

/*
 * Where the option that begins at @p ends.  A ':' separates options and is part
 * of the values of idmap= and squash=, so these take what can belong to them.
 */
static const char *option_end(const char *p)
{
	const char *digits = NULL, *end;

	if (!strncmp(p, "idmap=uids=", 11) || !strncmp(p, "idmap=gids=", 11))
		return p + strcspn(p, ":,");
	if (!strncmp(p, "idmap=", 6))
		digits = "0123456789:; ugb";
	else if (!strncmp(p, "squash=", 7))
		digits = "0123456789:";
	else
		return p + strcspn(p, ":,");
	end = strchr(p, '=') + 1;
	end += strspn(end, digits);
	if (!*end || *end == ',')
		return end;
	/* In the middle of the next word: go back to its beginning. */
	while (end > p && end[-1] != ':')
		end--;
	return end > p ? end - 1 : p + strcspn(p, ",");
}

/* ':' between options becomes ',' in *ret, the caller's. */
static int split_options(const char *text, char **ret, struct shift_error *err)
{
	char *out = strdup(text);

	if (!out)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (char *p = out; *p; ) {
		p = out + (option_end(p) - out);
		if (*p)
			*p++ = ',';
	}
	*ret = out;
	return 0;
}

int volume_add(struct spec *spec, const char *text, struct shift_error *err)
{
	_cleanup_free_ char *source = strdup(text), *options = NULL;
	char *destination, *rest;
	int r;

	if (!source)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	destination = strchr(source, ':');
	if (!destination || destination == source || !destination[1])
		return shift_err_set(err, 0, "-v %s: it is HOST:POD[:OPTION]...", text);
	*destination++ = '\0';
	rest = strchr(destination, ':');
	if (rest)
		*rest++ = '\0';
	r = split_options(rest ? rest : "", &options, err);
	return r < 0 ? r : add_bind(spec, "-v", source, destination, options, err);
}

static int add_tmpfs(struct spec *spec, const char *what,
		     const char *destination, const char *options,
		     struct shift_error *err)
{
	_cleanup_free_ char *all = NULL;
	int r;

	if (destination[0] != '/')
		return shift_err_set(err, 0, "%s: '%s', the place in the pod, has to be an absolute path",
				     what, destination);
	r = strf(&all, err, "nosuid,nodev%s%s", *options ? "," : "", options);
	return r < 0 ? r : spec_add_mount(spec, destination, "tmpfs", "tmpfs", all, err);
}

int volume_add_tmpfs(struct spec *spec, const char *text,
		     struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *options;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	options = strchr(copy, ':');
	if (options)
		*options++ = '\0';
	return add_tmpfs(spec, "--tmpfs", copy, options ? options : "", err);
}

static bool is_key(const char *key, const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(key, *names))
			return true;
	return false;
}

/* Adds KEY or KEY=VALUE to the text of options. */
static int add_option(char **options, const char *key, const char *value,
		      struct shift_error *err)
{
	char *more = NULL;
	int r = strf(&more, err, "%s%s%s%s%s", *options ? *options : "",
		     *options && **options ? "," : "", key, value ? "=" : "",
		     value ? value : "");

	if (r < 0)
		return r;
	free(*options);
	*options = more;
	return 0;
}

int volume_add_mount(struct spec *spec, const char *text,
		     struct shift_error *err)
{
	static const char *const source_keys[] = { "source", "src", NULL };
	static const char *const target_keys[] = { "destination", "dst", "target", NULL };
	static const char *const size_keys[] = { "tmpfs-size", "size", NULL };
	static const char *const mode_keys[] = { "tmpfs-mode", "mode", NULL };
	static const char *const ro_keys[] = { "ro", "readonly", NULL };
	_cleanup_free_ char *copy = strdup(text), *options = NULL;
	const char *type = "bind", *source = NULL, *target = NULL;
	char *rest = copy, *word;
	int r = copy ? add_option(&options, "", NULL, err) :
		shift_err_set(err, ENOMEM, "cannot allocate memory");

	while (r >= 0 && (word = strsep(&rest, ","))) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		if (!strcmp(word, "type") && value)
			type = value;
		else if (is_key(word, source_keys) && value)
			source = value;
		else if (is_key(word, target_keys) && value)
			target = value;
		else if (is_key(word, size_keys) && value)
			r = add_option(&options, "size", value, err);
		else if (is_key(word, mode_keys) && value)
			r = add_option(&options, "mode", value, err);
		else if (is_key(word, ro_keys))
			r = add_option(&options, value && (!strcmp(value, "false") || !strcmp(value, "0")) ?
				       "rw" : "ro", NULL, err);
		else if (*word)
			r = add_option(&options, word, value, err);
	}
	if (r < 0)
		return r;
	if (!target)
		return shift_err_set(err, 0, "--mount %s: destination= is missing", text);
	if (!strcmp(type, "tmpfs"))
		return source ? shift_err_set(err, 0, "--mount %s: a tmpfs has no source", text) :
		       add_tmpfs(spec, "--mount", target, options, err);
	if (strcmp(type, "bind"))
		return shift_err_set(err, 0, "--mount %s: there are type=bind and type=tmpfs", text);
	if (!source)
		return shift_err_set(err, 0, "--mount %s: source= is missing", text);
	return add_bind(spec, "--mount", source, target, options, err);
}

/* The map of the mount: what is stored to what the host's kernel sees. */
static int make_map(const struct volume_options *o, const struct spec *spec,
		    struct shift_idmap *map, struct shift_error *err)
{
	uint32_t base = spec->linux_.host_base, size = spec->linux_.map_size;
	int r = 0;

	if (!o->n_extents)
		return shift_idmap_add(map, SHIFT_BOTH, 0, base, size, err);
	for (size_t i = 0; r >= 0 && i < o->n_extents; i++) {
		const struct volume_extent *e = &o->extents[i];

		if (e->of_pod && (e->seen >= size || e->count > size - e->seen))
			return shift_err_set(err, 0,
					     "idmap: the pod has the ids 0 to %" PRIu32 ", %" PRIu32 ":%" PRIu32 " is not among them",
					     size - 1, e->seen, e->count);
		r = shift_idmap_add(map, e->types, e->stored,
				    e->of_pod ? base + e->seen : e->seen,
				    e->count, err);
	}
	/* The kernel wants both types; the other stays the pod's own. */
	if (r >= 0 && !map->uids.n)
		r = shift_idmap_add(map, SHIFT_UID, 0, base, size, err);
	if (r >= 0 && !map->gids.n)
		r = shift_idmap_add(map, SHIFT_GID, 0, base, size, err);
	return r;
}

static int plain(const char *source, const struct volume_options *o,
		 struct shift_error *err)
{
	struct mount_attr attr = { .attr_set = o->attrs };
	_cleanup_close_ int fd = sys_open_tree(AT_FDCWD, source,
					       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					       (o->one_mount ? 0 : AT_RECURSIVE));

	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s as a mount", source);
	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
			      sizeof(attr)) < 0)
		return shift_err_set(err, errno, "cannot set the flags of the mount of %s",
				     source);
	return steal_fd(&fd);
}

/* What shiftfs alone can do: squash, and a label for all files (or NULL). */
static int by_shiftfs(const char *source, const struct volume_options *o,
		      const struct shift_idmap *map, const char *label,
		      struct shift_error *err)
{
	struct shift_option options[4] = { { NULL, NULL } };
	char uid[16], gid[16];
	size_t n = 0;
	int r;

	snprintf(uid, sizeof(uid), "%" PRIu32, o->squash_uid);
	snprintf(gid, sizeof(gid), "%" PRIu32, o->squash_gid);
	if (o->squash) {
		options[n++] = (struct shift_option){ "squash_uid", uid };
		options[n++] = (struct shift_option){ "squash_gid", gid };
	}
	if (label)
		options[n++] = (struct shift_option){ "context", label };
	r = shift_by_shiftfs(source, map, o->attrs, options, err);
	if (r < 0)
		shift_err_hint(err, o->squash ?
			       "squash= is shiftfs's; idmapped mounts cannot store many ids as one" :
			       "z and Z label a mount of shiftfs; without it label the files yourself (chcon -t container_file_t) and leave z and Z out");
	return r;
}

static int shifted(const struct spec *spec, const char *source, mode_t type,
		   const struct volume_options *o,
		   const struct shift_idmap *map, struct shift_error *err)
{
	/* A private copy is the image's affair, never a volume's. */
	enum spec_shift how = spec->shift == SPEC_SHIFT_CHOWN ?
			      SPEC_SHIFT_IDMAP : spec->shift;
	int r;

	if (!S_ISSOCK(type))
		return shift_tree(how, source, map, o->attrs, NULL, err);
	r = shift_idmap_tree(source, map, o->attrs, NULL);
	/* Who may connect is all that a map would decide. */
	return r >= 0 ? r : plain(source, o, err);
}

static int make_point(const char *at, mode_t type, struct shift_error *err)
{
	int fd;

	if (S_ISDIR(type) ? mkdir(at, 0755) < 0 :
	    (fd = open(at, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600)) < 0)
		return shift_err_set(err, errno, "cannot make %s", at);
	if (!S_ISDIR(type))
		close(fd);
	return 0;
}

int volume_mount(const struct spec *spec, const char *source,
		 const char *options, const char *at, struct shift_error *err)
{
	_cleanup_free_ struct shift_idmap *map = calloc(1, sizeof(*map));
	_cleanup_free_ char *label = NULL;
	struct volume_options o;
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (!map)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r = volume_options_parse(&o, options, err);
	if (r < 0)
		return r;
	if (lstat(source, &st) < 0)
		return shift_err_set(err, errno, "volume %s", source);
	r = make_point(at, st.st_mode, err);
	if (r >= 0 && o.relabel)
		r = security_file_label(spec, o.relabel == VOLUME_OF_THIS_POD,
					&label, err);
	if (r >= 0 && label && !o.squash && spec->shift != SPEC_SHIFT_AUTO &&
	    spec->shift != SPEC_SHIFT_SHIFTFS) {
		r = shift_err_set(err, 0, "z and Z: SELinux is in use, and an idmapped mount has the labels that are stored");
		shift_err_hint(err, "use --shift=shiftfs, or label the files yourself (chcon -t container_file_t)");
	}
	if (r >= 0 && label && S_ISSOCK(st.st_mode))
		r = shift_err_set(err, 0, "z and Z: the label of a socket is that of who made it");
	if (r >= 0 && (o.idmap || o.squash))
		r = make_map(&o, spec, map, err);
	else if (r >= 0 && label)
		r = shift_idmap_add(map, SHIFT_BOTH, 0, 0, UINT32_MAX, err);
	if (r >= 0) {
		if (o.squash || label)
			fd = r = by_shiftfs(source, &o, map, label, err);
		else if (o.idmap && !shift_idmap_is_identity(map))
			fd = r = shifted(spec, source, st.st_mode, &o, map, err);
		else
			fd = r = plain(source, &o, err);
	}
	if (r >= 0)
		r = shift_attach(fd, at, err);
	return r < 0 ? shift_err_prefix(err, "volume %s", source) : 0;
}
