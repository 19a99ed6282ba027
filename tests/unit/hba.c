/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hba.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What each driver shows, and the function that says so:
 *
 *	iscsi_tcp	iscsi_sw_tcp_attr_is_visible, iscsi_sw_tcp_host_get_param,
 *			iscsi_sw_tcp_conn_get_param; its host has no parent device
 *			(iscsi_sw_tcp_session_create), so it is in platform
 *	iser		iser_attr_is_visible, iscsi_iser_get_ep_param; under the RDMA
 *			device's parent (iscsi_iser_session_create)
 *	qla4xxx		qla4_attr_is_visible, qla4xxx_host_get_param; local_ipaddr is
 *			only set for IPv6 (qla4xxx_copy_to_sess_conn_params)
 *	be2iscsi	beiscsi_attr_is_visible, beiscsi_get_host_param,
 *			beiscsi_iface_get_param
 *	bnx2i		bnx2i_attr_is_visible, bnx2i_host_get_param: no ipaddress while
 *			it has no connection
 *	qedi		qedi_attr_is_visible, qedi_host_get_param: as netdev the host's
 *			own name
 *	cxgb4i		cxgbi_attr_is_visible, cxgbi_get_host_param: ipaddress without
 *			a newline, nothing while it has no connection; a host for each
 *			port, all in one function (cxgbi_hbas_add)
 *
 * The rest is scsi_transport_iscsi.c and libiscsi.c: iscsi_host_get_param,
 * iscsi_session_get_param and iscsi_conn_get_param print a string that was never set as
 * "(null)"; iscsi_conn_get_addr_param prints addresses by %pI4 and %pI6, IPv6 with all
 * its zeros; show_conn_ep_param_* fails with ENOTCONN without a connection.
 */
struct shows {
	const char *proc_name;
	bool host_netdev, host_ipaddress, host_initiator, host_port;
	bool session_initiator;
	bool local_port, local_ipaddr;
	bool ifaces;
};

static const struct shows drivers[] = {
    [HBA_ISCSI_TCP] = {.proc_name = "iscsi_tcp",
		       .host_netdev = true,
		       .host_ipaddress = true,
		       .host_initiator = true,
		       .session_initiator = true,
		       .local_port = true},
    [HBA_ISER] = {.proc_name = "iscsi_iser",
		  .host_netdev = true,
		  .host_initiator = true,
		  .session_initiator = true},
    [HBA_QLA4XXX] = {.proc_name = "qla4xxx",
		     .host_ipaddress = true,
		     .host_initiator = true,
		     .host_port = true,
		     .local_port = true,
		     .local_ipaddr = true,
		     .ifaces = true},
    [HBA_BE2ISCSI] = {.proc_name = "be2iscsi",
		      .host_initiator = true,
		      .host_port = true,
		      .session_initiator = true,
		      .ifaces = true},
    [HBA_BNX2I] = {.proc_name = "bnx2i",
		   .host_netdev = true,
		   .host_ipaddress = true,
		   .session_initiator = true},
    [HBA_QEDI] = {.proc_name = "qedi",
		  .host_netdev = true,
		  .host_ipaddress = true,
		  .session_initiator = true},
    [HBA_CXGB4I] = {.proc_name = "cxgb4i",
		    .host_netdev = true,
		    .host_ipaddress = true,
		    .host_initiator = true,
		    .session_initiator = true},
};

/* A device of a class: its directory, and the link to it in the class. */
struct device {
	const struct tree *tree;
	char path[300];
};

__attribute__((format(printf, 5, 6))) static struct device add_device(
    const struct tree *tree, const char *class, const char *name, const char *parent,
    const char *format, ...)
{
	struct device device = {.tree = tree};
	char above[200];
	char link[200];
	char target[400];
	va_list args;

	va_start(args, format);
	vsnprintf(above, sizeof(above), format, args);
	va_end(args);
	snprintf(device.path, sizeof(device.path), "devices/%s/%s/%s/%s",
		 parent ? parent : "platform", above, class, name);
	snprintf(link, sizeof(link), "class/%s/%s", class, name);
	snprintf(target, sizeof(target), "../../%s", device.path);
	tree_link(tree, link, target);
	return device;
}

static void show(const struct device *device, const char *attribute, const char *value)
{
	char path[400];
	char text[500];

	snprintf(path, sizeof(path), "%s/%s", device->path, attribute);
	snprintf(text, sizeof(text), "%s\n", value ? value : "(null)");
	tree_text(device->tree, path, text);
}

static void fail(const struct device *device, const char *attribute)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", device->path, attribute);
	hba_unreadable(device->tree, path);
}

void hba_unreadable(const struct tree *tree, const char *path)
{
	char inside[420];

	snprintf(inside, sizeof(inside), "%s/x", path);
	tree_text(tree, inside, "");
}

/* As %pI4 and %pI6 print it. Other text does not change. */
static const char *kernel_addr(const char *text, char *to)
{
	struct in6_addr addr;
	char *at = to;

	if (!text || inet_pton(AF_INET6, text, &addr) != 1)
		return text;
	for (size_t i = 0; i < 16; i += 2)
		at += sprintf(at, "%s%02x%02x", i ? ":" : "", addr.s6_addr[i],
			      addr.s6_addr[i + 1]);
	return to;
}

