/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec_json.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/capability.h>

#include "cleanup.h"

#define OCI_VERSION "1.0.2"

static void put_json(struct json_object **o)
{
	json_object_put(*o);
}
#define _cleanup_json_ __attribute__((cleanup(put_json)))

static struct json_object *object(struct json_object *in, const char *key)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(in, key, o);
	return o;
}

static struct json_object *array(struct json_object *in, const char *key)
{
	struct json_object *o = json_object_new_array();

	json_object_object_add(in, key, o);
	return o;
}

static struct json_object *element(struct json_object *in)
{
	struct json_object *o = json_object_new_object();

	json_object_array_add(in, o);
	return o;
}

static void add_string(struct json_object *in, const char *key,
		       const char *value)
{
	if (value)
		json_object_object_add(in, key, json_object_new_string(value));
}

static void add_int(struct json_object *in, const char *key, int64_t value)
{
	json_object_object_add(in, key, json_object_new_int64(value));
}

static void add_bool(struct json_object *in, const char *key, bool value)
{
	json_object_object_add(in, key, json_object_new_boolean(value));
}

static void add_strings(struct json_object *in, const char *key,
			const struct strv *values)
{
	struct json_object *list = array(in, key);

	for (size_t i = 0; i < values->n; i++)
		json_object_array_add(list,
				      json_object_new_string(values->v[i]));
}

/* KEY=VALUE strings as members. */
static void add_members(struct json_object *in, const struct strv *values)
{
	for (size_t i = 0; i < values->n; i++) {
		_cleanup_free_ char *key = strndup(values->v[i],
						   strcspn(values->v[i], "="));

		if (key)
			add_string(in, key, values->v[i] + strlen(key) + 1);
	}
}

static void add_capabilities(struct json_object *in, const char *key,
			     uint64_t set)
{
	struct json_object *list = array(in, key);

	for (int c = 0; c < 64; c++) {
		char *name;

		if (!(set & (1ULL << c)) || !(name = cap_to_name(c)))
			continue;
		for (char *p = name; *p; p++)
			*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
		json_object_array_add(list, json_object_new_string(name));
		cap_free(name);
	}
}

static void add_process(struct json_object *in, const struct spec *spec)
{
	const struct spec_capabilities *c = &spec->process.capabilities;
	struct json_object *p = object(in, "process"), *o;
	unsigned int uid = 0, gid = 0;

	add_bool(p, "terminal", spec->process.terminal);
	o = object(p, "user");
	/* Names are the annotation's: only the root filesystem knows them. */
	sscanf(spec->process.user, "%u:%u", &uid, &gid);
	add_int(o, "uid", uid);
	add_int(o, "gid", gid);
	add_strings(p, "args", &spec->process.args);
	add_strings(p, "env", &spec->process.env);
	add_string(p, "cwd", spec->process.cwd);
	o = object(p, "capabilities");
	add_capabilities(o, "bounding", c->bounding);
	add_capabilities(o, "effective", c->effective);
	add_capabilities(o, "inheritable", c->inheritable);
	add_capabilities(o, "permitted", c->permitted);
	add_capabilities(o, "ambient", c->ambient);
	add_bool(p, "noNewPrivileges", spec->process.no_new_privileges);
	add_string(p, "selinuxLabel", spec->process.selinux_label);
	add_string(p, "apparmorProfile", spec->process.apparmor_profile);
}

/* JSON that is text already: reading it to write it again takes long. */
static struct json_object *verbatim(const char *text)
{
	struct json_object *o = json_object_new_object();

	json_object_set_serializer(o, json_object_userdata_to_json_string,
				   strdup(text), json_object_free_userdata);
	return o;
}

