# SPDX-License-Identifier: GPL-2.0-or-later
# Attacks on runner; included by the top Makefile.
#
#   make check-attacks [ATTACKS='exec_seize state.tty']     on this machine
#   make check-attacks-guest [KERNEL=7] [ATTACKS=]          in a guest
#   make list-attacks                                       the table
#   make check-fuzzers [FUZZ_SECONDS=60]                    each of runner's, so long

CHECK_ALL += check-attacks-guest check-fuzzers

.PHONY: check-attacks check-attacks-guest check-fuzzers list-attacks attacks-parts
check-fuzzers:
	@$(MAKE) -C userspace/runner fuzz FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60)

attacks-parts:
	@$(MAKE) -s tools >&2
	@$(MAKE) -s -C selftests attacks >&2

check-attacks: attacks-parts
	@RUNNER=$(BUILD)/bin/runner $(BUILD)/selftests/attacks/attacks_test $(ATTACKS)

list-attacks: attacks-parts
	@$(BUILD)/selftests/attacks/attacks_test --list

check-attacks-guest: vm-parts
	@TIMEOUT=$${TIMEOUT:-7200} $(LAB)/vm-run "$(KERNEL)" "/usr/lib/shiftfs/selftests/run-all -l ext4 -s attacks$(if $(ATTACKS), -t '$(ATTACKS)')"