static void show_host_addr(const struct device *device, const struct hba_host *host)
{
	char addr[40];
	char path[400];
	const char *text = kernel_addr(host->ipaddress, addr);

	if (!text) {
		fail(device, "ipaddress");
	} else if (!*text || host->driver == HBA_CXGB4I) {
		snprintf(path, sizeof(path), "%s/ipaddress", device->path);
		tree_text(device->tree, path, text);
	} else {
		show(device, "ipaddress", text);
	}
}

static void add_iface(const struct tree *tree, const struct hba_host *host)
{
	bool ipv6 = host->iface_address && strchr(host->iface_address, ':');
	char addr[40];
	char name[40];
	struct device device;

	snprintf(name, sizeof(name), "%s-iface-%u-0", ipv6 ? "ipv6" : "ipv4",
		 host->number);
	device =
	    add_device(tree, "iscsi_iface", name, host->parent, "host%u", host->number);
	show(&device, "ipaddress", kernel_addr(host->iface_address, addr));
	show(&device, "enabled", "enable");
}

void hba_add_host(const struct tree *tree, const struct hba_host *host)
{
	const struct shows *shows = &drivers[host->driver];
	struct device device;
	char name[20];

	snprintf(name, sizeof(name), "host%u", host->number);
	device = add_device(tree, "scsi_host", name, host->parent, "%s", name);
	show(&device, "proc_name", shows->proc_name);
	device = add_device(tree, "iscsi_host", name, host->parent, "%s", name);
	show(&device, "hwaddress", host->hwaddress);
	if (shows->host_netdev)
		show(&device, "netdev", host->driver == HBA_QEDI ? name : host->netdev);
	if (shows->host_ipaddress)
		show_host_addr(&device, host);
	if (shows->host_initiator)
		show(&device, "initiatorname", host->initiator);
	if (shows->host_port) {
		show(&device, "port_state", "LINK UP");
		show(&device, "port_speed", "10 Gbps");
	}
	if (shows->ifaces)
		add_iface(tree, host);
}

static void show_addr(const struct device *device, const struct hba_session *session,
		      const struct shows *shows)
{
	char addr[40];
	char text[20];

	if (!session->address) {
		fail(device, "address");
		fail(device, "port");
		if (shows->local_port)
			fail(device, "local_port");
		return;
	}
	show(device, "address", kernel_addr(session->address, addr));
	show(device, "port", "3260");
	snprintf(text, sizeof(text), "%u", session->local_port);
	if (shows->local_port)
		show(device, "local_port", text);
}

static void add_connection(const struct tree *tree, const struct hba_host *host,
			   const struct hba_session *session)
{
	const struct shows *shows = &drivers[host->driver];
	struct device device;
	char addr[40];
	char name[40];

	snprintf(name, sizeof(name), "connection%u:0", session->number);
	device = add_device(tree, "iscsi_connection", name, host->parent,
			    "host%u/session%u/%s", host->number, session->number, name);
	show_addr(&device, session, shows);
	/* not from the kernel, but from the node record */
	show(&device, "persistent_address",
	     session->persistent ? session->persistent : session->address);
	show(&device, "persistent_port", "3260");
	if (shows->local_ipaddr)
		show(&device, "local_ipaddr", kernel_addr(session->local, addr));
	show(&device, "state", session->address ? "up" : "failed");
}

void hba_add_session(const struct tree *tree, const struct hba_host *host,
		     const struct hba_session *session)
{
	const struct shows *shows = &drivers[host->driver];
	struct device device;
	char name[40];

	snprintf(name, sizeof(name), "session%u", session->number);
	device = add_device(tree, "iscsi_session", name, host->parent, "host%u/%s",
			    host->number, name);
	show(&device, "targetname", session->target);
	show(&device, "tpgt", "1");
	show(&device, "ifacename", session->iface);
	if (shows->session_initiator)
		show(&device, "initiatorname", session->initiator);
	show(&device, "state", session->state ? session->state : "LOGGED_IN");
	show(&device, "target_state", "SCANNED");
	show(&device, "recovery_tmo", "120");
	add_connection(tree, host, session);
}

__attribute__((format(printf, 2, 3))) static void drop(const struct tree *tree,
						       const char *format, ...)
{
	char path[300];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	tree_delete(tree, path);
}

void hba_remove_session(const struct tree *tree, const struct hba_host *host,
			const struct hba_session *session)
{
	drop(tree, "class/iscsi_connection/connection%u:0", session->number);
	drop(tree, "class/iscsi_session/session%u", session->number);
	drop(tree, "devices/%s/host%u/session%u",
	     host->parent ? host->parent : "platform", host->number, session->number);
}

void hba_remove_host(const struct tree *tree, const struct hba_host *host)
{
	const char *text = host->iface_address;

	if (drivers[host->driver].ifaces)
		drop(tree, "class/iscsi_iface/%s-iface-%u-0",
		     text && strchr(text, ':') ? "ipv6" : "ipv4", host->number);
	drop(tree, "class/iscsi_host/host%u", host->number);
	drop(tree, "class/scsi_host/host%u", host->number);
	drop(tree, "devices/%s/host%u", host->parent ? host->parent : "platform",
	     host->number);
}

void hba_log_in(const struct tree *tree, const struct hba_host *host,
		const struct hba_session *session)
{
	hba_add_host(tree, host);
	hba_add_session(tree, host, session);
}

void hba_log_out(const struct tree *tree, const struct hba_host *host,
		 const struct hba_session *session)
{
	hba_remove_session(tree, host, session);
	hba_remove_host(tree, host);
}
