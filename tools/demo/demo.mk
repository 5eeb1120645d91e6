# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make demo [KERNEL=7]    two pods share one Debian image, nothing chowned
#   make demo-volume [KERNEL=7]   PostgreSQL on a directory of another owner
#   make demo-systemd [KERNEL=7]   a Debian with systemd, PostgreSQL, nginx and
#                                  389-ds as a pod; KERNEL=host: without a VM
#   make demo-side          an agent in a pod has dnsmasq and haproxy started by the
#                           host; then Neutron's own code does; on this machine's kernel
#   make demo-side KERNEL=7 the same agent in a guest, with the units of systemd
.PHONY: demo demo-volume demo-systemd demo-side
demo demo-volume demo-systemd: deps-lab
	@$(if $(filter host,$(KERNEL)),:,$(MAKE) -s modules)
	@$(MAKE) -s tools
	@tools/demo/$@ $(KERNEL)

demo-side: deps-lab
	@$(if $(kernel_given),$(MAKE) -s modules)
	@$(MAKE) -s tools
	@tools/demo/demo-side $(kernel_given)

# Ceph of Debian 12, every daemon in a pod (Documentation/osd.rst). Neither is part of
# check: the image with Ceph is made once, in about five minutes.
#
#   make check-ceph [LAYOUTS='raw filestore']   on this machine's kernel, loop devices
#   make demo-ceph [KERNEL=7] [LAYOUTS='luks']  in a guest with systemd, over a boot; with
#                                               dm-crypt and LVM. REPEAT= starts (10)
.PHONY: check-ceph demo-ceph
check-ceph: deps-lab
	@$(MAKE) -s tools
	@tools/demo/check-ceph $(LAYOUTS)

demo-ceph: deps-lab
	@$(MAKE) -s modules
	@$(MAKE) -s tools
	@tools/demo/demo-ceph $(KERNEL) $(LAYOUTS)
