/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/place.h"
#include "base/self.h"
#include "base/util.h"
#include "cleanup.h"

static struct json_object *get(struct json_object *in, const char *key)
{
	return json_object_object_get(in, key);
}

static const char *get_string(struct json_object *in, const char *key)
{
	return json_object_get_string(get(in, key));
}

static size_t length(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ?
	       json_object_array_length(list) : 0;
}

static const char *word(struct json_object *list, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(list, i)) ?: "";
}

static bool lists(struct json_object *list, const char *what)
{
	for (size_t i = 0; i < length(list); i++)
		if (!strcasecmp(word(list, i), what))
			return true;
	return false;
}

/* The name of this machine in includes.arches. */
static const char *machine(void)
{
#if defined(__x86_64__)
	return "amd64";
#elif defined(__aarch64__)
	return "arm64";
#elif defined(__i386__)
	return "x86";
#elif defined(__arm__)
	return "arm";
#elif defined(__powerpc64__)
	return "ppc64le";
#elif defined(__s390x__)
	return "s390x";
#elif defined(__riscv)
	return "riscv64";
#else
	return "unknown";
#endif
}

static const char *machine_arch(void)
{
#if defined(__x86_64__)
	return "SCMP_ARCH_X86_64";
#elif defined(__aarch64__)
	return "SCMP_ARCH_AARCH64";
#elif defined(__i386__)
	return "SCMP_ARCH_X86";
#elif defined(__arm__)
	return "SCMP_ARCH_ARM";
#elif defined(__powerpc64__)
	return "SCMP_ARCH_PPC64LE";
#elif defined(__s390x__)
	return "SCMP_ARCH_S390X";
#elif defined(__riscv)
	return "SCMP_ARCH_RISCV64";
#else
	return "SCMP_ARCH_NATIVE";
#endif
}

static bool kernel_at_least(const char *text)
{
	unsigned int want[2] = { 0, 0 }, have[2] = { 0, 0 };
	struct utsname u;

	if (!text || uname(&u) < 0)
		return true;
	sscanf(text, "%u.%u", &want[0], &want[1]);
	sscanf(u.release, "%u.%u", &have[0], &have[1]);
	return have[0] != want[0] ? have[0] > want[0] : have[1] >= want[1];
}

static bool has_cap(const struct spec *spec, const char *name)
{
	cap_value_t c;

	return cap_from_name(name, &c) == 0 &&
	       (spec->process.capabilities.bounding & (1ULL << c));
}

/* Whether the rule is for this pod on this machine. */
static bool applies(const struct spec *spec, struct json_object *rule)
{
	struct json_object *in = get(rule, "includes");
	struct json_object *ex = get(rule, "excludes"), *list;

	if (length(get(in, "arches")) && !lists(get(in, "arches"), machine()))
		return false;
	if (lists(get(ex, "arches"), machine()))
		return false;
	list = get(in, "caps");
	for (size_t i = 0; i < length(list); i++)
		if (!has_cap(spec, word(list, i)))
			return false;
	list = get(ex, "caps");
	for (size_t i = 0; i < length(list); i++)
		if (has_cap(spec, word(list, i)))
			return false;
	if (!kernel_at_least(get_string(in, "minKernel")))
		return false;
	return !get_string(ex, "minKernel") ||
	       !kernel_at_least(get_string(ex, "minKernel"));
}

static void copy(struct json_object *to, struct json_object *from,
		 const char *key)
{
	struct json_object *o = get(from, key);

	if (o)
		json_object_object_add(to, key, json_object_get(o));
}

/* archMap names the native one and those that it runs as well. */
static void copy_architectures(struct json_object *to,
			       struct json_object *from)
{
	struct json_object *map = get(from, "archMap"), *list, *sub;

	copy(to, from, "architectures");
	for (size_t i = 0; i < length(map); i++) {
		struct json_object *o = json_object_array_get_idx(map, i);
		const char *arch = get_string(o, "architecture");

		if (!arch || strcmp(arch, machine_arch()))
			continue;
		list = json_object_new_array();
		json_object_array_add(list, json_object_new_string(arch));
		sub = get(o, "subArchitectures");
		for (size_t k = 0; k < length(sub); k++)
			json_object_array_add(list, json_object_get(
				json_object_array_get_idx(sub, k)));
		json_object_object_add(to, "architectures", list);
	}
}

/* seccomp.json, which is installed as well, for who wants another. */
__asm__(".pushsection .rodata\n"
	"runner_seccomp_profile:\n"
	".incbin \"spec/seccomp.json\"\n"
	".byte 0\n"
	".popsection\n");
