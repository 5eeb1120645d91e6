# SPDX-License-Identifier: GPL-2.0-only
#
# Put in front of the debug kernel's scripts/Makefile.lib.

# What shiftfs never hands an object to is compiled without KASAN and UBSAN:
# a third of the build, and most of the boot. fs, mm, lib, kernel, security,
# io_uring and shiftfs itself keep both.
ifneq ($(filter arch/x86/% block/% crypto/% drivers/% init/% ipc/% net/%,$(obj)/),)
KASAN_SANITIZE := n
UBSAN_SANITIZE := n
endif

# On make's command line GCOV_PROFILE would reach the vDSO, which cannot bear
# it; hence a variable for this directory alone.
ifeq ($(obj)$(SHIFTFS_COVERAGE),fs/shiftfsy)
GCOV_PROFILE := y
endif
