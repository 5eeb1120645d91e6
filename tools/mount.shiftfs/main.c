// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mount.shiftfs - what mount(8) runs for "mount -t shiftfs".
 *
 * libmount reads the options, fstab and the namespace, and keeps utab; the
 * mount itself is made here by fsopen(2) and its family, because the log of the
 * filesystem context says why something was refused, and because userns= needs
 * an fd.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <libmount/libmount.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "advice.h"
#include "backend.h"
#include "cleanup.h"
#include "delegate.h"
#include "explain.h"
#include "foreign.h"
#include "fscontext.h"
#include "mount.h"
#include "options.h"

static void usage(FILE *to)
{
	fputs("Usage:\n"
	      " mount.shiftfs [options] SOURCE TARGET\n"
	      " mount -t shiftfs -o idmap=b:0:100000:65536 SOURCE TARGET\n"
	      " mount.shiftfs --probe [--json] [-o OPTIONS] PATH\n"
	      " mount.shiftfs --explain -o OPTIONS [PATH]\n"
	      " mount -t shiftfs -o backend=delegate,idmap=... HOST:/EXPORT TARGET\n"
	      "\n"
	      "Mount the directory or file SOURCE at TARGET with shifted user and group ids.\n"
	      "\n"
	      "Options:\n"
	      " -f             fake: check everything, mount nothing\n"
	      " -n             do not write to /run/mount/utab\n"
	      " -o OPTIONS     mount options, separated by commas\n"
	      " -s             sloppy: pass over options which the kernel does not know\n"
	      " -v             say what is done\n"
	      " -r, -w         the same as -o ro and -o rw\n"
	      " -t TYPE        filesystem type, " MOUNT_FSTYPE " or " MOUNT_FSTYPE ".SUBTYPE\n"
	      " -N NAMESPACE   mount in another mount namespace (a pid or a path)\n"
	      " --probe        say what can shift PATH here, what would be taken, and why\n"
	      " --json         with --probe: as JSON\n"
	      " --explain      say what the map means, also in other tools' words; mount nothing\n"
	      " -h, --help     print this help\n"
	      " -V, --version  print the version\n"
	      "\n"
	      "Map (the first number is stored, the second is seen at TARGET):\n"
	      " idmap=[u:|g:|b:]STORED:SEEN:COUNT[;...]  map of user and group ids\n"
	      " uidmap=STORED:SEEN:COUNT[;...]           map of user ids\n"
	      " gidmap=STORED:SEEN:COUNT[;...]           map of group ids\n"
	      " userns=/proc/PID/ns/user                 the map of a user namespace\n"
	      " idmap=/proc/PID/ns/user                  the same\n"
	      " idmap=uids=STORED-SEEN-COUNT[#...][;gids=...]   crun's and podman's form; '@'\n"
	      "                before STORED: SEEN is an id of the container that userns= names\n"
	      " idmap=pve:TYPE:CONTAINER:DISK:COUNT[;...]       Proxmox VE's form, with userns=\n"
	      " idmap=passthrough                        Proxmox VE's word, with userns=\n"
	      " X-mount.idmap=...                        as idmap, but mount(8) keeps it for itself\n"
	      "\n"
	      "Mount options:\n"
	      " backend=shiftfs|idmap|delegate|auto      what makes the mount\n"
	      " netns=/proc/PID/ns/net                   with backend=delegate: where the server is\n"
	      " recursive                                mount what is mounted below SOURCE, too\n"
	      " squash_uid=STORED[:SEEN], squash_gid=STORED[:SEEN]   one stored id for all\n"
	      " creds=mounter|caller                     whose credentials are used beneath\n"
	      " chown=fail|ignore                        what a refused change of owner gives\n"
	      " mark                                     let user namespaces mount SOURCE\n"
	      " allow=UID[-LAST]                         with mark: these users only\n"
	      " passthrough=0|1|2|3                      1: statfs(2) shows the type beneath\n"
	      " remount        change ro and other generic options; a map cannot be changed\n"
	      " ro, nosuid, nodev, noexec, noatime, ...  as in mount(8)\n"
	      "\n"
	      "For more details see mount.shiftfs(8).\n", to);
}

static void cleanup_context(struct libmnt_context **cxt)
{
	mnt_free_context(*cxt);
}

/* libmount's own failures, in its words and with its exit status. */
static int context_failed(struct libmnt_context *cxt, int r)
{
	char text[BUFSIZ] = "";
	int status = mnt_context_get_excode(cxt, r, text, sizeof(text));

	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;

	shift_err_set(&err, 0, "%s", *text ? text : "libmount could not prepare the mount");
	if (getuid())
		advice_for_user(&err);
	shift_err_print(&err, stderr, PROGRAM);
	return status ? status : MNT_EX_FAIL;
}

