# SPDX-License-Identifier: GPL-2.0-or-later
# make check-selinux: SELinux's mount options and labels, on each kernel booted
# with security=selinux and a policy of the test's own.

CHECK_ALL += check-selinux

.PHONY: check-selinux
check-selinux: deps-lab
	@set -e; for kernel in $(or $(KERNELS),6.1 6.12 7); do \
		$(MAKE) -s modules KERNEL=$$kernel >&2; \
		$(MAKE) -s tools selftests >&2; \
		KERNEL_ARGS='security=selinux enforcing=0' \
			$(LAB)/vm-run $$kernel \
			/usr/lib/shiftfs/selftests/selinux/selinux_test.py; \
	done
