// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opens the source of a mount and checks whether the caller may mount it. The rules M1 to M12 are in
 * Documentation/design/credentials-and-marks.rst.
 */
#include <linux/fs_context.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include "params.h"
#include "shiftfs.h"

/* The restrictions of a mount, which every mount of it inherits (M6). */
#define SHIFTFS_RESTRICT (MNT_READONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC)

/*
 * A private clone of a source's mount: nothing that happens to the source's
 * mount later concerns us. A mark shares its clone with what is mounted of it.
 */
struct shiftfs_clone {
	refcount_t ref;
	struct vfsmount *mnt;
};

void shiftfs_put_clone(struct shiftfs_clone *clone)
{
	if (!clone || !refcount_dec_and_test(&clone->ref))
		return;
	kern_unmount(clone->mnt);
	kfree(clone);
}

static bool shiftfs_is_admin(const struct fs_context *fc,
			     struct user_namespace *ns)
{
	const struct cred *old = override_creds(fc->cred);
	bool ret = ns_capable(ns, CAP_SYS_ADMIN);

	revert_creds(old);
	/* The opener of the context, and the task that mounts it now. */
	return ret && ns_capable(ns, CAP_SYS_ADMIN);
}

static bool shiftfs_is_allowed(const struct fs_context *fc,
			       const struct shiftfs_config *mark)
{
	uid_t uid = from_kuid(&init_user_ns, fc->cred->euid);

	return !mark->limited ||
	       (uid >= mark->allow_first && uid <= mark->allow_last);
}

/* In a user namespace: a mark as the source, and no option of its own. */
static int shiftfs_may_mount_in_userns(struct fs_context *fc,
				       const struct super_block *sb,
				       const struct shiftfs_sb *src)
{
	const struct shiftfs_fc *opts = fc->fs_private;

	if (!shiftfs_is_plain(opts)) {
		errorf(fc, "shiftfs: in a user namespace the map is the namespace's: no option but mark, allow and passthrough");
		return -EPERM;
	}
	if (opts->conf.mark) {
		if (src && sb->s_user_ns == fc->user_ns)
			return 0;
		errorf(fc, "shiftfs: %s: only what shiftfs has mounted for this user namespace can be marked in it",
		       fc->source);
		return -EPERM;
	}
	if (!src || !src->conf.mark) {
		errorf(fc, "shiftfs: %s, on %s, is not marked for use in user namespaces: the host's administrator does that, mount -t shiftfs -o mark SOURCE MARK",
		       fc->source, sb->s_type->name);
		return -EPERM;
	}
	if (!shiftfs_is_allowed(fc, &src->conf)) {
		errorf(fc, "shiftfs: %s: its mark allows the users %u to %u, not %u",
		       fc->source, src->conf.allow_first, src->conf.allow_last,
		       from_kuid(&init_user_ns, fc->cred->euid));
		return -EPERM;
	}
	return 0;
}

/* @src is the source's shiftfs, NULL where it is of another filesystem. */
static int shiftfs_may_mount(struct fs_context *fc, const struct path *path,
			     const struct shiftfs_sb *src)
{
	const struct shiftfs_fc *opts = fc->fs_private;
	const struct super_block *sb = path->mnt->mnt_sb;
	int err;

	if (opts->conf.mark && !shiftfs_is_admin(fc, sb->s_user_ns)) {
		errorf(fc, "shiftfs: %s: who marks it needs CAP_SYS_ADMIN in the user namespace that owns the %s there",
		       fc->source, sb->s_type->name);
		return -EPERM;
	}
	if (fc->user_ns == &init_user_ns)
		return 0;

	err = shiftfs_may_mount_in_userns(fc, sb, src);
	if (err)
		return err;
	if (opts->conf.passthrough & ~src->conf.passthrough) {
		errorf(fc, "shiftfs: %s: passthrough=%u is more than the %u of the source",
		       fc->source, opts->conf.passthrough,
		       src->conf.passthrough);
		return -EPERM;
	}
	if (opts->conf.limited && src->conf.limited &&
	    (opts->conf.allow_first < src->conf.allow_first ||
	     opts->conf.allow_last > src->conf.allow_last)) {
		errorf(fc, "shiftfs: %s: allow is more than the %u-%u of the mark it is mounted from",
		       fc->source, src->conf.allow_first, src->conf.allow_last);
		return -EPERM;
	}
	return 0;
}

