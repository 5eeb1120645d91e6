// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mount options: parse, check, show.
 */
#include <linux/file.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/magic.h>
#include <linux/proc_ns.h>
#include <linux/seq_file.h>
#include <linux/user_namespace.h>
#include "params.h"
#include "shiftfs.h"

enum {
	Opt_uidmap,
	Opt_gidmap,
	Opt_idmap,
	Opt_userns,
	Opt_squash_uid,
	Opt_squash_gid,
	Opt_mark,
	Opt_allow,
	Opt_passthrough,
	Opt_creds,
	Opt_chown,
};

static const struct constant_table shiftfs_creds[] = {
	{ "mounter",	0 },
	{ "caller",	1 },
	{}
};

static const struct constant_table shiftfs_chown[] = {
	{ "fail",	0 },
	{ "ignore",	1 },
	{}
};

#define GIVEN(opt)	(1U << Opt_##opt)

const struct fs_parameter_spec shiftfs_params[] = {
	fsparam_string("uidmap",	Opt_uidmap),
	fsparam_string("gidmap",	Opt_gidmap),
	fsparam_string("idmap",		Opt_idmap),
	fsparam_fd("userns",		Opt_userns),
	fsparam_string("squash_uid",	Opt_squash_uid),
	fsparam_string("squash_gid",	Opt_squash_gid),
	fsparam_flag("mark",		Opt_mark),
	fsparam_string("allow",		Opt_allow),
	fsparam_u32("passthrough",	Opt_passthrough),
	fsparam_enum("creds",		Opt_creds, shiftfs_creds),
	fsparam_enum("chown",		Opt_chown, shiftfs_chown),
	{}
};

/*
 * Options add up: a value of fsconfig(2) has at most 255 characters, so a long
 * map comes in pieces.
 */
static int shiftfs_parse_extents(struct fs_context *fc,
				 struct fs_parameter *param, int opt)
{
	struct shiftfs_fc *opts = fc->fs_private;
	const char *s = param->string;
	enum shiftfs_idmap_error err;

	if (opts->has_userns) {
		errorf(fc, "shiftfs: %s and userns exclude each other",
		       param->key);
		return -EINVAL;
	}
	opts->has_extents = true;

	do {
		struct shiftfs_extent ext;
		unsigned int which;

		err = shiftfs_idmap_parse(&s, opt == Opt_idmap, &ext, &which);
		if (err)
			goto refuse;
		if (opt == Opt_uidmap)
			which = SHIFTFS_MAP_UID;
		else if (opt == Opt_gidmap)
			which = SHIFTFS_MAP_GID;

		if (which & SHIFTFS_MAP_UID) {
			err = shiftfs_idmap_add(&opts->uidmap, &ext);
			if (err)
				goto refuse;
		}
		if (which & SHIFTFS_MAP_GID) {
			err = shiftfs_idmap_add(&opts->gidmap, &ext);
			if (err)
				goto refuse;
		}
	} while (*s);
	return 0;

refuse:
	if (err == SHIFTFS_IDMAP_NOMEM)
		return -ENOMEM;
	errorf(fc, "shiftfs: %s=%s: %s", param->key, param->string,
	       shiftfs_idmap_strerror(err));
	return -EINVAL;
}

/* Nothing but what concerns marks: such mounts need no layer of their own. */
bool shiftfs_is_plain(const struct shiftfs_fc *opts)
{
	return !opts->has_userns &&
	       !(opts->given & ~(GIVEN(mark) | GIVEN(allow) |
				 GIVEN(passthrough)));
}

/* Add the namespace's map; @inverse: stored is what is outside of it. */
int shiftfs_copy_ns_map(struct shiftfs_idmap *map, struct user_namespace *ns,
			bool gid, bool inverse)
{
	const struct uid_gid_map *from = gid ? &ns->gid_map : &ns->uid_map;
	unsigned int i, nr = READ_ONCE(from->nr_extents);

	/* Pairs with the write barrier before nr_extents is set. */
	smp_rmb();
	for (i = 0; i < nr; i++) {
		const struct uid_gid_extent *e;
		struct shiftfs_extent ext;
		enum shiftfs_idmap_error err;

		if (nr <= UID_GID_MAP_MAX_BASE_EXTENTS)
			e = &from->extent[i];
		else
			e = &from->forward[i];
		ext.stored = inverse ? e->lower_first : e->first;
		ext.seen = inverse ? e->first : e->lower_first;
		ext.count = e->count;
		err = shiftfs_idmap_add(map, &ext);
		if (err)
			return err == SHIFTFS_IDMAP_NOMEM ? -ENOMEM : -EINVAL;
	}
	return 0;
}

