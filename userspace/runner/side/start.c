/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "side/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask/spool.h"
#include "base/digest.h"
#include "base/fault.h"
#include "base/fds.h"
#include "base/procid.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "cleanup.h"
#include "pod/launch.h"
#include "pod/written.h"
#include "side/agent.h"
#include "spec/etc_option.h"
#include "spec/seccomp.h"
#include "spec/security_option.h"
#include "spec/volume_add.h"
#include "syscalls.h"

/* For how long a start may take, in milliseconds; what takes longer is ended. */
#define START_MS 60000

/* Processes and threads, where the template says nothing. */
#define PIDS_LIMIT 256

/* What of struct held's keep is which. */
enum { KEEP_ALIVE, KEEP_USER, KEEP_NET };

int side_args_digest(const struct side_request *q, char **ret,
		     struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	char hex[DIGEST_HEX + 1];
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	int r;

	if (!to)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	/* A NUL ends each: no two lists give one text. */
	fprintf(to, "%s%c", q->netns ?: "", 0);
	for (size_t i = 0; i < q->args.n; i++)
		fprintf(to, "%s%c", q->args.v[i], 0);
	if (fclose(to))
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r = digest_buf(text, size, hex, err);
	return r < 0 ? r : str_replace(ret, hex, err);
}

static int join(struct held *h, int keep, int which, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = strf(&path, err, "/proc/self/fd/%d", h->keep[keep]);

	h->spec.linux_.namespaces |= 1u << which;
	return r < 0 ? r : str_replace(&h->spec.linux_.namespace_paths[which],
				       path, err);
}

static int join_agent(struct held *h, const char *asker,
		      const struct side_template *t,
		      const struct side_request *q, struct shift_error *err)
{
	struct side_agent agent = SIDE_AGENT_INIT;
	int r = 0;

	if (t->userns_agent || t->network != SIDE_NETWORK_NONE)
		r = side_agent_open(&agent, asker, err);
	if (r >= 0 && t->network != SIDE_NETWORK_NONE) {
		r = h->keep[KEEP_NET] = side_agent_network(
			&agent, t->network == SIDE_NETWORK_NAMED ? q->netns :
			NULL, err);
		if (r >= 0)
			r = join(h, KEEP_NET, 5, err);
		/* The host's nameservers are not in that network. */
		if (r >= 0)
			r = etc_keep_image(&h->spec, ETC_RESOLV, err);
	}
	if (r >= 0 && t->userns_agent) {
		h->keep[KEEP_USER] = fcntl(agent.user_fd, F_DUPFD_CLOEXEC, 3);
		r = h->keep[KEEP_USER] < 0 ?
			shift_err_set(err, errno, "cannot open the user namespace") :
			join(h, KEEP_USER, 0, err);
		h->spec.linux_.host_base = agent.base;
		h->spec.linux_.map_size = agent.size;
	}
	side_agent_clear(&agent);
	return r;
}

static int each(const struct strv *list,
		int (*add)(struct spec *spec, const char *text,
			   struct shift_error *err),
		struct spec *spec, const char *what, struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < list->n; i++)
		if ((r = add(spec, list->v[i], err)) < 0)
			shift_err_prefix(err, "%s", what);
	return r;
}

static int add_env(struct spec *spec, const char *text,
		   struct shift_error *err)
{
	return strchr(text, '=') ? strv_setenv(&spec->process.env, text, err) :
		shift_err_set(err, 0, "'%s' is not NAME=VALUE", text);
}

static int add_cap(struct spec *spec, const char *text,
		   struct shift_error *err)
{
	return security_change_caps(&spec->process.capabilities, text, true,
				    err);
}

static int drop_cap(struct spec *spec, const char *text,
		    struct shift_error *err)
{
	return security_change_caps(&spec->process.capabilities, text, false,
				    err);
}

static int annotate(struct spec *spec, const char *asker,
		    const struct side_template *t,
		    const struct side_request *q, struct shift_error *err)
{
	_cleanup_free_ char *digest = NULL;
	const struct { const char *key, *value; } texts[] = {
		{ SIDE_ANNOTATION_ASKER, asker },
		{ SIDE_ANNOTATION_TEMPLATE, t->name },
		{ SIDE_ANNOTATION_KEY, q->key },
		{ SIDE_ANNOTATION_ID, q->id },
		{ SIDE_ANNOTATION_NETNS, q->netns ?: "" },
		{ SPEC_ANNOTATION_IMAGE, t->image },
		{ SPEC_ANNOTATION_RESTART, t->restart },
	};
	const struct { const char *key; long long value; } numbers[] = {
		{ SIDE_ANNOTATION_STOP, t->stop_seconds },
		{ SIDE_ANNOTATION_ORPHAN, t->orphan_seconds },
		{ SPEC_ANNOTATION_LOG_SIZE, t->log_size },
		{ SPEC_ANNOTATION_STOP_TIMEOUT, t->stop_seconds },
	};
	int r = side_args_digest(q, &digest, err);

	if (r >= 0)
		r = spec_annotate(spec, err, SIDE_ANNOTATION_ARGS, "%s", digest);
	for (size_t i = 0; r >= 0 && i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].value)
			r = spec_annotate(spec, err, texts[i].key, "%s",
					  texts[i].value);
	for (size_t i = 0; r >= 0 && i < sizeof(numbers) / sizeof(*numbers); i++)
		r = spec_annotate(spec, err, numbers[i].key, "%lld",
				  numbers[i].value);
	return r;
}

