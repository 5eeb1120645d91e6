/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/pathtext.h"
#include "cleanup.h"
#include "setup/inroot.h"
#include "setup/plan.h"
#include "setup/target.h"
#include "spec/volume_options.h"

static enum target_kind kind_of(const struct plan *plan, const struct op *op)
{
	const char *fstype = plan->ops[op->from].fstype;

	if (op->offered)
		return TARGET_OFFERED;
	if (!fstype || strcmp(fstype, "bind"))
		return TARGET_FILESYSTEM;
	return strstr(plan->ops[op->from].options, VOLUME_OF_IMAGE) ?
	       TARGET_OF_IMAGE : TARGET_VOLUME;
}

/* Puts the path without links in the place of what was given. */
static int resolve(struct op *op, struct shift_error *err)
{
	_cleanup_free_ char *clean = NULL, *real = NULL;
	int r = pathtext_clean(op->target, &clean, err);

	if (r < 0)
		return r;
	/* There no link is followed: inroot_target() refuses them. */
	if (inroot_is_kernels(clean))
		return str_replace(&op->target, clean, err);
	r = target_resolve(clean, &real, err);
	if (r < 0)
		return r;
	if (inroot_is_kernels(real) && strncmp(real, "/dev", 4)) {
		shift_err_set(err, 0, "%s leads to %s in the pod", clean, real);
		shift_err_hint(err, "the image has a symbolic link there: nothing is mounted over what the kernel shows");
		return -EINVAL;
	}
	return str_replace(&op->target, real, err);
}

int plan_arrange(struct plan *plan, size_t first, struct shift_error *err)
{
	_cleanup_free_ struct target *targets = NULL;
	_cleanup_free_ struct op *sorted = NULL;
	size_t n = 0, kept = 0, at = 0;
	int r = 0;

	while (first + n < plan->n && plan->ops[first + n].type == OP_ATTACH)
		n++;
	targets = calloc(n + 1, sizeof(*targets));
	sorted = calloc(n + 1, sizeof(*sorted));
	if (!targets || !sorted)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (size_t i = 0; i < n; i++) {
		struct op *op = &plan->ops[first + i];

		r = resolve(op, err);
		/* What is only offered is not worth a start. */
		op->dropped = r < 0 && op->offered;
		if (op->dropped) {
			shift_err_clear(err);
			continue;
		}
		if (r < 0)
			return shift_err_prefix(err, "in the pod");
		targets[kept++] = (struct target){ op->target,
						   kind_of(plan, op), i };
		op->dropped = true;
	}
	r = targets_arrange(targets, &kept, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < kept; i++) {
		struct op *op = &plan->ops[first + targets[i].what];

		op->dropped = false;
		sorted[at++] = *op;
	}
	/* The rest behind, so that each still belongs to the plan. */
	for (size_t i = 0; i < n; i++)
		if (plan->ops[first + i].dropped)
			sorted[at++] = plan->ops[first + i];
	memcpy(&plan->ops[first], sorted, n * sizeof(*sorted));
	return 0;
}
