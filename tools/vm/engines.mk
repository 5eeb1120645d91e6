# SPDX-License-Identifier: GPL-2.0-or-later
# make check-engines [KERNEL=7|KERNELS='6.12 7']: podman and containerd of Debian 12 with
# shiftfs-runtime as their runtime, podman configured as Documentation/engines.rst says,
# and crun and runc behind it on ext4, NFS and sshfs. Not part of check-all yet: it was run
# natively in parts, and not in a guest.

engines_packages := crun runc podman conmon golang-github-containers-common containerd

.PHONY: check-engines
check-engines: deps selftests
	@set -e; tree=$$($(LAB)/guest-extra $(engines_packages)); \
	for kernel in $(or $(KERNELS),$(kernel_given),6.12 7); do \
		$(MAKE) -s modules KERNEL=$$kernel >&2; \
		$(MAKE) -s tools >&2; \
		VM_TREE=$$tree MEM=3G TIMEOUT=$(or $(TIMEOUT),1200) $(LAB)/vm-run $$kernel \
			'/usr/lib/shiftfs/selftests/runtime/runtime_test; status=$$?; \
			/usr/lib/shiftfs/selftests/engines/engines_test && exit $$status'; \
	done
