/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cgroup/devbpf.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

/* How runner knows its own program among those on a cgroup. */
#define PROGRAM_NAME "runner_devices"
#define MAX_ON_CGROUP 64

/* The most that one rule takes, and what is around all of them. */
#define PER_RULE 8
#define AROUND 8

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

struct writer {
	struct bpf_insn *insns;
	size_t n, max;
};

static void emit(struct writer *w, uint8_t code, uint8_t dst, uint8_t src,
		 int16_t off, int32_t imm)
{
	struct bpf_insn *i = &w->insns[w->n];

	if (w->n++ >= w->max)
		return;
	memset(i, 0, sizeof(*i));
	i->code = code;
	i->dst_reg = dst & 0xf;
	i->src_reg = src & 0xf;
	i->off = off;
	i->imm = imm;
}

static void emit_return(struct writer *w, int value)
{
	emit(w, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, value);
	emit(w, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int32_t access_bits(const char *access)
{
	return (strchr(access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0) |
	       (strchr(access, 'r') ? BPF_DEVCG_ACC_READ : 0) |
	       (strchr(access, 'w') ? BPF_DEVCG_ACC_WRITE : 0);
}

/* r2 type, r3 the access still to be judged, r4 major, r5 minor, r1 scratch */
static void emit_rule(struct writer *w, const struct spec_device_rule *rule)
{
	int32_t bits = access_bits(rule->access);
	size_t jumps[4], n = 0;

	if (!bits)
		return;
	if (rule->type != 'a') {
		jumps[n++] = w->n;
		emit(w, BPF_JMP | BPF_JNE | BPF_K, 2, 0, 0, rule->type == 'b' ?
		     BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	}
	if (rule->major >= 0) {
		jumps[n++] = w->n;
		emit(w, BPF_JMP | BPF_JNE | BPF_K, 4, 0, 0,
		     (int32_t)rule->major);
	}
	if (rule->minor >= 0) {
		jumps[n++] = w->n;
		emit(w, BPF_JMP | BPF_JNE | BPF_K, 5, 0, 0,
		     (int32_t)rule->minor);
	}
	if (rule->allow) {
		emit(w, BPF_ALU64 | BPF_AND | BPF_K, 3, 0, 0, ~bits);
		jumps[n++] = w->n;
		emit(w, BPF_JMP | BPF_JNE | BPF_K, 3, 0, 0, 0);
	} else {
		emit(w, BPF_ALU64 | BPF_MOV | BPF_X, 1, 3, 0, 0);
		emit(w, BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, bits);
		jumps[n++] = w->n;
		emit(w, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0, 0);
	}
	emit_return(w, rule->allow);
	if (w->n > w->max)
		return;
	for (size_t i = 0; i < n; i++)
		w->insns[jumps[i]].off = (int16_t)(w->n - jumps[i] - 1);
}

size_t devbpf_program(const struct spec_device_rule *rules, size_t n,
		      struct bpf_insn *insns, size_t max)
{
	struct writer w = { insns, 0, max };

	emit(&w, BPF_LDX | BPF_W | BPF_MEM, 2, 1,
	     offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	emit(&w, BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0);
	emit(&w, BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	emit(&w, BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16);
	emit(&w, BPF_LDX | BPF_W | BPF_MEM, 4, 1,
	     offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	emit(&w, BPF_LDX | BPF_W | BPF_MEM, 5, 1,
	     offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
	/*
	 * From the last rule to the first: each bit of the access is judged by
	 * the first rule met.
	 */
	for (size_t i = n; i-- > 0;)
		emit_rule(&w, &rules[i]);
	emit_return(&w, 0);
	return w.n > max ? 0 : w.n;
}

int devbpf_load(const struct bpf_insn *insns, size_t n, struct shift_error *err)
{
	static const char license[] = "GPL";
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uintptr_t)license;
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	fd = sys_bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0) {
		int e = errno;

		shift_err_set(err, e, "the kernel does not take the pod's device list");
		shift_err_hint(err, "it needs CONFIG_CGROUP_BPF and CAP_BPF or CAP_SYS_ADMIN of the host");
		return -e;
	}
	return fd;
}

/* An fd of the program that runner put on @cgroup, or -1. */
static int find_old(int cgroup)
{
	uint32_t ids[MAX_ON_CGROUP];
	union bpf_attr attr;
	uint32_t n;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uintptr_t)ids;
	attr.query.prog_cnt = MAX_ON_CGROUP;
	if (sys_bpf(BPF_PROG_QUERY, &attr) < 0)
		return -1;
	n = attr.query.prog_cnt;
	for (uint32_t i = 0; i < n; i++) {
		_cleanup_close_ int fd = -1;
		struct bpf_prog_info info;

		memset(&attr, 0, sizeof(attr));
		attr.prog_id = ids[i];
		fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
		if (fd < 0)
			continue;
		memset(&attr, 0, sizeof(attr));
		memset(&info, 0, sizeof(info));
		attr.info.bpf_fd = (uint32_t)fd;
		attr.info.info_len = sizeof(info);
		attr.info.info = (uintptr_t)&info;
		if (sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 &&
		    !strcmp(info.name, PROGRAM_NAME))
			return steal_fd(&fd);
	}
	return -1;
}

int devbpf_apply(const char *path, const struct spec_device_rule *rules,
		 size_t n, struct shift_error *err)
{
	size_t max = n * PER_RULE + AROUND;
	_cleanup_free_ struct bpf_insn *insns = calloc(max, sizeof(*insns));
	_cleanup_close_ int cgroup = -1, prog = -1, old = -1;
	union bpf_attr attr;

	if (!insns)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup < 0)
		return shift_err_set(err, errno, "cannot open the cgroup %s",
				     path);
	n = devbpf_program(rules, n, insns, max);
	prog = devbpf_load(insns, n, err);
	if (prog < 0)
		return prog;
	/*
	 * Several programs on a cgroup must all agree: a new list next to the
	 * old one could only take away.
	 */
	old = find_old(cgroup);
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (old >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)old;
	}
	if (sys_bpf(BPF_PROG_ATTACH, &attr) < 0)
		return shift_err_set(err, errno,
				     "cannot put the device list on the cgroup %s",
				     path);
	return 0;
}
