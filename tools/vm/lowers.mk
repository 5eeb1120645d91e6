# SPDX-License-Identifier: GPL-2.0-or-later
# make check-lowers [KERNEL=6.1|KERNELS='6.1 7'] [FLAVOUR=amd64] [LOWERS='nfs smb']:
# the lowers that selftests/lowers does not start in every guest: Samba, mergerfs, and
# what the host shares: virtiofs, and 9p, which only the plain flavour has. Without
# LOWERS= also a DFS link of Samba's.

CHECK_ALL += check-lowers

.PHONY: check-lowers
check-lowers: deps-lab selftests
	@status=0; tree=$$($(LAB)/guest-extra mergerfs samba) || exit 1; \
	for kernel in $(or $(KERNELS),$(kernel_given),$(LAB_KERNELS)); do \
		$(MAKE) -s modules KERNEL=$$kernel >&2; \
		$(MAKE) -s tools >&2; \
		VM_TREE=$$tree $(LAB)/with-shares $(LAB)/vm-run $$kernel \
			"/usr/lib/shiftfs/selftests/lowers/lowers_test \
			$(or $(LOWERS),smb mergerfs virtiofs $(if $(filter amd64,$(FLAVOUR)),9p)) && \
			$(if $(LOWERS),true,/usr/lib/shiftfs/selftests/automounts/automounts_test dfs)" || status=1; \
	done; exit $$status

# make check-names [KERNEL=6.12|KERNELS=..] [LOWERS='exfat nocase']: the names of the
# lowers whose tools are not in the guest's image. NTFS is ntfs3 on 6.12 and ntfs on
# 7.x in Debian's cloud kernels; 6.1's has none. None has f2fs (CONFIG_F2FS_FS).
CHECK_ALL += check-names

.PHONY: check-names
check-names: deps-lab selftests
	@status=0; tree=$$($(LAB)/guest-extra exfatprogs ntfs-3g samba) || exit 1; \
	for kernel in $(or $(KERNELS),$(kernel_given),$(LAB_KERNELS)); do \
		$(MAKE) -s modules KERNEL=$$kernel >&2; \
		case $$kernel in 6.1) ntfs= ;; 6.*) ntfs=ntfs3 ;; *) ntfs=ntfs ;; esac; \
		VM_TREE=$$tree $(LAB)/vm-run $$kernel "/usr/lib/shiftfs/selftests/run-all -s names \
			$$(printf -- '-l %s ' $(or $(LOWERS),exfat nocase $$ntfs))" || status=1; \
	done; exit $$status
