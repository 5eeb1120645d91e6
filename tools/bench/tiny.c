// SPDX-License-Identifier: GPL-2.0-or-later
/* The smallest program to execute: no C library, no dynamic linker. */
#include <sys/syscall.h>

void _start(void)
{
	__asm__ volatile("syscall" : : "a"(SYS_exit), "D"(0));
	__builtin_unreachable();
}
