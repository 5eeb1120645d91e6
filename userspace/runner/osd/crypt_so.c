/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "osd/crypt_so.h"

#include <errno.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <string.h>

__attribute__((visibility("default")))
int part_crypt_open(const char *path, const char *name, const char *key, size_t size,
		    struct shift_error *err);
__attribute__((visibility("default")))
int part_crypt_close(const char *name, struct shift_error *err);

/* The last that libcryptsetup said, in place of printing it. */
static char said[256];

static void hear(int level, const char *text, void *data)
{
	(void)data;
	if (level != CRYPT_LOG_ERROR)
		return;
	snprintf(said, sizeof(said), "%s", text);
	said[strcspn(said, "\n")] = '\0';
}

static int failed(int r, const char *what, const char *path,
		  struct shift_error *err)
{
	shift_err_set(err, *said ? 0 : -r, "%s %s%s%s", what, path,
		      *said ? ": " : "", said);
	return r;
}

/* What the administrator's cryptsetup has to finish first. */
static int check(struct crypt_device *cd, const char *path,
		 struct shift_error *err)
{
	uint32_t wants = 0;

	if (strcmp(crypt_get_type(cd), CRYPT_LUKS2))
		return 0;
	if (crypt_persistent_flags_get(cd, CRYPT_FLAGS_REQUIREMENTS, &wants) < 0 ||
	    !wants)
		return 0;
	shift_err_set(err, 0, "%s is being encrypted anew, or has what this cryptsetup does not know",
		      path);
	shift_err_hint(err, "cryptsetup repair, or cryptsetup reencrypt --resume-only, on the host");
	return -EBUSY;
}

int part_crypt_open(const char *path, const char *name, const char *key, size_t size,
		    struct shift_error *err)
{
	struct crypt_device *cd = NULL;
	int r;

	crypt_set_log_callback(NULL, hear, NULL);
	/* A header names them: none is loaded. */
	crypt_token_external_disable();
	r = crypt_init(&cd, path);
	if (r >= 0)
		r = crypt_load(cd, CRYPT_LUKS, NULL);
	if (r < 0) {
		failed(r, "cannot read the LUKS header of", path, err);
	} else if ((r = check(cd, path, err)) >= 0) {
		r = crypt_activate_by_passphrase(cd, name, CRYPT_ANY_SLOT, key,
						 size, 0);
		if (r == -EPERM) {
			shift_err_set(err, 0, "the key does not open %s", path);
			shift_err_hint(err, "cryptsetup open --test-passphrase --key-file FILE %s tries one", path);
		} else if (r < 0) {
			failed(r, "cannot open", path, err);
		}
	}
	crypt_free(cd);
	return r < 0 ? r : 0;
}

int part_crypt_close(const char *name, struct shift_error *err)
{
	int r;

	*said = '\0';
	crypt_set_log_callback(NULL, hear, NULL);
	r = crypt_deactivate_by_name(NULL, name, CRYPT_DEACTIVATE_DEFERRED);
	return r < 0 ? failed(r, "cannot have the kernel close the mapping", name,
			      err) : 0;
}
