/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACLs as text: "u::6 u:1000:4 g::4 m::6 o::0". */
#ifndef SHIFTFS_SELFTEST_ACL_H
#define SHIFTFS_SELFTEST_ACL_H

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/xattr.h>

#include "utils.h"

#define ACCESS	"system.posix_acl_access"
#define DEFAULT	"system.posix_acl_default"

struct acl {
	struct posix_acl_xattr_header head;
	struct posix_acl_xattr_entry entry[16];
};

/* "u::6 u:1000:4 g::4 m::6 o::0", id absent where the tag has none */
static size_t acl_from_text(struct acl *acl, const char *text)
{
	char *copy = strdup(text), *save = NULL;
	int n = 0;

	acl->head.a_version = htole32(POSIX_ACL_XATTR_VERSION);
	for (char *t = strtok_r(copy, " ", &save); t;
	     t = strtok_r(NULL, " ", &save)) {
		struct posix_acl_xattr_entry *e = &acl->entry[n++];
		char *id = strchr(t, ':') + 1, *perm = strchr(id, ':') + 1;
		bool named = *id != ':';

		e->e_tag = htole16(*t == 'u' ? named ? ACL_USER : ACL_USER_OBJ :
				   *t == 'g' ? named ? ACL_GROUP : ACL_GROUP_OBJ :
				   *t == 'm' ? ACL_MASK : ACL_OTHER);
		e->e_perm = htole16(*perm - '0');
		e->e_id = htole32(named ? strtoul(id, NULL, 10) :
				  (uint32_t)ACL_UNDEFINED_ID);
	}
	free(copy);
	return sizeof(acl->head) + n * sizeof(acl->entry[0]);
}

static int set_acl(const char *path, const char *type, const char *text)
{
	struct acl acl;
	size_t size = acl_from_text(&acl, text);

	return setxattr(path, type, &acl, size, 0);
}

static char *get_acl(const char *path, const char *type)
{
	static char text[4][512];
	static int next;
	char *out = text[next++ % 4], *p = out;
	struct acl acl;
	ssize_t size = getxattr(path, type, &acl, sizeof(acl));

	*p = 0;
	if (size < 0)
		return errno == ENODATA ? strcpy(out, "none") :
			strcpy(out, strerror(errno));
	for (size_t i = 0; i < (size - sizeof(acl.head)) /
	     sizeof(acl.entry[0]); i++) {
		struct posix_acl_xattr_entry *e = &acl.entry[i];
		int tag = le16toh(e->e_tag);

		p += sprintf(p, "%s%c:", i ? " " : "",
			     tag & (ACL_USER_OBJ | ACL_USER) ? 'u' :
			     tag & (ACL_GROUP_OBJ | ACL_GROUP) ? 'g' :
			     tag == ACL_MASK ? 'm' : 'o');
		if (tag & (ACL_USER | ACL_GROUP))
			p += sprintf(p, "%u", le32toh(e->e_id));
		p += sprintf(p, ":%d", le16toh(e->e_perm));
	}
	return out;
}

#define ACL_IS(path, type, want) do {					\
	const char *got_ = get_acl(path, type);				\
	if (strcmp(got_, want))						\
		fail_at(__FILE__, __LINE__, "%s of %s is '%s', wanted '%s'", \
			type, path, got_, want);			\
} while (0)

#endif
