# SPDX-License-Identifier: GPL-2.0-or-later
# make check-ima: IMA measures again what was changed, on each kernel booted with
# ima_policy=tcb.

CHECK_ALL += check-ima

.PHONY: check-ima
check-ima: deps-lab
	@set -e; for kernel in $(or $(KERNELS),6.1 6.12 7); do \
		$(MAKE) -s modules KERNEL=$$kernel >&2; \
		$(MAKE) -s tools selftests >&2; \
		KERNEL_ARGS='ima_policy=tcb' $(LAB)/vm-run $$kernel \
			/usr/lib/shiftfs/selftests/ima/ima_test.py; \
	done
