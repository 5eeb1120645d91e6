/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/hosts, /etc/hostname and /etc/resolv.conf of a pod in the description;
 * setup/etcfiles.h makes them.  A volume at the same place is more wanted.
 */
#ifndef RUNNER_ETC_OPTION_H
#define RUNNER_ETC_OPTION_H

#include <stdbool.h>

#include "error.h"
#include "spec/spec.h"

enum etc_file { ETC_HOSTS, ETC_HOSTNAME, ETC_RESOLV, ETC_N };
extern const char *const etc_names[ETC_N];

/* Annotation runner.etc.host.NAME=ADDRESS: a line of hosts. */
#define ETC_HOST "runner.etc.host."
/* Addresses of nameservers, separated by spaces. */
#define ETC_DNS "runner.etc.dns"

/*
 * Whether the pod is offered @file.  resolv.conf is the host's, for a pod with
 * the network of the host or one that the host has set up (--net host, ns:), or
 * made of nameservers that are given.
 */
bool etc_wanted(const struct spec *spec, enum etc_file file);

/* NAME:ADDRESS, as of --add-host. */
int etc_add_host(struct spec *spec, const char *text, struct shift_error *err);

/* An address, as of --dns. */
int etc_add_dns(struct spec *spec, const char *text, struct shift_error *err);

/* The pod has the image's @file, as of --no-hosts. */
int etc_keep_image(struct spec *spec, enum etc_file file,
		   struct shift_error *err);

#endif
