/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OPS_H
#define OPS_H

/* The files are stored with owner 0 and seen with this one. */
#define OWNER		100000
#define MAP_OPTION	"idmap=b:0:100000:65536"
#define FLAT_FILES	10000

/**
 * struct op - an operation to be measured
 * @name:	its name in the results
 * @setup:	before the first run; -1 with errno set if it cannot be done
 * @run:	do it @count times
 * @between:	before each round, not timed
 * @finish:	after the last round
 * @count:	what a round's time is divided by
 * @rounds:	0 for the usual number
 */
struct op {
	const char *name;
	int (*setup)(void);
	void (*run)(long count);
	void (*between)(void);
	void (*finish)(void);
	long count;
	int rounds;
};

extern const struct op ops[];

void drop_caches(void);
void stat_flat(long count);

#endif /* OPS_H */
