// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oracle [--seed N] [--seeds N] [--steps N] [--episode N] [--findings N]
 *        [--self] [--both] [--idmap] [--plain] [--server] [--actors] [--stored DIR]
 *        [--fault] [--stats] [--no-reduce] DIR
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
 * --fault gives the first side a map that lacks the last id. Exit status 1 when
 * something diverged.
 */
#include <getopt.h>
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
static bool no_reduce;
static unsigned long called[128], succeeded[128];	/* by kind */

struct divergence {
	int step;		/* -1: none */
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

static void compare_states(struct side **sides, struct divergence *d)
{
	for (int via = MOUNT; via <= LOWER; via++) {
		const char *view = via == MOUNT ? "above" : "below";

		for (int s = 0; s < 2; s++)
			side_state(sides[s], via, state[s][via]);
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
 * Nor does it take an open file for a right: who has lost that since may not
 * truncate or lock there. The trees go apart.
 */
static bool oracle_lost_right(const struct op *op, const struct result *shiftfs,
			      const struct result *oracle)
{
	return gen_server && uses(op, 's') && !uses(op, 'p') && shiftfs->ret >= 0 &&
	       oracle->ret < 0 && oracle->err == EACCES;
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

static void note_result(struct divergence *d, int side,
			const struct result *res)
{
	note(d, "    %s returns %ld", side_name(side), res->ret);
	if (res->ret < 0)
		note(d, " %s", strerrorname_np(res->err));
	note(d, " %s\n", res->text);
}

/* Run on fresh trees up to the first divergence. */
static void replay(const struct op *ops, int n, struct divergence *d,
		   unsigned long *done)
{
	bool every = !done;	/* compare the states after every step */
	static struct result res[2];
	struct side *sides[2];

	for (int s = 0; s < 2; s++)
		sides[s] = side_start(&(struct view){
			.dir = work_dir[s], .stored = stored_dir[s],
			.backend = s == 0 ? first_backend : oracle_backend,
			.map = s == 0 ? first_map : MAP,
		});
	d->step = -1;
	d->what[0] = 0;
	compare_states(sides, d);
	if (d->what[0])
		d->step = 0;
	for (int i = 0; i < n && d->step < 0; i++) {
		for (int s = 0; s < 2; s++)
			side_run(sides[s], &ops[i], &res[s]);
		if (done) {
			(*done)++;
			called[ops[i].kind]++;
			succeeded[ops[i].kind] += res[1].ret >= 0;
		}
		if ((res[0].ret != res[1].ret || res[0].err != res[1].err ||
		     strcmp(res[0].text, res[1].text)) &&
		    !accepted_result(&ops[i], &res[0], &res[1])) {
			note_result(d, 0, &res[0]);
			note_result(d, 1, &res[1]);
		}
		/*
		 * What fails or only looks seldom changes anything; when it
		 * does, the reduction finds the step.
		 */
		if (every || d->what[0] || i == n - 1 || i % 8 == 7 ||
		    (res[1].ret >= 0 && !uses(&ops[i], 'r')))
			compare_states(sides, d);
		if (d->what[0] && (oracle_lost_data() || oracle_lost_name() ||
				   oracle_lost_right(&ops[i], &res[0], &res[1]))) {
			d->what[0] = 0;
			ended += !!done;
			break;
		}
		if (d->what[0])
			d->step = i;
	}
	for (int s = 0; s < 2; s++)
		side_end_callers(sides[s]);
	for (int s = 0; s < 2; s++)
		side_stop(sides[s]);
}

/*
 * Delta debugging: leave out ever smaller parts for as long as something
 * diverges. Returns how many operations are left; *d is what they show.
 */
static int reduce(struct op *ops, int n, struct divergence *d)
{
	static struct divergence try;
	struct op *some = calloc(n, sizeof(*some));
	int last_kind;

	n = d->step + 1;
	replay(ops, n, &try, NULL);
	if (try.step < 0) {
		printf("# it does not happen again\n");
		free(some);
		return n;
	}
	*d = try;
	n = d->step + 1;
	last_kind = ops[d->step].kind;
	for (int part = (n + 1) / 2; part >= 1;) {
		bool progress = false;

		for (int from = 0; from < n && n > 1;) {
			int end = from + part < n ? from + part : n;
			int left = n - (end - from);

			memcpy(some, ops, from * sizeof(*ops));
			memcpy(some + from, ops + end, (n - end) * sizeof(*ops));
			replay(some, left, &try, NULL);
			if (try.step >= 0 && some[try.step].kind == last_kind) {
				n = try.step + 1;
				memcpy(ops, some, n * sizeof(*ops));
				*d = try;
				progress = true;
			} else {
				from = end;
			}
		}
		if (part == 1 && !progress)
			break;
		part = part > 1 ? (part + 1) / 2 : 1;
	}
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
		replay(ops, n, &d, &done);
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
			printf("# divergence: seed %llu episode %llu step %d\n",
			       (unsigned long long)seed, (unsigned long long)e,
			       d.step);
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
		printf("# %lu episodes ended where the server refused the oracle\n",
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
		{ 0 },
	};
	unsigned long steps = 1000, seed = 1, seeds = 1;
	bool stats = false, self = false;
	int findings = 0, max = 10, c;
	long only = -1;
	const char *dir, *stored = NULL;

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
	if (!dir || !episode_length)
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
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned long i = 0; i < seeds; i++)
		findings += fuzz(seed + i, steps, only, max);
	for (int s = 0; s < 2; s++)
		rmdir(work_dir[s]);
	for (int i = 0; stats && i < nr_kinds; i++)
		printf("# %s: %lu of %lu succeeded\n", kinds[i].name,
		       succeeded[i], called[i]);
	return findings ? 1 : 0;
}
