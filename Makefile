# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make                    the module for the running kernel, and the tools
#   make install            install both here (DESTDIR= honoured)
#   make tools [SAN=1]      mount.shiftfs and runner (SAN=1: with sanitizers)
#   make modules KERNEL=7   the module for a kernel of the VM lab (6.1, 6.12, 7)
#   make selftests          the tests that run in the guest
#   make vm KERNEL=7 CMD='uname -a' [SHARE=DIR]   a command in a guest
#   make vm-shell KERNEL=7  a shell in a guest
#   make deps               install the Debian packages that all this needs

MAKEFLAGS += --no-builtin-rules --no-print-directory
export SAN FLAVOUR SHIFTFS_CACHE

KERNEL ?= 6.12
KDIR ?= /lib/modules/$(shell uname -r)/build
BUILD := $(CURDIR)/build
LAB := tools/vm
export BUILD
# CMD is handed on as written: a $ in it is the guest's shell's
unexport CMD
export LAB_CMD = $(value CMD)

# parts of the tree that have a Makefile of their own
TOOL_DIRS := $(patsubst %/Makefile,%,$(wildcard userspace/lib/Makefile tools/mount.shiftfs/Makefile userspace/runner/Makefile))
SELFTEST_DIR := $(patsubst %/Makefile,%,$(wildcard selftests/Makefile))
MODULE_DIR := $(patsubst %/Makefile,%,$(wildcard fs/shiftfs/Makefile))

.PHONY: all module modules tools selftests vm vm-shell deps clean distclean
all: module tools

module:
	@$(LAB)/module-build KDIR=$(KDIR) $(notdir $(patsubst %/build,%,$(KDIR)))

modules:
	$(if $(MODULE_DIR),@$(LAB)/module-build $(KERNEL))

tools:
	@set -e; for dir in $(TOOL_DIRS); do $(MAKE) -C $$dir; done

selftests:
	@set -e; for dir in $(SELFTEST_DIR); do $(MAKE) -C $$dir; done

# What the guest gets: a kernel given as a directory, and the debug kernel, may
# have the module built in, so only the lab's own kernels get one built.
vm-parts: $(if $(filter 6.1 6.12 7,$(KERNEL)),modules) tools selftests
.PHONY: vm-parts

vm: vm-parts
	@$(LAB)/vm-run "$(KERNEL)" "$${LAB_CMD:?CMD= is missing: make vm KERNEL=7 CMD='uname -a'}"

vm-shell: vm-parts
	@$(LAB)/vm-run -i "$(KERNEL)"

clean:
	rm -rf build/bin build/san build/selftests build/modules build/vm

distclean: clean
	rm -rf build

include tools/vm/debug.mk
