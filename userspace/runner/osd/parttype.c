/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "osd/parttype.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *guid;
	enum osd_role role;
	enum osd_crypt crypt;
} types[] = {
	{ "4fbd7e29-9d25-41b8-afd0-062c0ceff05d", OSD_DATA, OSD_CLEAR },
	{ "4fbd7e29-9d25-41b8-afd0-5ec00ceff05d", OSD_DATA, OSD_PLAIN },
	{ "4fbd7e29-9d25-41b8-afd0-35865ceff05d", OSD_DATA, OSD_LUKS },
	{ "4fbd7e29-8ae0-4982-bf9d-5a8d867af560", OSD_DATA, OSD_CLEAR },
	{ "45b0969e-9b03-4f30-b4c6-b4b80ceff106", OSD_JOURNAL, OSD_CLEAR },
	{ "45b0969e-9b03-4f30-b4c6-5ec00ceff106", OSD_JOURNAL, OSD_PLAIN },
	{ "45b0969e-9b03-4f30-b4c6-35865ceff106", OSD_JOURNAL, OSD_LUKS },
	{ "45b0969e-8ae0-4982-bf9d-5a8d867af560", OSD_JOURNAL, OSD_CLEAR },
	{ "cafecafe-9b03-4f30-b4c6-b4b80ceff106", OSD_BLOCK, OSD_CLEAR },
	{ "cafecafe-9b03-4f30-b4c6-5ec00ceff106", OSD_BLOCK, OSD_PLAIN },
	{ "cafecafe-9b03-4f30-b4c6-35865ceff106", OSD_BLOCK, OSD_LUKS },
	{ "cafecafe-8ae0-4982-bf9d-5a8d867af560", OSD_BLOCK, OSD_CLEAR },
	{ "30cd0809-c2b2-499c-8879-2d6b78529876", OSD_DB, OSD_CLEAR },
	{ "93b0052d-02d9-4d8a-a43b-33a3ee4dfbc3", OSD_DB, OSD_PLAIN },
	{ "166418da-c469-4022-adf4-b30afd37f176", OSD_DB, OSD_LUKS },
	{ "ec6d6385-e346-45dc-be91-da2a7c8b3261", OSD_DB, OSD_CLEAR },
	{ "5ce17fce-4087-4169-b7ff-056cc58473f9", OSD_WAL, OSD_CLEAR },
	{ "306e8683-4fe2-4330-b7c0-00a917c16966", OSD_WAL, OSD_PLAIN },
	{ "86a32090-3647-40b9-bbbd-38d8c573aa86", OSD_WAL, OSD_LUKS },
	{ "01b41e1b-002a-453c-9f17-88793989ff8f", OSD_WAL, OSD_CLEAR },
	{ "fb3aabf9-d25f-47cc-bf5e-721d1816496b", OSD_LOCKBOX, OSD_CLEAR },
	{ "7f4a666a-16f3-47a2-8445-152ef4d03f6c", OSD_LOCKBOX, OSD_CLEAR },
	{ "89c57f98-2fe5-4dc0-89c1-f3ad0ceff2be", OSD_UNREADY, OSD_CLEAR },
	{ "89c57f98-2fe5-4dc0-89c1-5ec00ceff2be", OSD_UNREADY, OSD_LUKS },
};

enum osd_role osd_parttype(const char *guid, enum osd_crypt *crypt)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(types[i].guid, guid)) {
			*crypt = types[i].crypt;
			return types[i].role;
		}
	*crypt = OSD_CLEAR;
	return OSD_OTHER;
}

const char *osd_role_name(enum osd_role role)
{
	static const char *const names[] = {
		[OSD_OTHER] = "other", [OSD_DATA] = "data",
		[OSD_JOURNAL] = "journal", [OSD_BLOCK] = "block",
		[OSD_DB] = "db", [OSD_WAL] = "wal", [OSD_LOCKBOX] = "lockbox",
		[OSD_UNREADY] = "unready",
	};

	return names[role];
}