/*
 * A mark in a mark, and a mount of a mark, use what the mark uses: one layer,
 * whatever was mounted in between. Options other than those of a mark want a
 * layer of their own, as does a map of the source's mount.
 */
static bool shiftfs_is_one_layer(const struct shiftfs_fc *opts,
				 const struct path *path,
				 const struct shiftfs_sb *src)
{
	return src && shiftfs_is_plain(opts) &&
	       (opts->conf.mark || src->conf.mark) &&
	       !is_idmapped_mnt(path->mnt);
}

/* Adds @inner to @out so that id N of @from becomes id N of @to. */
static int shiftfs_shift_map(struct shiftfs_idmap *out,
			     const struct shiftfs_idmap *inner,
			     struct user_namespace *from,
			     struct user_namespace *to, bool gid,
			     struct shiftfs_squash *squash)
{
	struct shiftfs_idmap down = {}, up = {}, shift = {};
	enum shiftfs_idmap_error err = SHIFTFS_IDMAP_OK;
	int ret;

	ret = shiftfs_copy_ns_map(&down, from, gid, true);
	if (!ret)
		ret = shiftfs_copy_ns_map(&up, to, gid, false);
	if (ret)
		goto out;

	err = shiftfs_idmap_finish(&down);
	if (!err)
		err = shiftfs_idmap_finish(&up);
	if (!err)
		err = shiftfs_idmap_compose(&shift, &down, &up);
	if (!err)
		err = shiftfs_idmap_compose(out, inner, &shift);
	if (!err && squash->on)
		squash->seen = shiftfs_idmap_up(&shift, squash->seen);
	if (err)
		ret = err == SHIFTFS_IDMAP_NOMEM ? -ENOMEM : -E2BIG;
	else if (!out->nr)
		ret = -EINVAL;
out:
	shiftfs_idmap_free(&down);
	shiftfs_idmap_free(&up);
	shiftfs_idmap_free(&shift);
	return ret;
}

static int shiftfs_join(struct fs_context *fc, struct shiftfs_sb *ss,
			const struct path *path, const struct shiftfs_sb *src)
{
	const struct shiftfs_fc *opts = fc->fs_private;
	struct super_block *sb = path->mnt->mnt_sb;
	struct user_namespace *from = sb->s_user_ns;
	struct user_namespace *to = opts->conf.mark ? from : fc->user_ns;
	struct dentry *lower = shiftfs_lower_dentry(path->dentry);
	int err;

	/* It can have been moved out of the mark beneath: M4. */
	if (shiftfs_is_stale(path->dentry) ||
	    !is_subdir(lower, src->lower.dentry)) {
		errorf(fc, "shiftfs: %s: is not within its mark any more",
		       fc->source);
		return -ESTALE;
	}

	refcount_inc(&src->clone->ref);
	ss->clone = src->clone;
	ss->lower.mnt = src->clone->mnt;
	ss->lower.dentry = dget(lower);

	ss->restricted |= src->restricted;
	if (sb_rdonly(sb))
		ss->restricted |= MNT_READONLY;
	if (sb->s_iflags & SB_I_NODEV)
		ss->restricted |= MNT_NODEV;

	ss->conf = src->conf;
	ss->conf.mark = opts->conf.mark;
	ss->conf.passthrough = opts->conf.passthrough;
	if (opts->conf.limited) {
		ss->conf.limited = true;
		ss->conf.allow_first = opts->conf.allow_first;
		ss->conf.allow_last = opts->conf.allow_last;
	}
	ss->ns_map = true;
	ss->joined = true;

	err = shiftfs_shift_map(&ss->uidmap, &src->uidmap, from, to, false,
				&ss->conf.squash_uid);
	if (!err)
		err = shiftfs_shift_map(&ss->gidmap, &src->gidmap, from, to,
					true, &ss->conf.squash_gid);
	if (err == -E2BIG)
		errorf(fc, "shiftfs: %s: the maps of the mark and of the user namespace, composed, have more than %u extents",
		       fc->source, SHIFTFS_MAX_EXTENTS);
	else if (err == -EINVAL)
		errorf(fc, "shiftfs: %s: the user namespace has no map yet, or none for any id that the mark shows",
		       fc->source);
	if (err)
		return err;
	return shiftfs_init_cred(ss, src->cred, to != &init_user_ns);
}

