# SPDX-License-Identifier: GPL-2.0-or-later
# Real programs in the root of a user namespace; included by the top Makefile.
#
#   make check-programs [KERNEL=7|KERNELS='6.1 7'] [ON='overlay ext4']
#                       [PROGRAMS='apt git']

CHECK_ALL += check-programs

.PHONY: check-programs
check-programs: deps-lab selftests
	@$(LAB)/programs $(or $(KERNELS),$(kernel_given),$(LAB_KERNELS))