/* Maps stored ids to those of the namespace: id 0 there is stored as 0. */
static int shiftfs_parse_userns(struct fs_context *fc,
				struct fs_parameter *param)
{
	struct shiftfs_fc *opts = fc->fs_private;
	struct user_namespace *ns;
	struct ns_common *common;
	struct file *file;
	int err = -EINVAL;

	if (opts->has_extents || opts->has_userns) {
		errorf(fc, "shiftfs: userns is given once and without uidmap, gidmap and idmap");
		return -EINVAL;
	}

	file = param->type == fs_value_is_file ? get_file(param->file) : NULL;
	if (!file) {
		errorf(fc, "shiftfs: userns takes a file descriptor of a user namespace (fsconfig with FSCONFIG_SET_FD; mount.shiftfs takes a path)");
		return -EINVAL;
	}

	if (file_inode(file)->i_sb->s_magic != NSFS_MAGIC)
		goto refuse;
	common = get_proc_ns(file_inode(file));
	if (!shiftfs_ns_is_user(common))
		goto refuse;

	ns = container_of(common, struct user_namespace, ns);
	err = shiftfs_copy_ns_map(&opts->uidmap, ns, false, false);
	if (!err)
		err = shiftfs_copy_ns_map(&opts->gidmap, ns, true, false);
	if (!err && (!opts->uidmap.nr || !opts->gidmap.nr)) {
		errorf(fc, "shiftfs: the user namespace has no uid_map or no gid_map yet");
		err = -EINVAL;
	}
	opts->has_userns = true;
	fput(file);
	return err;

refuse:
	errorf(fc, "shiftfs: userns: the descriptor is not of a user namespace");
	fput(file);
	return err;
}

/* STORED[:SEEN]; without a SEEN the map gives it, once all options are read. */
static int shiftfs_parse_squash(struct fs_context *fc,
				struct fs_parameter *param,
				struct shiftfs_squash *squash)
{
	enum shiftfs_idmap_error err;
	bool has_seen;

	err = shiftfs_id_pair_parse(param->string, ':', &squash->stored,
				    &squash->seen, &has_seen);
	if (err) {
		errorf(fc, "shiftfs: %s=%s: %s", param->key, param->string,
		       err == SHIFTFS_IDMAP_SYNTAX ?
		       "not of the form STORED or STORED:SEEN in decimal" :
		       shiftfs_idmap_strerror(err));
		return -EINVAL;
	}
	if (!has_seen)
		squash->seen = SHIFTFS_INVALID_ID;
	squash->on = true;
	return 0;
}

/* UID or FIRST-LAST */
static int shiftfs_parse_allow(struct fs_context *fc, const char *value,
			       struct shiftfs_config *conf)
{
	bool is_range;

	if (shiftfs_id_pair_parse(value, '-', &conf->allow_first,
				  &conf->allow_last, &is_range))
		goto refuse;
	if (!is_range)
		conf->allow_last = conf->allow_first;
	if (conf->allow_last < conf->allow_first)
		goto refuse;
	conf->limited = true;
	return 0;

refuse:
	errorf(fc, "shiftfs: allow=%s: not a user id, or FIRST-LAST, in decimal",
	       value);
	return -EINVAL;
}

static int shiftfs_parse_passthrough(struct fs_context *fc, unsigned int value,
				     struct shiftfs_config *conf)
{
	if (value & ~SHIFTFS_PASS_ALL) {
		errorf(fc, "shiftfs: passthrough=%u: 0 to %u", value,
		       SHIFTFS_PASS_ALL);
		return -EINVAL;
	}
	conf->passthrough = value;
	return 0;
}

static int shiftfs_parse_param(struct fs_context *fc,
			       struct fs_parameter *param)
{
	struct fs_parse_result result;
	struct shiftfs_fc *opts = fc->fs_private;
	int opt;

	/*
	 * The fd is looked at by its file: fs_parse() would take the number
	 * of a descriptor out of a string as well, of whoever calls mount(2).
	 */
	if (!strcmp(param->key, "userns"))
		return shiftfs_parse_userns(fc, param);

	opt = fs_parse(fc, shiftfs_params, param, &result);
	if (opt < 0)
		return opt;
	opts->given |= 1U << opt;

	switch (opt) {
	case Opt_squash_uid:
		return shiftfs_parse_squash(fc, param, &opts->conf.squash_uid);
	case Opt_squash_gid:
		return shiftfs_parse_squash(fc, param, &opts->conf.squash_gid);
	case Opt_mark:
		opts->conf.mark = true;
		return 0;
	case Opt_allow:
		return shiftfs_parse_allow(fc, param->string, &opts->conf);
	case Opt_passthrough:
		return shiftfs_parse_passthrough(fc, result.uint_32,
						 &opts->conf);
	case Opt_creds:
		opts->conf.as_caller = result.uint_32;
		return 0;
	case Opt_chown:
		opts->conf.chown_ignore = result.uint_32;
		return 0;
	default:
		return shiftfs_parse_extents(fc, param, opt);
	}
}

