/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -p: ports of the host that lead to ports of a pod, by pasta(1). */
#ifndef RUNNER_PUBLISH_OPTION_H
#define RUNNER_PUBLISH_OPTION_H

#include <stdbool.h>

#include "error.h"
#include "spec/spec.h"

struct publish {
	bool udp;
	char address[64];	/* of the host, "" : every one */
	unsigned int host, pod;	/* the first ports */
	unsigned int count;
};

/*
 * [ADDRESS:]HOST[-LAST]:POD[-LAST][/tcp|/udp], an IPv6 address in brackets, as
 * docker and podman have it.
 */
int publish_parse(const char *text, struct publish *ret,
		  struct shift_error *err);

/* Adds it to @spec, as text. */
int publish_option(struct spec *spec, const char *text,
		   struct shift_error *err);

#endif
