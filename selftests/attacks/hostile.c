// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a pod does that wants its host harm, or does not want to end:
 *
 *	hostile reboot		reboot(2), as process 1 of the pod
 *	hostile ignore		ignore all signals that can be ignored, sleep
 *	hostile bomb N		N lines of processes, each forks another and ends
 *	hostile stop		process 1 of the pod has a child that is stopped
 *	hostile nest DIR N	N directories, one in the other, with names of 250 letters
 *	hostile within DIR N COMMAND...
 *				the same, and the command is executed in the deepest cgroup
 *	hostile groups N COMMAND...
 *				the command with N groups
 *	hostile lease FILE...	leases of all these files, which are never given back
 *	hostile lend FILE	a lease that is given back when the kernel asks for it
 *	hostile deep DIR N	the same in a filesystem, with a file in each
 *	hostile shout FD	write to FD without end
 *	hostile linger N [PORT]	N messages to /run/host/notify, each with a socket whose
 *				close(2) waits 100 s for somebody to read, at PORT of
 *				lo, or else a port of its own; then numbers without end
 *	hostile fuse DIR	a filesystem on DIR that answers nothing
 *	hostile exchange DIR N [fifo]	N files in DIR and as many nodes of /dev/urandom, or
 *				FIFOs, in each other's place by turns
 *	hostile flip A B	A and B in each other's place by turns
 *	hostile swap TO DIR...	in each DIR: "sub" is a directory and a link to TO,
 *				"file" a file and a link to TO/file, by turns;
 *				cgroups come and go
 *	hostile send PORT ADDRESS...
 *				UDP datagrams to each address, as frames on the first
 *				interface but lo, whatever the routes are
 *	hostile ports FROM TO ADDRESS
 *				such a datagram to ADDRESS from each of these ports
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int say(const char *what)
{
	perror(what);
	return 1;
}

static void ignore_all(void)
{
	for (int s = 1; s < 65; s++)
		signal(s, SIG_IGN);
}

static int nest(const char *dir, int n, int with_file)
{
	char name[251];

	memset(name, 'n', 250);
	name[250] = '\0';
	if (chdir(dir) < 0)
		return say(dir);
	for (int i = 0; i < n; i++) {
		if (mkdir(name, 0755) < 0 && errno != EEXIST) {
			fprintf(stderr, "depth %d: ", i);
			return say("mkdir");
		}
		if (chdir(name) < 0)
			return say("chdir");
		if (with_file) {
			int fd = open("left", O_CREAT | O_WRONLY, 0644);

			if (fd < 0 || write(fd, "left", 4) != 4)
				return say("left");
			close(fd);
		}
	}
	puts("made");
	return 0;
}

static int within(const char *dir, int n, char **command)
{
	FILE *f;

	if (nest(dir, n, 0))
		return 1;
	f = fopen("cgroup.procs", "w");
	if (!f || fprintf(f, "0") != 1 || fclose(f))
		return say("cgroup.procs");
	execvp(*command, command);
	return say(*command);
}

static int with_groups(int n, char **command)
{
	gid_t *list = calloc((size_t)n + 1, sizeof(*list));

	for (int i = 0; list && i < n; i++)
		list[i] = (gid_t)i;
	if (!list || setgroups((size_t)n, list) < 0)
		return say("setgroups");
	execvp(*command, command);
	return say(*command);
}

static void __attribute__((noreturn)) bomb(int n)
{
	ignore_all();
	for (int i = 0; i < n; i++) {
		if (fork())
			continue;
		/* Each makes another and ends: no number of theirs stays true. */
		for (;;) {
			if (fork() > 0)
				_exit(0);
			usleep(500);
		}
	}
	for (;;)
		pause();
}

static void __attribute__((noreturn)) stop(void)
{
	pid_t child = fork();

	ignore_all();
	/* Process 1 cannot be stopped from within its pid namespace. */
	while (!child)
		raise(SIGSTOP);
	for (;;)
		pause();
}

