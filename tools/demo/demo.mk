# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make demo [KERNEL=7]    two pods share one Debian image, nothing chowned
.PHONY: demo
demo: deps
	@$(MAKE) -s modules tools
	@tools/demo/demo $(KERNEL)

#   make demo-systemd [KERNEL=7]   a Debian with systemd, PostgreSQL, nginx and
#                                  389-ds as a pod; KERNEL=host: without a VM
.PHONY: demo-systemd
demo-systemd: deps
	@$(if $(filter host,$(KERNEL)),:,$(MAKE) -s modules)
	@$(MAKE) -s tools
	@tools/demo/systemd $(KERNEL)
