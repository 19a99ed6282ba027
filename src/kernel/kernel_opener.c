/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/kernel_opener.h"

#include "kernel/xfrm_netlink.h"

static int open_own(size_t rcvbuf, void **ret)
{
	struct xfrm_netlink *netlink;
	int err = xfrm_netlink_open(rcvbuf, &netlink);

	if (!err)
		*ret = netlink;
	return err;
}

static int open_other(void *home, int netns, size_t rcvbuf, void **ret)
{
	struct xfrm_netlink *netlink;
	int err = xfrm_netlink_open_other(home, netns, rcvbuf, &netlink);

	if (!err)
		*ret = netlink;
	return err;
}

static void close_any(void *kernel)
{
	xfrm_netlink_close(kernel);
}

static int cookie(void *kernel, uint64_t *ret)
{
	return xfrm_netlink_cookie(kernel, ret);
}

static int event_fd(void *kernel)
{
	return xfrm_netlink_event_fd(kernel);
}

const struct kernel_opener xfrm_netlink_opener = {
    .ops = &xfrm_netlink_ops,
    .open = open_own,
    .open_other = open_other,
    .close = close_any,
    .cookie = cookie,
    .event_fd = event_fd,
};
