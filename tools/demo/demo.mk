# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make demo [KERNEL=7]    two pods share one Debian image, nothing chowned
#   make demo-volume [KERNEL=7]   PostgreSQL on a directory of another owner
.PHONY: demo demo-volume
demo demo-volume: deps
	@$(MAKE) -s modules tools
	@tools/demo/$@ $(KERNEL)
