/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "escape.h"

#define NEAR 2		/* letters that may be wrong */
#define LONGEST 40	/* of the words that are compared */

/* How many letters have to be changed, added, left out or swapped. */
static unsigned int distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned int d[LONGEST + 1][LONGEST + 1];

	if (n > LONGEST || m > LONGEST)
		return LONGEST;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned int)i;
	for (size_t k = 0; k <= m; k++)
		d[0][k] = (unsigned int)k;
	for (size_t i = 1; i <= n; i++)
		for (size_t k = 1; k <= m; k++) {
			unsigned int best = d[i - 1][k - 1] +
					    (a[i - 1] != b[k - 1]);

			if (d[i - 1][k] + 1 < best)
				best = d[i - 1][k] + 1;
			if (d[i][k - 1] + 1 < best)
				best = d[i][k - 1] + 1;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] &&
			    a[i - 2] == b[k - 1] && d[i - 2][k - 2] + 1 < best)
				best = d[i - 2][k - 2] + 1;
			d[i][k] = best;
		}
	return d[n][m];
}

static const char *find_near(const char *word, const char *const *names,
			     size_t n, size_t stride)
{
	const char *near = NULL, *begun = NULL;
	unsigned int best = strlen(word) < 4 ? NEAR : NEAR + 1;

	for (size_t i = 0; i < n; i++) {
		const char *name = *(const char *const *)
			((const char *)names + i * stride);
		unsigned int d;

		if (!name)
			continue;
		d = distance(word, name);
		if (d < best) {
			best = d;
			near = name;
		}
		if (!begun && strlen(word) >= 3 &&
		    !strncmp(word, name, strlen(word)))
			begun = name;
	}
	/* More was meant to follow: --pids is no misspelt --pid. */
	return begun ?: near;
}

const char *words_suggest(const char *word, const char *prefix,
			  const char *const *names, size_t n, size_t stride)
{
	static const char *const help[] = { "help" };
	static char text[LONGEST + 32];
	bool option = !strncmp(word, "--", 2);
	const char *near;

	word += option ? 2 : 0;
	near = find_near(word, names, n, stride);
	if (!near && option) {
		near = find_near(word, help, 1, sizeof(*help));
		prefix = "--";
	}
	text[0] = '\0';
	if (near)
		snprintf(text, sizeof(text), "; did you mean %s%s?", prefix,
			 near);
	return text;
}

static void print_option(const struct words_option *o)
{
	char left[80];

	snprintf(left, sizeof(left), "%c%c%s%s%s%s%s", o->letter ? '-' : ' ',
		 o->letter ?: ' ', o->letter && o->name ? ", " : "  ",
		 o->name ? "--" : "", o->name ?: "", o->value ? " " : "",
		 o->value ?: "");
	if (strlen(left) > 30)
		printf("  %s\n  %-30s %s\n", left, "", o->refused ?: o->help);
	else
		printf("  %-30s %s\n", left, o->refused ?: o->help);
}

static void help(const struct words_command *c)
{
	bool refused = false;

	printf("Usage: runner %s %s%s\n%s\n\n", c->name,
	       c->options->help ? "[OPTION]... " : "", c->operands,
	       c->summary);
	for (const struct words_option *o = c->options;
	     o->letter || o->name; o++) {
		refused = refused || o->refused;
		if (!o->refused)
			print_option(o);
	}
	printf("  %-30s %s\n", "    --help", "this text");
	if (c->notes)
		printf("\n%s", c->notes);
	if (!refused)
		return;
	puts("\nOther tools have these options. They are refused:");
	for (const struct words_option *o = c->options;
	     o->letter || o->name; o++)
		if (o->refused)
			print_option(o);
}

void words_hint(const struct words_command *command, struct shift_error *err)
{
	shift_err_hint(err, "runner %s --help tells more", command->name);
}

static int mistake(const struct words *w, const char *text,
		   struct shift_error *err)
{
	_cleanup_free_ char *shown = shift_escaped(text);
	int r = shift_err_set(err, 0, "%s: %s", w->command->name,
			      shown ?: "?");

	words_hint(w->command, err);
	return r;
}

static int unknown(const struct words *w, const char *word,
		   struct shift_error *err)
{
	const struct words_option *o = w->command->options;
	char text[512];
	size_t n = 0;

