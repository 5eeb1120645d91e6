// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * loader: an image's own /lib64/ld-linux-x86-64.so.2, which the kernel starts in
 * the process that executes a program: in one that has runner's own program as
 * /proc/self/exe, when that is what a script names as its interpreter.  It says
 * whether the program could be written to.  (CVE-2019-5736)
 */
#ifdef __x86_64__
static long call(long n, long a, long b, long c, long d)
{
	long r;
	register long r10 __asm__("r10") = d;

	__asm__ volatile("syscall" : "=a"(r)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return r;
}

static void say(const char *text)
{
	long n = 0;

	while (text[n])
		n++;
	call(1 /* write */, 1, (long)text, n, 0);
}

/*
 * A program that runs cannot be written to: so a child keeps it open, and this
 * process becomes another program.
 */
__attribute__((noreturn, used)) static void begin(void)
{
	const char *argv[] = { "writer", "9", 0 };
	const char *envp[] = { 0 };
	long fd = call(257 /* openat */, -100, (long)"/proc/self/exe", 0, 0);

	say("loader\n");
	call(33 /* dup2 */, fd, 9, 0, 0);
	if (call(57 /* fork */, 0, 0, 0, 0) == 0) {
		call(59 /* execve */, (long)"/bin/writer", (long)argv,
		     (long)envp, 0);
		call(60 /* exit */, 1, 0, 0, 0);
	}
	argv[1] = "hold";
	call(59, (long)"/bin/writer", (long)argv, (long)envp, 0);
	for (;;)
		call(60, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n\tand $-16,%rsp\n\tcall begin\n");
#else
void _start(void);
void _start(void)
{
	for (;;)
		;
}
#endif
