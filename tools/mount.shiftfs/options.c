// SPDX-License-Identifier: GPL-2.0-or-later
#include "options.h"

#include <errno.h>
#include <libmount/libmount.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "cleanup.h"
#include "fscontext.h"

static const struct option_handler *const table[] = {
	&option_backend,
	&option_idmap,
	&option_userns,
	&option_netns,
	&option_recursive,
	/* after it: rshared and the like are for what it mounts as well */
	&option_propagation,
};

#define N_TABLE (sizeof(table) / sizeof(table[0]))

static const struct option_handler *find(const char *name)
{
	for (size_t i = 0; i < N_TABLE; i++)
		for (const char *const *n = table[i]->names; *n; n++)
			if (!strcmp(*n, name))
				return table[i];
	return NULL;
}

static int bad_string(const char *optstr, struct shift_error *err)
{
	return shift_err_set(err, 0, "cannot split the options \"%s\"", optstr);
}

/* libmount silently drops the rest of a string after an unclosed quote. */
static bool is_quoted_well(const char *optstr)
{
	bool open = false;

	for (; *optstr; optstr++)
		if (*optstr == '"')
			open = !open;
	return !open;
}

int options_parse(struct request *req, const char *optstr, char **ret_rest,
		  struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(optstr);
	_cleanup_free_ char *rest = strdup("");
	size_t name_len, value_len;
	char *p = copy, *name, *value;
	int r;

	if (!copy || !rest)
		return shift_err_set(err, ENOMEM, "options");
	if (!is_quoted_well(optstr))
		return shift_err_set(err, 0, "a quote is not closed in the options %s",
				     optstr);

	while (!(r = mnt_optstr_next_option(&p, &name, &name_len, &value,
					    &value_len))) {
		_cleanup_free_ char *n = strndup(name, name_len);
		_cleanup_free_ char *v = value ? strndup(value, value_len) : NULL;
		const struct option_handler *handler;

		if (!n || (value && !v))
			return shift_err_set(err, ENOMEM, "options");
		handler = find(n);
		if (!handler) {
			if (mnt_optstr_append_option(&rest, n, v))
				return shift_err_set(err, ENOMEM, "options");
			continue;
		}
		if (v && value_len >= 2 && v[0] == '"' && v[value_len - 1] == '"') {
			v[value_len - 1] = '\0';
			memmove(v, v + 1, value_len - 1);
		}
		r = handler->parse(req, n, v, err);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return bad_string(optstr, err);
	r = idmap_check(req, err);
	if (r < 0)
		return r;
	*ret_rest = steal_ptr(&rest);
	return 0;
}

int options_to_params(struct request *req, const char *optstr,
		      struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(optstr);
	size_t name_len, value_len;
	char *p = copy, *name, *value;
	int r;

	if (!copy)
		return shift_err_set(err, ENOMEM, "options");
	while (!(r = mnt_optstr_next_option(&p, &name, &name_len, &value,
					    &value_len))) {
		r = request_add_param(req, name, name_len, value, value_len,
				      err);
		if (r < 0)
			return r;
		verbose("for the kernel: %.*s",
			(int)(value ? value + value_len - name : (ptrdiff_t)name_len),
			name);
	}
	return r < 0 ? bad_string(optstr, err) : 0;
}

/* The kernel's own words for a parameter which a filesystem does not know. */
static bool is_unknown(int r, const struct shift_error *err)
{
	return r == -EINVAL && strstr(shift_err_text(err), "Unknown parameter");
}

static int send_params(const struct request *req, int fsfd,
		       struct shift_error *err)
{
	for (size_t i = 0; i < req->n_params; i++) {
		const struct param *p = &req->params[i];
		int r;

		if (p->value)
			r = shift_fsctx_string(fsfd, p->name, p->value, err);
		else
			r = shift_fsctx_flag(fsfd, p->name, err);
		if (r >= 0)
			continue;
		if (!is_unknown(r, err)) {
			advice_values(p->name, err);
			return r;
		}
		if (!req->sloppy) {
			advice_values(p->name, err);
			shift_err_hint(err, "see mount.shiftfs(8) for the options; with -s unknown ones are passed over");
			return r;
		}
		warn("%s", shift_err_text(err));
		shift_err_clear(err);
	}
	return 0;
}

int options_configure(const struct request *req, int fsfd,
		      struct shift_error *err)
{
	for (size_t i = 0; i < N_TABLE; i++) {
		int r = table[i]->configure ?
			table[i]->configure(req, fsfd, err) : 0;

		if (r < 0)
			return r;
	}
	return send_params(req, fsfd, err);
}

int options_attached(const struct request *req, int mntfd,
		     struct shift_error *err)
{
	for (size_t i = 0; i < N_TABLE; i++) {
		int r = table[i]->attached ?
			table[i]->attached(req, mntfd, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}
