// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A runtime that says what it was given.  Into the directory $FAKE_OUT: argv (each with a
 * NUL), fds (those that are open), mountinfo, config (the bundle's, as this process finds
 * it at $FAKE_CONFIG), signals (the lines of /proc/self/status on them), environ.  Then it
 * reads $FAKE_READ, if that is set, and writes it to "read"; exits with $FAKE_STATUS, or
 * waits for a signal if that is "wait".
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *out(const char *name)
{
	const char *dir = getenv("FAKE_OUT");
	char path[512];
	FILE *f;

	if (!dir)
		exit(99);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f)
		exit(99);
	return f;
}

static void copy(const char *from, const char *name)
{
	FILE *f = from ? fopen(from, "re") : NULL, *to;
	int c;

	if (!f)
		return;
	to = out(name);
	while ((c = getc(f)) != EOF)
		putc(c, to);
	fclose(to);
	fclose(f);
}

static void list_fds(void)
{
	FILE *to = out("fds");
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d) &&
		    atoi(e->d_name) != fileno(to))
			fprintf(to, "%s\n", e->d_name);
	fclose(to);
	if (d)
		closedir(d);
}

int main(int argc, char *argv[])
{
	const char *status = getenv("FAKE_STATUS");
	FILE *f;

	list_fds();
	f = out("argv");
	for (int i = 0; i < argc; i++)
		fwrite(argv[i], 1, strlen(argv[i]) + 1, f);
	fclose(f);
	copy("/proc/self/mountinfo", "mountinfo");
	copy("/proc/self/status", "signals");
	copy("/proc/self/environ", "environ");
	copy(getenv("FAKE_CONFIG"), "config");
	copy(getenv("FAKE_READ"), "read");
	f = out("done");
	fprintf(f, "%d\n", (int)getpid());
	fclose(f);
	if (status && !strcmp(status, "wait"))
		for (;;)
			pause();
	return status ? atoi(status) : 0;
}
