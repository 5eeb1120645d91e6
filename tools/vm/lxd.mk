# SPDX-License-Identifier: GPL-2.0-or-later
# make check-lxd [KERNEL=6.1|KERNELS='6.1 7']: LXD of Debian 12, which shifts by
# shiftfs's marks where its idmapped mounts are switched off.

CHECK_ALL += check-lxd

lxd_packages := lxd lxd-client liblxc1 lxcfs uidmap apparmor busybox-static attr

.PHONY: check-lxd
check-lxd: deps-lab selftests
	@set -e; tree=$$($(LAB)/guest-extra $(lxd_packages)); \
	for kernel in $(or $(KERNELS),$(kernel_given),$(LAB_KERNELS)); do \
		$(MAKE) -s modules KERNEL=$$kernel >&2; \
		$(MAKE) -s tools >&2; \
		VM_TREE=$$tree MEM=3G TIMEOUT=$(or $(TIMEOUT),1200) $(LAB)/vm-run $$kernel \
			/usr/lib/shiftfs/selftests/lxd/run; \
	done
