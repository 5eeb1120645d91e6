/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/volumes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lockfile.h"
#include "base/place.h"
#include "base/util.h"
#include "cleanup.h"
#include "pod/poddir.h"
#include "pod/state.h"
#include "pod/volume_fill.h"

#define LIST_MAX (1 << 20)

/* A directory that is being made or removed is no volume. */
#define NEW ".new-"
#define GONE ".gone-"

static int path_of(const char *name, const char *part, char **ret,
		   struct shift_error *err)
{
	return strf(ret, err, "%s/volumes%s%s%s%s", place_root(), name ? "/" : "",
		    name ?: "", part ? "/" : "", part ?: "");
}

/* The folder of all, 0700 as files of pods are in there, and its lock. */
static int lock_all(struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r = path_of(NULL, NULL, &path, err);

	if (r >= 0)
		r = fd = lockfile_dir(path, 0700, err);
	if (r >= 0)
		r = lockfile_wait(fd, LOCK_EX, path, err);
	return r < 0 ? r : steal_fd(&fd);
}

static int random_name(const char *prefix, char **ret, struct shift_error *err)
{
	uint64_t n[2];

	if (getrandom(n, sizeof(n), 0) != sizeof(n))
		return shift_err_set(err, errno, "cannot get random bytes");
	return strf(ret, err, "%s%016" PRIx64 "%016" PRIx64, prefix, n[0], n[1]);
}

static int write_text(const char *path, const char *text,
		      struct shift_error *err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC |
				      O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || write_whole(fd, text, strlen(text)) < 0)
		return shift_err_set(err, errno, "cannot write %s", path);
	return 0;
}

/* Whole when it has its name.  @spec, or NULL, is whose image fills it. */
static int make(const char *name, const char *pod, const struct spec *spec,
		const char *destination, struct shift_error *err)
{
	_cleanup_free_ char *draft = NULL, *path = NULL, *data = NULL;
	_cleanup_free_ char *mark = NULL, *last = NULL;
	bool taken = false;
	int r;

	if ((r = random_name(NEW, &draft, err)) < 0 ||
	    (r = path_of(draft, NULL, &path, err)) < 0 ||
	    (r = path_of(draft, "data", &data, err)) < 0 ||
	    (r = path_of(draft, "anonymous", &mark, err)) < 0 ||
	    (r = path_of(name, NULL, &last, err)) < 0)
		return r;
	if (mkdir(path, 0700) < 0 || mkdir(data, 0755) < 0)
		r = shift_err_set(err, errno, "cannot make %s", data);
	if (r >= 0 && pod)
		r = write_text(mark, pod, err);
	if (r >= 0 && spec)
		r = volume_fill(spec, destination, data, err);
	/* Another start may have made it meanwhile: then there it is. */
	if (r >= 0 && (taken = renameat2(AT_FDCWD, path, AT_FDCWD, last,
					 RENAME_NOREPLACE) < 0) && errno != EEXIST)
		r = shift_err_set(err, errno, "cannot make the volume %s", name);
	if (r < 0 || taken)
		remove_tree(path, NULL);
	return r < 0 ? shift_err_prefix(err, "volume %s", destination ?: name) : 0;
}

static bool there(const char *name)
{
	_cleanup_free_ char *data = NULL;

	return path_of(name, "data", &data, NULL) >= 0 && !access(data, F_OK);
}

/* Ids as they are stored in images, unless something else is said. */
static int use(struct spec_mount *m, const char *name, bool maps,
	       struct shift_error *err)
{
	_cleanup_free_ char *data = NULL, *real = NULL, *options = NULL;
	bool told = strstr(m->options, "idmap") || strstr(m->options, "squash=");
	int r = path_of(name, "data", &data, err);

	if (r < 0)
		return r;
	real = realpath(data, NULL);
	if (!real)
		return shift_err_set(err, errno, "%s", data);
	r = strf(&options, err, "%s%s%s", maps && !told ? "idmap" : "",
		 maps && !told && *m->options ? "," : "", m->options);
	if (r >= 0)
		r = str_replace(&m->options, options, err);
	if (r >= 0)
		r = str_replace(&m->source, real, err);
	return r < 0 ? r : str_replace(&m->type, "bind", err);
}

static int list_path(const char *pod_dir, char **ret, struct shift_error *err)
{
	return strf(ret, err, "%s/volumes", pod_dir);
}

/* The list of volumes that the pod has already; the caller frees it. */
static struct json_object *read_list(const char *pod_dir)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	struct json_object *list = NULL;

	if (list_path(pod_dir, &path, NULL) >= 0 &&
	    read_file(path, LIST_MAX, &text, NULL, NULL) >= 0)
		list = json_tokener_parse(text);
	if (!json_object_is_type(list, json_type_object)) {
		json_object_put(list);
		list = json_object_new_object();
	}
	return list;
}