static int shiftfs_finish_idmap(struct fs_context *fc, const char *what,
				struct shiftfs_idmap *map)
{
	enum shiftfs_idmap_error err = shiftfs_idmap_finish(map);

	if (!err)
		return 0;
	if (err == SHIFTFS_IDMAP_NOMEM)
		return -ENOMEM;
	errorf(fc, "shiftfs: the %s map is refused: %s", what,
	       shiftfs_idmap_strerror(err));
	return -EINVAL;
}

/* All ids stand for themselves. */
static int shiftfs_identity(struct shiftfs_idmap *map)
{
	const struct shiftfs_extent all = { .count = SHIFTFS_INVALID_ID };

	return shiftfs_idmap_add(map, &all) ? -ENOMEM : 0;
}

/* A squash without a SEEN shows the stored id through the map. */
static int shiftfs_finish_squash(struct fs_context *fc, const char *option,
				 struct shiftfs_squash *squash,
				 const struct shiftfs_idmap *map)
{
	if (!squash->on || squash->seen != SHIFTFS_INVALID_ID)
		return 0;
	squash->seen = shiftfs_idmap_up(map, squash->stored);
	if (squash->seen != SHIFTFS_INVALID_ID)
		return 0;
	errorf(fc, "shiftfs: %s=%u: the map lacks this id: say as whom it is seen, %s=%u:SEEN",
	       option, squash->stored, option, squash->stored);
	return -EINVAL;
}

/* Options that mean something only beside another one, whatever is mounted. */
int shiftfs_check_options(struct fs_context *fc, const struct shiftfs_fc *opts)
{
	if (opts->conf.limited && !opts->conf.mark) {
		errorf(fc, "shiftfs: allow= belongs to a mark: it says who may mount it; give both, or neither");
		return -EINVAL;
	}
	return 0;
}

int shiftfs_finish_idmaps(struct fs_context *fc, struct shiftfs_fc *opts)
{
	int err;

	if (opts->finished)
		return 0;
	if (opts->conf.mark && (opts->has_extents || opts->has_userns)) {
		errorf(fc, "shiftfs: a mark shows ids as they are: no map with it");
		return -EINVAL;
	}
	/* A mark does not shift, and who squashes need not. */
	if (opts->given & (GIVEN(squash_uid) | GIVEN(squash_gid) |
			   GIVEN(mark))) {
		err = opts->uidmap.nr ? 0 : shiftfs_identity(&opts->uidmap);
		if (!err && !opts->gidmap.nr)
			err = shiftfs_identity(&opts->gidmap);
		if (err)
			return err;
	}
	if (!opts->uidmap.nr && !opts->gidmap.nr) {
		errorf(fc, "shiftfs: no map given: use idmap=b:STORED:SEEN:COUNT or userns=");
		return -EINVAL;
	}
	if (!opts->uidmap.nr || !opts->gidmap.nr) {
		errorf(fc, "shiftfs: there is a map for %s ids only: give %s= too, or idmap=b:STORED:SEEN:COUNT for both",
		       opts->uidmap.nr ? "user" : "group",
		       opts->uidmap.nr ? "gidmap" : "uidmap");
		return -EINVAL;
	}

	err = shiftfs_finish_idmap(fc, "uid", &opts->uidmap);
	if (!err)
		err = shiftfs_finish_idmap(fc, "gid", &opts->gidmap);
	if (!err)
		err = shiftfs_finish_squash(fc, "squash_uid",
					    &opts->conf.squash_uid,
					    &opts->uidmap);
	if (!err)
		err = shiftfs_finish_squash(fc, "squash_gid",
					    &opts->conf.squash_gid,
					    &opts->gidmap);
	opts->finished = !err;
	return err;
}

/*
 * Ids which are cached in inodes cannot be remapped under a running mount. A
 * remount comes with the options that mountinfo shows; these are accepted.
 */
static bool shiftfs_is_same_squash(const struct shiftfs_squash *new,
				   const struct shiftfs_squash *old)
{
	return old->on && new->stored == old->stored &&
	       (new->seen == old->seen || new->seen == SHIFTFS_INVALID_ID);
}

