# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check-images [IMAGES='FORM...']: images that podman, buildah, skopeo, umoci and
# mmdebstrap make, imported, started and compared with podman's trees; some five
# minutes.  Installs what is missing of tools/check-images/packages.
check-images: userspace
	@missing=$$(sed '/^\#/d' tools/check-images/packages | xargs dpkg-query -W -f '$${Package} $${db:Status-Status}\n' 2>&1 | \
		sed -n 's/ not-installed$$//p; s/^dpkg-query: no packages found matching //p; s/ config-files$$//p'); \
	[ -z "$$missing" ] || DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing
	tools/check-images/check-images $(BUILD)/bin/runner $(IMAGES)

.PHONY: check-images
