/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runner-side: asks the host for side containers, from inside a pod.  It has no
 * right that who calls it has not; everything is decided on the host.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask/client.h"
#include "ask/wrapper.h"
#include "cleanup.h"

/* As of runner: its own failures, refusals among them. */
#define FAILED 125
#define TIMEOUT_S 60

static const char usage[] =
	"Usage: runner-side submit [OPTION]... TEMPLATE [--] [ARGUMENT]...\n"
	"       runner-side status|stop|remove|wait [OPTION]... TEMPLATE\n"
	"       runner-side signal [OPTION]... TEMPLATE NUMBER\n"
	"       runner-side kill SIGNAL PID\n"
	"\n"
	"Ask the host of this pod to start a side container by one of its templates,\n"
	"or about one that was started.\n"
	"\n"
	"      --key KEY       which side container of that template; without it that of\n"
	"                      the network namespace, or the template's one\n"
	"      --netns NAME    a name below /run/netns; auto: the one that this is run in\n"
	"      --spool DIR     ask there, in place of $RUNNER_SIDE_SPOOL or " CLIENT_SPOOL "\n"
	"      --socket PATH   ask there, in place of $RUNNER_SIDE_SOCKET or " CLIENT_SOCKET "\n"
	"      --timeout N     seconds until there has to be an answer, 60 by default\n"
	"      --json          print the whole answer\n"
	"      --wait          submit: wait for its end, return its status\n"
	"\n"
	"Called dnsmasq, haproxy, keepalived or radvd it behaves as that program, called\n"
	"NAME-kill as kill: SIGNAL for the side container of the proxy PID.\n"
	"\n"
	"The exit status is that of a side container which has ended, 125 when the host\n"
	"refused or failed, else 0.\n";

struct asking {
	const char *spool, *socket;
	struct side_request q;
	int seconds;
	bool json, wait;
	struct client client;
};

static int ask(struct asking *k, struct side_answer *a,
	       struct shift_error *err)
{
	int r = client_new_id(k->q.id, err);

	return r < 0 ? r : client_ask(&k->client, &k->q, k->seconds, a, err);
}

/* Waits for the end, however often who watches over it is killed. */
static int wait_for(struct asking *k, struct side_answer *a,
		    struct shift_error *err)
{
	int r = 0;

	strv_clear(&k->q.args);
	free(steal_ptr(&k->q.netns));
	k->q.action = SIDE_STATUS;
	while (r >= 0 && a->result == SIDE_RUNNING) {
		r = client_wait(&k->client, &k->q, a->pod ?: "", err);
		side_answer_clear(a);
		if (r >= 0)
			r = ask(k, a, err);
	}
	return r;
}

static int print(const struct asking *k, const struct side_answer *a)
{
	_cleanup_free_ char *text = NULL;

	if (k->json) {
		if (side_answer_format(a, &text, NULL) >= 0)
			fputs(text, stdout);
	} else if (a->error) {
		fprintf(stderr, "runner-side: %s: %s\n",
			side_result_name(a->result), a->error);
	} else if (a->result == SIDE_RUNNING) {
		printf("running %s %d\n", a->pod ?: "?", a->pid);
	} else if (a->result == SIDE_ENDED) {
		fputs(a->output ?: "", stderr);
		printf("ended %s %d\n", a->pod ?: "?", a->status);
	} else {
		puts(side_result_name(a->result));
	}
	switch (a->result) {
	case SIDE_REFUSED:
	case SIDE_FAILED:
		return FAILED;
	case SIDE_ENDED:
		return a->status;
	default:
		return 0;
	}
}

