/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the threads of the storm share. */
#ifndef SHIFTFS_SELFTEST_STORM_H
#define SHIFTFS_SELFTEST_STORM_H

#include <stdatomic.h>

#include "utils.h"

#define VIEWS	3		/* the lower path, and two mounts of it */
#define SLOTS	4		/* names taken by O_EXCL and its like */
#define STABLE	300		/* names that are always in dir/ */
#define MAXTHREADS 64

struct shared {
	atomic_bool stop, failed;
	atomic_int holders[SLOTS];
	atomic_int in_lock[2];
	atomic_ulong added;
	atomic_ulong appended[MAXTHREADS];
	atomic_ulong done[16];
};

extern struct shared *shared;
extern int view[VIEWS];
extern const unsigned int base[VIEWS];

struct thread {
	unsigned int number;
	uint64_t random;
	int v;				/* whom the thread acts through now */
	_Atomic uint64_t *counter[VIEWS];
};

unsigned int dice(struct thread *t, unsigned int n);

/* Say what is wrong, once, and stop everybody. */
void wrong(const struct thread *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* storm_ops.c */
struct op {
	const char *name;
	unsigned int weight;
	void (*run)(struct thread *t);
};
extern const struct op ops[];
void make_tree(void);
void act_as(struct thread *t, int v);
int exec_child(int argc, char **argv);

/* storm_verify.c: the number of names, after complaints if any. */
unsigned long verify(void);

#endif
