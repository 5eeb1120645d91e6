# SPDX-License-Identifier: GPL-2.0-or-later
# make choosing-table KERNEL=6.12 [LOWERS='ext4 nfs']: what works on which lower, from a
# run in the guest, into Documentation/choosing.rst; with LOWERS= only their rows.
# Debian's cloud kernels have no 9p: FLAVOUR=amd64 LOWERS=9p adds it.

.PHONY: choosing-table
choosing-table: vm-parts
	@$(if $(filter $(LAB_KERNELS),$(KERNEL)),,echo "KERNEL= must be one of $(LAB_KERNELS)" >&2; exit 2)
	@tools/choosing/run $(KERNEL) $(LOWERS)
