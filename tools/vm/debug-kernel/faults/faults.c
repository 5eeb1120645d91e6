// SPDX-License-Identifier: GPL-2.0-only
/*
 * One defect of each kind that the debug kernel is meant to find, made when
 * the module is loaded with fault=NAME. The lab loads it to prove that the
 * kernel reports the defect and that the log check sees the report; it is no
 * part of shiftfs and is never installed.
 */
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *fault = "";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "the defect to make");

/* volatile: the compiler knows the defects too and would warn or drop them */
static void use_after_free(void)
{
	volatile char *p = kmalloc(64, GFP_KERNEL);

	if (!p)
		return;
	kfree((void *)p);
	p[8] = 1;
}

static void out_of_bounds(void)
{
	volatile size_t size = 40;
	volatile char *p = kmalloc(size, GFP_KERNEL);

	if (!p)
		return;
	p[size] = 1;
	kfree((void *)p);
}

static noinline void leak(void)
{
	int i;

	/* Several, so that a stale pointer on a stack cannot hide them all. */
	for (i = 0; i < 16; i++) {
		volatile char *p = kmalloc(96, GFP_KERNEL);

		if (p)
			p[0] = 1;
	}
}

static DEFINE_MUTEX(lock_a);
static DEFINE_MUTEX(lock_b);

static void lock_inversion(void)
{
	mutex_lock(&lock_a);
	mutex_lock(&lock_b);
	mutex_unlock(&lock_b);
	mutex_unlock(&lock_a);

	mutex_lock(&lock_b);
	mutex_lock(&lock_a);
	mutex_unlock(&lock_a);
	mutex_unlock(&lock_b);
}

static DEFINE_SPINLOCK(spin);

static void atomic_sleep(void)
{
	spin_lock(&spin);
	msleep(20);
	spin_unlock(&spin);
}

static void rcu_sleep(void)
{
	rcu_read_lock();
	kfree(kmalloc(16, GFP_KERNEL));
	might_sleep();
	rcu_read_unlock();
}

static void shift(void)
{
	volatile int by = 40;
	volatile int value = 1;

	value <<= by;
}

static void list(void)
{
	static LIST_HEAD(head);
	static LIST_HEAD(entry);

	list_add(&entry, &head);
	list_add(&entry, &head);
}

static void refcount(void)
{
	static refcount_t count = REFCOUNT_INIT(1);

	if (refcount_dec_and_test(&count))
		refcount_inc(&count);
}

static const struct {
	const char *name;
	void (*make)(void);
} faults[] = {
	{ "use-after-free", use_after_free },
	{ "out-of-bounds", out_of_bounds },
	{ "leak", leak },
	{ "lock-inversion", lock_inversion },
	{ "atomic-sleep", atomic_sleep },
	{ "rcu-sleep", rcu_sleep },
	{ "shift", shift },
	{ "list", list },
	{ "refcount", refcount },
};

static int __init faults_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (!strcmp(fault, faults[i].name)) {
			faults[i].make();
			return 0;
		}
	}
	return -EINVAL;
}

static void __exit faults_exit(void)
{
}

module_init(faults_init);
module_exit(faults_exit);
MODULE_DESCRIPTION("Defects on request, for the self-test of the debug kernel");
MODULE_LICENSE("GPL");
