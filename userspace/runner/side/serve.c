/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "side/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/lockfile.h"
#include "base/place.h"
#include "cleanup.h"
#include "escape.h"
#include "monitor/log.h"
#include "pod/end.h"
#include "pod/poddir.h"
#include "side/agent.h"
#include "side/start.h"
#include "side/template.h"
#include "syscalls.h"

/* Of what an ended one wrote; escaped it can be four times as long. */
#define OUTPUT_BYTES 4096
#define OUTPUT_LINES 20

/* A start whose processes somebody kills is tried so often. */
#define TRIES 3

/* For how long its supervisor may take to see its end, in milliseconds. */
#define END_MS 10000

/* For how long a request waits for another of the same asker. */
#define LOCK_MS 120000

/* What is known while a request is carried out. */
struct serving {
	const struct side_asker *asker;
	const struct side_request *q;
	struct side_template t;
	struct state st;
	struct spec spec;
	char name[64];
	bool there;		/* a pod of this name: st, spec */
};

/* A spool and a socket of one asker, or a second reader, wait for each other. */
static int lock_asker(const char *asker, struct shift_error *err)
{
	_cleanup_free_ char *dir = NULL, *name = NULL;
	_cleanup_close_ int at = -1, fd = -1;
	int r;

	if ((r = strf(&dir, err, "%s/" SIDE_LOCKS, place_run())) < 0 ||
	    (r = strf(&name, err, "%s.serve", asker)) < 0 ||
	    (r = at = lockfile_dir(dir, 0700, err)) < 0 ||
	    (r = fd = lockfile_open(at, name, O_RDWR | O_CREAT, err)) < 0)
		return r;
	for (int64_t end = util_now_ms() + LOCK_MS;
	     (r = lockfile_wait(fd, LOCK_EX, name, err)) == -ETIMEDOUT &&
	     util_now_ms() < end;)
		shift_err_clear(err);
	return r < 0 ? r : steal_fd(&fd);
}

static int look(struct serving *s, struct shift_error *err)
{
	const char *asker, *template, *key;
	int r;

	spec_clear(&s->spec);
	memset(&s->spec, 0, sizeof(s->spec));
	r = side_pod_load(s->name, &s->st, &s->spec, err);
	s->there = r >= 0;
	if (r == -ENOENT) {
		shift_err_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	asker = spec_annotation(&s->spec, SIDE_ANNOTATION_ASKER) ?: "";
	template = spec_annotation(&s->spec, SIDE_ANNOTATION_TEMPLATE) ?: "";
	key = spec_annotation(&s->spec, SIDE_ANNOTATION_KEY) ?: "";
	/* Digests in the name are short. */
	if (strcmp(asker, s->asker->name) || strcmp(template, s->q->template) ||
	    strcmp(key, s->q->key))
		return shift_err_set(err, 0, "the pod %s is for something else",
				     s->name);
	return 0;
}

static bool always(void *data)
{
	(void)data;
	return true;
}

static void __attribute__((noreturn)) print_log(const struct state *st, int to)
{
	_cleanup_free_ char *dir = NULL, *path = NULL, *name = NULL;

	if (dup2(to, 1) < 0 || dup2(to, 2) < 0 ||
	    poddir_path(st->name, &dir, NULL) < 0 ||
	    strf(&path, NULL, "%s/log", dir) < 0 ||
	    place_name(st->name, &name, NULL) < 0)
		_exit(1);
	if (access(path, F_OK) < 0)
		log_print_journal(name, st->created, false, OUTPUT_LINES,
				  always, NULL, NULL);
	else
		log_print(path, 0, false, OUTPUT_LINES, always, NULL, NULL);
	fflush(NULL);
	_exit(0);
}

/* The end of what it wrote, as text that any terminal and JSON can take. */
static void add_output(const struct state *st, struct side_answer *a)
{
	_cleanup_close_ int fd = memfd_create("output", MFD_CLOEXEC);
	char text[OUTPUT_BYTES];
	size_t size = 0;
	ssize_t n = -1;
	off_t end;
	FILE *to;
	pid_t pid;

	if (fd < 0)
		return;
	fflush(NULL);
	pid = fork();
	if (!pid)
		print_log(st, fd);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	end = lseek(fd, 0, SEEK_END);
	if (end > 0)
		n = pread(fd, text, sizeof(text), end > OUTPUT_BYTES ?
			  end - OUTPUT_BYTES : 0);
	to = n > 0 ? open_memstream(&a->output, &size) : NULL;
	if (!to)
		return;
	shift_print_escaped(to, text, (size_t)n, SHIFT_ESCAPE_LINES);
	fclose(to);
}

static int say(struct serving *s, struct side_answer *a,
	       struct shift_error *err)
{
	if (!s->there) {
		a->result = SIDE_NONE;
		return 0;
	}
	if (s->st.status == STATUS_EXITED) {
		a->result = SIDE_ENDED;
		a->status = s->st.exit_status;
		add_output(&s->st, a);
	} else {
		a->result = SIDE_RUNNING;
		a->pid = s->st.pid;
	}
	return str_replace(&a->pod, s->name, err);
}

/* A helper that does not like its arguments ends at once. */
static int wait_settled(struct serving *s, struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	struct pollfd p = { .events = POLLIN };

	if (!s->there || s->st.status == STATUS_EXITED)
		return 0;
	p.fd = fd = state_open_process(&s->st, NULL);
	if (fd >= 0 && poll(&p, 1, s->t.settle_ms) == 0)
		return 0;
	/* With a restart its supervisor stays. */
	if (!s->t.restart)
		state_wait_unlocked(&s->st, END_MS, NULL);
	return look(s, err);
}

/* How many of the asker's and this template run. */
static int count(struct serving *s, int *ret, struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	char one[64];
	size_t len;
	int r = side_pod_name(s->asker->name, s->q->template, "", one, err);

	if (r >= 0)
		r = side_pod_list(s->asker->name, &names, err);
	*ret = 0;
	/* Up to the key's digits, of which all names have as many. */
	len = r >= 0 ? (size_t)(strrchr(one, '-') - one) + 1 : 0;
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct state st = STATE_INIT;

		if (strlen(names.v[i]) == strlen(one) &&
		    !strncmp(names.v[i], one, len) &&
		    state_load(&st, names.v[i], NULL) >= 0 &&
		    st.status != STATUS_EXITED)
			++*ret;
		state_clear(&st);
	}
	strv_clear(&names);
	return r;
}