static int shout(int fd)
{
	static char line[4096];

	memset(line, 'x', sizeof(line));
	for (size_t i = 79; i < sizeof(line); i += 80)
		line[i] = '\n';
	for (;;)
		if (write(fd, line, sizeof(line)) < 0 && errno != EAGAIN)
			return say("write");
}

static void __attribute__((noreturn)) flip(const char *a, const char *b)
{
	puts("ready");
	fflush(stdout);
	for (;;)
		syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

static void __attribute__((noreturn)) exchange(const char *dir, int n, mode_t kind)
{
	char name[32], other[32], text[4096];

	memset(text, 'x', sizeof(text));
	if (chdir(dir) < 0 || mkdir("../nodes", 0755) < 0)
		exit(say(dir));
	for (int i = 0; i < n; i++) {
		int fd;

		snprintf(name, sizeof(name), "%d", i);
		snprintf(other, sizeof(other), "../nodes/%d", i);
		fd = open(name, O_CREAT | O_WRONLY, 0666);
		if (fd < 0 || write(fd, text, sizeof(text)) < 0 ||
		    mknod(other, kind | 0666, kind == S_IFIFO ? 0 : makedev(1, 9)) < 0)
			exit(say(other));
		close(fd);
	}
	puts("ready");
	fflush(stdout);
	for (int i = 0;; i = (i + 1) % n) {
		snprintf(name, sizeof(name), "%d", i);
		snprintf(other, sizeof(other), "../nodes/%d", i);
		syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, other,
			RENAME_EXCHANGE);
	}
}

static void make_pair(const char *name, const char *link, int is_dir)
{
	char other[64];

	snprintf(other, sizeof(other), "%s.other", name);
	if (is_dir)
		mkdir(name, 0777);
	else
		close(open(name, O_CREAT | O_WRONLY, 0666));
	if (symlink(link, other) < 0 && errno != EEXIST)
		perror(other);
}

static void __attribute__((noreturn)) swap(const char *to, char **dirs)
{
	char file[4096];

	snprintf(file, sizeof(file), "%s/file", to);
	for (char **d = dirs; *d; d++) {
		if (chdir(*d) < 0) {
			perror(*d);
			continue;
		}
		make_pair("sub", to, 1);
		make_pair("file", file, 0);
	}
	puts("ready");
	fflush(stdout);
	for (unsigned int i = 0;; i++) {
		for (char **d = dirs; *d; d++) {
			if (chdir(*d) < 0)
				continue;
			syscall(SYS_renameat2, AT_FDCWD, "sub", AT_FDCWD,
				"sub.other", RENAME_EXCHANGE);
			syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD,
				"file.other", RENAME_EXCHANGE);
		}
		if (i % 2)
			rmdir("/sys/fs/cgroup/race");
		else
			mkdir("/sys/fs/cgroup/race", 0755);
		/* The host's side has one of two processors, or none. */
		if (!(i % 17))
			usleep(i % 700);
	}
}

/* One end of a connection that nobody reads from, with data on the way. */
static int unread(struct sockaddr_in a)
{
	const struct linger l = { .l_onoff = 1, .l_linger = 100 };
	static char data[65536];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	while (write(fd, data, sizeof(data)) > 0)
		;
	return fd;
}