extern const char runner_seccomp_profile[];

#define ADMINS_PROFILE "/etc/runner/seccomp.json"

/* Takes the part of the profile @text that concerns this pod into the description. */
static int reduce(struct spec *spec, const char *text, const char *path,
		  struct shift_error *err)
{
	static const char *const keep[] = {
		"names", "action", "errnoRet", "args",
	};
	struct json_object *top, *out, *rules, *list;
	int r;

	top = json_tokener_parse(text);
	if (!get_string(top, "defaultAction")) {
		json_object_put(top);
		return shift_err_set(err, 0, "%s is no seccomp profile: a JSON object with defaultAction and syscalls",
				     path);
	}
	out = json_object_new_object();
	copy(out, top, "defaultAction");
	copy(out, top, "defaultErrnoRet");
	copy_architectures(out, top);
	rules = json_object_new_array();
	json_object_object_add(out, "syscalls", rules);
	list = get(top, "syscalls");
	for (size_t i = 0; i < length(list); i++) {
		struct json_object *rule = json_object_array_get_idx(list, i);
		struct json_object *o;

		if (!applies(spec, rule))
			continue;
		o = json_object_new_object();
		for (size_t k = 0; k < sizeof(keep) / sizeof(*keep); k++)
			copy(o, rule, keep[k]);
		json_object_array_add(rules, o);
	}
	r = str_replace(&spec->linux_.seccomp, json_object_to_json_string(out),
			err);
	json_object_put(out);
	json_object_put(top);
	return r;
}

/*
 * Reading a profile and compiling it take longer than all else that a start
 * computes, so what comes out is kept, behind the text that it was made of, in a
 * file with a name made of that: whoever finds another text there, or none,
 * computes.
 */
#define CACHE PLACE_RUN "/seccomp"
#define CACHE_MAX (1 << 20)

/* Only ever whole, by rename(2); that it cannot be kept is no error. */
static void keep(const char *path, const char *text, const void *data,
		 size_t size)
{
	_cleanup_free_ char *new = NULL;
	_cleanup_close_ int fd = -1;
	struct iovec parts[] = {
		{ (char *)text, strlen(text) + 1 }, { (void *)data, size },
	};

	if (mkdir_parents(PLACE_RUN, 0755, NULL) < 0 ||
	    mkdir_parents(CACHE, 0700, NULL) < 0 ||
	    strf(&new, NULL, "%s.%d", path, (int)getpid()) < 0)
		return;
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (writev(fd, parts, 2) !=
	    (ssize_t)(parts[0].iov_len + parts[1].iov_len) ||
	    rename(new, path) < 0)
		unlink(new);
}

/*
 * reduce() with its result kept: in a file named after the pod's capabilities
 * and the program lies, behind the profile that it was made of, what it came to.
 */
static int reduce_once(struct spec *spec, const char *text, const char *path,
		       struct shift_error *err)
{
	size_t head = strlen(text) + 1, len;
	_cleanup_free_ char *at = NULL, *have = NULL;
	char program[PATH_MAX];
	struct stat self;
	int r;

	/* Another build of runner may read profiles otherwise. */
	if (self_path(program, sizeof(program)) < 0 || stat(program, &self) < 0)
		return reduce(spec, text, path, err);
	r = strf(&at, err, CACHE "/%llx-%llx.%lx-%llx",
		 (unsigned long long)self.st_ino,
		 (unsigned long long)self.st_mtim.tv_sec, self.st_mtim.tv_nsec,
		 (unsigned long long)spec->process.capabilities.bounding);
	if (r < 0)
		return r;
	if (read_file(at, CACHE_MAX, &have, &len, NULL) >= 0 &&
	    len > head && !memcmp(have, text, head) && !have[len - 1])
		return str_replace(&spec->linux_.seccomp, have + head, err);
	r = reduce(spec, text, path, err);
	if (r >= 0)
		keep(at, text, spec->linux_.seccomp,
		     strlen(spec->linux_.seccomp) + 1);
	return r;
}

int seccomp_apply(struct spec *spec, const char *which, struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	const char *path = which ?: ADMINS_PROFILE;
	int r, fd = -1;

	if (which && !strcmp(which, "unconfined"))
		return str_replace(&spec->linux_.seccomp, NULL, err);
	if (!which && access(path, F_OK) < 0)
		return reduce_once(spec, runner_seccomp_profile, "", err);
	r = read_file(path, 4 << 20, &text, NULL, err);
	if (r >= 0)
		r = reduce_once(spec, text, path, err);
	if (r < 0)
		return r;
	/* A bad profile shall show before anything is made. */
	r = seccomp_compile(spec->linux_.seccomp, &fd, err);
	if (fd >= 0)
		close(fd);
	return r < 0 ? shift_err_prefix(err, "%s", path) : 0;
}

