/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/etcfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "setup/security.h"
#include "spec/etc_option.h"

#define MAX (1 << 20)

static int put(const struct spec *spec, const char *dir, enum etc_file file,
	       const char *text, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	uid_t owner = spec->linux_.host_base;
	int r = strf(&path, err, "%s/%s", dir, etc_names[file]);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write_whole(fd, text, strlen(text)) < 0 ||
	    fchmod(fd, 0644) < 0 || fchown(fd, owner, owner) < 0)
		return shift_err_set(err, errno, "cannot write %s", path);
	return 0;
}

static int add(char **text, const char *more, struct shift_error *err)
{
	char *all = NULL;
	int r = strf(&all, err, "%s%s", *text ?: "", more);

	if (r < 0)
		return r;
	free(*text);
	*text = all;
	return 0;
}

static int make_hosts(const struct spec *spec, char **ret,
		      struct shift_error *err)
{
	bool of_host = !(spec->linux_.namespaces & SPEC_NS_NETWORK);
	_cleanup_free_ char *text = NULL;
	char line[512];
	int r = 0;

	/* In the host's network the host's names hold. */
	if (!of_host || read_file("/etc/hosts", MAX, &text, NULL, NULL) < 0)
		r = add(&text, "127.0.0.1\tlocalhost\n"
			"::1\tlocalhost ip6-localhost ip6-loopback\n"
			"ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n", err);
	else if (*text && text[strlen(text) - 1] != '\n')
		r = add(&text, "\n", err);
	if (r >= 0 && spec->hostname) {
		snprintf(line, sizeof(line), "127.0.1.1\t%s\n", spec->hostname);
		r = add(&text, line, err);
	}
	for (size_t i = 0; r >= 0 && i < spec->annotations.n; i++) {
		const char *a = spec->annotations.v[i], *is = strchr(a, '=');

		if (strncmp(a, ETC_HOST, strlen(ETC_HOST)) || !is)
			continue;
		a += strlen(ETC_HOST);
		/* Addresses of IPv4 and IPv6, by blanks. */
		for (const char *one = is + 1; r >= 0 && *one; one += strspn(one, " ")) {
			size_t n = strcspn(one, " ");

			snprintf(line, sizeof(line), "%.*s\t%.*s\n", (int)n, one,
				 (int)(is - a), a);
			r = add(&text, line, err);
			one += n;
		}
	}
	if (r >= 0)
		*ret = steal_ptr(&text);
	return r;
}

/* What `ip netns exec` shows as /etc/resolv.conf there, else the host's. */
static int read_resolv(const struct spec *spec, char **ret)
{
	const char *ns = spec->linux_.namespace_paths[5];
	_cleanup_free_ char *path = NULL, *text = NULL;
	int r = -ENOENT;

	if (ns && !strncmp(ns, "/run/netns/", 11) && !strchr(ns + 11, '/') &&
	    strf(&path, NULL, "/etc/netns/%s/resolv.conf", ns + 11) >= 0)
		r = read_file(path, MAX, &text, NULL, NULL);
	if (r < 0)
		r = read_file("/etc/resolv.conf", MAX, &text, NULL, NULL);
	/* The stub of systemd-resolved listens in the host's network only. */
	if (r >= 0 && (ns || spec_annotation(spec, SPEC_ANNOTATION_PASTA)) &&
	    strstr(text, "nameserver 127.0.0.53")) {
		free(steal_ptr(&text));
		r = read_file("/run/systemd/resolve/resolv.conf", MAX, &text,
			      NULL, NULL);
	}
	*ret = r < 0 ? strdup("") : steal_ptr(&text);
	return *ret ? 0 : -ENOMEM;
}

static int make_resolv(const struct spec *spec, char **ret,
		       struct shift_error *err)
{
	const char *dns = spec_annotation(spec, ETC_DNS);
	_cleanup_free_ char *copy = NULL, *text = NULL;
	char *word, *save, line[128];
	int r = 0;

	if (!dns)
		return read_resolv(spec, ret);
	copy = strdup(dns);
	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (word = strtok_r(copy, " ", &save); r >= 0 && word;
	     word = strtok_r(NULL, " ", &save)) {
		snprintf(line, sizeof(line), "nameserver %s\n", word);
		r = add(&text, line, err);
	}
	if (r >= 0)
		*ret = steal_ptr(&text);
	return r;
}

int etcfiles_make(const struct spec *spec, const char *path,
		  struct shift_error *err)
{
	_cleanup_free_ char *label = NULL, *data = NULL;
	int r;

	if ((r = mkdir_parents(path, 0755, err)) < 0 ||
	    (r = security_mount_label(spec, &label, err)) < 0 ||
	    (r = strf(&data, err, "mode=0755,size=4m,nr_inodes=16%s%s%s",
		      label ? ",context=\"" : "", label ?: "",
		      label ? "\"" : "")) < 0)
		return r;
	if (mount("etc", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  data) < 0)
		return shift_err_set(err, errno, "cannot mount a tmpfs at %s",
				     path);
	for (int i = 0; r >= 0 && i < ETC_N; i++) {
		_cleanup_free_ char *text = NULL;

		if (!etc_wanted(spec, i))
			continue;
		if (i == ETC_HOSTS)
			r = make_hosts(spec, &text, err);
		else if (i == ETC_RESOLV)
			r = make_resolv(spec, &text, err);
		else
			r = strf(&text, err, "%s\n", spec->hostname);
		if (r >= 0)
			r = put(spec, path, i, text ?: "", err);
	}
	return r;
}
