# SPDX-License-Identifier: GPL-2.0-or-later
# The differential tester; included by the top Makefile.
#
#   make fuzz KERNEL=7 [SEED=1] [SEEDS=1] [STEPS=1000] [LOWERS='ext4 xfs tmpfs']
#        [FUZZ_ARGS=]    STEPS steps of each seed on each lower in a guest
#   make fuzz-self ...   the oracle with itself: nothing but the tester's faults

SEED ?= 1
SEEDS ?= 1
FUZZ_ARGS ?=

.PHONY: fuzz fuzz-self

fuzz-self: FUZZ_ARGS += --self
fuzz fuzz-self: vm-parts
	@SPARES=1 TIMEOUT=$${TIMEOUT:-36000} $(LAB)/vm-run "$(KERNEL)" \
		'/usr/lib/shiftfs/selftests/oracle/fuzz "$(or $(LOWERS),ext4 xfs tmpfs)" --seed $(SEED) --seeds $(SEEDS) --steps $(or $(STEPS),1000) $(FUZZ_ARGS)'
