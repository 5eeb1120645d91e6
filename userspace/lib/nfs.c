// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Three processes have a part: one inside the user namespace opens the context,
 * whose namespace is that of its opener; this one, with the machine's privilege,
 * says what is mounted from where; and the kernel does the rest.  The first must
 * not fall into the hands of who lives in that namespace: it has this process's
 * memory and descriptors.  It cannot be traced, and it ends after the one call.
 */
#include "nfs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "fileio.h"
#include "fscontext.h"
#include "syscalls.h"
#include "userns.h"

#define FSTYPE "nfs"

static void cleanup_addrinfo(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

bool shift_is_nfs_source(const char *source)
{
	const char *colon = *source == '[' ? strstr(source, "]:/") : strchr(source, ':');

	if (!colon || colon == source)
		return false;
	if (*colon == ']')
		return colon > source + 1;
	return colon[1] == '/' && !memchr(source, '/', (size_t)(colon - source));
}

/* The value of an option, "" for a flag, NULL where it was not given. */
static const char *given(const struct shift_nfs *nfs, const char *name)
{
	for (size_t i = 0; i < nfs->n_options; i++)
		if (!strcmp(nfs->options[i].name, name))
			return nfs->options[i].value ? nfs->options[i].value : "";
	return NULL;
}

/* The host's part of @source, without the brackets; malloc()ed. */
static char *host_of(const char *source)
{
	return *source == '[' ? strndup(source + 1, strcspn(source + 1, "]")) :
				strndup(source, strcspn(source, ":"));
}

static int find_server(const char *source, char *addr, size_t len, struct shift_error *err)
{
	__attribute__((cleanup(cleanup_addrinfo))) struct addrinfo *list = NULL;
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	_cleanup_free_ char *host = host_of(source);
	int r;

	if (!host)
		return shift_err_set(err, ENOMEM, "%s", source);
	r = getaddrinfo(host, NULL, &hints, &list);
	if (!r)
		r = getnameinfo(list->ai_addr, list->ai_addrlen, addr,
				(socklen_t)len, NULL, 0, NI_NUMERICHOST);
	if (!r)
		return 0;
	r = shift_err_set(err, r == EAI_SYSTEM ? errno : 0, "%s: no address of the server %s: %s",
			  source, host, gai_strerror(r));
	shift_err_hint(err, "give the address in place of the name, or by the option addr=");
	return r;
}

/* The address by which the server reaches this machine; "" if there is none. */
static void find_client(const char *server, char *addr, size_t len)
{
	__attribute__((cleanup(cleanup_addrinfo))) struct addrinfo *list = NULL;
	const struct addrinfo hints = {
		.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST,
	};
	_cleanup_close_ int fd = -1;
	struct sockaddr_storage own;
	socklen_t size = sizeof(own);

	*addr = '\0';
	if (getaddrinfo(server, "2049", &hints, &list))
		return;
	/* connect(2) of a datagram socket sends nothing */
	fd = socket(list->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, list->ai_addr, list->ai_addrlen) < 0 ||
	    getsockname(fd, (struct sockaddr *)&own, &size) < 0 ||
	    getnameinfo((struct sockaddr *)&own, size, addr, (socklen_t)len, NULL,
			0, NI_NUMERICHOST))
		*addr = '\0';
}