static int failed(struct shift_error *err, int r, int status)
{
	if (getuid() && (r == -EPERM || r == -EACCES))
		advice_for_user(err);
	shift_err_print(err, stderr, PROGRAM);
	if (r == -ENOMEM)
		return MNT_EX_SYSERR;
	if (r == -EINTR)
		return MNT_EX_USER;
	return status;
}

static int bad_usage(void)
{
	fputs("Try '" PROGRAM " --help' for more information.\n", stderr);
	return MNT_EX_USAGE;
}

static int set_namespace(struct libmnt_context *cxt, const char *arg)
{
	char path[64];
	const char *p = arg;

	while (isdigit((unsigned char)*p))
		p++;
	if (*arg && !*p && p - arg < 16) {
		snprintf(path, sizeof(path), "/proc/%s/ns/mnt", arg);
		arg = path;
	}
	if (!mnt_context_set_target_ns(cxt, arg))
		return 0;
	fprintf(stderr, PROGRAM ": %s: no mount namespace can be opened there: %s\n",
		arg, strerror(errno));
	return -1;
}

static bool right_type(const char *type)
{
	size_t len = strlen(MOUNT_FSTYPE);

	return !strncmp(type, MOUNT_FSTYPE, len) &&
	       (!type[len] || type[len] == '.');
}

/* The options which neither libmount nor the table took are for the kernel. */
static int take_options(struct request *req, const char *optstr,
			struct shift_error *err)
{
	_cleanup_free_ char *fs_options = NULL;
	int r;

	if (mnt_split_optstr(optstr, NULL, NULL, &fs_options, 0, 0) ||
	    mnt_optstr_get_flags(optstr, &req->mflags,
				 mnt_get_builtin_optmap(MNT_LINUX_MAP)))
		return shift_err_set(err, 0, "cannot read the options \"%s\"", optstr);
	r = fs_options ? options_to_params(req, fs_options, err) : 0;
	return r;
}

/* --probe and --explain, which take the options of a mount and make none. */
static int tell(int argc, char **args, struct request *req, const char *options,
		bool explained, bool json)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	_cleanup_free_ char *rest = NULL;
	int r;

	if (!explained && argc != 1) {
		fputs(PROGRAM ": --probe needs one PATH\n", stderr);
		return bad_usage();
	}
	if (argc > 1) {
		fputs(PROGRAM ": --explain takes one PATH at most\n", stderr);
		return bad_usage();
	}
	r = options_parse(req, options, &rest, &err);
	if (r >= 0 && *rest)
		r = take_options(req, rest, &err);
	if (r >= 0)
		r = foreign_resolve(req, &err);
	if (r < 0)
		return failed(&err, r, MNT_EX_USAGE);
	if (explained)
		return explain(req, argc ? args[0] : NULL);
	return backend_probe(args[0], req, json);
}

/*
 * Copies libmount's paths and flags to the request. Options that neither libmount
 * nor the table took become parameters for the kernel.
 */
static int take_from_context(struct libmnt_context *cxt, struct request *req,
			     struct shift_error *err)
{
	struct libmnt_fs *fs = mnt_context_get_fs(cxt);
	const char *options = mnt_fs_get_fs_options(fs);

	req->source = mnt_fs_get_srcpath(fs);
	if (!req->source)
		req->source = mnt_fs_get_source(fs);
	req->target = mnt_fs_get_target(fs);
	if (mnt_context_get_mflags(cxt, &req->mflags))
		return shift_err_set(err, 0, "cannot read the options \"%s\"",
				     mnt_fs_get_options(fs));
	if ((req->mflags & (MS_BIND | MS_MOVE)) &&
	    !(req->mflags & MS_REMOUNT))
		return shift_err_set(err, 0,
				     "bind and move are no options of a " MOUNT_FSTYPE " mount; use \"mount --bind\" or \"mount --move\"");
	return options ? options_to_params(req, options, err) : 0;
}

static int run(struct libmnt_context *cxt, struct request *req,
	       struct shift_error *err)
{
	struct libmnt_ns *origin = mnt_context_switch_target_ns(cxt);
	int r;

	if (!origin)
		return shift_err_set(err, errno, "entering the mount namespace given by -N");

	r = preflight(req, err);
	if (r >= 0) {
		if (req->fake)
			verbose("fake: nothing is mounted");
		else if (req->mflags & MS_REMOUNT)
			r = mount_again(req, err);
		else
			r = mount_new(req, err);
	}

	if (!mnt_context_switch_ns(cxt, origin) && r >= 0)
		return shift_err_set(err, errno, "returning from the mount namespace given by -N");
	return r;
}

/* Long options without a letter. */
enum { OPT_PROBE = 256, OPT_JSON, OPT_EXPLAIN };

