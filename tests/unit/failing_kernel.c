/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "failing_kernel.h"

#include "failing_alloc.h"
#include "fake_kernel.h"

struct callback {
	kernel_message_cb cb;
	void *ctx;
};

static int call_back(void *ctx, const struct nlmsghdr *nlh)
{
	const struct callback *callback = ctx;
	int err;

	failing_alloc_resume();
	err = callback->cb(callback->ctx, nlh);
	failing_alloc_pause();
	return err;
}

static int dump(void *ctx, enum kernel_dump what, kernel_message_cb cb, void *cb_ctx)
{
	struct callback callback = {cb, cb_ctx};
	int err;

	failing_alloc_pause();
	err = fake_kernel_ops.dump(ctx, what, call_back, &callback);
	failing_alloc_resume();
	return err;
}

static int read_events(void *ctx, kernel_message_cb cb, void *cb_ctx)
{
	struct callback callback = {cb, cb_ctx};
	int err;

	failing_alloc_pause();
	err = fake_kernel_ops.read_events(ctx, call_back, &callback);
	failing_alloc_resume();
	return err;
}

struct kernel_ops failing_kernel_ops(void)
{
	struct kernel_ops ops = fake_kernel_ops;

	ops.dump = dump;
	ops.read_events = read_events;
	return ops;
}
