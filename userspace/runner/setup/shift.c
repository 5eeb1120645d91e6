/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/shift.h"

#include "choose.h"
#include "cleanup.h"
#include "config.h"
#include "fscontext.h"
#include "mounttree.h"
#include "userns.h"

int shift_by_userns(const char *source, int userns, unsigned int attrs,
		    struct shift_error *err)
{
	_cleanup_close_ int fd = shift_clone(source, err);
	int r = fd < 0 ? fd : shift_clone_idmap(fd, source, userns, attrs, 0,
						err);

	return r < 0 ? r : steal_fd(&fd);
}

int shift_by_shiftfs(const char *source, const struct shift_idmap *map,
		     unsigned int attrs, const struct shift_option *options,
		     struct shift_error *err)
{
	_cleanup_close_ int ctx = -1, pinned = -1;
	int r;

	r = ctx = shift_fsctx_open("shiftfs", err);
	if (r >= 0)
		r = shift_set_source(ctx, source, &pinned, err);
	if (r >= 0)
		r = shift_fsctx_idmap(ctx, map, err);
	for (; r >= 0 && options->key; options++)
		r = shift_fsctx_string(ctx, options->key, options->value, err);
	if (r >= 0)
		r = shift_fsctx_create(ctx, err);
	return r < 0 ? r : shift_fsctx_mount(ctx, attrs, err);
}

static int with_label(const char *source, const struct shift_idmap *map,
		      unsigned int attrs, const char *label,
		      struct shift_error *err)
{
	const struct shift_option options[] = {
		{ "context", label }, { NULL, NULL },
	};

	return label ? shift_by_shiftfs(source, map, attrs, options, err) :
		       shift_mount_tree(source, map, attrs, err);
}

/* The mechanism that is preferred, else the other; for a label the one with it. */
static int at_once(enum shift_mechanism prefer, const char *source, int userns,
		   const struct shift_idmap *map, unsigned int attrs,
		   const char *label)
{
	bool idmap_first = prefer == SHIFT_BY_IDMAP && !label;
	int fd = -1;

	if (idmap_first && userns >= 0)
		fd = shift_by_userns(source, userns, attrs, NULL);
	if (fd < 0)
		fd = with_label(source, map, attrs, label, NULL);
	if (fd < 0 && !idmap_first && userns >= 0)
		fd = shift_by_userns(source, userns, attrs, NULL);
	return fd;
}

static int by_choice(const char *source, const struct shift_idmap *map,
		     unsigned int attrs, const char *label,
		     struct shift_error *err)
{
	_cleanup_choice_ struct shift_choice choice = SHIFT_CHOICE_INIT;
	struct shift_config config = SHIFT_CONFIG_INIT;
	struct shift_want want = SHIFT_WANT_INIT;
	_cleanup_close_ int userns = -1;
	int fd, r = shift_config_read(SHIFT_CONFIG_FILE, &config, err);

	if (r < 0)
		return r;
	userns = shift_userns_create(map, NULL);
	fd = at_once(config.prefer, source, userns, map, attrs, label);
	if (fd >= 0 || !err)
		return fd;
	/* Once more, for what is in the way. */
	want.map = map;
	want.userns_fd = userns;
	want.prefer = config.prefer;
	want.first_only = true;
	r = shift_choose(source, &want, &choice, err);
	if (r < 0)
		return r;
	if (choice.chosen < 0)
		return shift_choice_refuse(&choice, source, err);
	if (choice.chosen == SHIFT_BY_SHIFTFS)
		return with_label(source, map, attrs, label, err);
	return userns < 0 ? shift_idmap_tree(source, map, attrs, err) :
			    shift_by_userns(source, userns, attrs, err);
}

int shift_tree(enum spec_shift how, const char *source,
	       const struct shift_idmap *map, unsigned int attrs,
	       const char *label, struct shift_error *err)
{
	if (how == SPEC_SHIFT_AUTO)
		return by_choice(source, map, attrs, label, err);
	return how == SPEC_SHIFT_SHIFTFS ?
	       with_label(source, map, attrs, label, err) :
	       shift_idmap_tree(source, map, attrs, err);
}
