/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a netlink socket receives, in place of a kernel: datagrams and errors, in the
 * order of the input, after a request. The linker replaces recvmsg(2), send(2) and
 * clock_gettime(2) of the program (--wrap). A second reader, which is simpler, says
 *what must come of them.
 *
 *	how (below), the request's number, the buffer's size, result of a callback
 *	then for each read: what, sender, milliseconds, datagram
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kernel/netlink.h"
#include "util/array.h"
#include "util/clock.h"

enum {
	MAX_READS = 64,
	MAX_CALLS = 1024,
	SOCKET = 200, /* which no other descriptor has */
	HOW_DUMP = 1,
	HOW_SHARED = 2,   /* the request is in the buffer of the answers */
	HOW_NOT_SENT = 4, /* send(2) fails */
	HOW_DECOY = 8,    /* behind each datagram there is an answer in the buffer */
	FRIEND = 0x80,    /* of a sender: the kernel */
	DATAGRAM = 0x80,  /* of what a read gets: no error */
};

struct one_read {
	int err; /* or 0 */
	struct sockaddr_nl sender;
	socklen_t sender_len;
	uint64_t takes_ms;
	const uint8_t *data;
	size_t len;
};

struct answer {
	struct nlmsghdr header;
	uint64_t sum; /* of its bytes */
};

/* What the callback got, and what it must get. */
struct answers {
	struct answer of[MAX_CALLS];
	size_t n;
};

static struct {
	struct one_read reads[MAX_READS];
	size_t n_reads, next;
	size_t longest; /* that was accepted; others are wiped at once */
	uint64_t ms;
	bool fails; /* the request */
	uint8_t how;
	uint32_t seq;
	uint8_t result_of; /* the call with this result, from 1 */
	int result;
	char *buffer;
	size_t size;
} input;

static struct answers got, due;

static bool is_of_kernel(const struct one_read *it)
{
	return it->sender_len == sizeof(it->sender) && !it->sender.nl_pid &&
	       it->sender.nl_family == AF_NETLINK;
}

/* The operations of the system. */

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags);

/* libFuzzer has a clock, too. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (!input.buffer)
		return __real_clock_gettime(clock, ret);
	HOLDS(clock == CLOCK_MONOTONIC);
	ret->tv_sec = (time_t)(input.ms / 1000);
	ret->tv_nsec = (long)(input.ms % 1000 * NS_PER_MS);
	return 0;
}

ssize_t __wrap_send(int fd, const void *data, size_t size, int flags)
{
	(void)data, (void)flags;
	HOLDS(fd == SOCKET && size >= sizeof(struct nlmsghdr));
	errno = ENOBUFS;
	return input.fails ? -1 : (ssize_t)size;
}

/* Behind the datagram, the buffer has an answer that nobody sent. */
static void add_decoy(char *at, size_t room)
{
	const struct nlmsghdr decoy = {
	    .nlmsg_len = sizeof(decoy), .nlmsg_type = 0x77, .nlmsg_seq = input.seq};

	for (; room >= sizeof(decoy); at += sizeof(decoy), room -= sizeof(decoy))
		memcpy(at, &decoy, sizeof(decoy));
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	const struct one_read *it = &input.reads[input.next];
	struct iovec *iov = msg->msg_iov;
	size_t len;

	HOLDS(fd == SOCKET && flags == MSG_TRUNC && msg->msg_iovlen == 1);
	HOLDS(msg->msg_namelen <= sizeof(it->sender));
	HOLDS(input.next <= input.n_reads);
	errno = EAGAIN;
	if (input.next == input.n_reads)
		return -1;
	input.next++;
	input.ms += it->takes_ms;
	errno = it->err;
	if (it->err)
		return -1;
	len = it->len < iov->iov_len ? it->len : iov->iov_len;
	memcpy(iov->iov_base, it->data, len);
	if (input.how & HOW_DECOY)
		add_decoy((char *)iov->iov_base + len, iov->iov_len - len);
	memcpy(msg->msg_name, &it->sender, sizeof(it->sender));
	msg->msg_namelen = it->sender_len;
	if (is_of_kernel(it) && it->len <= iov->iov_len && len > input.longest)
		input.longest = len;
	return (ssize_t)it->len;
}

