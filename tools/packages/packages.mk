# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make packages           Debian packages of this tree, into build/packages
#   make packages-lint      and lintian on them, which may find no error
#   make check-packages     install, use, upgrade and purge them in a guest
#   make check-packages-host  the same on this machine's kernel, without the module
.PHONY: packages packages-lint check-packages check-packages-host

packages:
	@tools/packages/build

packages-lint: packages
	lintian --fail-on error $(BUILD)/packages/*.changes

check-packages: deps-lab
	@tools/packages/check

check-packages-host: deps-lab
	@tools/packages/check host