/* The parameters that make the mount what it is, before those that were given. */
static int set_options(int fsfd, const struct shift_nfs *nfs, const char *server,
		       const char *vers, struct shift_error *err)
{
	char client[NI_MAXHOST];
	int r = shift_fsctx_string(fsfd, "source", nfs->source, err);

	if (r >= 0 && !given(nfs, "addr"))
		r = shift_fsctx_string(fsfd, "addr", server, err);
	if (r >= 0 && !given(nfs, "clientaddr")) {
		find_client(server, client, sizeof(client));
		if (*client)
			r = shift_fsctx_string(fsfd, "clientaddr", client, err);
	}
	if (r >= 0 && !given(nfs, "sec"))
		r = shift_fsctx_string(fsfd, "sec", "sys", err);
	/*
	 * One superblock has one user namespace. Where mounts of an export may share
	 * one, the kernel refuses the next by another namespace with EBUSY, the host's
	 * own mount included.
	 */
	if (r >= 0 && !given(nfs, "sharecache") && !given(nfs, "nosharecache"))
		r = shift_fsctx_flag(fsfd, "nosharecache", err);
	if (r >= 0 && vers)
		r = shift_fsctx_string(fsfd, "vers", vers, err);
	for (size_t i = 0; r >= 0 && i < nfs->n_options; i++)
		r = nfs->options[i].value ?
			shift_fsctx_string(fsfd, nfs->options[i].name, nfs->options[i].value, err) :
			shift_fsctx_flag(fsfd, nfs->options[i].name, err);
	return r;
}

/* Returns a mount; @userns of -1 is this process's own namespace. */
static int try_version(const struct shift_nfs *nfs, int userns, const char *server,
		       const char *vers, struct shift_error *err)
{
	_cleanup_close_ int fsfd = userns < 0 ? shift_fsctx_open(FSTYPE, err) :
						shift_userns_fsopen(userns, FSTYPE, err);
	int r = fsfd;

	if (r >= 0)
		r = set_options(fsfd, nfs, server, vers, err);
	if (r >= 0)
		r = shift_fsctx_create(fsfd, err);
	return r < 0 ? r : shift_fsctx_mount(fsfd, nfs->attr_flags, err);
}

static int try_versions(const struct shift_nfs *nfs, int userns, const char *server,
			struct shift_error *err)
{
	static const char *const versions[] = { "4.2", "4.1", "4.0" };
	int r = -EPROTONOSUPPORT;

	if (given(nfs, "vers") || given(nfs, "nfsvers"))
		return try_version(nfs, userns, server, NULL, err);
	for (size_t i = 0; r == -EPROTONOSUPPORT &&
	     i < sizeof(versions) / sizeof(versions[0]); i++)
		r = try_version(nfs, userns, server, versions[i], err);
	return r;
}

/* EPERM may be the server's word or the kernel's: does it mount it natively? */
static bool kernel_refuses(const struct shift_nfs *nfs, const char *server)
{
	_cleanup_close_ int native = try_versions(nfs, -1, server, NULL);

	return native >= 0;
}

/*
 * Whether the kernel has a client of this server already, in this network namespace.
 * Unsure: true.
 */
static bool has_client(const char *server)
{
	_cleanup_free_ char *text = NULL;
	unsigned char raw[sizeof(struct in6_addr)];
	char hex[2 * sizeof(raw) + 3] = " ";
	size_t len = inet_pton(AF_INET, server, raw) == 1 ? sizeof(struct in_addr) :
		     inet_pton(AF_INET6, server, raw) == 1 ? sizeof(struct in6_addr) : 0;

	if (!len || shift_read_file("/proc/self/net/nfsfs/servers", &text, NULL) < 0)
		return true;
	for (size_t i = 0; i < len; i++)
		snprintf(hex + 1 + 2 * i, 3, "%02x", raw[i]);
	strcat(hex, " ");
	return strstr(text, hex);
}

static bool is_seen(const struct shift_idmap_table *list, unsigned int id)
{
	for (size_t i = 0; i < list->n; i++)
		if (id >= list->extents[i].seen &&
		    id - list->extents[i].seen < list->extents[i].count)
			return true;
	return false;
}

/* Whether the client has @userns's map: the owner of the export's root says it. */
static int check_ids(const struct shift_nfs *nfs, int mntfd, struct shift_error *err)
{
	_cleanup_free_ struct shift_idmap *map = calloc(1, sizeof(*map));
	struct stat st;
	int r;

	if (!map)
		return shift_err_set(err, ENOMEM, "%s", nfs->source);
	r = shift_userns_read(nfs->userns, map, err);
	if (r < 0)
		return r;
	if (fstat(mntfd, &st) < 0)
		return shift_err_set(err, errno, "%s", nfs->source);
	if (is_seen(&map->uids, st.st_uid) && is_seen(&map->gids, st.st_gid))
		return 0;
	r = shift_err_set(err, EBUSY, "other mounts of this server are there already, and the kernel takes the ids of all by one map, theirs");
	shift_err_hint(err, "that holds for a network namespace: give netns= of the pod's own, unmount the others, or shift a mount that is there by shiftfs");
	return r;
}

