# SPDX-License-Identifier: GPL-2.0-or-later
# Included by the top Makefile: the in-tree form and the debug kernel.
#
#   make kernel-patch          build/shiftfs-VERSION.patch for a kernel tree
#   make debug-kernel          build the debug kernel (KERNEL=debug)
#   make check-debug           the selftests on it [COVERAGE=1] [ARGS=]
#   make check-debug-selftest  prove that it would find a defect

.PHONY: kernel-patch debug-kernel check-debug check-debug-selftest

kernel-patch:
	@tools/kernel-patch $(TREE)

debug-kernel:
	@$(LAB)/debug-kernel/build

check-debug: export COVERAGE TIMEOUT MEM KERNEL_ARGS
check-debug: tools selftests
	@$(LAB)/debug-kernel/check $(ARGS)

check-debug-selftest:
	@$(LAB)/debug-kernel/check-faults
