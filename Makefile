# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make help               the targets
#
# Everything is made below build/; what is fetched, and what every source tree
# can share, is kept in SHIFTFS_CACHE (build/cache).

MAKEFLAGS += --no-builtin-rules --no-print-directory
export SAN FLAVOUR SHIFTFS_CACHE

KERNEL ?= 6.12
KDIR ?= /lib/modules/$(shell uname -r)/build
BUILD := $(CURDIR)/build
LAB := tools/vm
LAB_KERNELS := 6.1 6.12 7
# CMD is handed on as written: a $ in it is the guest's shell's
unexport CMD
export LAB_CMD = $(value CMD)

SBINDIR ?= /sbin
BINDIR ?= /usr/bin
LIBEXECDIR ?= /usr/libexec
DATADIR ?= /usr/share
MANDIR ?= /usr/share/man
MODDIR ?= /lib/modules
UNITDIR ?= /lib/systemd/system
COMPLETIONDIR ?= /usr/share/bash-completion/completions
INSTALL ?= install

# parts of the tree that have a Makefile of their own
TOOL_DIRS := $(patsubst %/Makefile,%,$(wildcard userspace/lib/Makefile tools/mount.shiftfs/Makefile userspace/runner/Makefile \
	userspace/shiftfs-runtime/Makefile))
