/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ask/varlink.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "ask/client.h"
#include "cleanup.h"

#define SERVICE "org.varlink.service"

/* The errors and methods of SERVICE: https://varlink.org/Service. */
static const char service_description[] =
	"# What every Varlink service has\n"
	"interface " SERVICE "\n"
	"\n"
	"method GetInfo() -> (vendor: string, product: string, version: string,\n"
	"  url: string, interfaces: []string)\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n";

static const char side_description[] =
	"# Side containers, which the host of a pod starts for it by templates of its\n"
	"# administrator. runner-side(1) has the limits of each field.\n"
	"interface " VARLINK_INTERFACE "\n"
	"\n"
	"# pod and pid are those on the host. status is the exit status, or 128 and the\n"
	"# signal's number; output is the end of what the command wrote.\n"
	"type Container (\n"
	"  result: (running, ended, none),\n"
	"  pod: ?string,\n"
	"  pid: ?int,\n"
	"  status: ?int,\n"
	"  output: ?string\n"
	")\n"
	"\n"
	"# A call with the id of an earlier one is the same call: it starts nothing again.\n"
	"method Start(template: string, key: string, args: ?[]string, netns: ?string,\n"
	"  id: ?string) -> (container: Container)\n"
	"method Status(template: string, key: string) -> (container: Container)\n"
	"method Signal(template: string, key: string, signal: int) -> (container: Container)\n"
	"method Stop(template: string, key: string) -> (container: Container)\n"
	"\n"
	"# Forgets one that has ended.\n"
	"method Remove(template: string, key: string) -> (container: Container)\n"
	"\n"
	"# The reply comes when it has ended.\n"
	"method Wait(template: string, key: string) -> (container: Container)\n"
	"\n"
	"# The template does not allow it: it will be refused the next time as well.\n"
	"error Refused (reason: string)\n"
	"# The host could not do it.\n"
	"error Failed (reason: string)\n"
	"# The caller may not ask, or the socket has too many callers.\n"
	"error Denied (reason: string)\n";

static const struct {
	const char *name;
	enum varlink_kind kind;
	enum side_action action;
} methods[] = {
	{ VARLINK_INTERFACE ".Start", VARLINK_REQUEST, SIDE_START },
	{ VARLINK_INTERFACE ".Status", VARLINK_REQUEST, SIDE_STATUS },
	{ VARLINK_INTERFACE ".Signal", VARLINK_REQUEST, SIDE_SIGNAL },
	{ VARLINK_INTERFACE ".Stop", VARLINK_REQUEST, SIDE_STOP },
	{ VARLINK_INTERFACE ".Remove", VARLINK_REQUEST, SIDE_REMOVE },
	{ VARLINK_INTERFACE ".Wait", VARLINK_WAIT, SIDE_STATUS },
	{ SERVICE ".GetInfo", VARLINK_INFO, SIDE_STATUS },
	{ SERVICE ".GetInterfaceDescription", VARLINK_DESCRIPTION, SIDE_STATUS },
};
#define N_METHODS (sizeof(methods) / sizeof(*methods))

static int to_text(struct json_object *o, char **ret, struct shift_error *err)
{
	const char *text = json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	int r = text ? strf(ret, err, "%s", text) :
		shift_err_set(err, ENOMEM, "cannot allocate memory");

	json_object_put(o);
	return r;
}

static struct json_object *add_object(struct json_object *o, const char *key)
{
	struct json_object *inner = json_object_new_object();

	json_object_object_add(o, key, inner);
	return inner;
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

/* An error with one parameter. */
static int error_reply(const char *name, const char *key, const char *value,
		       char **ret, struct shift_error *err)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "error", name);
	add_text(add_object(o, "parameters"), key, value);
	return to_text(o, ret, err);
}

int varlink_denied(const char *reason, char **ret, struct shift_error *err)
{
	return error_reply(VARLINK_INTERFACE ".Denied", "reason", reason, ret,
			   err);
}

static int invalid(const char *parameter, char **reply,
		   struct shift_error *err)
{
	error_reply(SERVICE ".InvalidParameter", "parameter", parameter, reply,
		    NULL);
	return shift_err_set(err, 0, "the call's member %s is not of its type",
			     parameter);
}