static int save_list(const char *pod_dir, struct json_object *list,
		     struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = list_path(pod_dir, &path, err);

	return r < 0 ? r : write_text(path, json_object_to_json_string(list), err);
}

/* In the list before it is made: what a killed runner leaves is removed by it. */
static int anonymous(const struct spec *spec, const struct spec_mount *m,
		     const char *pod, const char *pod_dir,
		     struct json_object *list, char **name,
		     struct shift_error *err)
{
	struct json_object *known;
	int r;

	if (json_object_object_get_ex(list, m->destination, &known) &&
	    there(json_object_get_string(known)))
		return str_replace(name, json_object_get_string(known), err);
	r = random_name("", name, err);
	if (r >= 0) {
		json_object_object_add(list, m->destination,
				       json_object_new_string(*name));
		r = save_list(pod_dir, list, err);
	}
	return r < 0 ? r : make(*name, pod, spec, m->destination, err);
}

int volumes_make(struct spec *spec, const char *pod, const char *pod_dir,
		 struct shift_error *err)
{
	bool maps = spec->linux_.namespaces & SPEC_NS_USER;
	struct json_object *list = NULL;
	_cleanup_close_ int all = -1;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < spec->n_mounts; i++) {
		struct spec_mount *m = &spec->mounts[i];
		_cleanup_free_ char *name = NULL;

		if (strcmp(m->type, "volume"))
			continue;
		if (!list) {
			/* The folder is there then; it is long to fill one. */
			r = all = lock_all(err);
			if (all >= 0)
				close(steal_fd(&all));
			list = read_list(pod_dir);
		}
		if (r >= 0 && *m->source) {
			r = str_replace(&name, m->source, err);
			if (r >= 0 && !there(name))
				r = make(name, NULL, spec, m->destination, err);
		} else if (r >= 0) {
			r = anonymous(spec, m, pod, pod_dir, list, &name, err);
		}
		if (r >= 0)
			r = use(m, name, maps, err);
	}
	json_object_put(list);
	return r;
}

static bool has(const struct spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (!strcmp(spec->mounts[i].source, path))
			return true;
	return false;
}

/*
 * How many pods, but @except, have @path as a volume; one that cannot be read may
 * have it.
 */
static size_t count_users(const char *path, const char *except)
{
	struct strv names = { NULL, 0 };
	size_t users = 0;

	if (state_list(&names, NULL) < 0)
		users++;
	for (size_t i = 0; i < names.n; i++) {
		struct state st = STATE_INIT;
		struct spec spec;
		int r;

		if (except && !strcmp(names.v[i], except))
			continue;
		memset(&spec, 0, sizeof(spec));
		r = state_load(&st, names.v[i], NULL);
		if (r >= 0)
			r = state_load_spec(&st, &spec, NULL);
		/* One that has gone meanwhile has none. */
		users += r < 0 ? r != -ENOENT || !access(st.dir ?: "", F_OK) :
				 has(&spec, path);
		spec_clear(&spec);
		state_clear(&st);
	}
	strv_clear(&names);
	return users;
}

/* The lock of all is held; *ret is what is to be removed without it. */
static int take_away(const char *name, char **ret, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *other = NULL;
	int r;

	if ((r = path_of(name, NULL, &path, err)) < 0 ||
	    (r = random_name(GONE, &other, err)) < 0 ||
	    (r = path_of(other, NULL, ret, err)) < 0)
		return r;
	if (rename(path, *ret) < 0)
		return shift_err_set(err, errno, "the volume %s", name);
	return 0;
}

/* Removes volumes whose removal began earlier. */
static int remove_gone(struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *e;
	int r = path_of(NULL, NULL, &path, err);

	if (r < 0)
		return r;
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		_cleanup_free_ char *gone = NULL;

		if (strncmp(e->d_name, GONE, strlen(GONE)) ||
		    path_of(e->d_name, NULL, &gone, err) < 0)
			continue;
		r = remove_tree(gone, r < 0 ? NULL : err) < 0 ? -EIO : r;
	}
	return r;
}

