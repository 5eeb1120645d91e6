// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oracle [--seed N] [--seeds N] [--steps N] [--episode N] [--findings N]
 *        [--self] [--both] [--idmap] [--plain] [--server] [--actors] [--stored DIR]
 *        [--look N] [--fault] [--stats] [--no-reduce] DIR
 *
 * DIR is a directory of the lower file system. The steps are done in episodes
 * of a fresh tree, each a function of the seed and its number alone. --self
 * compares the oracle with itself, --both an idmapped mount of shiftfs with it,
 * --idmap the idmapped mount of the lower;
 * --plain has a plain mount as the oracle, by callers with the stored ids, and
 * --server no caller whose capabilities matter, as a server does not know them;
 * --stored names DIR where the server has it.
 * --actors adds a second mount of each tree, and callers that keep a working directory
 * and a mapping while others change them.
 * --look N has the whole tree looked at after N steps, and what a step touched after it.
 * --fault gives the first side a map that lacks the last id. Exit status 1 when
 * something diverged.
 */
#include <getopt.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <time.h>

#include "oracle.h"

static char *state[2][2];	/* by side and enum via */
static char work_dir[2][PATH_MAX];
static char stored_dir[2][PATH_MAX];
static const char *first_backend = "shiftfs", *oracle_backend = "idmap";
static const char *first_map = MAP;
static unsigned int episode_length = 150;
/* episodes that ended early, see oracle_lost_data() */
static unsigned long ended;
/* Steps between looks at the whole tree; 1: after each that may have changed something. */
static int look_every = 1;
static bool no_reduce;
static unsigned long called[128], succeeded[128];	/* by kind */
/* where the time goes, in nanoseconds, for --stats */
enum phase { STARTING, RUNNING, LOOKING_ABOVE, LOOKING_TOUCHED, LOOKING_BELOW, STOPPING, PHASES };
static unsigned long long spent[PHASES];
static unsigned long looks;

