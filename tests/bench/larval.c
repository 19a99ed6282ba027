/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes SAs that need no algorithms, as fast as the kernel can.
 *
 *	larval [-p PEERS] COUNT
 *		makes larval SAs, from so many peers (default 1) to 192.0.2.1
 *	larval -a COUNT
 *		makes SAs without an SPI, as a packet does that finds no SA
 *		(XFRM_STATE_ACQ), from 192.0.2.1, each to its own address
 *	larval -e COUNT
 *		makes larval SAs and deletes them at once, an event each; prints the
 *		processor time in ns that this has taken
 *
 * Linux 6.17 looks at every SA before it gives away an SPI
 * (xfrm_state_lookup_spi_proto): 100,000 larval SAs take minutes. Those of -a do not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	LOCAL = 0xc0000201,      /* 192.0.2.1 */
	FIRST_PEER = 0xc6120000, /* 198.18.0.0 */
	FIRST_SPI = 0x1000,
	/* Requests in one send. The answers to them must fit into the buffer. */
	BATCH = 128,
	RECEIVE_BUFFER = 4 * 1024 * 1024,
};

struct alloc_request {
	struct nlmsghdr nlh;
	struct xfrm_userspi_info spi;
};

struct delete_request {
	struct nlmsghdr nlh;
	struct xfrm_usersa_id id;
};

struct larval {
	int fd;
	unsigned peers;
	unsigned count;
	bool acquire;
	bool events;
};

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static int open_xfrm(void)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);
	int size = RECEIVE_BUFFER;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		fail("NETLINK_XFRM");
	return fd;
}

/* Otherwise the kernel deletes larval SAs after 30 s. */
static void keep_larval(void)
{
	int fd = open("/proc/sys/net/core/xfrm_acq_expires", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "86400", 5) != 5)
		fail("xfrm_acq_expires");
	close(fd);
}

/* Counts the answers in a datagram. Ends the program on an error. */
static unsigned count_answers(const struct larval *larval, const char *at, size_t left)
{
	unsigned count = 0;

	while (left >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *nlh = (const void *)at;
		const struct nlmsgerr *error = (const void *)(at + NLMSG_HDRLEN);

		/* no SPI between 0 and 0, but the SA exists (xfrm_alloc_userspi) */
		if (nlh->nlmsg_type == NLMSG_ERROR &&
		    (!larval->acquire || error->error != -ENOENT)) {
			errno = -error->error;
			fail("the kernel's answer");
		}
		count++;
		at += NLMSG_ALIGN(nlh->nlmsg_len);
		left -= NLMSG_ALIGN(nlh->nlmsg_len);
	}
	return count;
}

static unsigned read_answers(const struct larval *larval)
{
	static _Alignas(struct nlmsghdr) char buffer[32 * 1024];
	unsigned count = 0;
	ssize_t len;

	while ((len = recv(larval->fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0)
		count += count_answers(larval, buffer, (size_t)len);
	if (len < 0 && errno != EAGAIN)
		fail("recv");
	return count;
}

/* Sends requests and reads what the kernel answers to that at once. */
static void ask(const struct larval *larval, const void *requests, size_t size,
		unsigned expected)
{
	unsigned count;

	if (send(larval->fd, requests, size, 0) < 0)
		fail("send");
	count = read_answers(larval);
	if (count != expected) {
		fprintf(stderr, "%u answers in place of %u\n", count, expected);
		exit(EXIT_FAILURE);
	}
}

static struct nlmsghdr header_of(uint16_t type, size_t size)
{
	return (struct nlmsghdr){.nlmsg_len = (uint32_t)size,
				 .nlmsg_type = type,
				 .nlmsg_flags = NLM_F_REQUEST};
}

/* Each SA has a reqid of its own: the kernel walks all SAs with the same ends and reqid
 * for each one that is added. */
static struct alloc_request alloc_of(const struct larval *larval, unsigned number)
{
	const uint32_t peer = htonl(FIRST_PEER + number % larval->peers);
	const uint32_t spi = larval->acquire ? 0 : FIRST_SPI + number;
	struct alloc_request request;
	struct xfrm_usersa_info *info = &request.spi.info;

	memset(&request, 0, sizeof(request));
	request.nlh = header_of(XFRM_MSG_ALLOCSPI, sizeof(request));
	info->family = AF_INET;
	info->saddr.a4 = larval->acquire ? htonl(LOCAL) : peer;
	info->id.daddr.a4 = larval->acquire ? peer : htonl(LOCAL);
	info->id.proto = IPPROTO_ESP;
	info->mode = XFRM_MODE_TUNNEL;
	info->reqid = FIRST_SPI + number;
	request.spi.min = request.spi.max = spi;
	return request;
}

static struct delete_request delete_of(unsigned number)
{
	struct delete_request request;

	memset(&request, 0, sizeof(request));
	request.nlh = header_of(XFRM_MSG_DELSA, sizeof(request));
	request.id.daddr.a4 = htonl(LOCAL);
	request.id.spi = htonl(FIRST_SPI + number);
	request.id.family = AF_INET;
	request.id.proto = IPPROTO_ESP;
	return request;
}

static void make(const struct larval *larval, unsigned first, unsigned n)
{
	static struct alloc_request requests[BATCH];

	for (unsigned i = 0; i < n; i++)
		requests[i] = alloc_of(larval, first + i);
	ask(larval, requests, n * sizeof(*requests), n);
}

/* The kernel answers errors only. */
static void remove_again(const struct larval *larval, unsigned first, unsigned n)
{
	static struct delete_request requests[BATCH];

	for (unsigned i = 0; i < n; i++)
		requests[i] = delete_of(first + i);
	ask(larval, requests, n * sizeof(*requests), 0);
}

static void run(const struct larval *larval)
{
	for (unsigned i = 0; i < larval->count; i += BATCH) {
		unsigned left = larval->count - i;
		unsigned n = left < BATCH ? left : BATCH;

		make(larval, i, n);
		if (larval->events)
			remove_again(larval, i, n);
	}
}

static uint64_t processor_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static unsigned number_of(const char *text)
{
	unsigned long value = text ? strtoul(text, NULL, 10) : 0;

	if (value == 0 || value > 10000000) {
		fprintf(stderr, "usage: larval [-a | -e] [-p PEERS] COUNT\n");
		exit(EXIT_FAILURE);
	}
	return (unsigned)value;
}

int main(int argc, char **argv)
{
	struct larval larval = {.peers = 1};
	uint64_t start;
	int option;

	while ((option = getopt(argc, argv, "aep:")) != -1) {
		larval.acquire |= option == 'a';
		larval.events |= option == 'e';
		if (option == 'p')
			larval.peers = number_of(optarg);
		else if (option == '?')
			number_of(NULL);
	}
	larval.count = number_of(argv[optind]);
	if (larval.acquire)
		larval.peers = larval.count;
	keep_larval();
	larval.fd = open_xfrm();
	start = processor_time();
	run(&larval);
	if (larval.events)
		printf("%llu\n", (unsigned long long)(processor_time() - start));
	return EXIT_SUCCESS;
}