static int need_room(struct serving *s, struct shift_error *err)
{
	int n, r = count(s, &n, err);

	if (r >= 0 && n >= s->t.max)
		return shift_err_set(err, 0, "%d side containers of the template %s run, and it allows no more",
				     n, s->q->template);
	return r;
}

static int check_netns(const struct serving *s, struct shift_error *err)
{
	bool named = s->t.network == SIDE_NETWORK_NAMED;

	if (named == !!s->q->netns)
		return 0;
	return shift_err_set(err, 0, named ?
			     "the template %s needs the name of a network namespace" :
			     "the template %s takes no network namespace",
			     s->q->template);
}

/* Whether what runs, or has run, is what @s asks for. */
static int compare(const struct serving *s, bool *same, struct shift_error *err)
{
	const char *has = spec_annotation(&s->spec, SIDE_ANNOTATION_ARGS) ?: "";
	_cleanup_free_ char *wants = NULL;
	int r = side_args_digest(s->q, &wants, err);

	*same = r >= 0 && !strcmp(has, wants);
	/* A name can have become that of another namespace. */
	if (*same && s->st.status != STATUS_EXITED &&
	    s->t.network != SIDE_NETWORK_NONE)
		*same = !side_agent_other_network(s->asker->name, s->q->netns,
						  s->st.pid);
	return r;
}

static int make_way(struct serving *s, struct shift_error *err)
{
	int r = 0;

	if (s->st.status != STATUS_EXITED)
		r = side_pod_stop(&s->st, &s->spec, err);
	if (r >= 0)
		r = pod_remove(s->name, false, true, err);
	if (r >= 0)
		s->there = false;
	return r;
}

/* What is there afterwards counts, not what was said of it. */
static int start_new(struct serving *s, struct shift_error *err)
{
	_cleanup_error_ struct shift_error why = SHIFT_ERROR_INIT;
	int r = 0, started = -ECONNRESET;

	for (int i = 0; i < TRIES && r >= 0 && !s->there &&
	     started == -ECONNRESET; i++) {
		fault_point("side: to be started");
		started = side_start(s->name, s->asker->name, s->asker->spool,
				     &s->t, s->q, i > 0, &why);
		fault_point("side: started");
		r = look(s, err);
	}
	if (r < 0 || s->there)
		return r;
	shift_err_relay(err, started < 0 ? shift_err_text(&why) :
			"the side container is gone");
	return started < 0 ? started : -EIO;
}