SELFTEST_DIR := $(patsubst %/Makefile,%,$(wildcard selftests/Makefile))
MODULE_DIR := $(patsubst %/Makefile,%,$(wildcard fs/shiftfs/Makefile))
MAN_PAGES := $(wildcard tools/mount.shiftfs/*.[1-8] userspace/runner/*.[1-8] userspace/shiftfs-runtime/*.[1-8] Documentation/*.[1-8])

.PHONY: all module module-needed modules tools selftests vm-parts vm vm-shell check check-all \
	deps deps-lab install install-module install-tools uninstall uninstall-module \
	uninstall-tools help clean distclean

all: tools module

define HELP
Build and install:
  make                    the tools, and the module for the running kernel
  make deps               install the Debian packages that building needs
  make install            install tools and module [DESTDIR=]
  make install-tools      mount.shiftfs, shiftfs-runtime and runner alone
  make install-module     the module alone, for the kernel of KDIR
  make uninstall          remove what make install put there
  make tools [SAN=1]      the tools (SAN=1: with sanitizers)
  make module KDIR=DIR    the module for the kernel headers in DIR
  make clean, distclean   remove what was built; distclean: the cache as well
CC, CPPFLAGS, CFLAGS, LDFLAGS and WERROR=1 are heeded.

Packages and patches:
  make packages           Debian packages, into build/packages
  make kernel-patch       the module as patches for a kernel tree

Test, in virtual machines:
  make deps-lab           install the Debian packages that the tests need, too
  make check              everything that tests [KERNELS='6.1 6.12 7'] [STEPS=]
  make check-all          the same and the long runs
  make vm KERNEL=7 CMD='uname -a' [SHARE=DIR]   a command in a guest
  make vm-shell KERNEL=7  a shell in a guest
  make modules KERNEL=7   the module for a kernel of the lab (6.1, 6.12, 7)
  make selftests          the tests that run in the guest
  make bench KERNEL=7     what operations cost, beside native and others
  make fuzz KERNEL=7 SEED=1 STEPS=1000  random operations against an idmapped mount
  make choosing-table KERNEL=7   what works on which lower filesystem
  make check-programs [KERNEL=7]     real programs in a pod: apt, PostgreSQL, ...
  make check-images [IMAGES='FORM...']  images of podman, buildah, umoci and others
  make check-concurrency [KERNEL=debug]   many threads through several mounts
  make check-mutants      that the tests fail on a module without its checks
  make check-boot         pods over a shutdown and a loss of power of a host
  make check-packages     the Debian packages in a guest: install, mount, purge
  make demo, demo-volume, demo-systemd   pods that share one image
  make check-ceph, demo-ceph   Ceph with every OSD in a pod, natively and in a guest

Documentation/hacking.rst tells more of the lab.
endef
export HELP

help:
	@printf '%s\n' "$$HELP"

# For the running kernel, or the one whose headers are in KDIR. Without headers
# the tools are still worth having; make install says what is missing.
module:
ifneq ($(wildcard $(KDIR)/Makefile),)
	@$(LAB)/module-build KDIR=$(KDIR) host
else
	@echo "No kernel headers in $(KDIR): the module is not built." >&2
	@echo "Install them (apt-get install linux-headers-\$$(uname -r)) or give KDIR=." >&2
endif

# A module that an earlier make left is for the kernel of that time.
module-needed:
ifneq ($(wildcard $(KDIR)/Makefile),)
	@$(LAB)/module-build KDIR=$(KDIR) host
else
	@echo "No kernel headers in $(KDIR): the module cannot be built, and nothing of it is installed." >&2
	@echo "Install them (apt-get install linux-headers-\$$(uname -r)), give KDIR=, or use make install-tools." >&2
	@exit 1
endif

modules:
	$(if $(MODULE_DIR),@$(LAB)/module-build $(KERNEL))

tools:
	@set -e; for dir in $(TOOL_DIRS); do $(MAKE) -C $$dir; done

selftests:
	@set -e; for dir in $(SELFTEST_DIR); do $(MAKE) -C $$dir; done

# What building needs, and what building, the lab and the tests need.
deps:
	@$(LAB)/deps build

deps-lab:
	@$(LAB)/deps

# What the guest gets: a kernel given as a directory, and the debug kernel, may
# have the module built in, so only the lab's own kernels get one built.
vm-parts: deps-lab
	@$(MAKE) -s $(if $(filter $(LAB_KERNELS),$(KERNEL)),modules) tools selftests >&2

vm: vm-parts
	@$(LAB)/vm-run "$(KERNEL)" "$${LAB_CMD:?CMD= is missing: make vm KERNEL=7 CMD='uname -a'}"

vm-shell: vm-parts
	@$(LAB)/vm-run -i "$(KERNEL)"

check: deps-lab
	@$(LAB)/check

# Parts of the lab that bring targets of their own, and runs to check-all.
CHECK_ALL := check
include $(wildcard $(LAB)/*.mk tools/demo/*.mk tools/bench/*.mk tools/podman-table/*.mk tools/check-images/*.mk tools/packages/*.mk tools/boot/*.mk selftests/oracle/*.mk)

# One after the other: each uses the whole machine.
check-all: export RUNNER_TEST_LONG := 1
check-all: export CASEFOLD := all
check-all:
	@status=0; for target in $(CHECK_ALL); do $(MAKE) $$target || status=1; done; exit $$status

install: install-tools install-module

install-tools: tools
	$(INSTALL) -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 755 $(BUILD)/bin/mount.shiftfs $(DESTDIR)$(SBINDIR)/
	ln -sf mount.shiftfs $(DESTDIR)$(SBINDIR)/umount.shiftfs-user
	$(INSTALL) -m 755 $(BUILD)/bin/runner $(BUILD)/bin/shiftfs-runtime $(DESTDIR)$(BINDIR)/
	ln -sf shiftfs-runtime $(DESTDIR)$(BINDIR)/shiftfs-crun
	ln -sf shiftfs-runtime $(DESTDIR)$(BINDIR)/shiftfs-runc
	$(INSTALL) -d $(DESTDIR)$(LIBEXECDIR)/runner
	$(INSTALL) -m 755 $(BUILD)/bin/runner-image $(BUILD)/bin/runner-monitor $(BUILD)/bin/runner-osd $(BUILD)/bin/runner-side \
		$(DESTDIR)$(LIBEXECDIR)/runner/
	$(INSTALL) -m 644 $(BUILD)/bin/runner-systemd.so $(BUILD)/bin/runner-mount.so \
		$(wildcard $(BUILD)/bin/runner-crypt.so) \
		$(DESTDIR)$(LIBEXECDIR)/runner/
	$(INSTALL) -D -m 644 userspace/runner/spec/seccomp.json \
		$(DESTDIR)$(DATADIR)/runner/seccomp.json
	$(INSTALL) -m 755 userspace/runner/ceph-osd-in-pod userspace/runner/ceph-lockbox-key \
		$(DESTDIR)$(DATADIR)/runner/
	$(INSTALL) -D -m 644 userspace/runner/runner.bash \
		$(DESTDIR)$(COMPLETIONDIR)/runner
	$(INSTALL) -d $(DESTDIR)$(UNITDIR)
	$(INSTALL) -m 644 userspace/runner/runner.service \
		userspace/runner/runner@.service userspace/runner/runner-osd@.service \
		userspace/runner/runner-side@.path userspace/runner/runner-side@.service \
		userspace/runner/runner-side@.socket \
		userspace/runner/runner-side-listen@.service $(DESTDIR)$(UNITDIR)/
	set -e; for page in $(MAN_PAGES); do \
		$(INSTALL) -D -m 644 $$page \
			$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; \
	done

# The kernel that the module was built for, by its own word, must be that of KDIR.
install-module: module-needed
	@set -e; \
	release=$$(modinfo -F vermagic $(BUILD)/modules/host/shiftfs.ko | cut -d' ' -f1); \
	wanted=$$(sed -n 's/.*UTS_RELEASE "\(.*\)".*/\1/p' $(KDIR)/include/generated/utsrelease.h); \
	if [ "$$release" != "$$wanted" ]; then \
		echo "build/modules/host/shiftfs.ko is for the kernel $$release, but $(KDIR) is of $$wanted: run make clean and make." >&2; \
		exit 1; \
	fi; \
	$(INSTALL) -D -m 644 $(BUILD)/modules/host/shiftfs.ko \
		$(DESTDIR)$(MODDIR)/$$release/updates/shiftfs.ko; \
	[ -n "$(DESTDIR)" ] || depmod $$release

uninstall: uninstall-tools uninstall-module

# The files that make install-tools puts there, found by doing so elsewhere.
# Images and pods in /var/lib/runner stay.
uninstall-tools:
	@set -e; mkdir -p $(BUILD); stage=$$(mktemp -d $(BUILD)/uninstall.XXXXXX); \
	trap 'rm -rf "$$stage"' EXIT; \
	$(MAKE) -s install-tools DESTDIR="$$stage" >/dev/null; \
	(cd "$$stage" && find . ! -type d) | while read -r file; do \
		rm -fv "$(DESTDIR)$${file#.}"; \
	done; \
	for dir in $(LIBEXECDIR)/runner $(DATADIR)/runner; do \
		[ ! -d "$(DESTDIR)$$dir" ] || rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$dir"; \
	done

# Of every kernel: make install can have been run under several.
uninstall-module:
	for ko in $(DESTDIR)$(MODDIR)/*/updates/shiftfs.ko; do \
		[ -e "$$ko" ] || continue; \
		rm -f "$$ko"; \
		release=$${ko#$(DESTDIR)$(MODDIR)/}; \
		[ -n "$(DESTDIR)" ] || depmod "$${release%%/*}"; \
	done

clean:
	rm -rf $(filter-out build/cache,$(wildcard build/*))

distclean:
	rm -rf build
