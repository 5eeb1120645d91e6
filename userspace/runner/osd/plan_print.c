/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "osd/plan.h"

#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "escape.h"

static const char *crypt_name(enum osd_crypt crypt)
{
	return crypt == OSD_LUKS ? "luks" : crypt == OSD_PLAIN ? "plain" : "";
}

static void column(const char *text, int width)
{
	shift_print_escaped(stdout, text, strlen(text), SHIFT_ESCAPE_ALL);
	printf("%*s", strlen(text) < (size_t)width ?
	       width - (int)strlen(text) : 1, "");
}

static void print_device(const struct osd_device *d)
{
	printf("  ");
	column(osd_role_name(d->role), 9);
	column(d->path, 16);
	column(*d->content ? d->content : "-", 16);
	column(*d->uuid ? d->uuid : "-", 38);
	if (*d->mapper) {
		printf("/dev/mapper/");
		column(d->mapper, 0);
		printf("%s", d->opened ? "(opened)" : "(closed)");
	}
	if (*d->mount) {
		printf("at ");
		column(d->mount, 0);
	}
	putchar('\n');
}

static void print_words(const char *title, const struct strv *words)
{
	if (!words->n)
		return;
	printf("%s\n", title);
	for (size_t i = 0; i < words->n; i++) {
		printf("  ");
		shift_print_escaped(stdout, words->v[i], strlen(words->v[i]),
				    SHIFT_ESCAPE_ALL);
		putchar('\n');
	}
}

static struct json_object *list_of(const struct strv *words)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < words->n; i++)
		json_object_array_add(list, json_object_new_string(words->v[i]));
	return list;
}

static void add(struct json_object *o, const char *key, const char *text)
{
	if (*text)
		json_object_object_add(o, key, json_object_new_string(text));
}

static struct json_object *device_of(const struct osd_device *d)
{
	struct json_object *o = json_object_new_object();

	add(o, "role", osd_role_name(d->role));
	add(o, "path", d->path);
	add(o, "partuuid", d->uuid);
	add(o, "content", d->content);
	add(o, "encryption", crypt_name(d->crypt));
	add(o, "mapper", d->mapper);
	add(o, "mount", d->mount);
	if (*d->mapper)
		json_object_object_add(o, "opened",
				       json_object_new_boolean(d->opened != 0));
	return o;
}

static int print_json(const struct osd_plan *plan, enum osd_scenario scenario,
		      const struct osd_layout *layouts, int n,
		      struct shift_error *err)
{
	struct json_object *o = json_object_new_object();
	struct json_object *osds = json_object_new_array();
	const char *text;

	add(o, "scenario", osd_scenario_names[scenario]);
	for (int i = 0; i < n; i++) {
		struct json_object *osd = json_object_new_object();
		struct json_object *parts = json_object_new_array();

		add(osd, "layout", layouts[i].name);
		for (int k = 0; k < layouts[i].n; k++)
			json_object_array_add(parts,
					      device_of(&layouts[i].parts[k]));
		json_object_object_add(osd, "devices", parts);
		json_object_array_add(osds, osd);
	}
	json_object_object_add(o, "osds", osds);
	json_object_object_add(o, "before", list_of(&plan->before));
	json_object_object_add(o, "runner", list_of(&plan->runner));
	json_object_object_add(o, "podman", list_of(&plan->podman));
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text) {
		shift_print_escaped(stdout, text, strlen(text), SHIFT_ESCAPE_JSON);
		putchar('\n');
	}
	json_object_put(o);
	return text ? 0 : shift_err_set(err, ENOMEM, "cannot allocate memory");
}

int osd_plan_print(const struct osd_plan *plan, enum osd_scenario scenario,
		   const struct osd_layout *layouts, int n, bool json,
		   struct shift_error *err)
{
	if (json)
		return print_json(plan, scenario, layouts, n, err);
	for (int i = 0; i < n; i++) {
		printf("%s: %s\n", osd_scenario_names[scenario], layouts[i].name);
		for (int k = 0; k < layouts[i].n; k++)
			print_device(&layouts[i].parts[k]);
	}
	print_words("before the pod, on the host", &plan->before);
	print_words("runner run", &plan->runner);
	print_words("podman run, which locks no device", &plan->podman);
	return 0;
}
