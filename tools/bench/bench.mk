# SPDX-License-Identifier: GPL-2.0-or-later
# Cost of operations, in executed instructions; included by the top Makefile.
#
#   make bench [KERNEL=7] [BENCH_FS='native shiftfs'] [BENCH_BOOTS=2]
#   make bench-check [KERNEL=6.12]   against tools/bench/figures/KERNEL.json
#   make bench-figures [KERNEL=7]    take the latest results as those figures
#   make bench-profile [KERNEL=7] OPS='fstat chmod'   function by function
#   make bench-wall [KERNEL=7]       fio and a C build by the clock: noisy
#   make bench-nfs [KERNEL=7]        calls of an NFS server for each operation, beside
#                                    native NFS 4.2; fails if one is dearer
#   make bench-scale [KERNEL=7]      many mounts, large trees, two CPUs
#   make bench-runner [KERNEL=7]     starting pods, beside crun, runc and others
.PHONY: bench bench-check bench-figures bench-nfs bench-profile bench-runner bench-scale bench-wall
bench: deps-lab
	@$(MAKE) -s modules tools >&2
	@tools/bench/run $(KERNEL)

bench-check: bench
	@tools/bench/report.py --check tools/bench/figures/$(KERNEL).json $(BUILD)/bench.json

bench-figures:
	@install -D -m 644 $(BUILD)/bench.json tools/bench/figures/$(KERNEL).json

bench-profile: deps-lab
	@$(MAKE) -s modules tools >&2
	@BENCH_FS=none tools/bench/run $(KERNEL)
	@tools/bench/profile $(KERNEL) $(or $(OPS),open_close create_unlink cold_walk_10k)

bench-nfs: deps-lab
	@$(MAKE) -s modules tools >&2
	@tools/bench/nfs-run $(KERNEL)

bench-scale: deps-lab
	@$(MAKE) -s modules tools >&2
	@tools/bench/scale-run $(KERNEL)

bench-wall: deps-lab
	@$(MAKE) -s modules tools >&2
	@WALL=1 BENCH_FS="$${BENCH_FS:-native bind idmapped overlayfs shiftfs}" tools/bench/run $(KERNEL)

bench-runner: deps-lab
	@$(MAKE) -s modules tools >&2
	@tools/bench/runner-run $(KERNEL)