	while (o[n].letter || o[n].name)
		n++;
	snprintf(text, sizeof(text), "unknown option '%.200s'%s", word,
		 strncmp(word, "--", 2) ? "" :
		 words_suggest(word, "--", &o->name, n, sizeof(*o)));
	return mistake(w, text, err);
}

static int found(struct words *w, const struct words_option *o, char *value,
		 const char *word, struct shift_error *err)
{
	static const struct { const char *word; bool on; } flags[] = {
		{ "true", true }, { "1", true }, { "false", false },
		{ "0", false },
	};
	char text[512];

	w->option = o;
	w->value = value;
	w->on = true;
	if (o->refused) {
		snprintf(text, sizeof(text), "%.100s: %s", word, o->refused);
		return mistake(w, text, err);
	}
	if (o->value && !value) {
		/* The whole next word, whatever that begins with. */
		if (w->at < w->argc) {
			w->value = w->argv[w->at++];
			return 1;
		}
		snprintf(text, sizeof(text), "%.100s needs a value, %s", word,
			 o->value);
		return mistake(w, text, err);
	}
	if (o->value || !value)
		return 1;
	w->value = NULL;
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (!strcmp(value, flags[i].word)) {
			w->on = flags[i].on;
			return 1;
		}
	snprintf(text, sizeof(text), "%.100s takes no value but true or false",
		 word);
	return mistake(w, text, err);
}

static int long_option(struct words *w, char *word, struct shift_error *err)
{
	const struct words_option *o = w->command->options;
	size_t len = strcspn(word + 2, "=");
	_cleanup_free_ char *name = strndup(word, len + 2);
	char *value = word[len + 2] ? word + len + 3 : NULL;

	if (!name)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (!strcmp(word, "--help")) {
		help(w->command);
		exit(0);
	}
	for (; o->letter || o->name; o++)
		if (o->name && !strcmp(o->name, name + 2))
			return found(w, o, value, name, err);
	return unknown(w, name, err);
}

static int letter(struct words *w, struct shift_error *err)
{
	const struct words_option *o = w->command->options;
	char word[3] = { '-', *w->letters++, '\0' };
	char *value = NULL;

	for (; o->letter || o->name; o++) {
		if (o->letter != word[1])
			continue;
		/* -eNAME=VALUE, -n5, and -a=false of a flag */
		if ((o->value || *w->letters == '=') && *w->letters) {
			w->letters += !o->value;
			value = (char *)w->letters;
			w->letters = "";
		}
		return found(w, o, value, word, err);
	}
	return unknown(w, word, err);
}

/* Counted when all is read. */
static int finish(struct words *w, struct shift_error *err)
{
	const struct words_command *c = w->command;
	char text[256];

	if (w->n < c->least)
		snprintf(text, sizeof(text), "it needs %s%s", c->operands,
			 w->n ? ", and there is not enough" : "");
	else if (w->n > c->most)
		snprintf(text, sizeof(text), "'%.100s' is too much",
			 w->operands[c->most]);
	else
		return 0;
	return mistake(w, text, err);
}

void words_begin(struct words *w, const struct words_command *command,
		 int argc, char **argv)
{
	/* A copy: the caller's words may be needed again as they are. */
	static char **operands;

	memset(w, 0, sizeof(*w));
	free(operands);
	operands = calloc((size_t)argc + 1, sizeof(*operands));
	w->operands = operands;
	w->command = command;
	w->argc = argc;
	w->argv = argv;
	w->at = 1;
	w->letters = "";
}

int words_next(struct words *w, struct shift_error *err)
{
	if (!w->operands)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (*w->letters)
		return letter(w, err);
	while (w->at < w->argc) {
		char *word = w->argv[w->at];

		if (!strcmp(word, "--")) {
			w->at++;
			break;
		}
		if (word[0] == '-' && word[1] == '-') {
			w->at++;
			return long_option(w, word, err);
		}
		if (word[0] == '-' && word[1]) {
			w->at++;
			w->letters = word + 1;
			return letter(w, err);
		}
		if (w->command->command_follows)
			break;
		w->operands[w->n++] = word;
		w->at++;
	}
	while (w->at < w->argc)
		w->operands[w->n++] = w->argv[w->at++];
	return finish(w, err);
}

int words_code(const struct words *w)
{
	return w->option->code ?: w->option->letter;
}

int words_only(struct words *w, const struct words_command *command,
	       int argc, char **argv, struct shift_error *err)
{
	words_begin(w, command, argc, argv);
	return words_next(w, err);
}