static int action_of(const char *name, struct json_object *errno_ret,
		     uint32_t *ret, struct shift_error *err)
{
	static const struct { const char *name; uint32_t action; } table[] = {
		{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
		{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
		{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
	};
	uint32_t e = errno_ret ? (uint32_t)json_object_get_int(errno_ret) :
				 EPERM;

	for (size_t i = 0; name && i < sizeof(table) / sizeof(*table); i++)
		if (!strcmp(name, table[i].name)) {
			*ret = table[i].action;
			return 0;
		}
	if (name && !strcmp(name, "SCMP_ACT_ERRNO"))
		*ret = SCMP_ACT_ERRNO(e);
	else if (name && !strcmp(name, "SCMP_ACT_TRACE"))
		*ret = SCMP_ACT_TRACE(e);
	else
		return shift_err_set(err, 0, "seccomp: the action '%s' is not known",
				     name ?: "");
	return 0;
}

static int compare_of(struct json_object *o, struct scmp_arg_cmp *ret,
		      struct shift_error *err)
{
	static const struct { const char *name; enum scmp_compare op; } ops[] = {
		{ "SCMP_CMP_NE", SCMP_CMP_NE }, { "SCMP_CMP_LT", SCMP_CMP_LT },
		{ "SCMP_CMP_LE", SCMP_CMP_LE }, { "SCMP_CMP_EQ", SCMP_CMP_EQ },
		{ "SCMP_CMP_GE", SCMP_CMP_GE }, { "SCMP_CMP_GT", SCMP_CMP_GT },
		{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	};
	const char *op = get_string(o, "op") ?: "";

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		if (strcmp(op, ops[i].name))
			continue;
		ret->arg = (unsigned int)json_object_get_int(get(o, "index"));
		ret->op = ops[i].op;
		ret->datum_a = json_object_get_uint64(get(o, "value"));
		ret->datum_b = json_object_get_uint64(get(o, "valueTwo"));
		return ret->arg < 6 ? 0 : shift_err_set(err, 0, "seccomp: a system call has no argument %u",
							ret->arg);
	}
	return shift_err_set(err, 0, "seccomp: the comparison '%s' is not known",
			     op);
}

static int add_rule(scmp_filter_ctx ctx, struct json_object *rule,
		    uint32_t without, struct shift_error *err)
{
	struct json_object *names = get(rule, "names");
	struct json_object *args = get(rule, "args");
	struct scmp_arg_cmp cmp[6];
	uint32_t action;
	int r;

	r = action_of(get_string(rule, "action"), get(rule, "errnoRet"),
		      &action, err);
	/* libseccomp refuses a rule that says what holds anyway. */
	if (r < 0 || action == without)
		return r;
	if (length(args) > 6)
		return shift_err_set(err, 0, "seccomp: a rule has more than 6 arguments");
	for (size_t i = 0; i < length(args); i++)
		if ((r = compare_of(json_object_array_get_idx(args, i),
				    &cmp[i], err)) < 0)
			return r;
	for (size_t i = 0; i < length(names); i++) {
		int nr = seccomp_syscall_resolve_name(word(names, i));

		/* Of a newer kernel, or of another machine. */
		if (nr == __NR_SCMP_ERROR)
			continue;
		r = seccomp_rule_add_array(ctx, action, nr,
					   (unsigned int)length(args), cmp);
		if (r < 0)
			return shift_err_set(err, -r, "seccomp: the rule for %s",
					     word(names, i));
	}
	return 0;
}

static int add_architectures(scmp_filter_ctx ctx, struct json_object *list,
			     struct shift_error *err)
{
	for (size_t i = 0; i < length(list); i++) {
		const char *name = word(list, i);
		char lower[64] = "";
		uint32_t arch;
		int r;

		if (strncmp(name, "SCMP_ARCH_", 10))
			return shift_err_set(err, 0, "seccomp: the architecture '%s' is not known",
					     name);
		for (size_t k = 0; name[k + 10] && k < sizeof(lower) - 1; k++)
			lower[k] = (char)(name[k + 10] |
					  (name[k + 10] >= 'A' &&
					   name[k + 10] <= 'Z' ? 32 : 0));
		arch = seccomp_arch_resolve_name(lower);
		if (!arch)
			continue;	/* newer than libseccomp */
		r = seccomp_arch_add(ctx, arch);
		if (r < 0 && r != -EEXIST)
			return shift_err_set(err, -r, "seccomp: %s", name);
	}
	return 0;
}

/* Whether @profile says anything of the system call @name. */
static bool names_call(struct json_object *profile, const char *name)
{
	struct json_object *list = get(profile, "syscalls");

	for (size_t i = 0; i < length(list); i++)
		if (lists(get(json_object_array_get_idx(list, i), "names"),
			  name))
			return true;
	return false;
}

/*
 * Programs of i386 may call socket(2) by socketcall(2), whose arguments no filter
 * can read, and libseccomp lets that pass where the profile allows some families:
 * then @action is in front of its program.  All of its calls have numbers of their
 * own since Linux 4.3.
 */
static int refuse_socketcall(int fd, uint32_t action)
{
	const struct sock_filter head[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 102 /* socketcall */, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_SOCKET, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_SOCKETPAIR, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
	};
	_cleanup_free_ char *program = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0 || !(program = malloc((size_t)st.st_size)) ||
	    pread(fd, program, (size_t)st.st_size, 0) != st.st_size ||
	    pwrite(fd, head, sizeof(head), 0) != sizeof(head) ||
	    pwrite(fd, program, (size_t)st.st_size, sizeof(head)) !=
	    st.st_size)
		return -EIO;
	return 0;
}

static int compile(const char *json, int *ret_fd, struct shift_error *err)
{
	struct json_object *top = json_tokener_parse(json), *list;
	_cleanup_close_ int fd = -1;
	scmp_filter_ctx ctx = NULL;
	uint32_t action = 0;
	int r;

	r = action_of(get_string(top, "defaultAction"),
		      get(top, "defaultErrnoRet"), &action, err);
	if (r >= 0 && !(ctx = seccomp_init(action)))
		r = shift_err_set(err, ENOMEM, "seccomp");
	/* no_new_privs is the description's business. */
	if (r >= 0 && seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) < 0)
		r = shift_err_set(err, EINVAL, "seccomp");
	if (r >= 0)
		seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* As by a kernel that has not got it; libseccomp's way is to kill. */
	if (r >= 0)
		seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
				 SCMP_ACT_ERRNO(ENOSYS));
	if (r >= 0)
		r = add_architectures(ctx, get(top, "architectures"), err);
	list = get(top, "syscalls");
	for (size_t i = 0; r >= 0 && i < length(list); i++)
		r = add_rule(ctx, json_object_array_get_idx(list, i), action,
			     err);
	if (r >= 0) {
		fd = memfd_create("seccomp", MFD_CLOEXEC);
		if (fd < 0 || (r = seccomp_export_bpf(ctx, fd)) < 0)
			r = shift_err_set(err, fd < 0 ? errno : -r,
					  "seccomp: cannot compile the profile");
		else if (action != SCMP_ACT_ALLOW && action != SCMP_ACT_LOG &&
			 names_call(top, "socket") &&
			 !names_call(top, "socketcall") &&
			 (r = refuse_socketcall(fd, action)) < 0)
			r = shift_err_set(err, -r, "seccomp: cannot compile the profile");
	}
	seccomp_release(ctx);
	json_object_put(top);
	if (r < 0)
		return r;
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int cache_path(const char *json, char **ret, struct shift_error *err)
{
	const struct scmp_version *v = seccomp_version();
	uint64_t hash = 14695981039346656037ULL;

	for (const char *p = json; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211ULL;
	return strf(ret, err, CACHE "/2-%u.%u.%u-%016llx", v->major, v->minor,
		    v->micro, (unsigned long long)hash);
}

static int from_cache(const char *path, const char *json, int *ret_fd)
{
	_cleanup_free_ char *have = NULL;
	_cleanup_close_ int fd = -1;
	size_t len, text = strlen(json) + 1;

	if (read_file(path, CACHE_MAX, &have, &len, NULL) < 0 || len <= text ||
	    memcmp(have, json, text) || (len - text) % 8)
		return -ENOENT;
	fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0 || write_whole(fd, have + text, len - text) < 0)
		return -EIO;
	*ret_fd = steal_fd(&fd);
	return 0;
}

int seccomp_compile(const char *json, int *ret_fd, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ void *program = NULL;
	int r = cache_path(json, &path, err);
	struct stat st;

	if (r < 0 || from_cache(path, json, ret_fd) >= 0)
		return r;
	r = compile(json, ret_fd, err);
	if (r >= 0 && fstat(*ret_fd, &st) == 0 &&
	    (program = malloc((size_t)st.st_size)) &&
	    pread(*ret_fd, program, (size_t)st.st_size, 0) == st.st_size)
		keep(path, json, program, (size_t)st.st_size);
	return r;
}