static int take_request(struct varlink_call *c, enum side_action action,
			struct json_object *parameters, char **reply,
			struct shift_error *err)
{
	int r = side_request_take(&c->q, action, parameters, err);

	if (r >= 0 && !*c->q.id)
		r = client_new_id(c->q.id, err);
	if (r >= 0)
		r = side_request_check(&c->q, err);
	if (r < 0)
		error_reply(VARLINK_INTERFACE ".Refused", "reason",
			    shift_err_text(err), reply, NULL);
	return r;
}

static int take_description(struct varlink_call *c,
			    struct json_object *parameters, char **reply,
			    struct shift_error *err)
{
	struct json_object *v = json_object_object_get(parameters, "interface");
	const char *name = json_object_is_type(v, json_type_string) ?
		json_object_get_string(v) : NULL;

	if (!name)
		return invalid("interface", reply, err);
	if (!strcmp(name, VARLINK_INTERFACE))
		c->description = side_description;
	else if (!strcmp(name, SERVICE))
		c->description = service_description;
	if (c->description)
		return 0;
	error_reply(SERVICE ".InterfaceNotFound", "interface", name, reply,
		    NULL);
	return shift_err_set(err, 0, "there is no interface of that name");
}

/* The interface is known, or a method of it is not. */
static int no_method(const char *name, char **reply, struct shift_error *err)
{
	const char *dot = strrchr(name, '.');
	size_t len = dot ? (size_t)(dot - name) : strlen(name);
	_cleanup_free_ char *interface = strndup(name, len);

	if (interface && (!strcmp(interface, VARLINK_INTERFACE) ||
			  !strcmp(interface, SERVICE)))
		error_reply(SERVICE ".MethodNotFound", "method", name, reply,
			    NULL);
	else
		error_reply(SERVICE ".InterfaceNotFound", "interface",
			    interface ?: name, reply, NULL);
	return shift_err_set(err, 0, "there is no method of that name");
}

static int take_method(struct varlink_call *c, const char *name,
		       struct json_object *parameters, char **reply,
		       struct shift_error *err)
{
	for (size_t i = 0; i < N_METHODS; i++) {
		if (strcmp(name, methods[i].name))
			continue;
		c->kind = methods[i].kind;
		if (c->kind == VARLINK_INFO)
			return 0;
		if (c->kind == VARLINK_DESCRIPTION)
			return take_description(c, parameters, reply, err);
		return take_request(c, methods[i].action, parameters, reply,
				    err);
	}
	return no_method(name, reply, err);
}

/* Flags of a call.  "more" asks for several replies, and gets one. */
static int take_flag(struct json_object *o, const char *key, bool *to,
		     char **reply, struct shift_error *err)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v))
		return 0;
	if (!json_object_is_type(v, json_type_boolean))
		return invalid(key, reply, err);
	*to = json_object_get_boolean(v);
	return 0;
}

static int take_call(struct varlink_call *c, struct json_object *o,
		     char **reply, struct shift_error *err)
{
	struct json_object *method = json_object_object_get(o, "method"),
		*parameters = json_object_object_get(o, "parameters"),
		*none = NULL;
	bool more = false, upgrade = false;
	int r;

	json_object_object_foreach(o, key, value) {
		(void)value;
		if (strcmp(key, "method") && strcmp(key, "parameters") &&
		    strcmp(key, "oneway") && strcmp(key, "more") &&
		    strcmp(key, "upgrade"))
			return invalid(key, reply, err);
	}
	if (!json_object_is_type(method, json_type_string) ||
	    strlen(json_object_get_string(method)) !=
	    (size_t)json_object_get_string_len(method))
		return invalid("method", reply, err);
	if ((r = take_flag(o, "oneway", &c->oneway, reply, err)) < 0 ||
	    (r = take_flag(o, "more", &more, reply, err)) < 0 ||
	    (r = take_flag(o, "upgrade", &upgrade, reply, err)) < 0)
		return r;
	if (upgrade)
		return invalid("upgrade", reply, err);
	if (!parameters)
		parameters = none = json_object_new_object();
	r = json_object_is_type(parameters, json_type_object) ?
		take_method(c, json_object_get_string(method), parameters,
			    reply, err) :
		invalid("parameters", reply, err);
	json_object_put(none);
	return r;
}