static int linger(int n, int port)
{
	static const struct sockaddr_un to = { AF_UNIX, "/run/host/notify" };
	struct sockaddr_in a = { .sin_family = AF_INET };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { .header = {
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct iovec iov = { (char *)"STATUS=lingers", 14 };
	struct msghdr m = {
		.msg_name = (void *)&to, .msg_namelen = sizeof(to),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int sock = socket(AF_UNIX, SOCK_DGRAM, 0);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);
	int status;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)port);
	if (!port && (bind(listener, (struct sockaddr *)&a, len) < 0 ||
		      listen(listener, n) < 0 ||
		      getsockname(listener, (struct sockaddr *)&a, &len) < 0))
		return say("listen");
	/* Its own descriptors go by _exit(2), or it would wait itself. */
	if (fork()) {
		if (wait(&status) < 0 || status)
			return 1;
		n = 0;
	}
	for (int i = 0; i < n; i++) {
		int fd = unread(a);

		if (fd < 0)
			return say("connect");
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		if (sendmsg(sock, &m, 0) < 0)
			return say("sendmsg");
	}
	if (n)
		_exit(0);
	puts("sent");
	fflush(stdout);
	for (int i = 0;; i++) {
		printf("%d\n", i);
		fflush(stdout);
		usleep(100000);
	}
}

static int fuse(const char *dir)
{
	struct {
		struct fuse_out_header h;
		struct fuse_init_out init;
	} out = { .init = { .major = FUSE_KERNEL_VERSION, .minor = 31,
			    .max_write = 4096 } };
	static char in[1 << 20];
	struct fuse_in_header *h = (void *)in;
	int fd = open("/dev/fuse", O_RDWR);
	char options[100];

	if (fd < 0)
		return say("/dev/fuse");
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
	if (mount("silent", dir, "fuse", 0, options) < 0)
		return say(dir);
	puts("mounted");
	fflush(stdout);
	while (read(fd, in, sizeof(in)) > 0) {
		if (h->opcode != FUSE_INIT)
			continue;
		out.h.len = sizeof(out);
		out.h.unique = h->unique;
		if (write(fd, &out, sizeof(out)) < 0)
			return say("init");
	}
	return say("read");
}

/* The checksum of IP, of @len bytes, an even number. */
static unsigned short checksum(const unsigned char *p, int len)
{
	unsigned int sum = 0;

	for (int i = 0; i < len; i += 2)
		sum += (unsigned int)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (unsigned short)~sum;
}

/* A frame of Ethernet with a datagram "hello"; the sum of UDP is left out. */
static int make_frame(unsigned char *f, const char *address, int from, int port)
{
	unsigned char *ip = f + 14, *udp;
	unsigned short sum;

	memset(f, 0, 128);
	memset(f, 0xff, 6);
	f[6] = 2;
	if (strchr(address, ':')) {
		f[12] = 0x86, f[13] = 0xdd;
		ip[0] = 0x60, ip[5] = 14, ip[6] = IPPROTO_UDP, ip[7] = 64;
		inet_pton(AF_INET6, "fd00::2", ip + 8);
		if (inet_pton(AF_INET6, address, ip + 24) != 1)
			return -1;
		udp = ip + 40;
	} else {
		f[12] = 0x08;
		ip[0] = 0x45, ip[3] = 34, ip[8] = 64, ip[9] = IPPROTO_UDP;
		inet_pton(AF_INET, "192.0.2.77", ip + 12);
		if (inet_pton(AF_INET, address, ip + 16) != 1)
			return -1;
		sum = checksum(ip, 20);
		ip[10] = (unsigned char)(sum >> 8), ip[11] = (unsigned char)sum;
		udp = ip + 20;
	}
	udp[0] = (unsigned char)(from >> 8), udp[1] = (unsigned char)from;
	udp[2] = (unsigned char)(port >> 8), udp[3] = (unsigned char)port;
	udp[5] = 14;
	memcpy(udp + 8, "hello\n", 6);
	return (int)(udp + 14 - f);
}

/* A packet socket, and in @to the interface. */
static int open_interface(struct sockaddr_ll *to)
{
	struct if_nameindex *all = if_nameindex();

	memset(to, 0, sizeof(*to));
	to->sll_family = AF_PACKET;
	for (int i = 0; all && all[i].if_index; i++)
		if (strcmp(all[i].if_name, "lo"))
			to->sll_ifindex = (int)all[i].if_index;
	return to->sll_ifindex ? socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)) : -1;
}

