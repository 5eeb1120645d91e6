# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make demo [KERNEL=7]    two pods share one Debian image, nothing chowned
.PHONY: demo
demo: deps
	@$(MAKE) -s modules tools
	@tools/demo/demo $(KERNEL)