static int mount_here(const struct shift_nfs *nfs, struct shift_error *err)
{
	_cleanup_close_ int known = -1, fd = -1;
	const char *addr = given(nfs, "addr");
	char server[NI_MAXHOST];
	bool shared;
	int r;

	/* The module is asked for here, not from inside the namespace. */
	known = shift_fsctx_open(FSTYPE, err);
	if (known < 0)
		return known;
	r = addr ? snprintf(server, sizeof(server), "%s", addr) :
		   find_server(nfs->source, server, sizeof(server), err);
	if (r < 0)
		return r;
	shared = has_client(server);
	fd = try_versions(nfs, nfs->userns, server, err);
	if (fd >= 0) {
		r = shared ? check_ids(nfs, fd, err) : 0;
		return r < 0 ? shift_err_prefix(err, "%s", nfs->source) : steal_fd(&fd);
	}
	if (fd == -EPERM && kernel_refuses(nfs, server)) {
		shift_err_set(err, EOPNOTSUPP, "this kernel mounts NFS for its initial user namespace only");
		shift_err_hint(err, "Linux 7.2 and newer can; here mount %s, and shift what is mounted by shiftfs", nfs->source);
		return -EOPNOTSUPP;
	}
	if (fd == -ECONNREFUSED || fd == -ETIMEDOUT || fd == -EHOSTUNREACH)
		shift_err_hint(err, "no NFS server answers there: see that it runs, and that a firewall lets port 2049 through");
	else if (fd == -EACCES)
		shift_err_hint(err, "the server does not give this export to this machine");
	return shift_err_prefix(err, "%s", nfs->source);
}

/*
 * A server tells clients by a name, by default the machine's, and takes one that comes
 * anew under it for the old one after a reboot: it drops the locks of both in turn. So
 * each network namespace gets a name of its own, unless it has one.
 */
static void name_client(void)
{
	_cleanup_close_ int fsfd = shift_fsctx_open("sysfs", NULL), mnt = -1, file = -1;
	char text[80];
	struct stat st;
	ssize_t n;

	if (fsfd < 0 || shift_fsctx_create(fsfd, NULL) < 0)
		return;
	mnt = shift_fsctx_mount(fsfd, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, NULL);
	file = mnt < 0 ? -1 : openat(mnt, "fs/nfs/net/nfs_client/identifier", O_RDWR | O_CLOEXEC);
	n = file < 0 ? -1 : read(file, text, sizeof(text));
	if (n < 0 || (n > 1 && strncmp(text, "(null)", 6)) || stat("/proc/self/ns/net", &st) < 0)
		return;
	n = snprintf(text, sizeof(text), "netns-%llu-%lld", (unsigned long long)st.st_ino,
		     (long long)time(NULL));
	if (pwrite(file, text, (size_t)n, 0) != n)
		return;
}

int shift_nfs_mount(const struct shift_nfs *nfs, struct shift_error *err)
{
	_cleanup_close_ int own = -1;
	int r;

	if (!shift_is_nfs_source(nfs->source))
		return shift_err_set(err, 0, "%s is no export of a server: it must be HOST:/EXPORT",
				     nfs->source);
	if (nfs->netns < 0)
		return mount_here(nfs, err);
	own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0 || setns(nfs->netns, CLONE_NEWNET) < 0)
		return shift_err_set(err, errno, "%s: entering the network namespace", nfs->source);
	name_client();
	r = mount_here(nfs, err);
	if (setns(own, CLONE_NEWNET) < 0) {
		int saved = errno;

		if (r >= 0)
			close(r);
		return shift_err_set(err, saved, "%s: returning from the network namespace", nfs->source);
	}
	return r;
}