static int describe(struct held *h, const char *name, const char *asker,
		    const struct side_template *t,
		    const struct side_request *q, struct shift_error *err)
{
	struct spec *spec = &h->spec;
	struct strv command = { NULL, 0 };
	int r;

	if ((r = spec_init(spec, err)) >= 0 &&
	    (r = image_open(&h->image, t->image, err)) >= 0 &&
	    (r = side_template_command(t, &q->args, &command, err)) >= 0)
		r = image_apply(&h->image, command.v, spec, err);
	strv_clear(&command);
	spec->root.readonly = t->read_only;
	spec->linux_.resources.memory_limit = t->memory;
	/* Where the template says nothing a host without it is good enough. */
	if (t->pids || cgroup_can_limit("pids"))
		spec->linux_.resources.pids_limit = t->pids ?: PIDS_LIMIT;
	if (t->cpus > 0) {
		spec->linux_.resources.cpu_period = 100000;
		spec->linux_.resources.cpu_quota = (int64_t)(t->cpus * 100000);
	}
	if (r < 0 || (t->user &&
		      (r = str_replace(&spec->process.user, t->user, err)) < 0) ||
	    (r = each(&t->cap_drop, drop_cap, spec, "cap_drop", err)) < 0 ||
	    (r = each(&t->cap_add, add_cap, spec, "cap_add", err)) < 0 ||
	    (r = each(&t->env, add_env, spec, "env", err)) < 0 ||
	    (r = each(&t->volumes, volume_add, spec, "volumes", err)) < 0 ||
	    (r = each(&t->tmpfs, volume_add_tmpfs, spec, "tmpfs", err)) < 0 ||
	    (r = str_replace(&spec->hostname, name, err)) < 0 ||
	    (r = annotate(spec, asker, t, q, err)) < 0 ||
	    /* What it allows depends on the capabilities. */
	    (r = seccomp_apply(spec, NULL, err)) < 0 ||
	    (r = written_find_volumes(spec, err)) < 0)
		return -EIO;	/* the template's fault, not the asker's */
	return join_agent(h, asker, t, q, err);
}

static int start(const char *name, const char *asker, int spool,
		 const struct side_template *t, const struct side_request *q,
		 struct shift_error *err)
{
	struct lease_request range = { .mode = LEASE_AUTO };
	struct held h = HELD_INIT;
	char alive[128];
	int r, status;

	spool_name(alive, name, SPOOL_ALIVE);
	if ((r = describe(&h, name, asker, t, q, err)) < 0 ||
	    (r = poddir_prepare(err)) < 0 ||
	    (r = poddir_sweep_if_due(err)) < 0 ||
	    (r = image_prepare(&h.image, &h.spec, err)) < 0 ||
	    (r = state_create(&h.state, name, err)) < 0)
		return r;
	/* Only now: the one of a pod that is up is its own. */
	if (spool >= 0)
		r = h.keep[KEEP_ALIVE] = spool_alive(spool, alive, err);
	if (r < 0) {
		shift_err_prefix(err, "%s", alive);
		h.state.ephemeral = true;
		state_finish(&h.state, NULL);
		return r;
	}
	fault_point("side container is begun");
	status = launch_go(&h, &range, true, true, err);
	if (!status)
		return 0;
	/* Its number is one of POD_STATUS_*; the text says the same. */
	return err->status == ECONNRESET ? -ECONNRESET : -EIO;
}

static void __attribute__((noreturn)) child(int to, const char *name,
					    const char *asker, int spool,
					    const struct side_template *t,
					    const struct side_request *q,
					    bool again)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct report report = { .type = REPORT_FAILED };
	const int keep[] = { to, spool };
	int r = fds_close_but(keep, sizeof(keep) / sizeof(*keep));

	/* A test that kills it at a step wants to see the next try. */
	if (again)
		fault_resume(1 << 20);
	/* Without a reader nobody ends what hangs. */
	alarm(2 * START_MS / 1000);
	r = r < 0 ? shift_err_set(&err, -r, "cannot close descriptors") :
		    start(name, asker, spool, t, q, &err);
	if (r < 0)
		report_failure(to, &report, r, &err);
	report.type = REPORT_READY;
	report_send(to, &report, -1);
	_exit(0);
}

/* What a start that took too long left: its monitor, and with it the pod. */
static void give_up(const char *name)
{
	_cleanup_close_ int fd = -1;
	struct state st = STATE_INIT;

	if (state_load(&st, name, NULL) >= 0 && st.status != STATUS_RUNNING)
		fd = procid_open(st.monitor, st.monitor_started, NULL);
	if (fd >= 0)
		sys_pidfd_send_signal(fd, SIGKILL, NULL, 0);
	state_clear(&st);
}

static int hear(int from, pid_t pid, const char *name, struct shift_error *err)
{
	struct pollfd p = { .fd = from, .events = POLLIN };
	int64_t end = util_now_ms() + START_MS, left;
	struct report report;
	int r = 0;

	while ((left = end - util_now_ms()) > 0 && !r)
		r = poll(&p, 1, (int)left) > 0;
	if (!r) {
		kill(pid, SIGKILL);
		give_up(name);
		return shift_err_set(err, ETIMEDOUT, "the start has taken %d seconds, and is ended",
				     START_MS / 1000);
	}
	r = report_receive(from, &report, NULL);
	if (r < 0 || report.type == REPORT_NONE) {
		shift_err_set(err, 0, "what starts it was killed");
		return -ECONNRESET;
	}
	if (report.type == REPORT_READY)
		return 0;
	shift_err_relay(err, report.text);
	return report.error ? -report.error : -EIO;
}

int side_start(const char *name, const char *asker, int spool,
	       const struct side_template *t, const struct side_request *q,
	       bool again, struct shift_error *err)
{
	int sock, r;
	pid_t pid = report_fork(&sock, err);

	if (pid < 0)
		return (int)pid;
	if (!pid)
		child(sock, name, asker, spool, t, q, again);
	r = hear(sock, pid, name, err);
	close(sock);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}