static unsigned long long now_ns(void)
{
	struct timespec t;

	OK(clock_gettime(CLOCK_MONOTONIC, &t));
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Adds what has passed since *@from, which becomes now. */
static void spend(enum phase phase, unsigned long long *from)
{
	unsigned long long now = now_ns();

	spent[phase] += now - *from;
	*from = now;
}

struct divergence {
	int step;		/* -1: none */
	int since;		/* the step after the last look that found nothing */
	char what[16384];
};

static void note(struct divergence *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void note(struct divergence *d, const char *fmt, ...)
{
	size_t used = strlen(d->what);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->what + used, sizeof(d->what) - used, fmt, ap);
	va_end(ap);
}

static const char *side_name(int side)
{
	if (side)
		return "oracle ";
	return strcmp(first_backend, oracle_backend) ? "shiftfs" : "oracle'";
}

/* The lines that one has and the other has not; both are in the same order. */
static void note_lines(struct divergence *d, const char *side, const char *view,
		       const char *a, const char *b)
{
	while (*a) {
		int len = strcspn(a, "\n");
		bool found = false;

		for (const char *p = b; *p && !found;) {
			int l = strcspn(p, "\n");

			found = l == len && !memcmp(p, a, l);
			p += l + (p[l] == '\n');
		}
		if (!found)
			note(d, "    %s, %s: %.*s\n", side, view, len, a);
		a += len + (a[len] == '\n');
	}
}

/* The whole tree, or of what is seen above what was touched if that is not NULL. */
static void compare_states(struct side **sides, const struct touched *t, struct divergence *d)
{
	unsigned long long from = now_ns();

	looks += !t;
	for (int via = MOUNT; via <= LOWER; via++) {
		const char *view = via == MOUNT ? "above" : "below";
		/* what is stored takes no server's time */
		bool whole = via == LOWER && strcmp(work_dir[0], stored_dir[0]);

		for (int s = 0; s < 2; s++)
			side_state(sides[s], via, whole ? NULL : t, state[s][via]);
		spend(via == LOWER ? LOOKING_BELOW : t ? LOOKING_TOUCHED : LOOKING_ABOVE,
		      &from);
		if (!strcmp(state[0][via], state[1][via]))
			continue;
		note_lines(d, side_name(0), view, state[0][via], state[1][via]);
		note_lines(d, side_name(1), view, state[1][via], state[0][via]);
	}
}

/*
 * A server asks at each write who writes. The oracle's client writes back later,
 * as a user who may have lost the right since; shiftfs's does so as the mounter,
 * as a local filesystem does. What is stored differs from then on.
 */
static bool oracle_lost_data(void)
{
	return gen_server && strstr(state[1][LOWER], "not written: ") &&
	       !strstr(state[0][LOWER], "not written: ");
}

/*
 * Nor does it take an open file for a right: a caller that has lost the right since
 * may not truncate or lock there, or with FUSE look at it, as before a mapping that may be
 * beyond its end; mergerfs then says ENOENT. The trees go apart.
 */
static bool oracle_lost_right(const struct op *op, const struct result *shiftfs,
			      const struct result *oracle)
{
	return gen_server && uses(op, 's') && !uses(op, 'p') &&
	       (shiftfs->ret >= 0 || (gen_fuse && shiftfs->err == EFAULT)) &&
	       oracle->ret < 0 &&
	       (oracle->err == EACCES || (gen_fuse && oracle->err == ENOENT));
}

/*
 * mergerfs finds an open file that is removed again if it could open the file with the
 * ids of the caller that removed it; and changes it with the ids for which the same thread did something before.
 */
static bool oracle_lost_removed(const struct op *op, const struct result *shiftfs,
				const struct result *oracle)
{
	return gen_server && gen_fuse && uses(op, 's') && !uses(op, 'p') &&
	       shiftfs->ret >= 0 && strstr(shiftfs->text, "nlink 0") && oracle->ret < 0 &&
	       (oracle->err == ESTALE || oracle->err == EPERM);
}

/*
 * nfs_rename() takes the name of a target that is open before it asks for the
 * rename, and where that is refused it is gone. shiftfs is refused before.
 */
static bool oracle_lost_name(void)
{
	return gen_server && strstr(state[1][LOWER], "silly names") &&
	       !strstr(state[0][LOWER], "silly names");
}

static int count_of(const char *text, const char *word)
{
	int n = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

/*
 * Before a FUSE server changes a file with a capability, it is asked to remove that in the
 * name of the caller: mergerfs then refuses all but root. shiftfs truncates, and changes
 * owners, as the mounter. The trees go apart.
 */
static bool oracle_kept_capability(const struct result *shiftfs, const struct result *oracle)
{
	static const char caps[] = "security.capability=";

	return gen_fuse && gen_server && shiftfs->ret >= 0 && oracle->ret < 0 &&
	       oracle->err == EPERM &&
	       count_of(state[1][LOWER], caps) > count_of(state[0][LOWER], caps);
}

/*
 * Where FUSE makes a truncation part of the open, the kernel does not take set-ids away
 * there (fuse_do_setattr()), and the server keeps them. With shiftfs the truncation
 * comes by itself, and takes them. The trees go apart.
 */
static bool oracle_kept_set_ids(const struct op *op, const struct result *shiftfs,
				const struct result *oracle)
{
	const char *mode[2] = { strstr(shiftfs->text, "mode "), strstr(oracle->text, "mode ") };
	unsigned long bits[2];

	if (!gen_fuse || !opens(op) || shiftfs->ret < 0 || oracle->ret < 0 || !mode[0] ||
	    !mode[1] || !(op->flags & O_TRUNC || !strcmp(kinds[op->kind].name, "creat")))
		return false;
	for (int s = 0; s < 2; s++)
		bits[s] = strtoul(mode[s] + strlen("mode "), NULL, 8);
	return bits[0] != bits[1] && bits[0] == (bits[1] & ~(S_ISUID | S_ISGID));
}

static void note_result(struct divergence *d, int side,
			const struct result *res)
{
	note(d, "    %s returns %ld", side_name(side), res->ret);
	if (res->ret < 0)
		note(d, " %s", strerrorname_np(res->err));
	note(d, " %s\n", res->text);
}

static bool same_result(const struct op *op, const struct result *a, const struct result *b)
{
	return (a->ret == b->ret && a->err == b->err && !strcmp(a->text, b->text)) ||
	       accepted_result(op, a, b);
}

/*
 * Compares the trees after step @i of @n, wholly from step @every on. What fails or only
 * looks seldom changes anything; when it does, the reduction finds the step.
 */
static void look(struct side **sides, const struct op *op, bool succeeded, int i, int n,
		 int every, struct divergence *d)
{
	bool changed = succeeded && !uses(op, 'r');
	struct touched t = { 0 };

	if (succeeded)
		touched_by(op, &t);
	if (!changed)
		t.n = 0;
	if (i >= every || d->what[0] || i == n - 1 ||
	    (look_every == 1 ? i % 8 == 7 || changed : i % look_every == look_every - 1)) {
		compare_states(sides, NULL, d);
		if (!d->what[0])
			d->since = i + 1;
	} else if (look_every > 1 && (changed || i % 8 == 7)) {
		compare_states(sides, &t, d);
	}
}

/*
 * Run on fresh trees up to the first divergence, with a look at the whole of them after
 * each step from @every on. @done counts the steps, unless it is NULL.
 */
static void replay(const struct op *ops, int n, int every, struct divergence *d,
		   unsigned long *done)
{
	static struct result res[2];
	struct side *sides[2];
	unsigned long long from = now_ns();

	touched_start();
	for (int s = 0; s < 2; s++)
		sides[s] = side_start(&(struct view){
			.dir = work_dir[s], .stored = stored_dir[s],
			.backend = s == 0 ? first_backend : oracle_backend,
			.map = s == 0 ? first_map : MAP,
			.tells = look_every > 1,
		});
	spend(STARTING, &from);
	d->step = -1;
	d->since = 0;
	d->what[0] = 0;
	compare_states(sides, NULL, d);
	if (d->what[0])
		d->step = 0;
	for (int i = 0; i < n && d->step < 0; i++) {
		from = now_ns();
		for (int s = 0; s < 2; s++)
			side_run(sides[s], &ops[i], &res[s]);
		spend(RUNNING, &from);
		if (done) {
			(*done)++;
			called[ops[i].kind]++;
			succeeded[ops[i].kind] += res[1].ret >= 0;
		}
		if (!same_result(&ops[i], &res[0], &res[1])) {
			note_result(d, 0, &res[0]);
			note_result(d, 1, &res[1]);
		}
		look(sides, &ops[i], res[1].ret >= 0, i, n, every, d);
		if (d->what[0] && (oracle_lost_data() || oracle_lost_name() ||
				   oracle_lost_right(&ops[i], &res[0], &res[1]) ||
				   oracle_lost_removed(&ops[i], &res[0], &res[1]) ||
				   oracle_kept_capability(&res[0], &res[1]) ||
				   oracle_kept_set_ids(&ops[i], &res[0], &res[1]))) {
			d->what[0] = 0;
			ended += !!done;
			break;
		}
		if (d->what[0])
			d->step = i;
	}
	from = now_ns();
	for (int s = 0; s < 2; s++)
		side_end_callers(sides[s]);
	for (int s = 0; s < 2; s++)
		side_stop(sides[s]);
	spend(STOPPING, &from);
}

/* Whether it happens again; then *d is what shows, and the steps after it are cut off. */
static bool again(const struct op *ops, int *n, int every, struct divergence *d)
{
	static struct divergence try;

	replay(ops, *n, every, &try, NULL);
	if (try.step < 0)
		return false;
	*d = try;
	*n = d->step + 1;
	return true;
}

/*
 * Delta debugging: leave out ever smaller parts for as long as something
 * diverges. Returns how many operations are left; *d is what they show.
 */
static int reduce(struct op *ops, int n, struct divergence *d)
{
	struct op *some = calloc(n, sizeof(*some));
	bool sparse = look_every > 1;
	int last_kind = -1;

	n = d->step + 1;
	/* The first bad step. A look itself can mend what is wrong with a cache. */
	if (again(ops, &n, sparse ? d->since : 0, d)) {
		last_kind = ops[d->step].kind;
	} else if (!sparse || !again(ops, &n, n, d)) {
		printf("# it does not happen again\n");
		free(some);
		return n;
	}
	for (int part = (n + 1) / 2; part >= 1;) {
		bool progress = false;

		for (int from = 0; from < n && n > 1;) {
			int end = from + part < n ? from + part : n;
			int left = n - (end - from);
			struct divergence *try = malloc(sizeof(*try));

			memcpy(some, ops, from * sizeof(*ops));
			memcpy(some + from, ops + end, (n - end) * sizeof(*ops));
			if (again(some, &left, sparse ? left : 0, try) &&
			    (last_kind < 0 || some[try->step].kind == last_kind)) {
				n = left;
				memcpy(ops, some, n * sizeof(*ops));
				*d = *try;
				progress = true;
			} else {
				from = end;
			}
			free(try);
		}
		if (part == 1 && !progress)
			break;
		part = part > 1 ? (part + 1) / 2 : 1;
	}
	if (sparse && !again(ops, &n, 0, d))
		printf("# not with a look at the whole tree after each step\n");
	free(some);
	return n;
}

static void print_script(const struct op *ops, int n)
{
	bool used[16] = { 0 };

	for (int i = 0; i < n; i++)
		used[ops[i].caller] = true;
	for (int i = 0; i < nr_callers; i++)
		if (used[i])
			printf("    /* %s: %s%u:%u, capabilities %llx */\n",
			       callers[i].name,
			       callers[i].in_ns ? "in the namespace " : "",
			       callers[i].uid, callers[i].gid,
			       (unsigned long long)callers[i].caps);
	for (int i = 0; i < n; i++) {
		fputs("    ", stdout);
		print_op(stdout, &ops[i]);
		putchar('\n');
	}
}

static void generate(uint64_t seed, uint64_t episode, struct op *ops, int n)
{
	struct rng r = { .s = seed * 0x10001 + episode };

	/* always the same operations, however many are asked for */
	r.s = rnd(&r) ^ episode << 32;
	gen_episode(&r, ops, n);
}

/* Returns the number of distinct findings. */
static int fuzz(uint64_t seed, unsigned long steps, long only, int max)
{
	static struct divergence d;
	struct op *ops = calloc(episode_length, sizeof(*ops));
	unsigned long done = 0, episodes = 0;
	char seen[64][64];
	int findings = 0, repeated = 0;
	time_t start = time(NULL);

	for (uint64_t e = only < 0 ? 0 : only; done < steps; e++) {
		int n = episode_length;
		char sign[64];
		bool known = false;

		if (n > (long)(steps - done))
			n = steps - done;
		generate(seed, e, ops, n);
		episodes++;
		replay(ops, n, n, &d, &done);
		if (d.step >= 0) {
			/* of the same call with the same results: once */
			snprintf(sign, sizeof(sign), "%s %.40s",
				 kinds[ops[d.step].kind].name,
				 d.what + strcspn(d.what, "ru"));
			for (int i = 0; i < findings; i++)
				known = known || !strcmp(seen[i], sign);
			if (known) {
				repeated++;
				goto next;
			}
			printf("# divergence: seed %llu episode %llu step %d, whole trees equal before step %d\n",
			       (unsigned long long)seed, (unsigned long long)e,
			       d.step, d.since);
			print_script(ops + d.step, 1);
			printf("%s", d.what);
			fflush(stdout);
			if (!no_reduce) {
				puts("# reduced:");
				n = reduce(ops, n, &d);
				print_script(ops, n);
				printf("%s", d.what);
				fflush(stdout);
			}
			strcpy(seen[findings++], sign);
			if (findings == max || findings == 64)
				break;
		}
next:
		if (only >= 0)
			break;
	}
	free(ops);
	printf("# seed %llu: %lu steps in %lu episodes, %d divergences, %d more like them, %ld s\n",
	       (unsigned long long)seed, done, episodes, findings, repeated,
	       (long)(time(NULL) - start));
	if (ended)
		printf("# %lu episodes ended where the server did otherwise for the oracle\n",
		       ended);
	fflush(stdout);
	return findings;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seeds", required_argument, NULL, 'S' },
		{ "steps", required_argument, NULL, 'n' },
		{ "episode", required_argument, NULL, 'e' },
		{ "length", required_argument, NULL, 'l' },
		{ "findings", required_argument, NULL, 'f' },
		{ "fault", no_argument, NULL, 'F' },
		{ "self", no_argument, NULL, 'x' },
		{ "both", no_argument, NULL, 'b' },
		{ "idmap", no_argument, NULL, 'i' },
		{ "plain", no_argument, NULL, 'p' },
		{ "server", no_argument, NULL, 'r' },
		{ "actors", no_argument, NULL, 'a' },
		{ "stored", required_argument, NULL, 'd' },
		{ "kinds", no_argument, NULL, 'k' },
		{ "stats", no_argument, NULL, 't' },
		{ "no-reduce", no_argument, NULL, 'R' },
		{ "look", required_argument, NULL, 'L' },
		{ 0 },
	};
	unsigned long steps = 1000, seed = 1, seeds = 1;
	bool stats = false, self = false;
	int findings = 0, max = 10, c;
	long only = -1;
	const char *dir, *stored = NULL;
	struct statfs fs;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's': seed = strtoul(optarg, NULL, 0); break;
		case 'S': seeds = strtoul(optarg, NULL, 0); break;
		case 'n': steps = strtoul(optarg, NULL, 0); break;
		case 'e': only = strtol(optarg, NULL, 0); break;
		case 'l': episode_length = strtoul(optarg, NULL, 0); break;
		case 'f': max = strtol(optarg, NULL, 0); break;
		case 'F': first_map = "b:0:100000:65535"; break;
		case 't': stats = true; break;
		case 'L': look_every = strtol(optarg, NULL, 0); break;
		case 'R': no_reduce = true; break;
		case 'x': self = true; break;
		case 'p': gen_plain = true; oracle_backend = PLAIN; break;
		case 'r': gen_server = true; break;
		case 'a': gen_actors = true; break;
		case 'd': stored = optarg; break;
		case 'b': first_backend = "both"; break;
		case 'i': first_backend = "idmap"; break;
		case 'k':
			for (int i = 0; i < nr_kinds; i++)
				puts(kinds[i].name);
			return 0;
		default: return 2;
		}
	}
	dir = optind < argc ? realpath(argv[optind], NULL) : NULL;
	if (!dir || !episode_length || look_every < 1)
		fail_at(__FILE__, __LINE__, "name a directory of the lower");
	if (self)
		first_backend = oracle_backend;
	OK(unshare(CLONE_NEWNS));
	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	for (int s = 0; s < 2; s++) {
		snprintf(work_dir[s], sizeof(work_dir[s]), "%s/oracle%d", dir, s);
		snprintf(stored_dir[s], sizeof(stored_dir[s]), "%s/oracle%d",
			 stored ? stored : dir, s);
		if (mkdir(work_dir[s], 0755))
			CHECK(errno == EEXIST);
		for (int via = MOUNT; via <= LOWER; via++)
			state[s][via] = malloc(STATE_SIZE);
	}
	OK(statfs(work_dir[0], &fs));
	gen_fuse = fs.f_type == FUSE_SUPER_MAGIC;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned long i = 0; i < seeds; i++)
		findings += fuzz(seed + i, steps, only, max);
	for (int s = 0; s < 2; s++)
		rmdir(work_dir[s]);
	for (int i = 0; stats && i < nr_kinds; i++)
		printf("# %s: %lu of %lu succeeded\n", kinds[i].name,
		       succeeded[i], called[i]);
	if (stats)
		printf("# ms: %llu to start, %llu in steps, %llu in %lu looks above, %llu at what was touched, %llu below, %llu to stop\n",
		       spent[STARTING] / 1000000, spent[RUNNING] / 1000000,
		       spent[LOOKING_ABOVE] / 1000000, looks,
		       spent[LOOKING_TOUCHED] / 1000000, spent[LOOKING_BELOW] / 1000000,
		       spent[STOPPING] / 1000000);
	return findings ? 1 : 0;
}
