/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.json: the members of struct state, as text and back. */
#include "pod/state.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/procid.h"
#include "base/util.h"
#include "pod/pod.h"

static const char *const status_names[] = {
	"creating", "created", "running", "exited",
	/* No word of the OCI's, as exited; a runner that lacks it reads "creating". */
	"restarting",
};

const char *state_status_name(enum status status)
{
	return status_names[status];
}

static void add_time(struct json_object *o, const char *key, int64_t t)
{
	char text[64];
	time_t secs = (time_t)t;
	struct tm tm;

	if (!t || !gmtime_r(&secs, &tm))
		return;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_object_add(o, key, json_object_new_string(text));
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
	if (text)
		json_object_object_add(o, key, json_object_new_string(text));
}

static void add_number(struct json_object *o, const char *key, int64_t n)
{
	json_object_object_add(o, key, json_object_new_int64(n));
}

static struct json_object *to_json(const struct state *st)
{
	struct json_object *o = json_object_new_object();

	/* The first ones are the state of the OCI runtime specification. */
	add_text(o, "ociVersion", "1.0.2");
	add_text(o, "id", st->name);
	add_text(o, "status", status_names[st->status]);
	if (st->pid) {
		add_number(o, "pid", st->pid);
		add_number(o, "pidStarted", (int64_t)st->pid_started);
	}
	add_text(o, "bundle", st->dir);
	add_text(o, "bootId", procid_boot());
	if (st->monitor) {
		add_number(o, "monitor", st->monitor);
		add_number(o, "monitorStarted", (int64_t)st->monitor_started);
	}
	if (st->status == STATUS_EXITED || st->status == STATUS_RESTARTING) {
		add_number(o, "exitStatus", st->exit_status);
		json_object_object_add(o, "oomKilled",
				       json_object_new_boolean(st->oom));
	}
	json_object_object_add(o, "ephemeral",
			       json_object_new_boolean(st->ephemeral));
	json_object_object_add(o, "detached",
			       json_object_new_boolean(st->detached));
	json_object_object_add(o, "interactive",
			       json_object_new_boolean(st->interactive));
	add_time(o, "created", st->created);
	add_time(o, "started", st->started);
	add_time(o, "finished", st->finished);
	add_number(o, "createdUnix", st->created);
	add_number(o, "startedUnix", st->started);
	add_number(o, "finishedUnix", st->finished);
	add_number(o, "hostBase", st->base);
	add_number(o, "restarts", st->restarts);
	add_number(o, "devfs", (int64_t)st->dev);
	add_text(o, "cgroup", st->cgroup);
	add_text(o, "image", st->image);
	add_text(o, "command", st->command);
	return o;
}

int state_to_json(const struct state *st, char **ret, struct shift_error *err)
{
	struct json_object *o = to_json(st);
	int r = str_replace(ret, json_object_to_json_string_ext(o,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE), err);

	json_object_put(o);
	return r;
}

static int64_t number(struct json_object *o, const char *key)
{
	return json_object_get_int64(json_object_object_get(o, key));
}

/*
 * Written before the host was booted: no process of then is there, whatever has
 * its number and the same time since the boot.  A state without a boot is of a
 * runner that did not write it, and of this one.
 */
static void forget_processes(struct state *st, struct json_object *o)
{
	const char *boot = json_object_get_string(
		json_object_object_get(o, "bootId"));

	st->stale = boot && *boot && *procid_boot() &&
		    strcmp(boot, procid_boot());
	if (!st->stale)
		return;
	st->pid = st->monitor = 0;
	st->pid_started = st->monitor_started = st->dev = 0;
	free(st->cgroup);
	st->cgroup = NULL;
	if (st->status == STATUS_EXITED)
		return;
	/* It ended with the host, if it was started. */
	if (st->status == STATUS_RUNNING) {
		st->exit_status = POD_STATUS_SIGNAL + 9;
		st->finished = procid_booted();
	}
	st->status = STATUS_EXITED;
}

static int from_json(struct state *st, struct json_object *o,
		     struct shift_error *err)
{
	const char *status = json_object_get_string(
		json_object_object_get(o, "status")) ?: "";
	int r;

	st->status = STATUS_CREATING;
	for (int i = 0; i <= STATUS_RESTARTING; i++)
		if (!strcmp(status, status_names[i]))
			st->status = (enum status)i;
	st->pid = (pid_t)number(o, "pid");
	st->pid_started = (uint64_t)number(o, "pidStarted");
	st->monitor = (pid_t)number(o, "monitor");
	st->monitor_started = (uint64_t)number(o, "monitorStarted");
	st->exit_status = (int)number(o, "exitStatus");
	st->oom = json_object_get_boolean(
		json_object_object_get(o, "oomKilled"));
	st->ephemeral = json_object_get_boolean(
		json_object_object_get(o, "ephemeral"));
	st->detached = json_object_get_boolean(
		json_object_object_get(o, "detached"));
	st->interactive = json_object_get_boolean(
		json_object_object_get(o, "interactive"));
	st->created = number(o, "createdUnix");
	st->started = number(o, "startedUnix");
	st->finished = number(o, "finishedUnix");
	st->base = (uint32_t)number(o, "hostBase");
	st->restarts = (unsigned int)number(o, "restarts");
	st->dev = (uint64_t)number(o, "devfs");
	r = str_replace(&st->cgroup, json_object_get_string(
			json_object_object_get(o, "cgroup")), err);
	if (r >= 0)
		r = str_replace(&st->image, json_object_get_string(
				json_object_object_get(o, "image")), err);
	if (r >= 0)
		r = str_replace(&st->command, json_object_get_string(
				json_object_object_get(o, "command")), err);
	if (r >= 0)
		forget_processes(st, o);
	return r;
}

int state_from_json(struct state *st, const char *text, struct shift_error *err)
{
	struct json_object *o = json_tokener_parse(text);
	int r = from_json(st, o, err);

	json_object_put(o);
	return r;
}
