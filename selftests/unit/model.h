/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A slow and obvious model of a map, to compare with. */
#ifndef IDMAP_MODEL_H
#define IDMAP_MODEL_H

#include "idmap.h"

struct model {
	unsigned int nr;
	struct shiftfs_extent ext[SHIFTFS_MAX_EXTENTS];
};

static inline u32 model_up(const struct model *m, u32 stored)
{
	for (unsigned int i = 0; i < m->nr; i++)
		if (stored >= m->ext[i].stored &&
		    (u64)stored < (u64)m->ext[i].stored + m->ext[i].count)
			return m->ext[i].seen + (stored - m->ext[i].stored);
	return SHIFTFS_INVALID_ID;
}

static inline u32 model_down(const struct model *m, u32 seen)
{
	for (unsigned int i = 0; i < m->nr; i++)
		if (seen >= m->ext[i].seen &&
		    (u64)seen < (u64)m->ext[i].seen + m->ext[i].count)
			return m->ext[i].stored + (seen - m->ext[i].seen);
	return SHIFTFS_INVALID_ID;
}

/* May this extent stand beside the others? */
static inline bool model_valid(const struct model *m)
{
	for (unsigned int i = 0; i < m->nr; i++) {
		const struct shiftfs_extent *a = &m->ext[i];

		for (unsigned int j = 0; j < i; j++) {
			const struct shiftfs_extent *b = &m->ext[j];

			if ((u64)a->stored < (u64)b->stored + b->count &&
			    (u64)b->stored < (u64)a->stored + a->count)
				return false;
			if ((u64)a->seen < (u64)b->seen + b->count &&
			    (u64)b->seen < (u64)a->seen + a->count)
				return false;
		}
	}
	return true;
}

/* Every id near an edge of an extent, to ask both about. */
#define MODEL_FOR_EDGES(m, id)						\
	for (unsigned int k_ = 0; k_ < (m)->nr * 12 + 4; k_++)		\
		for (u32 id = model_edge(m, k_), once_ = 1; once_; once_ = 0)

static inline u32 model_edge(const struct model *m, unsigned int k)
{
	static const u32 fixed[] = { 0, 1, (u32)-2, (u32)-1 };
	const struct shiftfs_extent *e;
	u32 base;

	if (k < 4)
		return fixed[k];
	k -= 4;
	e = &m->ext[k / 12];
	k %= 12;
	base = k < 6 ? e->stored : e->seen;
	if (k % 6 >= 3)
		base += e->count;
	return base + k % 3 - 1;
}

#endif
