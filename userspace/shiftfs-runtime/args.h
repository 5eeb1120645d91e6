/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An OCI runtime's command line, as far as it names the bundle and the log. */
#ifndef RUNTIME_ARGS_H
#define RUNTIME_ARGS_H

#include <stdbool.h>

/* Strings of argv, or NULL where it says nothing. */
struct oci_args {
	const char *command;
	const char *log;
	const char *bundle;
	const char *config;	/* crun's --config, relative to the bundle */
	bool log_json;
};

/*
 * Reads @argv by the grammars of crun (getopt's) and runc (Go's: one dash is as good
 * as two).  What neither knows is passed over: the runtime will say that it is wrong.
 */
void oci_args_read(char *const argv[], struct oci_args *ret);

/* create and run, whose mounts may want us. */
bool oci_args_makes_container(const struct oci_args *args);

#endif