static int start(struct serving *s, struct side_answer *a,
		 struct shift_error *err)
{
	const char *id;
	bool same = false;
	int r;

	if ((r = side_template_match(&s->t, &s->q->args, err)) < 0 ||
	    (r = check_netns(s, err)) < 0 || (r = look(s, err)) < 0 ||
	    (s->there && (r = compare(s, &same, err)) < 0))
		return r;
	id = s->there ? spec_annotation(&s->spec, SIDE_ANNOTATION_ID) ?: "" : "";
	/* It was started already: before a kill, or for an agent that was. */
	if (s->there && (s->st.status == STATUS_EXITED ? !strcmp(id, s->q->id) :
							 same)) {
		r = wait_settled(s, err);
		return r < 0 ? r : say(s, a, err);
	}
	if (s->there && s->st.status != STATUS_EXITED && !s->t.replace) {
		shift_err_set(err, 0, "the side container %s runs with other arguments, or in another network namespace",
			      s->q->key);
		shift_err_hint(err, "stop it first, or the template says \"replace\"");
		return -EINVAL;
	}
	if (s->there && (r = make_way(s, err)) < 0)
		return r;
	if ((r = need_room(s, err)) < 0)
		return r;
	r = start_new(s, err);
	if (r >= 0)
		r = wait_settled(s, err);
	return r < 0 ? r : say(s, a, err);
}

static int send_signal(struct serving *s, struct side_answer *a,
		       struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (s->q->signal > 63 || !(s->t.signals & (1ULL << s->q->signal)))
		return shift_err_set(err, 0, "the template %s does not allow signal %d",
				     s->q->template, s->q->signal);
	if (s->there && s->st.status == STATUS_RUNNING) {
		r = fd = state_open_process(&s->st, err);
		if (r < 0 || sys_pidfd_send_signal(fd, s->q->signal, NULL, 0) < 0)
			return r < 0 ? r : shift_err_set(err, errno, "cannot send signal %d",
							 s->q->signal);
	}
	return say(s, a, err);
}

static int act(struct serving *s, struct side_answer *a,
	       struct shift_error *err)
{
	int r;

	if (s->q->action == SIDE_START)
		return start(s, a, err);
	r = look(s, err);
	if (r < 0)
		return r;
	switch (s->q->action) {
	case SIDE_SIGNAL:
		return send_signal(s, a, err);
	case SIDE_STOP:
		if (s->there && s->st.status != STATUS_EXITED &&
		    ((r = side_pod_stop(&s->st, &s->spec, err)) < 0 ||
		     (r = look(s, err)) < 0))
			return r;
		break;
	case SIDE_REMOVE:
		if (s->there && s->st.status != STATUS_EXITED)
			return shift_err_set(err, 0, "the side container %s runs: stop it first",
					     s->q->key);
		if (s->there && (r = make_way(s, err)) < 0)
			return r;
		break;
	default:
		break;
	}
	return say(s, a, err);
}

/* All that needs no look at a pod. */
static int admit(struct serving *s, struct shift_error *err)
{
	int r = side_template_load(&s->t, s->asker->templates, s->q->template,
				   err);

	if (r < 0)
		return r;
	if (!side_template_allows(&s->t, s->asker->name))
		return shift_err_set(err, 0, "the template %s is not for the pod %s",
				     s->q->template, s->asker->name);
	return side_pod_name(s->asker->name, s->q->template, s->q->key,
			     s->name, err);
}

void side_serve(const struct side_asker *asker, const struct side_request *q,
		struct side_answer *a)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	struct serving s = { .asker = asker, .q = q, .st = STATE_INIT };
	_cleanup_close_ int lock = -1;
	int r;

	memset(a, 0, sizeof(*a));
	snprintf(a->id, sizeof(a->id), "%s", q->id);
	r = admit(&s, &err);
	if (r >= 0)
		r = lock = lock_asker(asker->name, &err);
	if (r >= 0)
		r = act(&s, a, &err);
	if (r < 0) {
		/* EINVAL: a refusal of our own.  ENOENT: of what was named. */
		a->result = r == -EINVAL || r == -ENOENT ? SIDE_REFUSED :
							   SIDE_FAILED;
		str_replace(&a->error, shift_err_text(&err), NULL);
	}
	side_template_clear(&s.t);
	spec_clear(&s.spec);
	state_clear(&s.st);
}
