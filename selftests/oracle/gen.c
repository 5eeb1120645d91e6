// SPDX-License-Identifier: GPL-2.0-or-later
/* Random operations, and how they are printed. */
#include <sys/utsname.h>

#include "oracle.h"

const char *const paths[] = {
	"a", "b", "c", "D", "E", "D/a", "D/b", "D/E", "D/E/a", "E/a", "E/b",
	"new", "D/new", "E/new", "link", "D/link", "T/a", "T/new", "G/a",
	"G/new", "S", "Z", "F", ".", "a/", "D/", "D/..", "none/a", "link/",
};
const int nr_paths = sizeof(paths) / sizeof(*paths);

/* up to this one, names are chosen more often */
#define COMMON_PATHS 20

const char *const xattrs[] = {
	"user.one", "user.two", "security.capability", "trusted.one",
	"system.posix_acl_access", "system.posix_acl_default", "user.",
	"nothing.one", "security.other",
};
const int nr_xattrs = sizeof(xattrs) / sizeof(*xattrs);

uint64_t rnd(struct rng *r)
{
	/* splitmix64 */
	uint64_t z = (r->s += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

unsigned int below(struct rng *r, unsigned int n)
{
	return (rnd(r) >> 32) % n;
}

/* Ids as the initial namespace counts them: inside the map and outside. */
static const unsigned int ids[] = {
	100000, 101000, 101001, 102000, 165535, 165536, 500000, 0, 1000, 65534,
	70000, -1u,
};

static const unsigned int modes[] = {
	0, 0644, 0755, 0700, 0600, 0777, 0666, 04755, 02755, 06777, 01777,
	02775, 02644, 0444, 0070, 0007, 04711, 02770,
};

static const long long offsets[] = {
	0, 0, 1, 10, 511, 4095, 4096, 5000, 8192, 12288, 16384, -1, 
};

static const long long lengths[] = {
	0, 1, 10, 100, 4096, 4097, 8192, 1000, 12000, -1,
};

#define PICK(r, array) \
	((array)[below(r, sizeof(array) / sizeof(*(array)))])

static int pick_path(struct rng *r)
{
	return below(r, 8) ? below(r, COMMON_PATHS) : below(r, nr_paths);
}

bool gen_plain, gen_server, gen_actors, gen_fuse;

static bool is_held(const struct kind *k)
{
	return !strncmp(k->name, "held_", strlen("held_"));
}

static unsigned int pick_id(struct rng *r, const struct op *op)
{
	const struct caller *c = &callers[op->caller];
	unsigned int id = PICK(r, ids);

	/* to the mount the caller is in the map; below all ids are as stored */
	if (gen_plain && id != -1u)
		id = id % SHIFT % 65536 + (c->below ? 0 : SHIFT);
	/* the namespace shows what the map shows as 100000 as 0 */
	if (c->in_ns && id != -1u && id >= 100000)
		id -= 100000;
	return id;
}

bool uses(const struct op *op, char c)
{
	return strchr(kinds[op->kind].sig, c);
}

bool opens(const struct op *op)
{
	const char *sig = kinds[op->kind].sig;

	return !strncmp(sig, "sp", 2) && strcmp(kinds[op->kind].name, "linkfd");
}

/* A server is told the caller's ids alone: root can do everything there. */
static bool server_knows(const struct caller *c)
{
	bool root = c->uid == (c->in_ns || c->below ? 0 : SHIFT);

	return c->caps == (root ? ALL_CAPS : 0);
}

/*
 * The differences that are accepted, see Documentation/oracle.rst. What meets
 * one is not generated: the two trees would differ from then on.
 */
const char *accepted(const struct op *op)
{
	const struct caller *c = &callers[op->caller];

	if (gen_plain && !(op->via == LOWER ? c->below : c->mapped))
		return "a caller that the map does not name";
	if (gen_server && !server_knows(c))
		return "a caller whose capabilities the server does not know";
	if (gen_server && !strcmp(kinds[op->kind].name, "utimensat") &&
	    op->value % 6 == 2)
		return "one time of now, for which a server wants the right to write";
	if (gen_server && opens(op) &&
	    (!strcmp(kinds[op->kind].name, "creat") || op->flags & O_TRUNC))
		return "a truncation that NFS makes part of the open";
	if (gen_server && !strcmp(kinds[op->kind].name, "fcntl_setfl") &&
	    op->flags & O_APPEND && op->flags & O_DIRECT)
		return "flags that NFS wants to be asked about";
	if (gen_plain && uses(op, 'x') && uses(op, 'v') && uses(op, 'm') &&
	    !xattr_value_mapped(op))
		return "ids that the map does not name";
	if (gen_plain && c->uid == SHIFT && !(op->flags & AT_EACCESS) &&
	    strstr(kinds[op->kind].name, "access"))
		return "capabilities that access(2) leaves to uid 0 alone";
	if (op->via != LOWER && !callers[op->caller].mapped &&
	    !strncmp(kinds[op->kind].name, "link", 4))
		return "a link by a caller whose ids are not mapped";
	if (op->via != LOWER && !callers[op->caller].mapped &&
	    uses(op, 'f') && !strcmp(kinds[op->kind].name, "renameat2") &&
	    op->flags & RENAME_WHITEOUT)
		return "a whiteout by a caller whose ids are not mapped";
	return NULL;
}

/* Prefer a descriptor that was opened, if the open succeeded. */
static void pick_slot(struct rng *r, struct op *op)
{
	int caller[64], slot[64], n = 0, i;

	op->slot = below(r, SLOTS);
	for (int c = 0; c < nr_callers; c++)
		for (int s = 0; s < SLOTS && n < 64; s++)
			if (r->open[c] & 1 << s) {
				caller[n] = c;
				slot[n++] = s;
			}
	if (!n || !below(r, 16))
		return;
	i = below(r, n);
	op->caller = caller[i];
	op->slot = slot[i];
}

/* Before 6.2 an idmapped mount maps the ACL's entries before all else. */
static bool acl_before_caller(void)
{
	static int major, minor;
	struct utsname u;

	if (!major) {
		OK(uname(&u));
		CHECK(sscanf(u.release, "%d.%d", &major, &minor) == 2);
	}
	return major < 6 || (major == 6 && minor < 2);
}

/* Results that may differ as long as the states are the same. */
const char *accepted_result(const struct op *op, const struct result *shiftfs,
			    const struct result *oracle)
{
	if (op->via != LOWER && !callers[op->caller].mapped &&
	    shiftfs->ret < 0 && oracle->ret < 0 && oracle->err == EOVERFLOW)
		return "which of two reasons a caller without ids is told";
	if (gen_server && shiftfs->ret < 0 && shiftfs->err == EACCES &&
	    oracle->ret < 0 && (oracle->err == EPERM || oracle->err == EINVAL ||
				oracle->err == EOPNOTSUPP ||
				oracle->err == EISDIR || oracle->err == ENOTDIR ||
				oracle->err == ENOTEMPTY || oracle->err == EEXIST))
		return "NFS leaves permission to its server and refuses for less first";
	if (gen_server && uses(op, 'x') && strstr(xattrs[op->name], "posix_acl") &&
	    oracle->ret < 0 && oracle->err == EOPNOTSUPP &&
	    (!shiftfs->ret || shiftfs->err == EPERM || shiftfs->err == EACCES))
		return "whether the file or the lower, which has no ACLs, is looked at first";
	if (gen_server && strstr(kinds[op->kind].name, "getlk") &&
	    oracle->ret < 0 && oracle->err == EACCES && shiftfs->ret >= 0)
		return "whose right to look at locks the server asks for";
	if (gen_server && !strcmp(kinds[op->kind].name, "fs_ioc_setflags") &&
	    shiftfs->ret < 0 && shiftfs->err == EPERM && oracle->ret < 0 &&
	    (oracle->err == ENOTTY || oracle->err == EOPNOTSUPP ||
	     oracle->err == EACCES))
		return "whether the caller or the lower is looked at first";
	if (gen_server && !gen_fuse && !strcmp(kinds[op->kind].name, "fs_ioc_setflags") &&
	    shiftfs->ret < 0 && (shiftfs->err == ENOTTY || shiftfs->err == EPERM) &&
	    (oracle->ret >= 0 || oracle->err == EOPNOTSUPP))
		return "an ioctl of SMB's own, which asks for no owner and knows one flag";
	if (gen_server && gen_fuse && oracle->ret < 0 && oracle->err == EACCES &&
	    (shiftfs->ret >= 0 || shiftfs->err == ENOEXEC) &&
	    !strcmp(kinds[op->kind].name, "execve"))
		return "whether the server lets a caller open for reading what it may only execute";
	if (gen_fuse && uses(op, 'x') && !strcmp(xattrs[op->name], "security.capability") &&
	    shiftfs->ret < 0 && shiftfs->err == ENODATA &&
	    oracle->ret < 0 && oracle->err == EOPNOTSUPP)
		return "whether a nosuid mount or a server without attributes is looked at first";
	if (!strcmp(kinds[op->kind].name, "ficlonerange") &&
	    shiftfs->ret < 0 && shiftfs->err == EINVAL &&
	    oracle->ret < 0 && oracle->err == EOPNOTSUPP)
		return "whether the range or the lower is looked at first";
	/* a descriptor can be of the mount whatever @via is */
	if (acl_before_caller() && uses(op, 'x') &&
	    strstr(xattrs[op->name], "posix_acl") &&
	    strstr(kinds[op->kind].name, "setxattr") && oracle->ret < 0 &&
	    oracle->err == EINVAL && shiftfs->ret < 0 &&
	    (shiftfs->err == EPERM || shiftfs->err == EACCES))
		return "whether the ACL or the caller is looked at first";
	return NULL;
}

/* What is there at the start is read and removed more often than at random. */
static void pick_xattr(struct rng *r, struct op *op)
{
	static const struct {
		const char *path, *name;
	} there[] = {
		{ "a", "system.posix_acl_access" }, { "a", "user.one" },
		{ "D", "system.posix_acl_default" },
		{ "T/a", "security.capability" },
		{ "G/a", "security.capability" },
	};
	bool sets = uses(op, 'v') && uses(op, 'm');
	unsigned int i;

	op->name = below(r, nr_xattrs);
	if (sets || !uses(op, 'p') || below(r, 2))
		return;
	i = below(r, sizeof(there) / sizeof(*there));
	for (op->path = 0; strcmp(paths[op->path], there[i].path);)
		op->path++;
	for (op->name = 0; strcmp(xattrs[op->name], there[i].name);)
		op->name++;
}

static void gen_once(struct rng *r, struct op *op)
{
	static int total;
	const struct kind *k;
	int w;

	if (!total)
		for (int i = 0; i < nr_kinds; i++)
			total += gen_actors || !is_held(&kinds[i]) ? kinds[i].weight : 0;
	memset(op, 0, sizeof(*op));
	w = below(r, total);
	while (w >= kinds[op->kind].weight)
		w -= kinds[op->kind++].weight;
	k = &kinds[op->kind];
	/* the first callers are those that can do something */
	op->caller = below(r, 3) ? below(r, 5) : below(r, nr_callers);
	op->via = below(r, 6) ? MOUNT : LOWER;
	if (gen_plain && op->via == LOWER)
		for (op->caller = 0; !callers[op->caller].below;)
			op->caller++;
	if (uses(op, 'p'))
		op->path = pick_path(r);
	if (uses(op, 'q'))
		op->path2 = pick_path(r);
	if (opens(op))
		op->slot = below(r, SLOTS);
	else if (uses(op, 's'))
		pick_slot(r, op);
	/* A working directory and a mapping are of who keeps them. */
	if (is_held(k) && op->via == LOWER && !gen_plain)
		op->via = MOUNT;
	if (gen_plain)
		op->via = callers[op->caller].below ? LOWER : MOUNT;
	if (gen_actors && op->via == MOUNT && !below(r, 4))
		op->via = SECOND;
	if (uses(op, 't'))
		op->slot2 = below(r, SLOTS);
	if (uses(op, 'm'))
		op->mode = PICK(r, modes);
	/* Who takes them away is the server, or shiftfs for the mounter. */
	if (gen_server)
		op->mode &= 01777;
	if (uses(op, 'u'))
		op->uid = pick_id(r, op);
	if (uses(op, 'g'))
		op->gid = pick_id(r, op);
	if (uses(op, 'o'))
		op->off = PICK(r, offsets);
	if (uses(op, 'l'))
		op->len = PICK(r, lengths);
	if (uses(op, 'x'))
		pick_xattr(r, op);
	if (uses(op, 'v'))
		op->value = below(r, 16);
	if (uses(op, 'f')) {
		int n = 0;

		while (k->one && k->one[n].name)
			n++;
		if (n)
			op->flags = k->one[below(r, n)].value;
		for (const struct flag *f = k->any; f && f->name; f++)
			if (!below(r, 4))
				op->flags |= f->value;
	}
}

static void gen_op(struct rng *r, struct op *op)
{
	do
		gen_once(r, op);
	while (accepted(op));
	if (opens(op))
		r->open[op->caller] |= 1 << op->slot;
	else if (!strcmp(kinds[op->kind].name, "close"))
		r->open[op->caller] &= ~(1 << op->slot);
}

/*
 * An episode starts with a few opens by those who may, so that the operations
 * on descriptors find some.
 */
void gen_episode(struct rng *r, struct op *ops, int n)
{
	static const int files[] = { 0, 1, 5, 9, 16, 18 };

	memset(r->open, 0, sizeof(r->open));
	for (int i = 0; i < n; i++) {
		gen_op(r, &ops[i]);
		if (i >= 8)
			continue;
		memset(&ops[i], 0, sizeof(ops[i]));
		for (int k = 0; k < nr_kinds; k++)
			if (!strcmp(kinds[k].name, i & 1 ? "creat" : "open"))
				ops[i].kind = k;
		ops[i].caller = below(r, 5);
		ops[i].slot = i / 4;
		ops[i].path = files[below(r, 6)];
		ops[i].flags = i & 1 ? 0 : O_RDWR;
		ops[i].mode = 0644;
		r->open[ops[i].caller] |= 1 << ops[i].slot;
	}
}

static void print_flags(FILE *f, const struct op *op)
{
	const struct kind *k = &kinds[op->kind];
	unsigned int any = 0, rest;
	const char *sep = "";

	for (const struct flag *e = k->any; e && e->name; e++)
		any |= e->value;
	for (const struct flag *e = k->one; e && e->name; e++) {
		if ((op->flags & ~any) == (e->value & ~any) &&
		    (op->flags & e->value) == e->value) {
			fputs(e->name, f);
			sep = " | ";
			break;
		}
	}
	rest = op->flags & any;
	for (const struct flag *e = k->any; e && e->name; e++) {
		if ((rest & e->value) != e->value || !e->value)
			continue;
		fprintf(f, "%s%s", sep, e->name);
		sep = " | ";
		rest &= ~e->value;
	}
	if (!*sep)
		fputs("0", f);
}

void print_op(FILE *f, const struct op *op)
{
	const struct kind *k = &kinds[op->kind];
	const char *sep = "";

	fprintf(f, "as(%s); at(%s); %s(", callers[op->caller].name,
		op->via == MOUNT ? "mount" : op->via == LOWER ? "lower" : "second", k->name);
	for (const char *s = k->sig; *s && *s != 'r'; s++, sep = ", ") {
		fputs(sep, f);
		switch (*s) {
		case 'p': fprintf(f, "\"%s\"", paths[op->path]); break;
		case 'q': fprintf(f, "\"%s\"", paths[op->path2]); break;
		case 's': fprintf(f, "fd[%d]", op->slot); break;
		case 't': fprintf(f, "fd[%d]", op->slot2); break;
		case 'm': fprintf(f, "0%o", op->mode); break;
		case 'u': fprintf(f, "%d", (int)op->uid); break;
		case 'g': fprintf(f, "%d", (int)op->gid); break;
		case 'o': fprintf(f, "%lld", op->off); break;
		case 'l': fprintf(f, "%lld", op->len); break;
		case 'x': fprintf(f, "\"%s\"", xattrs[op->name]); break;
		case 'v': fprintf(f, "value %d", op->value); break;
		case 'f': print_flags(f, op); break;
		}
	}
	fputs(");", f);
}