int varlink_call_parse(struct varlink_call *c, const char *text, size_t len,
		       char **reply, struct shift_error *err)
{
	struct json_object *o;
	int r;

	memset(c, 0, sizeof(*c));
	*reply = NULL;
	o = side_json_parse(text, len, VARLINK_CALL_MAX, err);
	if (!o) {
		error_reply(VARLINK_INTERFACE ".Refused", "reason",
			    shift_err_text(err), reply, NULL);
		return -EINVAL;
	}
	r = take_call(c, o, reply, err);
	json_object_put(o);
	return r;
}

void varlink_call_clear(struct varlink_call *c)
{
	side_request_clear(&c->q);
	memset(c, 0, sizeof(*c));
}

int varlink_call_format(const struct side_request *q, bool wait, char **ret,
			struct shift_error *err)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < N_METHODS; i++)
		if (methods[i].kind == (wait ? VARLINK_WAIT : VARLINK_REQUEST) &&
		    methods[i].action == q->action)
			add_text(o, "method", methods[i].name);
	side_request_add(q, add_object(o, "parameters"));
	return to_text(o, ret, err);
}

int varlink_about(const struct varlink_call *c, char **ret,
		  struct shift_error *err)
{
	struct json_object *o = json_object_new_object(), *list,
		*p = add_object(o, "parameters");

	if (c->kind == VARLINK_DESCRIPTION) {
		add_text(p, "description", c->description);
		return to_text(o, ret, err);
	}
	add_text(p, "vendor", "shiftfs");
	add_text(p, "product", "runner side");
	add_text(p, "version", "1");
	add_text(p, "url", "");
	list = json_object_new_array();
	json_object_array_add(list, json_object_new_string(SERVICE));
	json_object_array_add(list, json_object_new_string(VARLINK_INTERFACE));
	json_object_object_add(p, "interfaces", list);
	return to_text(o, ret, err);
}

int varlink_reply_format(const struct side_answer *a, char **ret,
			 struct shift_error *err)
{
	struct json_object *o;

	if (a->result == SIDE_REFUSED || a->result == SIDE_FAILED)
		return error_reply(a->result == SIDE_REFUSED ?
				   VARLINK_INTERFACE ".Refused" :
				   VARLINK_INTERFACE ".Failed", "reason",
				   a->error ?: "", ret, err);
	o = json_object_new_object();
	side_answer_add(a, add_object(add_object(o, "parameters"), "container"));
	return to_text(o, ret, err);
}

/* An error: "reason", or whatever else there is. */
static int take_error(struct side_answer *a, const char *name,
		      struct json_object *parameters, struct shift_error *err)
{
	struct json_object *reason = json_object_object_get(parameters, "reason");
	bool ours = json_object_is_type(reason, json_type_string);

	memset(a, 0, sizeof(*a));
	a->result = strcmp(name, VARLINK_INTERFACE ".Failed") ? SIDE_REFUSED :
								SIDE_FAILED;
	return str_replace(&a->error, ours ? json_object_get_string(reason) :
			   name, err);
}

int varlink_reply_parse(struct side_answer *a, const char *text, size_t len,
			struct shift_error *err)
{
	struct json_object *o, *error, *p;
	int r;

	memset(a, 0, sizeof(*a));
	o = side_json_parse(text, len, VARLINK_REPLY_MAX, err);
	if (!o)
		return -EINVAL;
	error = json_object_object_get(o, "error");
	p = json_object_object_get(o, "parameters");
	if (!json_object_is_type(p, json_type_object))
		p = NULL;
	if (json_object_is_type(error, json_type_string))
		r = take_error(a, json_object_get_string(error), p, err);
	else
		r = side_answer_take(a, json_object_object_get(p, "container"),
				     err);
	json_object_put(o);
	return r;
}
