# SPDX-License-Identifier: GPL-2.0-or-later
# make check-stress: a minute of stress-ng's filesystem class on each kernel;
# afterwards umount and rmmod succeed and the kernel log is clean.

CHECK_ALL += check-stress

.PHONY: check-stress
check-stress: deps
	@set -e; for kernel in $(or $(KERNELS),6.1 6.12 7); do \
		$(MAKE) -s modules KERNEL=$$kernel >&2; \
		$(MAKE) -s selftests >&2; \
		TIMEOUT=1200 $(LAB)/vm-run $$kernel \
			'/usr/lib/shiftfs/selftests/stress/stress-ng.sh 60'; \
	done
