# SPDX-License-Identifier: GPL-2.0-or-later
#
# make podman-table [CHECK=1] [PODMAN=podman]: Documentation/podman.rst from the
# --help of podman (apt-get install --no-install-recommends podman) and of this
# tree's runner; CHECK=1 only says whether it is the same.
PODMAN ?= podman

podman-table: userspace
	tools/podman-table/podman-table --podman $(PODMAN) --runner $(BUILD)/bin/runner \
		$(if $(CHECK),--check,--write) Documentation/podman.rst

.PHONY: podman-table
