/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/volume_add.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pathtext.h"
#include "base/util.h"
#include "cleanup.h"
#include "nfs.h"
#include "spec/volume_options.h"

/* Says which option and what it may be; NULL when it is fine. */
static int check_options(const char *what, const char *options,
			 struct shift_error *err)
{
	struct volume_options o;
	int r = volume_options_parse(&o, options, err);

	return r < 0 ? shift_err_prefix(err, "%s", what) : 0;
}

static bool is_name(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len <= 63 && strspn(text, "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == len &&
		!strchr("_.-", *text);
}

static int clean_place(const char *what, const char *destination, char **ret,
		       struct shift_error *err)
{
	int r = pathtext_clean(destination, ret, err);

	return r < 0 ? shift_err_prefix(err, "%s", what) : r;
}

/* A name, or "" for one of the pod's own: volumes.h makes it at the start. */
static int add_kept(struct spec *spec, const char *what, const char *name,
		    const char *destination, const char *options,
		    struct shift_error *err)
{
	_cleanup_free_ char *place = NULL;
	int r;

	if (*name && !is_name(name))
		return shift_err_set(err, 0, "%s: '%s' is neither a path nor the name of a volume: a name has 1 to 63 letters, digits, '_', '.' or '-' and begins with a letter or digit",
				     what, name);
	if ((r = clean_place(what, destination, &place, err)) < 0 ||
	    (r = check_options(what, options, err)) < 0)
		return r;
	return spec_add_mount(spec, place, "volume", name, options, err);
}

/* Links in it are followed when all volumes are known: volume_source.h. */
static int add_bind(struct spec *spec, const char *what, const char *source,
		    const char *destination, const char *options,
		    struct shift_error *err)
{
	_cleanup_free_ char *place = NULL, *path = NULL, *cwd = NULL;
	int r;

	if ((r = clean_place(what, destination, &place, err)) < 0 ||
	    (r = check_options(what, options, err)) < 0)
		return r;
	if (*source != '/' && !(cwd = getcwd(NULL, 0)))
		return shift_err_set(err, errno, "%s: %s", what, source);
	r = strf(&path, err, "%s%s%s", cwd ?: "", cwd ? "/" : "", source);
	return r < 0 ? r : spec_add_mount(spec, place, "bind", path, options,
					  err);
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
	/* The pod's own at this place. */
	if (!destination && *source == '/')
		return add_kept(spec, "-v", "", source, "", err);
	if (!destination || destination == source || !destination[1])
		return shift_err_set(err, 0, "-v %s: it is HOST:POD[:OPTION]...", text);
	*destination++ = '\0';
	rest = strchr(destination, ':');
	if (rest)
		*rest++ = '\0';
	r = split_options(rest ? rest : "", &options, err);
	if (r < 0)
		return r;
	/* "." is a path as "./x" is, and no name of a volume. */
	return strchr(source, '/') || !strcmp(source, ".") || !strcmp(source, "..") ?
		add_bind(spec, "-v", source, destination, options, err) :
		add_kept(spec, "-v", source, destination, options, err);
}

static int add_tmpfs(struct spec *spec, const char *what,
		     const char *destination, const char *options,
		     struct shift_error *err)
{
	_cleanup_free_ char *all = NULL, *place = NULL;
	int r = clean_place(what, destination, &place, err);

	if (r >= 0)
		r = strf(&all, err, "nosuid,nodev%s%s", *options ? "," : "", options);
	return r < 0 ? r : spec_add_mount(spec, place, "tmpfs", "tmpfs", all, err);
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

static int add_nfs(struct spec *spec, const char *what, const char *source,
		   const char *destination, const char *options,
		   struct shift_error *err)
{
	if (destination[0] != '/')
		return shift_err_set(err, 0, "%s: '%s', the place in the pod, has to be an absolute path",
				     what, destination);
	if (!shift_is_nfs_source(source))
		return shift_err_set(err, 0, "%s: '%s' is no export of an NFS server, which is HOST:/EXPORT",
				     what, source);
	return spec_add_mount(spec, destination, "nfs", source, options, err);
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
	if (!strcmp(type, "volume"))
		return add_kept(spec, "--mount", source ?: "", target, options, err);
	if (strcmp(type, "bind") && strcmp(type, "nfs"))
		return shift_err_set(err, 0, "--mount %s: there are type=bind, type=volume, type=nfs and type=tmpfs", text);
	if (!source)
		return shift_err_set(err, 0, "--mount %s: source= is missing", text);
	if (!strcmp(type, "nfs"))
		return add_nfs(spec, "--mount", source, target, options, err);
	return add_bind(spec, "--mount", source, target, options, err);
}

static bool is_taken(const struct spec *spec, const char *place)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (!strcmp(spec->mounts[i].destination, place) &&
		    strcmp(place, "/run") && strcmp(place, "/tmp"))
			return true;
	return false;
}

/* An image may not cover the filesystems in which the kernel shows itself. */
static bool is_kernels(const char *place)
{
	static const char *const dirs[] = { "/proc", "/sys", "/dev" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		size_t len = strlen(dirs[i]);

		if (!strncmp(place, dirs[i], len) &&
		    (!place[len] || place[len] == '/'))
			return true;
	}
	return false;
}

int volume_add_of_image(struct spec *spec, const char *place,
			const char *how, struct shift_error *err)
{
	_cleanup_free_ char *clean = NULL;

	if (!strcmp(how, "ignore"))
		return 0;
	if (pathtext_clean(place, &clean, NULL) < 0 || is_kernels(clean))
		return 1;
	if (is_taken(spec, clean))
		return 0;
	return strcmp(how, "tmpfs") ?
		spec_add_mount(spec, clean, "volume", "", VOLUME_OF_IMAGE, err) :
		add_tmpfs(spec, "--image-volume", clean, "", err);
}