int shiftfs_check_unchanged(struct fs_context *fc, struct shiftfs_fc *opts,
			    const struct shiftfs_sb *ss)
{
	const struct shiftfs_config *new = &opts->conf, *old = &ss->conf;
	int err;

	if ((new->mark && !old->mark) ||
	    (new->limited && (!old->mark || !old->limited ||
			      new->allow_first != old->allow_first ||
			      new->allow_last != old->allow_last)) ||
	    (opts->given & GIVEN(passthrough) &&
	     new->passthrough != old->passthrough) ||
	    (opts->given & GIVEN(creds) &&
	     new->as_caller != old->as_caller) ||
	    (opts->given & GIVEN(chown) &&
	     new->chown_ignore != old->chown_ignore)) {
		errorf(fc, "shiftfs: mark, allow, passthrough, creds and chown of a mount cannot be changed: umount and mount again");
		return -EINVAL;
	}

	if ((opts->given & GIVEN(squash_uid) &&
	     !shiftfs_is_same_squash(&new->squash_uid, &old->squash_uid)) ||
	    (opts->given & GIVEN(squash_gid) &&
	     !shiftfs_is_same_squash(&new->squash_gid, &old->squash_gid))) {
		errorf(fc, "shiftfs: squash_uid and squash_gid of a mount cannot be changed: umount and mount again");
		return -EINVAL;
	}

	if (!opts->has_extents && !opts->has_userns)
		return 0;

	err = shiftfs_finish_idmaps(fc, opts);
	if (err)
		return err;
	if (ss->ns_map ||
	    !shiftfs_idmap_equal(&opts->uidmap, &ss->uidmap) ||
	    !shiftfs_idmap_equal(&opts->gidmap, &ss->gidmap)) {
		errorf(fc, "shiftfs: the map of a mount cannot be changed: umount and mount again");
		return -EINVAL;
	}
	return 0;
}

static void shiftfs_free_fc(struct fs_context *fc)
{
	struct shiftfs_fc *opts = fc->fs_private;

	/* Still here where no superblock could be made for it. */
	shiftfs_free_sb(fc->s_fs_info);
	if (!opts)
		return;
	shiftfs_idmap_free(&opts->uidmap);
	shiftfs_idmap_free(&opts->gidmap);
	kfree(opts);
}

static const struct fs_context_operations shiftfs_context_ops = {
	.parse_param	= shiftfs_parse_param,
	.get_tree	= shiftfs_get_tree,
	.reconfigure	= shiftfs_reconfigure,
	.free		= shiftfs_free_fc,
};

int shiftfs_init_fs_context(struct fs_context *fc)
{
	struct shiftfs_fc *opts = kzalloc(sizeof(*opts), GFP_KERNEL);

	if (!opts)
		return -ENOMEM;
	fc->fs_private = opts;
	fc->ops = &shiftfs_context_ops;
	return 0;
}

/* One option for each extent: it can be pasted into a shell as it is. */
static void shiftfs_show_map(struct seq_file *m, const char *option,
			     const struct shiftfs_idmap *map)
{
	unsigned int i;

	for (i = 0; i < map->nr; i++)
		seq_printf(m, ",%s%u:%u:%u", option, map->by_stored[i].stored,
			   map->by_stored[i].seen, map->by_stored[i].count);
}

static void shiftfs_show_squash(struct seq_file *m, const char *option,
				const struct shiftfs_squash *squash)
{
	if (squash->on)
		seq_printf(m, ",%s=%u:%u", option, squash->stored,
			   squash->seen);
}

int shiftfs_show_options(struct seq_file *m, struct dentry *root)
{
	const struct shiftfs_sb *ss = shiftfs_sb(root->d_sb);

	if (ss->conf.mark)
		seq_puts(m, ",mark");
	if (ss->conf.mark && ss->conf.limited)
		seq_printf(m, ",allow=%u-%u", ss->conf.allow_first,
			   ss->conf.allow_last);
	if (ss->conf.passthrough)
		seq_printf(m, ",passthrough=%u", ss->conf.passthrough);

	if (ss->ns_map) {
		/* The source of the mount gives the map again. */
	} else if (shiftfs_idmap_equal(&ss->uidmap, &ss->gidmap)) {
		shiftfs_show_map(m, "idmap=b:", &ss->uidmap);
	} else {
		shiftfs_show_map(m, "uidmap=", &ss->uidmap);
		shiftfs_show_map(m, "gidmap=", &ss->gidmap);
	}
	if (ss->joined)
		return 0;
	if (ss->conf.as_caller)
		seq_puts(m, ",creds=caller");
	if (ss->conf.chown_ignore)
		seq_puts(m, ",chown=ignore");
	shiftfs_show_squash(m, "squash_uid", &ss->conf.squash_uid);
	shiftfs_show_squash(m, "squash_gid", &ss->conf.squash_gid);
	return 0;
}