static void add_mounts(struct json_object *in, const struct spec *spec)
{
	struct json_object *list = array(in, "mounts");

	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct spec_mount *m = &spec->mounts[i];
		struct json_object *o = element(list), *options;
		_cleanup_free_ char *copy = strdup(m->options);
		char *save, *word;

		add_string(o, "destination", m->destination);
		add_string(o, "type", m->type);
		add_string(o, "source", m->source);
		options = array(o, "options");
		for (word = copy ? strtok_r(copy, ",", &save) : NULL; word;
		     word = strtok_r(NULL, ",", &save))
			json_object_array_add(options,
					      json_object_new_string(word));
	}
}

static void add_resources(struct json_object *in,
			  const struct spec_resources *res)
{
	struct json_object *o = object(in, "resources"), *list, *part;

	list = array(o, "devices");
	for (size_t i = 0; i < res->n_devices; i++) {
		const struct spec_device_rule *d = &res->devices[i];
		char type[2] = { d->type, 0 };

		part = element(list);
		add_bool(part, "allow", d->allow);
		add_string(part, "type", type);
		if (d->major >= 0)
			add_int(part, "major", d->major);
		if (d->minor >= 0)
			add_int(part, "minor", d->minor);
		add_string(part, "access", d->access);
	}
	if (res->memory_limit || res->memory_swap) {
		part = object(o, "memory");
		if (res->memory_limit)
			add_int(part, "limit", res->memory_limit);
		if (res->memory_swap)
			add_int(part, "swap", res->memory_swap);
	}
	if (res->cpu_quota || res->cpu_shares) {
		part = object(o, "cpu");
		if (res->cpu_shares)
			add_int(part, "shares", (int64_t)res->cpu_shares);
		if (res->cpu_quota) {
			add_int(part, "quota", res->cpu_quota);
			add_int(part, "period", (int64_t)res->cpu_period);
		}
	}
	if (res->pids_limit)
		add_int(object(o, "pids"), "limit", res->pids_limit);
	if (res->unified.n)
		add_members(object(o, "unified"), &res->unified);
}

static void add_map(struct json_object *in, const char *key,
		    const struct spec *spec)
{
	struct json_object *o = element(array(in, key));

	add_int(o, "containerID", 0);
	add_int(o, "hostID", spec->linux_.host_base);
	add_int(o, "size", spec->linux_.map_size);
}

static void add_linux(struct json_object *in, const struct spec *spec,
		      bool readable)
{
	struct json_object *l = object(in, "linux"), *list, *o;

	list = array(l, "namespaces");
	for (int i = 0; i < SPEC_N_NAMESPACES; i++) {
		if (!(spec->linux_.namespaces & (1u << i)))
			continue;
		o = element(list);
		add_string(o, "type", spec_namespace_names[i]);
		add_string(o, "path", spec->linux_.namespace_paths[i]);
	}
	if (spec->linux_.namespaces & SPEC_NS_USER) {
		add_map(l, "uidMappings", spec);
		add_map(l, "gidMappings", spec);
	}
	list = array(l, "devices");
	for (size_t i = 0; i < spec->linux_.n_devices; i++) {
		const struct spec_device *d = &spec->linux_.devices[i];
		char type[2] = { d->type, 0 };

		o = element(list);
		add_string(o, "path", d->path);
		add_string(o, "type", type);
		add_int(o, "major", d->major);
		add_int(o, "minor", d->minor);
		add_int(o, "fileMode", d->mode);
		add_int(o, "uid", 0);
		add_int(o, "gid", 0);
	}
	add_string(l, "cgroupsPath", spec->linux_.cgroups_path);
	add_resources(l, &spec->linux_.resources);
	if (spec->linux_.seccomp)
		json_object_object_add(l, "seccomp",
			readable ? json_tokener_parse(spec->linux_.seccomp) :
				   verbatim(spec->linux_.seccomp));
	add_string(l, "mountLabel", spec->linux_.mount_label);
	add_strings(l, "maskedPaths", &spec->linux_.masked_paths);
	add_strings(l, "readonlyPaths", &spec->linux_.readonly_paths);
}

