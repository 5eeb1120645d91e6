# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make check-boot [KERNEL=7]   pods over a shutdown and a loss of power of a host with
#                                systemd: three boots of one guest, some five minutes
check-boot: deps-lab
	@$(MAKE) -s modules tools
	@tools/boot/check-boot $(KERNEL)

CHECK_ALL += check-boot

.PHONY: check-boot
