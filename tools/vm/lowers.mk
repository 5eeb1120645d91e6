# SPDX-License-Identifier: GPL-2.0-or-later
# make check-lowers [KERNEL=6.1|KERNELS='6.1 7'] [FLAVOUR=amd64] [LOWERS='nfs smb']:
# the lowers that selftests/lowers does not start in every guest: mergerfs, and what
# the host shares where the kernel has it (9p in the plain flavour, virtiofs there
# and on 6.1).

CHECK_ALL += check-lowers


.PHONY: check-lowers
check-lowers: deps selftests
	@status=0; tree=$$($(LAB)/guest-extra mergerfs) || exit 1; \
	for kernel in $(or $(KERNELS),$(kernel_given),$(LAB_KERNELS)); do \
		$(MAKE) -s modules KERNEL=$$kernel >&2; \
		$(MAKE) -s tools >&2; \
		case $(FLAVOUR)$$kernel in \
		amd64*) more='9p virtiofs' ;; \
		6.1 | cloud-amd646.1) more=virtiofs ;; \
		*) more= ;; \
		esac; \
		VM_TREE=$$tree $(LAB)/with-shares $(LAB)/vm-run $$kernel \
			"/usr/lib/shiftfs/selftests/lowers/lowers_test \
			$(or $(LOWERS),mergerfs $$more)" || status=1; \
	done; exit $$status
