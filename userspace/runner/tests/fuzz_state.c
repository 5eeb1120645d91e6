/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer on state.json, in a /run/runner of its own. */
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/util.h"
#include "pod/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct state made = STATE_INIT;

static void must(bool good, const char *what)
{
	if (!good) {
		perror(what);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state st = STATE_INIT;
	char path[256], *text = NULL;
	int fd;

	if (!made.dir) {
		must(!unshare(CLONE_NEWNS) &&
		     !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
		     mkdir_parents("/run/runner", 0700, NULL) >= 0 &&
		     !mount("run", "/run/runner", "tmpfs", 0, "mode=0700"), "/run/runner");
		must(state_create(&made, "fuzz", NULL) >= 0, "state_create");
	}
	snprintf(path, sizeof(path), "%s/state.json", made.dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size, path);
	close(fd);
	if (state_load(&st, "fuzz", NULL) >= 0 && state_to_json(&st, &text, NULL) >= 0)
		must(text && *text == '{', "state_to_json");
	free(text);
	state_clear(&st);
	return 0;
}
