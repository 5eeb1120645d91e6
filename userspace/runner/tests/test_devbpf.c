/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device list's program, run by an interpreter of what it is made of. */
#include <linux/bpf.h>

#include "cgroup/devbpf.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* -1: something that the program must not have. */
static int run(const struct bpf_insn *insns, size_t n, uint32_t type,
	       uint32_t access_, uint32_t major, uint32_t minor)
{
	struct bpf_cgroup_dev_ctx ctx = { access_ << 16 | type, major, minor };
	uint64_t r[11] = { 0 };

	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &insns[pc];
		uint64_t imm = (uint64_t)(int64_t)i->imm;
		bool jump = false;

		switch (i->code) {
		case BPF_LDX | BPF_W | BPF_MEM:
			if (i->src_reg != 1 || i->off < 0 ||
			    i->off > (int)sizeof(ctx) - 4 || i->off % 4)
				return -1;
			r[i->dst_reg] = ((uint32_t *)&ctx)[i->off / 4];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			r[i->dst_reg] = r[i->src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			r[i->dst_reg] = imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			r[i->dst_reg] &= imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			r[i->dst_reg] >>= imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			jump = r[i->dst_reg] != imm;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			jump = r[i->dst_reg] == imm;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)r[0];
		default:
			return -1;
		}
		if (jump)
			pc += (size_t)i->off;
	}
	return -1;
}

enum { M = BPF_DEVCG_ACC_MKNOD, R = BPF_DEVCG_ACC_READ,
       W = BPF_DEVCG_ACC_WRITE, B = BPF_DEVCG_DEV_BLOCK,
       C = BPF_DEVCG_DEV_CHAR };

static const struct spec_device_rule rules[] = {
	{ false, 'a', -1, -1, "rwm" },
	{ true, 'c', -1, -1, "m" },
	{ true, 'c', 1, 3, "rwm" },
	{ true, 'c', 136, -1, "rw" },
	{ true, 'b', 7, 0, "r" },
	{ true, 'b', 7, 1, "rwm" },
	{ false, 'b', 7, 1, "w" },
};

static const struct {
	uint32_t type, access_, major, minor;
	int want;
	const char *what;
} cases[] = {
	{ C, R | W, 1, 3, 1, "one named with all" },
	{ C, R, 1, 5, 0, "its neighbour" },
	{ B, R, 1, 3, 0, "a block device of the same number" },
	{ C, M, 9, 9, 1, "mknod of any character device" },
	{ B, M, 9, 9, 0, "but not of a block device" },
	{ C, R | M, 9, 9, 0, "mknod together with what is denied" },
	{ C, R | W, 136, 12345, 1, "any minor" },
	{ C, R | W | M, 136, 4, 1, "bits from two rules" },
	{ B, R, 7, 0, 1, "reading" },
	{ B, R | W, 7, 0, 0, "reading and writing where reading is allowed" },
	{ B, R, 7, 1, 1, "what a later rule leaves" },
	{ B, W, 7, 1, 0, "what a later rule denies" },
	{ B, R | W, 7, 1, 0, "both" },
	{ B, R, 4294967295u, 1, 0, "a number no device has" },
};

int main(void)
{
	struct bpf_insn insns[128];
	size_t n = devbpf_program(rules, COUNT(rules), insns, 128);

	ok(n > 0, "the program fits");
	for (size_t i = 0; i < COUNT(cases); i++)
		is_int(run(insns, n, cases[i].type, cases[i].access_,
			   cases[i].major, cases[i].minor), cases[i].want,
		       cases[i].what);
	n = devbpf_program(NULL, 0, insns, 128);
	is_int(run(insns, n, C, R, 1, 3), 0, "no rules: denied");
	is_int((long long)devbpf_program(rules, COUNT(rules), insns, 20), 0,
	       "no room: no program");
	return tap_done();
}
