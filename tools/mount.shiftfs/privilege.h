/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The privilege of a setuid program.  It is put away before an argument is
 * looked at, taken out for single steps on paths which no user can change, and
 * taken for good when everything is checked and held by descriptors.
 */
#ifndef MOUNT_SHIFTFS_PRIVILEGE_H
#define MOUNT_SHIFTFS_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

/* Setuid root, run by another user; or with file capabilities, which are refused. */
bool privilege_is_borrowed(void);

/* Each exits the program when the kernel refuses. */
void privilege_put_away(void);	/* effective ids are the caller's */
void privilege_take_out(void);	/* root, until put back */
void privilege_put_back(void);
void privilege_take_over(void);	/* root in every respect, and no way back */
void privilege_renounce(void);	/* the caller for good */

#endif
