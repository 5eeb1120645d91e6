# SPDX-License-Identifier: GPL-2.0-or-later
# Real programs in the root of a user namespace; included by the top Makefile.
#
#   make check-programs [KERNELS=7] [ON='overlay ext4'] [PROGRAMS='apt git'] [SEED=]
#   (one kernel also by KERNEL=7)

CHECK_ALL += check-programs

# 6.12 is KERNEL's default, which here shall not mean 6.12 alone
kernels_of_run = $(or $(KERNELS),$(if $(filter command environment,$(firstword $(origin KERNEL))),$(KERNEL)),$(LAB_KERNELS))

.PHONY: check-programs
check-programs: deps selftests
	@$(LAB)/programs $(call kernels_of_run)