/* The first layer over @mnt, whose reference is consumed. */
static int shiftfs_start(struct fs_context *fc, struct shiftfs_sb *ss,
			 const struct path *path, struct vfsmount *mnt)
{
	struct shiftfs_fc *opts = fc->fs_private;
	int err;

	ss->clone = kmalloc(sizeof(*ss->clone), GFP_KERNEL);
	if (!ss->clone) {
		kern_unmount(mnt);
		return -ENOMEM;
	}
	refcount_set(&ss->clone->ref, 1);
	/* A device of the lower filesystem is never opened there: create.c */
	mnt->mnt_flags |= MNT_NODEV;
	ss->clone->mnt = mnt;
	ss->lower.mnt = mnt;
	ss->lower.dentry = dget(path->dentry);

	err = shiftfs_finish_idmaps(fc, opts);
	if (err)
		return err;
	ss->conf = opts->conf;
	ss->ns_map = opts->conf.mark;
	ss->uidmap = opts->uidmap;
	ss->gidmap = opts->gidmap;
	memset(&opts->uidmap, 0, sizeof(opts->uidmap));
	memset(&opts->gidmap, 0, sizeof(opts->gidmap));
	return shiftfs_init_cred(ss, fc->cred, fc->user_ns != &init_user_ns);
}

/* Fill @ss from the source; on an error the caller frees what it holds. */
int shiftfs_take_source(struct fs_context *fc, struct shiftfs_sb *ss)
{
	struct shiftfs_fc *opts = fc->fs_private;
	const struct shiftfs_sb *src = NULL;
	struct vfsmount *mnt;
	struct path path;
	int err;

	if (!fc->source || !*fc->source) {
		errorf(fc, "shiftfs: no source given");
		return -EINVAL;
	}

	err = kern_path(fc->source, LOOKUP_FOLLOW | LOOKUP_AUTOMOUNT, &path);
	if (err) {
		errorf(fc, "shiftfs: %s: cannot be looked up (error %d)",
		       fc->source, err);
		return err;
	}

	if (shiftfs_is_automount(path.dentry) && IS_AUTOMOUNT(d_inode(path.dentry))) {
		errorf(fc, "shiftfs: %s: is a place where %s mounts another filesystem, and did not",
		       fc->source, path.mnt->mnt_sb->s_type->name);
		err = -EREMOTE;
		goto out;
	}

	if (shiftfs_is_ours(path.mnt->mnt_sb))
		src = shiftfs_sb(path.mnt->mnt_sb);
	err = shiftfs_may_mount(fc, &path, src);
	if (err)
		goto out;

	/* Where it is not used, it still says whether one may: M3. */
	mnt = clone_private_mount(&path);
	if (IS_ERR(mnt)) {
		err = PTR_ERR(mnt);
		errorf(fc, "shiftfs: %s: its mount, of type %s, cannot be cloned (error %d): it is unbindable, not in this mount namespace, or has locked mounts below",
		       fc->source, path.mnt->mnt_sb->s_type->name, err);
		goto out;
	}

	ss->restricted = mnt->mnt_flags & SHIFTFS_RESTRICT;
	if (shiftfs_is_one_layer(opts, &path, src)) {
		kern_unmount(mnt);
		err = shiftfs_join(fc, ss, &path, src);
	} else if (fc->user_ns != &init_user_ns) {
		errorf(fc, "shiftfs: %s: is seen through an idmapped mount",
		       fc->source);
		kern_unmount(mnt);
		err = -EPERM;
	} else {
		err = shiftfs_start(fc, ss, &path, mnt);
	}
out:
	path_put(&path);
	return err;
}
