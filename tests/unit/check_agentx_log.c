/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/agentx_log.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agentx/agentx_protocol.h"
#include "kept_log.h"
#include "runner.h"
#include "tree.h"

static struct agentx_address address;

static void setup(void)
{
	char error[256];

	unsetenv("NOTIFY_SOCKET");
	ck_assert_int_eq(
	    agentx_address_parse("tcp:127.0.0.1:705", &address, error, sizeof(error)),
	    0);
	kept_log_begin();
	agentx_log_address(&address);
}

static void teardown(void)
{
	kept_log_end();
}

CHAPTER(setup, teardown);

TEST(a_reason_to_wait_is_logged_once)
{
	agentx_log_waiting(-ECONNREFUSED, 0);
	check_log(1, "master agentx");
	agentx_log_waiting(-ENOENT, 0);
	agentx_log_waiting(-ECONNREFUSED, 0);
	check_log(1, "");
	agentx_log_waiting(-EAGAIN, 0);
	check_log(2, "busy, stopped or hanging");
	agentx_log_attached();
	check_log(3, "attached");
	agentx_log_lost();
	check_log(4, "is gone");
	agentx_log_waiting(-ENOENT, 0);
	check_log(4, "");
}

TEST(each_reason_has_a_remedy)
{
	static const struct {
		int err, gai_error;
		const char *why, *advice;
	} rows[] = {
	    {-ECONNREFUSED, 0, "(Connection refused)",
	     "snmpd.conf needs \"master agentx\""},
	    {-ETIMEDOUT, 0, "(Connection timed out)",
	     "snmpd.conf needs \"master agentx\""},
	    {-EHOSTUNREACH, 0, "(No route to host)",
	     "snmpd.conf needs \"master agentx\""},
	    {-ENONET, EAI_NONAME, "(Name or service not known)",
	     "is \"127.0.0.1\" the right host"},
	    {-ENONET, EAI_AGAIN, "(Temporary failure in name resolution)",
	     "is \"127.0.0.1\" the right host"},
	    {-EINPROGRESS, 0, "(no answer)", "busy, stopped or hanging"},
	    {-ECONNRESET, 0, "(it closes the connection)", "is it an AgentX master?"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		agentx_log_address(&address);
		kept_n = 0;
		agentx_log_waiting(rows[i].err, rows[i].gai_error);
		check_log(1, rows[i].why);
		check_log(1, rows[i].advice);
	}
}

/* snmpd creates its socket, then changes its owner. */
TEST(one_lack_of_permission_is_not_an_error)
{
	agentx_log_waiting(-EACCES, 0);
	check_log(0, "");
	agentx_log_waiting(-EACCES, 0);
	check_log(1, "tcp.conf");
	agentx_log_waiting(-EACCES, 0);
	check_log(1, "");
}

static void lack_permission(const char *path)
{
	char error[256];

	ck_assert_int_eq(agentx_address_parse(path, &address, error, sizeof(error)), 0);
	agentx_log_address(&address);
	kept_n = 0;
	agentx_log_waiting(-EACCES, 0);
	agentx_log_waiting(-EACCES, 0);
}

TEST(a_closed_socket_asks_for_its_permissions)
{
	struct tree tree;
	char path[128];

	tree_make(&tree);
	snprintf(path, sizeof(path), "%s/master", tree.root);
	lack_permission(path);
	check_log(1, "add \"agentXPerms 0660 0755 ");
	tree_remove(&tree);
}

/* In a process that is not root, to which every directory is open. */
static void lack_permission_as_nobody(void)
{
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		exit(2);
	lack_permission("/proc/1/fd/master");
	exit(strstr(kept_last, "the directory is closed to group ") ? 0 : 1);
}

TEST(a_closed_directory_asks_for_its_mode)
{
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (!child)
		lack_permission_as_nobody();
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

TEST(each_refusal_has_a_meaning)
{
	static const struct {
		long error;
		const char *meaning;
	} rows[] = {
	    {AGENTX_ERR_OPEN_FAILED, "openFailed: it accepts no more sessions"},
	    {AGENTX_ERR_UNSUPPORTED_CONTEXT, "unsupportedContext"},
	    {AGENTX_ERR_PARSE_FAILED, "parseError: is it an AgentX master?"},
	    {AGENTX_ERR_REQUEST_DENIED, "requestDenied: its configuration forbids it"},
	    {AGENTX_ERR_PROCESSING_ERROR, "processingError: see its log"},
	    {4711, "error 4711, an error without a meaning in RFC 2741"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		agentx_log_address(&address);
		kept_n = 0;
		agentx_log_refused("the session", rows[i].error, 3);
		check_log(1, rows[i].meaning);
	}
}

TEST(a_master_that_forgets_the_session_is_named)
{
	agentx_log_forgotten(AGENTX_ERR_NOT_OPEN);
	check_log(1, "127.0.0.1:705 has forgotten the session (error 257)");
}

TEST(a_refusal_is_logged_once_with_its_meaning)
{
	agentx_log_refused("the session", AGENTX_ERR_DUPLICATE_REGISTRATION, 3);
	check_log(1, "stop the other qmipsecd");
	agentx_log_refused("the session", AGENTX_ERR_DUPLICATE_REGISTRATION, 3);
	check_log(1, "");
	agentx_log_attached();
	check_log(2, "accepts all objects now");
}

TEST(a_rejected_notification_is_logged_once)
{
	agentx_log_notification(0);
	check_log(0, "");
	agentx_log_notification(AGENTX_ERR_PROCESSING_ERROR);
	check_log(1, "rejects notifications (error 268");
	agentx_log_notification(AGENTX_ERR_PROCESSING_ERROR);
	check_log(1, "");
	agentx_log_notification(0);
	check_log(2, "accepts notifications now");
}

TEST(a_silence_is_logged_at_its_begin_and_end)
{
	agentx_log_heard();
	check_log(0, "");
	agentx_log_silence(10);
	agentx_log_silence(11);
	check_log(1, "has not answered for 10 s");
	agentx_log_heard();
	agentx_log_heard();
	check_log(2, "answers again");
}

TEST(a_master_that_is_bad_is_logged_once)
{
	agentx_log_attached();
	agentx_log_broken("a malformed message", 3);
	check_log(2,
		  "breaks the protocol (a malformed message); trying again every 3 s");
	for (int i = 0; i < 10; i++) {
		agentx_log_attached();
		agentx_log_lost();
		agentx_log_forgotten(257);
		agentx_log_unsteady(3);
		agentx_log_refused("a session", 266, 3);
		agentx_log_waiting(-ECONNRESET, 0);
		agentx_log_waiting(-EINPROGRESS, 0);
	}
	check_log(2, "breaks the protocol");
	agentx_log_waiting(-ENOENT, 0);
	check_log(3, "No such file");
	agentx_log_settled();
	check_log(4, "lasts");
	agentx_log_settled();
	check_log(4, "lasts");
	agentx_log_unsteady(3);
	check_log(5, "ends every session");
}

TEST(a_refusal_is_logged_once_a_session_has_lasted)
{
	agentx_log_unsteady(3);
	agentx_log_refused("instances", 263, 3);
	check_log(1, "ends every session");
	agentx_log_settled();
	agentx_log_refused("instances", 263, 3);
	check_log(3, "refuses instances");
	agentx_log_refused("instances", 263, 3);
	agentx_log_attached();
	check_log(4, "accepts all objects now");
}

TEST(a_forgotten_session_is_not_lost_as_well)
{
	agentx_log_attached();
	agentx_log_forgotten(257);
	check_log(2, "has forgotten");
	agentx_log_lost();
	check_log(2, "has forgotten");
	agentx_log_lost();
	check_log(3, "is gone");
}
