/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A differential tester: one sequence of operations on two views, each of its
 * own copy of the same lower tree; the kernel's idmapped mount is the oracle.
 */
#ifndef SHIFTFS_ORACLE_H
#define SHIFTFS_ORACLE_H

#include <stdarg.h>
#include <stddef.h>

#include "utils.h"

#define SLOTS		3	/* descriptors that a caller keeps */
#define TEXT		3072
#define STATE_SIZE	(1 << 20)

/*
 * Size of a buffer for attributes. Before 6.2 an idmapped mount maps an ACL only
 * if the buffer, not the attribute, has the size of some ACL
 * (posix_acl_getxattr_idmapped_mnt()).
 */
#define ACL_BUFFER(n)	(4 + 8 * (n))

/* SECOND: another mount of the same tree, with the same map, for the same callers. */
enum via { MOUNT, LOWER, SECOND };

/*
 * The oracle where the lower cannot be idmapped: a plain mount, and on it each
 * caller with the ids that its own ones are stored as, which are SHIFT less.
 */
#define SHIFT		100000u
#define PLAIN		"plain"		/* as a backend */
#define PLAIN_MAP	"b:0:0:65536"

/*
 * What is added to an id that is seen through a plain mount and taken from one
 * that is named there; 0 on other mounts and where the namespace does it.
 */
extern unsigned int id_shift;
unsigned int id_named(unsigned int id);
/* What getxattr(2) returned for a buffer of @size, with ids as others see them. */
ssize_t xattr_seen(const char *name, void *buf, ssize_t len, size_t size);

/*
 * Everything that any operation may need. A kind uses the fields that its
 * signature names, the others are 0.
 */
struct op {
	int kind, caller, via;
	int path, path2;		/* into paths[] */
	int slot, slot2;
	int name;			/* into xattrs[] */
	int value;			/* selects a value */
	unsigned int mode;
	unsigned int uid, gid;		/* as the caller says them */
	long long off, len;
	unsigned int flags;
};

struct result {
	long ret;
	int err;
	char text[TEXT];	/* what was returned through memory */
};

struct flag {
	unsigned int value;
	const char *name;
};

/*
 * sig: p path, q second path, s slot, t second slot, m mode, u uid, g gid,
 * o offset, l length, f flags, x attribute name, v value, r changes nothing. Of `one` one is
 * taken, of `any` each or not.
 */
struct kind {
	const char *name, *sig;
	int weight;
	long (*run)(const struct op *op, struct result *res);
	const struct flag *one, *any;
};

extern const struct kind kinds[];
extern const int nr_kinds;

extern const char *const paths[];
extern const int nr_paths;
extern const char *const xattrs[];
extern const int nr_xattrs;

/* Callers: ids as the initial namespace counts them. */
struct caller {
	const char *name;
	bool in_ns;		/* in the user namespace of the mount's map */
	unsigned int uid, gid;
	int nr_groups;
	unsigned int groups[2];
	uint64_t caps;
	bool mapped;		/* by the mount's map */
	bool below;		/* the same on both sides where one is plain */
};

extern const struct caller callers[];
extern const int nr_callers;

/* in a caller's process */
extern int root_fd[3];		/* by enum via */
extern int slots[SLOTS];
void text(struct result *res, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void text_stat(struct result *res, const struct stat *st);
void text_sum(struct result *res, const void *data, size_t len);
int op_enter(const struct op *op);	/* chdir to the op's root */
size_t xattr_value(const struct op *op, void *buf);
#define DECLARE_OP(n) long n(const struct op *op, struct result *res)

/*
 * The ids in the value are of the map, and it tells root as its namespace does.
 * For what a plain mount can be an oracle of.
 */
bool xattr_value_mapped(const struct op *op);

/* gen.c */
extern bool gen_plain;		/* nothing but what a plain mount can show */
extern bool gen_fuse;		/* the lower file system is one of FUSE */
extern bool gen_server;		/* nor what a server would have to know */
/* Two actors: a second mount, and what is kept while others change it. */
extern bool gen_actors;
struct rng {
	uint64_t s;
	unsigned int open[16];	/* by caller: the slots that it opened */
};
uint64_t rnd(struct rng *r);
unsigned int below(struct rng *r, unsigned int n);
void gen_episode(struct rng *r, struct op *ops, int n);
bool uses(const struct op *op, char c);
bool opens(const struct op *op);	/* a path, into a slot */
void print_op(FILE *f, const struct op *op);
/* The accepted differences, see Documentation/oracle.rst; NULL or the reason. */
const char *accepted(const struct op *op);
const char *accepted_result(const struct op *op, const struct result *shiftfs,
			    const struct result *oracle);

/* state.c */
bool silly_name(const char *name);	/* NFS's, of what is open and unlinked */
void tree_make(int dir, unsigned int other);	/* @other: owner of some */
/* @stored: where flags are that keep a file, which NFS cannot change */
void tree_remove(const char *path, const char *stored);
/*
 * Text of all that can be seen of the tree, ids by id_shift; the buffer holds
 * STATE_SIZE. @failed is the error of writing it back, or 0.
 */
void tree_state(int dir, int failed, char *buf);

/* touched.c */
#define MAX_TOUCHED 12
struct touched {
	char names[MAX_TOUCHED][64];
	int n;
};
void touched_start(void);	/* of an episode: nobody keeps anything */
/*
 * What an operation that succeeded may have changed, and the directories of it. By
 * name: of what has been renamed since it was opened, the caller's fstat(2) tells.
 */
void touched_by(const struct op *op, struct touched *t);
/* As tree_state(), of these names alone, and of directories without what is in them. */
void tree_touched(int dir, int failed, const struct touched *t, char *buf);

/* worker.c */
struct side;
struct view {
	const char *dir;	/* what is mounted is beneath it */
	const char *stored;	/* the same, as it is stored */
	const char *backend, *map;
	bool tells;	/* a caller says what it changed looks like, in its result */
};
struct side *side_start(const struct view *view);
void side_end_callers(struct side *side);
void side_stop(struct side *side);
void side_run(struct side *side, const struct op *op, struct result *res);
/* The whole tree, or what was touched if that is not NULL. */
void side_state(struct side *side, int via, const struct touched *t, char *buf);

#endif