/* Without any root.path itself is the root, as in the specification. */
static void add_layers(struct json_object *in, const struct spec *spec)
{
	_cleanup_json_ struct json_object *list = NULL;

	if (spec->root.direct)
		return;
	list = json_object_new_array();
	for (size_t i = 0; i < spec->root.layers.n; i++)
		json_object_array_add(list, json_object_new_string(
					      spec->root.layers.v[i]));
	add_string(in, SPEC_ANNOTATION_LAYERS,
		   json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN |
						  JSON_C_TO_STRING_NOSLASHESCAPE));
}

int spec_to_json(const struct spec *spec, bool readable, char **ret,
		 struct shift_error *err)
{
	_cleanup_json_ struct json_object *top = json_object_new_object();
	struct json_object *o;

	add_string(top, "ociVersion", OCI_VERSION);
	add_process(top, spec);
	o = object(top, "root");
	add_string(o, "path", spec->root.path);
	add_bool(o, "readonly", spec->root.readonly);
	add_string(top, "hostname", spec->hostname);
	add_mounts(top, spec);
	o = object(top, "annotations");
	add_members(o, &spec->annotations);
	add_string(o, SPEC_ANNOTATION_USER, spec->process.user);
	add_string(o, SPEC_ANNOTATION_SHIFT, spec_shift_name(spec->shift));
	add_layers(o, spec);
	add_linux(top, spec, readable);
	return strf(ret, err, "%s\n", json_object_to_json_string_ext(top,
		    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/*
 * Reading.  @where in messages is the path of the member, as in
 * "linux.resources".
 */
struct reader {
	const char *name;
	struct shift_error *err;
	int r;			/* the first error */
};

static void bad(struct reader *rd, const char *where, const char *what)
{
	if (rd->r >= 0)
		rd->r = shift_err_set(rd->err, 0, "%s: %s %s", rd->name, where,
				      what);
}

/* NULL when there is none or it is null. */
static struct json_object *get(struct reader *rd, struct json_object *in,
			       const char *key, enum json_type type)
{
	struct json_object *o;

	if (!in || !json_object_object_get_ex(in, key, &o) || !o)
		return NULL;
	if (!json_object_is_type(o, type)) {
		bad(rd, key, type == json_type_array ? "is not a list" :
		    type == json_type_object ? "is not an object" :
		    type == json_type_string ? "is not a string" :
		    type == json_type_int ? "is not a number" :
		    "is neither true nor false");
		return NULL;
	}
	return o;
}

static const char *get_string(struct reader *rd, struct json_object *in,
			      const char *key)
{
	struct json_object *o = get(rd, in, key, json_type_string);

	return o ? json_object_get_string(o) : NULL;
}

static int64_t get_int(struct reader *rd, struct json_object *in,
		       const char *key, int64_t without)
{
	struct json_object *o = get(rd, in, key, json_type_int);

	return o ? json_object_get_int64(o) : without;
}

static uint32_t get_u32(struct reader *rd, struct json_object *in,
			const char *key, uint32_t without)
{
	int64_t v = get_int(rd, in, key, without);

	if (v < 0 || v > UINT32_MAX) {
		bad(rd, key, "is out of range");
		return without;
	}
	return (uint32_t)v;
}

static bool get_bool(struct reader *rd, struct json_object *in,
		     const char *key)
{
	struct json_object *o = get(rd, in, key, json_type_boolean);

	return o && json_object_get_boolean(o);
}

static void keep(struct reader *rd, char **dst, const char *text)
{
	if (rd->r >= 0 && text)
		rd->r = str_replace(dst, text, rd->err);
}

static size_t length(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ?
	       json_object_array_length(list) : 0;
}

static void get_strings(struct reader *rd, struct json_object *in,
			const char *key, struct strv *ret)
{
	struct json_object *list = get(rd, in, key, json_type_array);

	for (size_t i = 0; rd->r >= 0 && i < length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!json_object_is_type(o, json_type_string))
			bad(rd, key, "has an element that is not a string");
		else
			rd->r = strv_add(ret, json_object_get_string(o),
					 rd->err);
	}
}

static void get_members(struct reader *rd, struct json_object *in,
			const char *key, struct strv *ret)
{
	struct json_object *o = get(rd, in, key, json_type_object);

	if (!o)
		return;
	json_object_object_foreach(o, name, value) {
		if (!json_object_is_type(value, json_type_string) ||
		    strchr(name, '='))
			bad(rd, key, "has a member that is not KEY: STRING");
		else if (rd->r >= 0)
			rd->r = strv_addf(ret, rd->err, "%s=%s", name,
					  json_object_get_string(value));
	}
}

static uint64_t get_capabilities(struct reader *rd, struct json_object *in,
				 const char *key)
{
	struct json_object *list = get(rd, in, key, json_type_array);
	uint64_t set = 0;

	for (size_t i = 0; i < length(list); i++) {
		const char *name = json_object_get_string(
			json_object_array_get_idx(list, i));
		cap_value_t c;

		if (!name || cap_from_name(name, &c) < 0)
			bad(rd, key, "has an unknown capability");
		else
			set |= 1ULL << c;
	}
	return set;
}

static void get_process(struct reader *rd, struct json_object *top,
			struct spec *spec)
{
	struct spec_capabilities *c = &spec->process.capabilities;
	struct json_object *p = get(rd, top, "process", json_type_object);
	struct json_object *o;
	const char *user;

	spec->process.terminal = get_bool(rd, p, "terminal");
	get_strings(rd, p, "args", &spec->process.args);
	get_strings(rd, p, "env", &spec->process.env);
	keep(rd, &spec->process.cwd, get_string(rd, p, "cwd") ?: "/");
	o = get(rd, p, "user", json_type_object);
	user = spec_annotation(spec, SPEC_ANNOTATION_USER);
	if (user) {
		keep(rd, &spec->process.user, user);
	} else if (rd->r >= 0) {
		free(spec->process.user);
		spec->process.user = NULL;
		rd->r = strf(&spec->process.user, rd->err,
			     "%" PRIu32 ":%" PRIu32, get_u32(rd, o, "uid", 0),
			     get_u32(rd, o, "gid", 0));
	}
	o = get(rd, p, "capabilities", json_type_object);
	c->bounding = get_capabilities(rd, o, "bounding");
	c->effective = get_capabilities(rd, o, "effective");
	c->inheritable = get_capabilities(rd, o, "inheritable");
	c->permitted = get_capabilities(rd, o, "permitted");
	c->ambient = get_capabilities(rd, o, "ambient");
	spec->process.no_new_privileges = get_bool(rd, p, "noNewPrivileges");
	keep(rd, &spec->process.selinux_label,
	     get_string(rd, p, "selinuxLabel"));
	keep(rd, &spec->process.apparmor_profile,
	     get_string(rd, p, "apparmorProfile"));
}

static int append_option(char **options, const char *word,
			 struct shift_error *err)
{
	char *more;
	int r = strf(&more, err, "%s%s%s", *options ?: "", *options ? "," : "",
		     word);

	if (r < 0)
		return r;
	free(*options);
	*options = more;
	return 0;
}

static void get_mounts(struct reader *rd, struct json_object *top,
		       struct spec *spec)
{
	struct json_object *list = get(rd, top, "mounts", json_type_array);

	for (size_t i = 0; rd->r >= 0 && i < length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *destination = get_string(rd, o, "destination");
		const char *type = get_string(rd, o, "type") ?: "none";
		_cleanup_free_ char *options = NULL;
		struct strv words = { NULL, 0 };

		if (!destination || *destination != '/')
			bad(rd, "mounts", "has one without a destination");
		get_strings(rd, o, "options", &words);
		for (size_t k = 0; rd->r >= 0 && k < words.n; k++)
			rd->r = append_option(&options, words.v[k], rd->err);
		strv_clear(&words);
		if (rd->r >= 0)
			rd->r = spec_add_mount(spec, destination, type,
					       get_string(rd, o, "source") ?:
					       type, options ?: "", rd->err);
	}
}

static void get_device_rules(struct reader *rd, struct json_object *in,
			     struct spec *spec)
{
	struct json_object *list = get(rd, in, "devices", json_type_array);

	for (size_t i = 0; rd->r >= 0 && i < length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *type = get_string(rd, o, "type") ?: "a";
		const char *access = get_string(rd, o, "access") ?: "rwm";
		struct spec_device_rule d = {
			.allow = get_bool(rd, o, "allow"),
			.type = *type,
			.major = get_int(rd, o, "major", -1),
			.minor = get_int(rd, o, "minor", -1),
		};

		if (!strchr("acb", d.type) || strlen(type) != 1 ||
		    strlen(access) > 3 || strspn(access, "rwm") != strlen(access))
			bad(rd, "linux.resources.devices", "has a bad rule");
		snprintf(d.access, sizeof(d.access), "%s", access);
		if (rd->r >= 0)
			rd->r = spec_add_device_rule(spec, &d, rd->err);
	}
}

static void get_resources(struct reader *rd, struct json_object *in,
			  struct spec *spec)
{
	struct json_object *o = get(rd, in, "resources", json_type_object);
	struct json_object *part;
	struct spec_resources *res = &spec->linux_.resources;

	get_device_rules(rd, o, spec);
	part = get(rd, o, "memory", json_type_object);
	res->memory_limit = get_int(rd, part, "limit", 0);
	res->memory_swap = get_int(rd, part, "swap", 0);
	part = get(rd, o, "cpu", json_type_object);
	res->cpu_shares = (uint64_t)get_int(rd, part, "shares", 0);
	res->cpu_quota = get_int(rd, part, "quota", 0);
	res->cpu_period = (uint64_t)get_int(rd, part, "period", 0);
	part = get(rd, o, "pids", json_type_object);
	res->pids_limit = get_int(rd, part, "limit", 0);
	get_members(rd, o, "unified", &res->unified);
}

static void get_namespaces(struct reader *rd, struct json_object *in,
			   struct spec *spec)
{
	struct json_object *list = get(rd, in, "namespaces", json_type_array);

	for (size_t i = 0; i < length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *type = get_string(rd, o, "type") ?: "";
		int n;

		for (n = 0; n < SPEC_N_NAMESPACES; n++)
			if (!strcmp(type, spec_namespace_names[n]))
				break;
		if (n == SPEC_N_NAMESPACES) {
			bad(rd, "linux.namespaces", "has an unknown type");
			return;
		}
		spec->linux_.namespaces |= 1u << n;
		keep(rd, &spec->linux_.namespace_paths[n],
		     get_string(rd, o, "path"));
	}
}

static void get_devices(struct reader *rd, struct json_object *in,
			struct spec *spec)
{
	struct json_object *list = get(rd, in, "devices", json_type_array);

	for (size_t i = 0; rd->r >= 0 && i < length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *type = get_string(rd, o, "type") ?: "";
		const char *path = get_string(rd, o, "path") ?: "";
		struct spec_device d = {
			.path = (char *)path,
			.type = *type == 'u' ? 'c' : *type,
			.major = get_u32(rd, o, "major", 0),
			.minor = get_u32(rd, o, "minor", 0),
			.mode = get_u32(rd, o, "fileMode", 0666) & 07777,
		};

		if ((d.type != 'c' && d.type != 'b') ||
		    strncmp(path, "/dev/", 5))
			bad(rd, "linux.devices", "has one that is no c or b below /dev");
		if (rd->r >= 0)
			rd->r = spec_add_device(spec, &d, rd->err);
	}
}

/* One extent from 0 on, the same for uids and gids. */
static void get_map(struct reader *rd, struct json_object *in,
		    struct spec *spec)
{
	struct json_object *u = get(rd, in, "uidMappings", json_type_array);
	struct json_object *g = get(rd, in, "gidMappings", json_type_array);
	struct json_object *o;

	if (!length(u) && !length(g)) {
		/* In the host's user namespace every id is the pod's. */
		if (!(spec->linux_.namespaces & SPEC_NS_USER))
			spec->linux_.map_size = UINT32_MAX;
		return;
	}
	if (length(u) != 1 || length(g) != 1 || !json_object_equal(u, g)) {
		bad(rd, "linux.uidMappings", "and gidMappings are not one extent, the same in both");
		return;
	}
	o = json_object_array_get_idx(u, 0);
	if (get_u32(rd, o, "containerID", 0))
		bad(rd, "linux.uidMappings", "does not begin with id 0");
	spec->linux_.host_base = get_u32(rd, o, "hostID", 0);
	spec->linux_.map_size = get_u32(rd, o, "size", 0);
}

static void get_linux(struct reader *rd, struct json_object *top,
		      struct spec *spec)
{
	struct json_object *l = get(rd, top, "linux", json_type_object), *o;

	get_namespaces(rd, l, spec);
	get_map(rd, l, spec);
	get_devices(rd, l, spec);
	keep(rd, &spec->linux_.cgroups_path, get_string(rd, l, "cgroupsPath"));
	get_resources(rd, l, spec);
	o = get(rd, l, "seccomp", json_type_object);
	keep(rd, &spec->linux_.seccomp,
	     o ? json_object_to_json_string(o) : NULL);
	keep(rd, &spec->linux_.mount_label, get_string(rd, l, "mountLabel"));
	get_strings(rd, l, "maskedPaths", &spec->linux_.masked_paths);
	get_strings(rd, l, "readonlyPaths", &spec->linux_.readonly_paths);
}

static void get_shift(struct reader *rd, struct spec *spec)
{
	const char *text = spec_annotation(spec, SPEC_ANNOTATION_SHIFT);

	if (text && spec_shift_parse(text, &spec->shift) < 0)
		bad(rd, SPEC_ANNOTATION_SHIFT, "is none of --shift's");
}

static void get_root(struct reader *rd, struct json_object *top,
		     struct spec *spec)
{
	struct json_object *root = get(rd, top, "root", json_type_object);
	const char *text = spec_annotation(spec, SPEC_ANNOTATION_LAYERS);
	_cleanup_json_ struct json_object *list = NULL;

	keep(rd, &spec->root.path, get_string(rd, root, "path"));
	spec->root.readonly = get_bool(rd, root, "readonly");
	spec->root.direct = !text;
	if (!text) {
		if (rd->r >= 0 && spec->root.path)
			rd->r = strv_add(&spec->root.layers, spec->root.path,
					 rd->err);
		return;
	}
	list = json_tokener_parse(text);
	for (size_t i = 0; i < length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!json_object_is_type(o, json_type_string))
			bad(rd, SPEC_ANNOTATION_LAYERS, "has an element that is not a string");
		else if (rd->r >= 0)
			rd->r = strv_add(&spec->root.layers,
					 json_object_get_string(o), rd->err);
	}
	if (!spec->root.layers.n)
		bad(rd, SPEC_ANNOTATION_LAYERS, "is not a list of directories");
}

int spec_from_json(struct spec *spec, const char *text, const char *name,
		   struct shift_error *err)
{
	struct reader rd = { name, err, 0 };
	_cleanup_json_ struct json_object *top = json_tokener_parse(text);

	memset(spec, 0, sizeof(*spec));
	if (!json_object_is_type(top, json_type_object))
		return shift_err_set(err, 0, "%s is not a JSON object", name);
	get_members(&rd, top, "annotations", &spec->annotations);
	get_process(&rd, top, spec);
	get_root(&rd, top, spec);
	keep(&rd, &spec->hostname, get_string(&rd, top, "hostname"));
	get_mounts(&rd, top, spec);
	get_linux(&rd, top, spec);
	get_shift(&rd, spec);
	return rd.r;
}
