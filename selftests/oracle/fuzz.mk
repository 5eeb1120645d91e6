# SPDX-License-Identifier: GPL-2.0-or-later
# The differential tester; included by the top Makefile.
#
#   make fuzz KERNEL=7 [SEED=1] [SEEDS=1] [STEPS=1000] [LOWERS='ext4 xfs tmpfs']
#        [FUZZ_ARGS=]    STEPS steps of each seed on each lower in a guest
#   make fuzz-self ...   the oracle with itself: nothing but the tester's faults
#   make check-oracle-remote [KERNEL=7] [ORACLE_REMOTE="nfs=1000 smb=1000"] [SEED=1]

SEED ?= 1
SEEDS ?= 1
FUZZ_ARGS ?=

.PHONY: fuzz fuzz-self

fuzz-self: FUZZ_ARGS += --self
fuzz fuzz-self: vm-parts
	@SPARES=1 TIMEOUT=$${TIMEOUT:-36000} $(LAB)/vm-run "$(KERNEL)" \
		'/usr/lib/shiftfs/selftests/oracle/fuzz "$(or $(LOWERS),ext4 xfs tmpfs)" --seed $(SEED) --seeds $(SEEDS) --steps $(or $(STEPS),1000) $(FUZZ_ARGS)'

# The oracle on lowers that have a server, and two actors: hours under an emulator.
ORACLE_REMOTE ?= nfs=20000 smb=20000 nfs3=10000 sshfs=10000 mergerfs=10000 virtiofs=10000
.PHONY: check-oracle-remote check-oracle-remote-short
check-oracle-remote: deps-lab selftests
	@$(MAKE) -s modules KERNEL=$(or $(kernel_given),7) >&2
	@$(LAB)/oracle-remote $(or $(kernel_given),7) $(ORACLE_REMOTE)

# 1,000 steps each, of check-all.
CHECK_ALL += check-oracle-remote-short
check-oracle-remote-short:
	@$(MAKE) check-oracle-remote KERNEL=7 \
		ORACLE_REMOTE='nfs=1000 smb=1000 nfs3=1000 sshfs=1000 mergerfs=1000 virtiofs=1000'
	@$(MAKE) check-oracle-remote KERNEL=6.12 ORACLE_REMOTE='nfs=350 smb=350'
