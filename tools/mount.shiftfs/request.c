// SPDX-License-Identifier: GPL-2.0-or-later
#include "request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool be_verbose;

void set_verbose(bool on)
{
	be_verbose = on;
}

void verbose_line(const char *line)
{
	if (be_verbose)
		fprintf(stderr, PROGRAM ": %s\n", line);
}

void verbose(const char *fmt, ...)
{
	va_list ap;

	if (!be_verbose)
		return;
	fputs(PROGRAM ": ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void warn(const char *fmt, ...)
{
	va_list ap;

	fputs(PROGRAM ": warning: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void request_drop_userns(struct request *req)
{
	free(req->userns_path);
	req->userns_path = NULL;
	if (req->userns_fd >= 0)
		close(req->userns_fd);
	req->userns_fd = -1;
}

void request_clear(struct request *req)
{
	for (size_t i = 0; i < req->n_params; i++) {
		free(req->params[i].name);
		free(req->params[i].value);
	}
	free(req->params);
	req->params = NULL;
	req->n_params = 0;
	request_drop_userns(req);
	if (req->netns_fd >= 0)
		close(req->netns_fd);
	req->netns_fd = -1;
	if (req->target_fd >= 0)
		close(req->target_fd);
	req->target_fd = -1;
}

int request_add_param(struct request *req, const char *name, size_t name_len,
		      const char *value, size_t value_len,
		      struct shift_error *err)
{
	struct param *params;
	struct param *new;

	params = reallocarray(req->params, req->n_params + 1, sizeof(*params));
	if (!params)
		return shift_err_set(err, ENOMEM, "options");
	req->params = params;
	new = &params[req->n_params];

	/* Strip the quotes, as mount(2)'s parsers do: they only protect commas. */
	if (value && value_len >= 2 && value[0] == '"' &&
	    value[value_len - 1] == '"') {
		value++;
		value_len -= 2;
	}
	new->name = strndup(name, name_len);
	new->value = value ? strndup(value, value_len) : NULL;
	if (!new->name || (value && !new->value)) {
		free(new->name);
		free(new->value);
		return shift_err_set(err, ENOMEM, "options");
	}
	req->n_params++;
	return 0;
}
