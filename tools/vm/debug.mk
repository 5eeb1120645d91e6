# SPDX-License-Identifier: GPL-2.0-or-later
# The in-tree form and the debug kernel; included by the top Makefile.
#
#   make kernel-patch [TREE=DIR]   build/shiftfs-VERSION.patch for a kernel tree
#   make debug-kernel          build the debug kernel (KERNEL=debug)
#   make check-debug           the selftests on it [COVERAGE=1] [ARGS=]
#   make check-debug-selftest  prove that it would find a defect

CHECK_ALL += check-debug

.PHONY: kernel-patch debug-kernel check-debug check-debug-selftest

kernel-patch: deps-lab
	@tools/kernel-patch $(TREE)

debug-kernel: deps-lab
	@$(LAB)/debug-kernel/build

check-debug: deps-lab tools selftests
	@$(LAB)/debug-kernel/check $(ARGS)

check-debug-selftest: deps-lab
	@$(LAB)/debug-kernel/check-faults
