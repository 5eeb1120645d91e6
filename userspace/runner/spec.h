/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The description of a pod: the structure of config.json of the OCI runtime
 * specification, field names included, as far as runner uses it.  What the
 * specification has no place for is in annotations there and in the last
 * members of struct spec here.
 */
#ifndef RUNNER_SPEC_H
#define RUNNER_SPEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "util.h"

struct spec_mount {
	char *destination;
	char *type;
	char *source;
	char *options;		/* comma-separated, as in fstab */
};

struct spec_device {
	const char *name;	/* below /dev */
	unsigned int major, minor;
	mode_t mode;
};

enum spec_namespaces {		/* each is new in the pod when set */
	SPEC_NS_USER = 1 << 0,
	SPEC_NS_MOUNT = 1 << 1,
	SPEC_NS_PID = 1 << 2,
	SPEC_NS_UTS = 1 << 3,
	SPEC_NS_IPC = 1 << 4,
	SPEC_NS_NETWORK = 1 << 5,
	SPEC_NS_CGROUP = 1 << 6,
};

/* How stored ids become the pod's. */
enum spec_shift {
	SPEC_SHIFT_AUTO,
	SPEC_SHIFT_SHIFTFS,
	SPEC_SHIFT_IDMAP,
	SPEC_SHIFT_CHOWN,	/* a private copy with the pod's own ids */
};

struct spec {
	struct {
		struct strv args;
		struct strv env;
		char *cwd;
		char *user;		/* USER[:GROUP], names of the image */
		uint64_t capabilities;	/* bounding = permitted = effective */
		bool no_new_privileges;
	} process;
	struct {
		char *path;		/* what tells the image from others */
		struct strv layers;	/* directories, lowest first */
		bool direct;		/* the one layer is the root itself */
		bool readonly;
	} root;
	char *hostname;
	struct spec_mount *mounts;
	size_t n_mounts;
	struct {
		unsigned int namespaces;
		const struct spec_device *devices;
		size_t n_devices;
		struct strv masked_paths;
		struct strv readonly_paths;
		uint32_t host_base;	/* uidMappings and gidMappings: */
		uint32_t map_size;	/* 0:host_base:map_size */
	} linux_;
	enum spec_shift shift;
};

/* The defaults of a pod: namespaces, mounts, devices, capabilities, masks. */
int spec_init(struct spec *spec, struct shift_error *err);

int spec_add_mount(struct spec *spec, const char *destination,
		   const char *type, const char *source, const char *options,
		   struct shift_error *err);

void spec_clear(struct spec *spec);

#endif
