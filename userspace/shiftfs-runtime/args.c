// SPDX-License-Identifier: GPL-2.0-or-later
#include "args.h"

#include <stddef.h>
#include <string.h>

/* Options that take a value, which may be the next word. */
static const char *const global_options[] = {
	"log", "log-format", "log-level", "root", "criu", "rootless",
	"cgroup-manager", NULL,
};

static const char *const create_options[] = {
	"bundle", "b", "config", "f", "console-socket", "pid-file",
	"pidfd-socket", "preserve-fds", NULL,
};

/* Options without one: whatever else begins with a dash may have one. */
static const char *const plain_options[] = {
	"no-pivot", "no-new-keyring", "no-subreaper", "no-mount-fallback", "detach",
	"d", "keep", "debug", "systemd-cgroup", "help", "h", "version", "v", NULL,
};

struct word {
	const char *name;	/* without its dashes */
	size_t len;
	const char *value;	/* behind '=', or NULL */
};

static bool is_one_of(const struct word *word, const char *const *names)
{
	for (; *names; names++)
		if (strlen(*names) == word->len && !strncmp(*names, word->name, word->len))
			return true;
	return false;
}

static bool is(const struct word *word, const char *name)
{
	return strlen(name) == word->len && !strncmp(name, word->name, word->len);
}

static bool split(const char *text, struct word *ret)
{
	if (text[0] != '-' || !text[1])
		return false;
	ret->name = text + 1 + (text[1] == '-');
	ret->len = strcspn(ret->name, "=");
	ret->value = ret->name[ret->len] ? ret->name + ret->len + 1 : NULL;
	/* getopt's -bDIR and -fFILE, but Go's -bundle */
	if (text[1] != '-' && (text[1] == 'b' || text[1] == 'f') && ret->len > 1 &&
	    !is(ret, "bundle")) {
		ret->value = text + 2;
		ret->len = 1;
	}
	return true;
}

/* What @word means, with @value, which may be NULL at the end of the line. */
static void take(const struct word *word, const char *value, struct oci_args *ret)
{
	if (is(word, "log"))
		ret->log = value;
	else if (is(word, "log-format"))
		ret->log_json = value && !strcmp(value, "json");
	else if (is(word, "bundle") || is(word, "b"))
		ret->bundle = value;
	else if (is(word, "config") || is(word, "f"))
		ret->config = value;
}

/*
 * Options up to the first word that is none; returns where that is.  @id: the container's
 * id has to follow, so an option that is not known is taken to have the next word as its
 * value if that is not the last.
 */
static char *const *options(char *const *at, const char *const *valued, bool id,
			    struct oci_args *ret)
{
	struct word word;

	for (; *at && split(*at, &word); at++) {
		if (!strcmp(*at, "--"))
			return at + 1;
		if (is_one_of(&word, valued)) {
			if (!word.value && at[1])
				word.value = *++at;
			take(&word, word.value, ret);
		} else if (!word.value && !is_one_of(&word, plain_options) && id &&
			   at[1] && at[1][0] != '-' && at[2]) {
			at++;
		}
	}
	return at;
}

void oci_args_read(char *const argv[], struct oci_args *ret)
{
	struct oci_args args = { NULL };
	char *const *at = argv[0] ? argv + 1 : argv;

	at = options(at, global_options, false, &args);
	args.command = *at;
	if (oci_args_makes_container(&args))
		options(at + 1, create_options, true, &args);
	*ret = args;
}

bool oci_args_makes_container(const struct oci_args *args)
{
	return args->command &&
	       (!strcmp(args->command, "create") || !strcmp(args->command, "run"));
}
