// SPDX-License-Identifier: GPL-2.0-or-later
/* The argument forms of the engines, as they call a runtime. */
#include "args.h"

#include "tap.h"

static const struct {
	const char *words;	/* behind the program's name, separated by blanks */
	const char *command, *bundle, *log;
	bool json;
	const char *config;
} forms[] = {
	/* containerd's shim */
	{ "--root /run/containerd/runc/k8s.io --log /b/log.json --log-format json --systemd-cgroup create --bundle /b --pid-file /b/init.pid ID",
	  "create", "/b", "/b/log.json", true, NULL },
	{ "--root /r --log /b/log.json --log-format json create --bundle /b --pid-file /b/p --console-socket /tmp/s --no-pivot --no-new-keyring --preserve-fds 3 ID",
	  "create", "/b", "/b/log.json", true, NULL },
	{ "--root /r --log /b/log.json --log-format json start ID", "start", NULL, "/b/log.json", true, NULL },
	{ "--root /r --log /b/l --log-format json delete --force ID", "delete", NULL, "/b/l", true, NULL },
	{ "--root /r --log /b/l --log-format json exec --process /tmp/p --detach --pid-file /b/p ID", "exec", NULL, "/b/l", true, NULL },
	{ "--root /r --log /b/l --log-format json kill --all ID 9", "kill", NULL, "/b/l", true, NULL },
	{ "--root /r --log /b/l --log-format json create --pidfd-socket /s --bundle /b ID", "create", "/b", "/b/l", true, NULL },
	/* CRI-O by conmon */
	{ "--root=/run/crun --systemd-cgroup create --bundle /b --pid-file /b/pidfile ID", "create", "/b", NULL, false, NULL },
	{ "--root /run/runc state ID", "state", NULL, NULL, false, NULL },
	/* podman by conmon */
	{ "--log-format=json --log=/b/oci-log create --bundle /b --pid-file /b/pidfile --console-socket /s ID", "create", "/b", "/b/oci-log", true, NULL },
	{ "--cgroup-manager disabled --log-format=json --log /l create --bundle /b ID", "create", "/b", "/l", true, NULL },
	{ "--cgroup-manager=systemd --rootless true --log-level debug create -b /b ID", "create", "/b", NULL, false, NULL },
	{ "--version", NULL, NULL, NULL, false, NULL },
	{ "features", "features", NULL, NULL, false, NULL },
	/* by hand, buildah, buildkit */
	{ "run ID", "run", NULL, NULL, false, NULL },
	{ "run -b /b -f /b/other.json ID", "run", "/b", NULL, false, "/b/other.json" },
	{ "run --bundle=/b --config=c.json -d ID", "run", "/b", NULL, false, "c.json" },
	{ "run -b/b -fc.json ID", "run", "/b", NULL, false, "c.json" },
	{ "-log /l -log-format json run -bundle /b --keep ID", "run", "/b", "/l", true, NULL },
	{ "run -b /a -b /b ID", "run", "/b", NULL, false, NULL },
	{ "--debug run -- ID", "run", NULL, NULL, false, NULL },
	/* options of a runtime to come */
	{ "--new-flag create --newer value --bundle /b ID", "create", "/b", NULL, false, NULL },
	{ "create --new-flag --bundle /b ID", "create", "/b", NULL, false, NULL },
	{ "create --new=x --bundle /b ID", "create", "/b", NULL, false, NULL },
	/* behind the id nothing is an option */
	{ "create --bundle /b ID --bundle /c", "create", "/b", NULL, false, NULL },
	{ "exec ID create --bundle /b", "exec", NULL, NULL, false, NULL },
	/* cut off */
	{ "create --bundle", "create", NULL, NULL, false, NULL },
	{ "--log", NULL, NULL, NULL, false, NULL },
	{ "-", "-", NULL, NULL, false, NULL },
	{ "", NULL, NULL, NULL, false, NULL },
};

static bool same(const char *a, const char *b)
{
	return a ? b && !strcmp(a, b) : !b;
}

int main(void)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char *words = strdup(forms[i].words), *rest = words, *word, *argv[32] = { "shiftfs-runtime" };
		struct oci_args args;
		int n = 1;

		while ((word = strsep(&rest, " ")))
			if (*word)
				argv[n++] = word;
		oci_args_read(argv, &args);
		ok(same(args.command, forms[i].command) && same(args.bundle, forms[i].bundle) &&
		   same(args.log, forms[i].log) && same(args.config, forms[i].config) &&
		   args.log_json == forms[i].json, "%s", forms[i].words);
		free(words);
	}
	return tap_done();
}
