/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The description of a pod: the structure of config.json of the OCI runtime
 * specification, field names included, as far as runner uses it.  Members
 * for which the specification has no place are annotations there and the last
 * members of struct spec here.
 */
#ifndef RUNNER_SPEC_H
#define RUNNER_SPEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/util.h"
#include "error.h"

struct spec_mount {
	char *destination;
	char *type;
	char *source;
	char *options;		/* comma-separated, as in fstab */
};

struct spec_device {
	char *path;		/* in the pod */
	char type;		/* 'c' or 'b' */
	unsigned int major, minor;
	mode_t mode;
};

/* One line of linux.resources.devices; later ones win. */
struct spec_device_rule {
	bool allow;
	char type;		/* 'a', 'c' or 'b' */
	int64_t major, minor;	/* -1: every one */
	char access[4];		/* of "rwm" */
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
#define SPEC_N_NAMESPACES 7

/* Their names in the specification, by the number of the bit. */
extern const char *const spec_namespace_names[SPEC_N_NAMESPACES];

/* How stored ids become the pod's. */
enum spec_shift {
	SPEC_SHIFT_AUTO,
	SPEC_SHIFT_SHIFTFS,
	SPEC_SHIFT_IDMAP,
	SPEC_SHIFT_CHOWN,	/* a private copy with the pod's own ids */
};

struct spec_capabilities {	/* bit N is capability N */
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct spec_resources {		/* 0 and empty: no limit */
	int64_t memory_limit;	/* bytes */
	int64_t memory_swap;	/* bytes of memory and swap together, -1: any */
	uint64_t cpu_shares;
	int64_t cpu_quota;	/* microseconds in each period */
	uint64_t cpu_period;
	int64_t pids_limit;
	struct strv unified;	/* FILE=VALUE, written as they are */
	struct spec_device_rule *devices;
	size_t n_devices;
};

/* Layers of an image that overlayfs takes, one of its own left. */
#define SPEC_LAYERS_MAX 499

struct spec {
	struct {
		bool terminal;
		struct strv args;
		struct strv env;
		char *cwd;
		char *user;		/* USER[:GROUP], names of the image */
		struct spec_capabilities capabilities;
		bool no_new_privileges;
		char *selinux_label;
		char *apparmor_profile;
		int preserve_fds;	/* from 3 on; never written */
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
	struct strv annotations;	/* KEY=VALUE */
	struct {
		unsigned int namespaces;	/* new or joined */
		/* Joined when not NULL, by the number of the bit. */
		char *namespace_paths[SPEC_N_NAMESPACES];
		struct spec_device *devices;
		size_t n_devices;
		char *cgroups_path;
		struct spec_resources resources;
		char *seccomp;		/* linux.seccomp as JSON, NULL: none */
		char *mount_label;
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

/* Takes the mount of @destination out again, if there is one. */
void spec_drop_mount(struct spec *spec, const char *destination);

int spec_add_device(struct spec *spec, const struct spec_device *device,
		    struct shift_error *err);
int spec_add_device_rule(struct spec *spec, const struct spec_device_rule *rule,
			 struct shift_error *err);

/* Takes out the rules that allow the number of @d, and the device @i. */
void spec_drop_device_rules(struct spec *spec, const struct spec_device *d);
void spec_drop_device(struct spec *spec, size_t i);

/* Whether others may use the block device @d too, which the pod has. */
bool spec_device_shared(const struct spec *spec, const struct spec_device *d);
int spec_share_device(struct spec *spec, const char *path, bool shared,
		      struct shift_error *err);

/* The access to @d that the rules give the pod: 0, or R_OK and W_OK. */
int spec_device_access(const struct spec *spec, const struct spec_device *d);

/* The value of an annotation, NULL without it; belongs to @spec. */
const char *spec_annotation(const struct spec *spec, const char *key);
int spec_annotate(struct spec *spec, struct shift_error *err, const char *key,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* What --shift takes and prints. */
const char *spec_shift_name(enum spec_shift shift);

/* What --shift takes.  -EINVAL without a message: none of them. */
int spec_shift_parse(const char *text, enum spec_shift *ret);

/* Whether the pod has /sys/fs/cgroup of its own, to write to. */
bool spec_delegates_cgroup(const struct spec *spec);

void spec_clear(struct spec *spec);

/* Annotations: what the specification has no place for. */
#define SPEC_ANNOTATION_USER "runner.user"	/* USER[:GROUP], by name */
#define SPEC_ANNOTATION_SHIFT "runner.shift"	/* --shift */
#define SPEC_ANNOTATION_SYSTEMD "runner.systemd"	/* "true" */
#define SPEC_ANNOTATION_SDNOTIFY "runner.sdnotify"	/* "ignore" */
#define SPEC_ANNOTATION_STOP "runner.stop-signal"	/* a number */
#define SPEC_ANNOTATION_IMAGE "runner.image"	/* as given */
#define SPEC_ANNOTATION_LAYERS "runner.layers"	/* JSON list, lowest first */
#define SPEC_ANNOTATION_USERNS "runner.userns"	/* "pod:NAME": whose range */
#define SPEC_ANNOTATION_NET_POD "runner.net-pod"	/* --net pod: */
#define SPEC_ANNOTATION_PASTA "runner.net-pasta"	/* --net pasta */
#define SPEC_ANNOTATION_PUBLISH "runner.publish"	/* -p, by commas */
#define SPEC_ANNOTATION_LOG_SIZE "runner.log-size"	/* --log-size, bytes */
#define SPEC_ANNOTATION_RESTART "runner.restart"	/* --restart */
#define SPEC_ANNOTATION_POD "runner.pod"	/* --pod */
#define SPEC_ANNOTATION_LABEL "runner.label."	/* and the key: --label */
#define SPEC_ANNOTATION_SHARED "runner.device-shared."	/* and its path: "true" */
#define SPEC_ANNOTATION_GROUPS "runner.group-add"	/* names, by commas */
#define SPEC_ANNOTATION_RLIMIT "runner.ulimit."	/* and its name: SOFT:HARD */
#define SPEC_ANNOTATION_STOP_TIMEOUT "runner.stop-timeout"	/* seconds */
#define SPEC_ANNOTATION_DEVICE "runner.device."	/* and its path: the host's */
#define SPEC_ANNOTATION_PARENT "runner.cgroup-parent"	/* its cgroup */

#endif
