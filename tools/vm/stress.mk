# SPDX-License-Identifier: GPL-2.0-or-later
# Load from many sides; included by the top Makefile. KERNELS= names the kernels,
# as does KERNEL= for one.
#
#   make check-stress        a minute of stress-ng's filesystem class on each
#                            kernel; afterwards umount and rmmod succeed
#   make check-concurrency [KERNEL=debug] [STORM_SEED=] [SECONDS=60] [THREADS=12] [LOWER=ext4]
#                            threads through two mounts and the lower path
#                            at once, also on the debug kernel

CHECK_ALL += check-stress check-concurrency

# KERNEL has a default, which does not mean: this one alone
kernel_given = $(if $(filter command environment,$(firstword $(origin KERNEL))),$(KERNEL))

.PHONY: check-stress check-concurrency
check-stress: deps-lab
	@set -e; for kernel in $(or $(KERNELS),6.1 6.12 7); do \
		$(MAKE) -s modules KERNEL=$$kernel >&2; \
		$(MAKE) -s selftests >&2; \
		TIMEOUT=1200 $(LAB)/vm-run $$kernel \
			'/usr/lib/shiftfs/selftests/stress/stress-ng.sh 60'; \
	done

check-concurrency: deps-lab selftests
	@status=0; for kernel in $(or $(KERNELS),$(kernel_given),$(LAB_KERNELS) debug); do \
		if [ $$kernel = debug ]; then $(MAKE) -s debug-kernel >&2; \
		else $(MAKE) -s modules KERNEL=$$kernel >&2; fi && \
		MEM=3G SPARES=1 TIMEOUT=$(or $(TIMEOUT),1800) \
		KERNEL_ARGS="kasan_multi_shot $(KERNEL_ARGS)" $(LAB)/vm-run $$kernel \
			"/usr/lib/shiftfs/selftests/stress/storm.sh $(or $(LOWER),ext4) \
			-t $(or $(THREADS),12) -d $(or $(SECONDS),60) \
			$(if $(STORM_SEED),-s $(STORM_SEED))" || status=1; \
	done; exit $$status