/* Their names where the C library has a second time of 64 bits. */
__typeof__(__wrap_recvmsg) __wrap___recvmsg64 __attribute__((alias("__wrap_recvmsg")));
__typeof__(__wrap_clock_gettime) __wrap___clock_gettime64
    __attribute__((alias("__wrap_clock_gettime")));

/* The input. */

static void take_read(struct bytes *bytes, struct one_read *it)
{
	static const int errors[] = {EINTR, EAGAIN, ENOBUFS, ENOMEM, EIO, ECONNREFUSED};
	uint8_t what = take_u8(bytes);
	uint8_t sender = take_u8(bytes);

	*it = (struct one_read){.sender_len = sizeof(it->sender)};
	it->takes_ms = (uint64_t)take_u8(bytes) * 20;
	it->sender.nl_family = AF_NETLINK;
	if (!(what & DATAGRAM))
		it->err = errors[what % ARRAY_SIZE(errors)];
	if (!(sender & FRIEND)) {
		it->sender.nl_pid = sender & 3;
		it->sender.nl_family = sender & 4 ? AF_UNIX : AF_NETLINK;
		it->sender_len -= sender >> 3 & 3;
	}
	it->data = take_block(bytes, &it->len);
}

static void take_input(struct bytes *bytes)
{
	static const int results[] = {-ENOMEM, 7, -EBADMSG, -EINTR};
	uint8_t result;

	memset(&input, 0, sizeof(input));
	input.how = take_u8(bytes);
	input.fails = input.how & HOW_NOT_SENT;
	input.seq = take_u8(bytes);
	input.size = sizeof(struct nlmsghdr) + take_u16(bytes) % 4096;
	result = take_u8(bytes);
	input.result_of = result & 15;
	input.result = results[result >> 4 & 3];
	while (bytes->left && input.n_reads < MAX_READS)
		take_read(bytes, &input.reads[input.n_reads++]);
	/* to the end of the block, so that ASan detects a read beyond it */
	input.buffer = calloc(1, input.size);
	HOLDS(input.buffer != NULL);
}

/* The answers. */

static int add_answer(struct answers *answers, const void *message, size_t len)
{
	const uint8_t *bytes = message;
	struct answer *answer = &answers->of[answers->n];

	if (answers->n == MAX_CALLS)
		return -ENOSPC;
	memcpy(&answer->header, message, sizeof(answer->header));
	answer->sum = 0;
	for (size_t i = 0; i < len; i++)
		answer->sum = answer->sum * 31 + bytes[i];
	return ++answers->n == input.result_of ? input.result : 0;
}

static int on_answer(void *ctx, const struct nlmsghdr *nlh)
{
	const char *at = (const char *)nlh;

	HOLDS(ctx == &got && (uintptr_t)nlh % NLMSG_ALIGNTO == 0);
	HOLDS(at >= input.buffer && at + nlh->nlmsg_len <= input.buffer + input.size);
	return add_answer(&got, nlh, nlh->nlmsg_len);
}

/* The second reader. */

/* What one message leads to. *ended: no answer comes after it. */
static int expect_message(const uint8_t *at, const struct nlmsghdr *header, bool *ended)
{
	int32_t status;

	if (header->nlmsg_seq != input.seq)
		return 0;
	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EINTR;
	if (header->nlmsg_type != NLMSG_DONE && header->nlmsg_type != NLMSG_ERROR) {
		*ended = !(input.how & HOW_DUMP);
		return add_answer(&due, at, header->nlmsg_len);
	}
	*ended = true;
	if (header->nlmsg_len < sizeof(*header) + sizeof(status))
		return header->nlmsg_type == NLMSG_ERROR ? -EBADMSG : 0;
	memcpy(&status, at + sizeof(*header), sizeof(status));
	return status < 0 ? status : 0;
}

