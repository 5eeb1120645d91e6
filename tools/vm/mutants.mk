# SPDX-License-Identifier: GPL-2.0-or-later
# Do the tests see a hole? Included by the top Makefile.
#
#   make check-mutants [KERNEL=6.12] [MUTANTS='allow-ignored maps-not-composed']
#                            modules from which a check was taken, one for each
#                            patch in selftests/mutants: the test it names fails
#                            ATTACKS=1: those of the attacks on marks

CHECK_ALL += check-mutants

.PHONY: check-mutants
check-mutants: vm-parts
	@$(LAB)/mutants $(KERNEL) $(MUTANTS)