int main(int argc, char *argv[])
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "probe", no_argument, NULL, OPT_PROBE },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "explain", no_argument, NULL, OPT_EXPLAIN },
		{ NULL, 0, NULL, 0 },
	};
	__attribute__((cleanup(cleanup_context))) struct libmnt_context *cxt = NULL;
	struct request req __attribute__((cleanup(request_clear))) = REQUEST_INIT;
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	_cleanup_free_ char *options = strdup("");
	_cleanup_free_ char *rest = NULL;
	const char *debug = secure_getenv("SHIFTFS_DEBUG");
	bool be_verbose = debug && *debug && strcmp(debug, "0");
	bool do_probe = false, do_explain = false, json = false;
	int c, r;

	r = delegate_main(argc, argv);
	if (r >= 0)
		return r;
	mnt_init_debug(0);
	cxt = mnt_new_context();
	if (!cxt || !options ||
	    mnt_context_init_helper(cxt, MNT_ACT_MOUNT, 0)) {
		fputs(PROGRAM ": out of memory\n", stderr);
		return MNT_EX_SYSERR;
	}

	while ((c = getopt_long(argc, argv, "fhnN:o:rst:vVw", long_options,
				NULL)) != -1) {
		switch (c) {
		case 'h':
			usage(stdout);
			return MNT_EX_SUCCESS;
		case 'V':
			printf(PROGRAM " " SHIFTFS_VERSION " (libmount %s)\n",
			       LIBMOUNT_VERSION);
			return MNT_EX_SUCCESS;
		case 'N':
			if (set_namespace(cxt, optarg))
				return MNT_EX_USAGE;
			break;
		case 'o':
			if (mnt_optstr_append_option(&options, optarg, NULL))
				return MNT_EX_SYSERR;
			break;
		case 's':
			req.sloppy = true;
			break;
		case 't':
			if (!right_type(optarg)) {
				fprintf(stderr, PROGRAM ": %s: this helper mounts " MOUNT_FSTYPE " only\n",
					optarg);
				return MNT_EX_USAGE;
			}
			break;
		case 'v':
			be_verbose = true;
			break;
		case OPT_PROBE:
			do_probe = true;
			break;
		case OPT_JSON:
			json = true;
			break;
		case OPT_EXPLAIN:
			do_explain = true;
			break;
		case '?':
			return bad_usage();
		default:
			/* -f, -n, -r and -w */
			if (mnt_context_helper_setopt(cxt, c, optarg))
				return bad_usage();
		}
	}
	set_verbose(be_verbose);
	if (be_verbose)
		shift_fsctx_trace(verbose_line);
	if (json && !do_probe) {
		fputs(PROGRAM ": --json goes with --probe\n", stderr);
		return bad_usage();
	}
	if (do_probe && do_explain) {
		fputs(PROGRAM ": give --probe or --explain, not both\n", stderr);
		return bad_usage();
	}
	if (do_probe || do_explain)
		return tell(argc - optind, argv + optind, &req, options, do_explain, json);
	if (argc - optind != 2) {
		fputs(argc - optind < 2 ?
		      PROGRAM ": SOURCE and TARGET are needed\n" :
		      PROGRAM ": too many arguments\n", stderr);
		return bad_usage();
	}

	r = options_parse(&req, options, &rest, &err);
	if (r >= 0)
		r = foreign_resolve(&req, &err);
	if (r < 0)
		return failed(&err, r, MNT_EX_USAGE);

	mnt_context_disable_swapmatch(cxt, true);
	r = mnt_context_set_fstype(cxt, MOUNT_FSTYPE);
	if (!r)
		r = mnt_context_set_source(cxt, argv[optind]);
	if (!r)
		r = mnt_context_set_target(cxt, argv[optind + 1]);
	if (!r && *rest)
		r = mnt_context_append_options(cxt, rest);
	if (!r)
		r = mnt_context_prepare_mount(cxt);
	if (r)
		return context_failed(cxt, r);

	req.fake = mnt_context_is_fake(cxt);
	r = take_from_context(cxt, &req, &err);
	if (r < 0)
		return failed(&err, r, MNT_EX_USAGE);
	verbose("source %s, target %s, flags %#lx", req.source, req.target,
		req.mflags);

	r = run(cxt, &req, &err);
	if (r < 0)
		return failed(&err, r, MNT_EX_FAIL);
	if (req.fake)
		return MNT_EX_SUCCESS;

	/*
	 * Options for userspace, x-* among them, live on in utab, where an
	 * idmapped mount is found as the bind mount that it is.
	 */
	mnt_context_set_syscall_status(cxt, 0);
	if (req.backend == BACKEND_IDMAP && !(req.mflags & MS_REMOUNT))
		mnt_context_set_mflags(cxt, req.mflags | MS_BIND);
	if (mnt_context_finalize_mount(cxt)) {
		warn("%s is mounted, but /run/mount/utab could not be written", req.target);
		return MNT_EX_FILEIO;
	}
	return MNT_EX_SUCCESS;
}