int volumes_remove_of(const char *pod_dir, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	struct json_object *list;
	_cleanup_close_ int all = -1;
	int r = list_path(pod_dir, &path, err);

	if (r < 0 || access(path, F_OK) < 0)
		return r;
	r = all = lock_all(err);
	list = read_list(pod_dir);
	json_object_object_foreach(list, place, value) {
		const char *name = json_object_get_string(value);
		_cleanup_free_ char *gone = NULL, *data = NULL, *real = NULL;
		_cleanup_free_ char *mark = NULL, *pod = NULL;

		(void)place;
		if (r < 0 || poddir_check_name(name, NULL) < 0 || !there(name) ||
		    path_of(name, "data", &data, err) < 0 ||
		    path_of(name, "anonymous", &mark, err) < 0)
			continue;
		real = realpath(data, NULL);
		read_file(mark, 4096, &pod, NULL, NULL);
		/* Another pod may have been given it by its name. */
		if (real && !count_users(real, pod))
			r = take_away(name, &gone, err);
	}
	json_object_put(list);
	if (all >= 0)
		close(steal_fd(&all));
	return r < 0 ? r : remove_gone(err);
}

int volumes_rename_of(const char *pod_dir, const char *name,
		      struct shift_error *err)
{
	_cleanup_close_ int all = -1;
	struct json_object *list;
	int r = all = lock_all(err);

	list = read_list(pod_dir);
	json_object_object_foreach(list, place, value) {
		const char *volume = json_object_get_string(value);
		_cleanup_free_ char *mark = NULL;

		(void)place;
		if (r < 0 || poddir_check_name(volume, NULL) < 0 ||
		    path_of(volume, "anonymous", &mark, err) < 0)
			continue;
		if (access(mark, F_OK) == 0)
			r = write_text(mark, name, err);
	}
	json_object_put(list);
	return r;
}

int volumes_keep_of(const char *pod_dir, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = list_path(pod_dir, &path, err);

	if (r >= 0 && unlink(path) < 0 && errno != ENOENT)
		r = shift_err_set(err, errno, "cannot remove %s", path);
	return r;
}

int volumes_create(const char *name, struct shift_error *err)
{
	_cleanup_close_ int all = -1;

	if (poddir_check_name(name, NULL) < 0)
		return shift_err_set(err, 0, "'%s' is no name of a volume: a name has 1 to 63 letters, digits, '_', '.' or '-' and begins with a letter or digit",
				     name);
	all = lock_all(err);
	if (all < 0)
		return all;
	if (there(name))
		return shift_err_set(err, EEXIST, "the volume %s", name);
	return make(name, NULL, NULL, NULL, err);
}

int volumes_remove(const char *name, struct shift_error *err)
{
	_cleanup_free_ char *data = NULL, *real = NULL, *gone = NULL;
	_cleanup_close_ int all = -1;
	int r;

	if (poddir_check_name(name, NULL) < 0 || !there(name))
		return shift_err_set(err, ENOENT, "there is no volume %s", name);
	if ((r = all = lock_all(err)) < 0 ||
	    (r = path_of(name, "data", &data, err)) < 0)
		return r;
	real = realpath(data, NULL);
	if (real && count_users(real, NULL)) {
		r = shift_err_set(err, EBUSY, "the volume %s is a pod's", name);
		shift_err_hint(err, "runner volume ls and runner ps -a tell more; runner rm first");
		return r;
	}
	r = take_away(name, &gone, err);
	close(steal_fd(&all));
	return r < 0 ? r : remove_gone(err);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct volume_entry *)a)->name,
		      ((const struct volume_entry *)b)->name);
}

static int add_entry(const char *name, struct volume_entry *e,
		     struct shift_error *err)
{
	_cleanup_free_ char *mark = NULL, *real = NULL;
	int r;

	if ((r = str_replace(&e->name, name, err)) < 0 ||
	    (r = path_of(name, "data", &e->path, err)) < 0 ||
	    (r = path_of(name, "anonymous", &mark, err)) < 0)
		return r;
	read_file(mark, 4096, &e->pod, NULL, NULL);
	real = realpath(e->path, NULL);
	e->users = real ? count_users(real, NULL) : 0;
	return 0;
}

int volumes_list(struct volume_entry **ret, size_t *n, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_dir_ DIR *dir = NULL;
	struct strv names = { NULL, 0 };
	struct volume_entry *all;
	int r = path_of(NULL, NULL, &path, err);

	*ret = NULL;
	*n = 0;
	if (r < 0)
		return r;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : shift_err_set(err, errno, "%s", path);
	r = dir_sample(dir, 0, &names, err);
	all = calloc(names.n + 1, sizeof(*all));
	if (!all)
		r = shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		if (there(names.v[i]))
			r = add_entry(names.v[i], &all[(*n)++], err);
	strv_clear(&names);
	if (r < 0) {
		volumes_free(all, *n);
		return r;
	}
	qsort(all, *n, sizeof(*all), compare);
	*ret = all;
	return 0;
}

void volumes_free(struct volume_entry *entries, size_t n)
{
	for (size_t i = 0; entries && i < n; i++) {
		free(entries[i].name);
		free(entries[i].path);
		free(entries[i].pod);
	}
	free(entries);
}