static int send_frame(int fd, const struct sockaddr_ll *to, const char *address,
		      int from, int port)
{
	unsigned char frame[128];
	int len = make_frame(frame, address, from, port);

	return len < 0 ||
	       sendto(fd, frame, (size_t)len, 0, (const struct sockaddr *)to, sizeof(*to)) < 0;
}

static int send_frames(int port, char **addresses)
{
	struct sockaddr_ll to;
	int fd = open_interface(&to);

	if (fd < 0)
		return say("no packet socket, or no interface");
	for (int i = 0; addresses[i]; i++) {
		if (send_frame(fd, &to, addresses[i], 45000 + i, port))
			return say(addresses[i]);
		printf("sent %s\n", addresses[i]);
		fflush(stdout);
		usleep(100000);
	}
	return 0;
}

static int from_ports(int first, int last, const char *address)
{
	struct sockaddr_ll to;
	int fd = open_interface(&to);

	if (fd < 0)
		return say("no packet socket, or no interface");
	for (int port = first; port <= last; port++) {
		if (send_frame(fd, &to, address, port, 9))
			return say(address);
		/* its reader needs a moment, or frames are lost */
		if (port % 16 == 0)
			usleep(500);
	}
	return 0;
}

static int leased;

static void give_back(int signal)
{
	(void)signal;
	fcntl(leased, F_SETLEASE, F_UNLCK);
}

/* Who opens one waits for /proc/sys/fs/lease-break-time. */
static int lease(char **files, void (*asked)(int signal))
{
	signal(SIGIO, asked);
	for (; *files; files++) {
		leased = open(*files, O_RDWR);
		if (leased < 0 || fcntl(leased, F_SETLEASE, F_WRLCK) < 0) {
			puts("no lease");
			return say(*files);
		}
	}
	puts("leased");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "reboot")) {
		reboot(RB_AUTOBOOT);
		return say("reboot");
	}
	if (!strcmp(what, "ignore")) {
		ignore_all();
		puts("ready");
		fflush(stdout);
		for (;;)
			pause();
	}
	if (!strcmp(what, "bomb") && argc == 3)
		bomb(atoi(argv[2]));
	if (!strcmp(what, "stop"))
		stop();
	if (!strcmp(what, "nest") && argc == 4)
		return nest(argv[2], atoi(argv[3]), 0);
	if (!strcmp(what, "within") && argc > 4)
		return within(argv[2], atoi(argv[3]), argv + 4);
	if (!strcmp(what, "groups") && argc > 3)
		return with_groups(atoi(argv[2]), argv + 3);
	if (!strcmp(what, "lease") && argc > 2)
		return lease(argv + 2, SIG_IGN);
	if (!strcmp(what, "lend") && argc == 3)
		return lease(argv + 2, give_back);
	if (!strcmp(what, "deep") && argc == 4)
		return nest(argv[2], atoi(argv[3]), 1);
	if (!strcmp(what, "shout") && argc == 3)
		return shout(atoi(argv[2]));
	if (!strcmp(what, "fuse") && argc == 3)
		return fuse(argv[2]);
	if (!strcmp(what, "linger") && argc > 2)
		return linger(atoi(argv[2]), argc > 3 ? atoi(argv[3]) : 0);
	if (!strcmp(what, "exchange") && argc > 3)
		exchange(argv[2], atoi(argv[3]), argc > 4 ? S_IFIFO : S_IFCHR);
	if (!strcmp(what, "flip") && argc == 4)
		flip(argv[2], argv[3]);
	if (!strcmp(what, "send") && argc > 3)
		return send_frames(atoi(argv[2]), argv + 3);
	if (!strcmp(what, "ports") && argc == 5)
		return from_ports(atoi(argv[2]), atoi(argv[3]), argv[4]);
	if (!strcmp(what, "swap") && argc > 3)
		swap(argv[2], argv + 3);
	fputs("usage: see the source\n", stderr);
	return 2;
}
