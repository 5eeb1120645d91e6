/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pod's cgroup as a transient scope of the host's systemd. */
#include "cgroup/scope_so.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define DESTINATION "org.freedesktop.systemd1"
#define PATH "/org/freedesktop/systemd1"
#define INTERFACE DESTINATION ".Manager"
#define WAIT_USEC 25000000ULL

struct job {
	char *path;
	char result[32];
};

static int on_removed(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct job *job = data;
	const char *path, *result;
	uint32_t id;

	(void)error;
	if (sd_bus_message_read(m, "uoss", &id, &path, NULL, &result) >= 0 &&
	    job->path && !strcmp(path, job->path))
		snprintf(job->result, sizeof(job->result), "%s", result);
	return 0;
}

/* The scope goes with its last process: systemd collects it. */
static int ask(sd_bus *bus, const char *unit, const char *name, pid_t pid,
	       struct job *job, sd_bus_error *error)
{
	sd_bus_message *m = NULL, *reply = NULL;
	const char *path;
	int r;

	r = sd_bus_message_new_method_call(bus, &m, DESTINATION, PATH,
					   INTERFACE, "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)",
			"Description", "s", name,
			"Slice", "s", "machine.slice",
			"Delegate", "b", 1,
			"CollectMode", "s", "inactive-or-failed",
			"PIDs", "au", 1, (uint32_t)pid);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd_bus_call(bus, m, WAIT_USEC, error, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r >= 0 && !(job->path = strdup(path)))
		r = -ENOMEM;
	sd_bus_message_unref(m);
	sd_bus_message_unref(reply);
	return r;
}

/* A bus on which the end of @job is heard, from before it is known by its path. */
static int listen_for(struct job *job, sd_bus **bus)
{
	int r = sd_bus_open_system(bus);

	return r < 0 ? r : sd_bus_match_signal(*bus, NULL, DESTINATION, PATH,
					       INTERFACE, "JobRemoved",
					       on_removed, job);
}

static int wait_job(sd_bus *bus, struct job *job)
{
	time_t end = time(NULL) + WAIT_USEC / 1000000;
	int r;

	while (!*job->result) {
		r = sd_bus_process(bus, NULL);
		if (r < 0)
			return r;
		if (time(NULL) > end)
			return -ETIMEDOUT;
		if (!r && (r = sd_bus_wait(bus, 1000000)) < 0)
			return r;
	}
	return strcmp(job->result, "done") ? -EIO : 0;
}

int part_stop_scope(const char *unit, struct shift_error *err)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	struct job job = { NULL, "" };
	const char *where;
	sd_bus *bus = NULL;
	int r;

	r = listen_for(&job, &bus);
	if (r >= 0)
		r = sd_bus_call_method(bus, DESTINATION, PATH, INTERFACE,
				       "StopUnit", &error, &reply, "ss", unit,
				       "replace");
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &where);
	if (r >= 0 && !(job.path = strdup(where)))
		r = -ENOMEM;
	if (r >= 0)
		r = wait_job(bus, &job);
	/* It may have ended by itself: its last process was killed. */
	if (r < 0 && sd_bus_error_has_name(&error, DESTINATION ".NoSuchUnit"))
		r = 0;
	if (r < 0)
		shift_err_set(err, -r, "systemd does not stop the scope %s%s%s",
			      unit, error.message ? ": " : "",
			      error.message ?: job.result);
	sd_bus_error_free(&error);
	sd_bus_message_unref(reply);
	sd_bus_flush_close_unref(bus);
	free(job.path);
	return r;
}

int part_create_scope(const char *unit, const char *about, pid_t pid,
		      struct shift_error *err)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct job job = { NULL, "" };
	sd_bus *bus = NULL;
	int r;

	r = listen_for(&job, &bus);
	if (r >= 0)
		r = ask(bus, unit, about, pid, &job, &error);
	if (r >= 0)
		r = wait_job(bus, &job);
	if (r < 0) {
		shift_err_set(err, -r, "systemd does not make the scope %s%s%s",
			      unit, error.message ? ": " : "",
			      error.message ?: job.result);
		shift_err_hint(err, "see systemctl status %s, or give --cgroup-path to do without systemd",
			       unit);
	}
	sd_bus_error_free(&error);
	sd_bus_flush_close_unref(bus);
	free(job.path);
	return r < 0 ? r : 0;
}
