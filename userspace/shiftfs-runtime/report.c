// SPDX-License-Identifier: GPL-2.0-or-later
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "escape.h"
#include "json.h"

/*
 * One line, as a runtime's errors have: of what is on stderr an engine may show the last
 * line alone.
 */
static char *one_line(const struct shift_error *err)
{
	const char *from = shift_err_text(err);
	char *text = malloc(2 * strlen(from) + 1), *to = text;

	for (; text && *from; from++) {
		*to++ = *from == '\n' ? ';' : *from;
		if (*from == '\n')
			*to++ = ' ';
	}
	if (text)
		*to = '\0';
	return text;
}

static void write_log(FILE *to, const char *text, bool as_json)
{
	_cleanup_json_ struct json_object *line = NULL;
	struct tm tm;
	time_t now = time(NULL);
	char when[32] = "";

	if (gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	line = json_object_new_object();
	if (!line)
		return;
	json_object_object_add(line, "level", json_object_new_string("error"));
	json_object_object_add(line, "msg", json_object_new_string(text));
	json_object_object_add(line, "time", json_object_new_string(when));
	if (as_json)
		fprintf(to, "%s\n", json_object_to_json_string_ext(line,
				JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		fprintf(to, "time=\"%s\" level=error msg=%s\n", when,
			json_object_to_json_string_ext(json_object_object_get(line, "msg"),
						       JSON_C_TO_STRING_NOSLASHESCAPE));
}

int report(const struct oci_args *args, const struct shift_error *err)
{
	_cleanup_free_ char *text = one_line(err);
	const char *path = args->log;
	_cleanup_file_ FILE *log = NULL;
	int fd;

	/* crun's "file:PATH"; its journald: and syslog: end on stderr, which is logged */
	if (path && !strncmp(path, "file:", 5))
		path += 5;
	else if (path && (!strncmp(path, "journald:", 9) || !strncmp(path, "syslog:", 7)))
		path = NULL;
	if (path && text) {
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
		log = fd < 0 ? NULL : fdopen(fd, "a");
		if (log)
			write_log(log, text, args->log_json);
		else if (fd >= 0)
			close(fd);
	}
	fputs("shiftfs-runtime: ", stderr);
	if (text)
		shift_print_escaped(stderr, text, strlen(text), SHIFT_ESCAPE_ALL);
	putc('\n', stderr);
	return 1;
}