static int read_options(struct asking *k, int argc, char **argv,
			struct shift_error *err)
{
	enum { KEY = 256, NETNS, SPOOL, SOCKET, TIMEOUT, JSON, WAIT, HELP };
	static const struct option options[] = {
		{ "key", required_argument, NULL, KEY },
		{ "netns", required_argument, NULL, NETNS },
		{ "spool", required_argument, NULL, SPOOL },
		{ "socket", required_argument, NULL, SOCKET },
		{ "timeout", required_argument, NULL, TIMEOUT },
		{ "json", no_argument, NULL, JSON },
		{ "wait", no_argument, NULL, WAIT },
		{ "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 },
	};
	int c, r = 0;

	while (r >= 0 && (c = getopt_long(argc, argv, "+", options, NULL)) != -1)
		switch (c) {
		case KEY:
			r = str_replace(&k->q.key, optarg, err);
			break;
		case NETNS:
			r = strcmp(optarg, "auto") ?
				str_replace(&k->q.netns, optarg, err) :
				client_netns(&k->q.netns, err);
			break;
		case SPOOL:
			k->spool = optarg;
			break;
		case SOCKET:
			k->socket = optarg;
			break;
		case TIMEOUT:
			k->seconds = atoi(optarg);
			if (k->seconds < 1 || k->seconds > 86400)
				r = shift_err_set(err, 0, "--timeout '%s' is no number of seconds from 1 to 86400",
						  optarg);
			break;
		case JSON:
			k->json = true;
			break;
		case WAIT:
			k->wait = true;
			break;
		case HELP:
			fputs(usage, stdout);
			exit(0);
		default:
			exit(FAILED);
		}
	return r;
}

/* The words behind the options, from the template on. */
static int take_operands(struct asking *k, int argc, char **argv,
			 struct shift_error *err)
{
	int r = argc < 1 ? shift_err_set(err, 0, "no template is named: runner-side --help") :
			   str_replace(&k->q.template, argv[0], err);
	int i = 1;

	if (k->q.action == SIDE_START) {
		i += argc > 1 && !strcmp(argv[1], "--");
		for (; r >= 0 && i < argc; i++)
			r = strv_add(&k->q.args, argv[i], err);
	} else if (k->q.action == SIDE_SIGNAL && argc > 1) {
		k->q.signal = atoi(argv[i++]);
	}
	if (r >= 0 && i < argc)
		r = shift_err_set(err, 0, "'%s' is one word too many", argv[i]);
	if (r >= 0 && !k->q.key)
		r = str_replace(&k->q.key, k->q.netns ?: k->q.template, err);
	/* It was for the key. */
	if (k->q.action != SIDE_START)
		free(steal_ptr(&k->q.netns));
	return r;
}

static int run(int argc, char **argv, struct shift_error *err)
{
	struct asking k = {
		.seconds = TIMEOUT_S, .client = CLIENT_INIT,
	};
	struct side_answer a = { .result = SIDE_NONE };
	const char *word = argc > 1 ? argv[1] : "";
	int r = -EINVAL, status = FAILED;

	if (!strcmp(word, "--help") || !strcmp(word, "help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (!strcmp(word, "wait")) {
		k.wait = true;
		k.q.action = SIDE_STATUS;
		r = 0;
	}
	for (int i = 0; i < SIDE_N_ACTIONS; i++)
		if (!strcmp(word, i == SIDE_START ? "submit" :
			    side_action_name((enum side_action)i))) {
			k.q.action = (enum side_action)i;
			r = 0;
		}
	if (r < 0)
		shift_err_set(err, 0, "there is no command '%s': runner-side --help lists them",
			      word);
	else
		r = read_options(&k, argc - 1, argv + 1, err);
	if (r >= 0)
		r = take_operands(&k, argc - 1 - optind, argv + 1 + optind, err);
	if (r >= 0)
		r = client_open(&k.client, k.spool, k.socket, err);
	if (r >= 0)
		r = ask(&k, &a, err);
	if (r >= 0 && k.wait)
		r = wait_for(&k, &a, err);
	if (r >= 0)
		status = print(&k, &a);
	side_answer_clear(&a);
	side_request_clear(&k.q);
	client_close(&k.client);
	return status;
}

int main(int argc, char **argv)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	const char *name = argc ? basename(argv[0]) : "";
	int status;

	/* A reader of ours that went away is an error of write(2). */
	signal(SIGPIPE, SIG_IGN);
	if (wrapper_knows(name))
		status = wrapper_main(name, argc, argv, &err);
	else if (wrapper_is_kill(name))
		status = wrapper_kill(argc, argv, &err);
	else if (argc > 1 && !strcmp(argv[1], "kill"))
		status = wrapper_kill(argc - 1, argv + 1, &err);
	else
		status = run(argc, argv, &err);
	if (err.msg)
		shift_err_print(&err, stderr, wrapper_knows(name) ? name :
						"runner-side");
	return status;
}