static int expect_datagram(const struct one_read *it, bool *ended)
{
	size_t at = 0;
	int ret = 0;

	while (!ret && !*ended && at < it->len) {
		struct nlmsghdr header;

		if (it->len - at < sizeof(header))
			return -EBADMSG;
		memcpy(&header, it->data + at, sizeof(header));
		if (header.nlmsg_len < sizeof(header) ||
		    header.nlmsg_len > it->len - at)
			return -EBADMSG;
		ret = expect_message(it->data + at, &header, ended);
		at += ((size_t)header.nlmsg_len + 3) / 4 * 4;
	}
	return ret;
}

/* A look at the clock follows every 16th datagram. An empty one ends the reading, as a
 * timeout does. */
static int expect_all(bool *ended)
{
	uint64_t ms = 0;
	unsigned n = 0;

	if (input.fails)
		return -ENOBUFS;
	for (size_t i = 0; i < input.n_reads; i++) {
		const struct one_read *it = &input.reads[i];
		int ret;

		ms += it->takes_ms;
		if (it->err == EINTR)
			continue;
		n++;
		if (it->err == EAGAIN ||
		    (!it->err && is_of_kernel(it) && it->len == 0) ||
		    (n % 16 == 0 && ms > 10000))
			return -ETIMEDOUT;
		if (it->err)
			return -it->err;
		if (!is_of_kernel(it))
			continue;
		if (it->len > input.size)
			return -ENOSPC;
		ret = expect_datagram(it, ended);
		if (ret || *ended)
			return ret;
	}
	return -ETIMEDOUT;
}

/* The checks. */

static void check_answers(void)
{
	HOLDS(got.n == due.n);
	for (size_t i = 0; i < got.n; i++)
		HOLDS(!memcmp(&got.of[i], &due.of[i], sizeof(due.of[i])));
}

static void check_wiped(size_t n)
{
	for (size_t i = 0; i < n; i++)
		HOLDS(!input.buffer[i]);
}

static void check_request(void)
{
	struct nlmsghdr alone = {.nlmsg_len = sizeof(alone), .nlmsg_seq = input.seq};
	struct nlmsghdr *request =
	    input.how & HOW_SHARED ? (struct nlmsghdr *)input.buffer : &alone;
	struct netlink_reader reader = {
	    .cb = on_answer, .ctx = &got, .buffer = input.buffer, .size = input.size};
	bool ended = false;
	int wanted = expect_all(&ended);
	int null = open("/dev/null", O_RDONLY);
	int fd = SOCKET;

	HOLDS(dup2(null, SOCKET) == SOCKET && close(null) == 0);
	alone.nlmsg_flags = input.how & HOW_DUMP ? NLM_F_DUMP : 0;
	*request = alone;
	HOLDS(netlink_request(&fd, request, &reader) == wanted);
	check_answers();
	HOLDS(reader.n_answers == due.n);
	HOLDS(fd == (wanted && !ended ? -1 : SOCKET));
	HOLDS((fcntl(SOCKET, F_GETFD) < 0) == (fd < 0));
	if (!input.fails)
		check_wiped(input.longest);
	close(fd);
}

static ssize_t expect_receive(const struct one_read *it)
{
	if (it->err)
		return it->err == EAGAIN ? 0 : -it->err;
	if (!is_of_kernel(it))
		return -EREMOTE;
	return it->len > input.size ? -ENOSPC : (ssize_t)it->len;
}

/* The same datagrams, one by one. */
static void check_receive(void)
{
	input.next = 0;
	while (input.next < input.n_reads) {
		size_t first = input.next;
		ssize_t len = netlink_receive(SOCKET, input.buffer, input.size);
		ssize_t wanted;

		while (first < input.n_reads && input.reads[first].err == EINTR)
			first++;
		wanted =
		    first < input.n_reads ? expect_receive(&input.reads[first]) : 0;
		HOLDS(len == wanted);
		HOLDS(input.next == first + (first < input.n_reads));
		if (len > 0)
			HOLDS(!memcmp(input.buffer, input.reads[first].data,
				      (size_t)len));
		if (len == -EREMOTE || len == -ENOSPC)
			check_wiped(input.size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = {data, size};

	take_input(&bytes);
	got.n = due.n = 0;
	check_request();
	check_receive();
	free(input.buffer);
	input.buffer = NULL;
	return 0;
}
