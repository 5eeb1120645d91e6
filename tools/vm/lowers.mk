# SPDX-License-Identifier: GPL-2.0-or-later
# make check-lowers [KERNEL=6.1|KERNELS='6.1 7'] [FLAVOUR=amd64] [LOWERS='nfs smb']:
# the lowers that selftests/lowers does not start in every guest: Samba, mergerfs, and
# what the host shares: virtiofs, and 9p, which only the plain flavour has.

CHECK_ALL += check-lowers

.PHONY: check-lowers
check-lowers: deps-lab selftests
	@status=0; tree=$$($(LAB)/guest-extra mergerfs samba) || exit 1; \
	for kernel in $(or $(KERNELS),$(kernel_given),$(LAB_KERNELS)); do \
		$(MAKE) -s modules KERNEL=$$kernel >&2; \
		$(MAKE) -s tools >&2; \
		VM_TREE=$$tree $(LAB)/with-shares $(LAB)/vm-run $$kernel \
			"/usr/lib/shiftfs/selftests/lowers/lowers_test \
			$(or $(LOWERS),smb mergerfs virtiofs $(if $(filter amd64,$(FLAVOUR)),9p))" || status=1; \
	done; exit $$status
