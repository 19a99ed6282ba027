/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/agentx_pdu.h"

#include <string.h>

#include "agentx/agentx_protocol.h"
#include "runner.h"

CHAPTER(NULL, NULL);

static struct agentx_header header_of(uint8_t version, uint8_t type, uint8_t flags,
				      uint32_t payload)
{
	const uint8_t bytes[AGENTX_HEADER_SIZE] = {
	    version,
	    type,
	    flags,
	    [16] = flags & 0x10 ? (uint8_t)(payload >> 24) : (uint8_t)payload,
	    [17] = flags & 0x10 ? (uint8_t)(payload >> 16) : (uint8_t)(payload >> 8),
	    [18] = flags & 0x10 ? (uint8_t)(payload >> 8) : (uint8_t)(payload >> 16),
	    [19] = flags & 0x10 ? (uint8_t)payload : (uint8_t)(payload >> 24),
	};

	return agentx_pdu_read_header(bytes);
}

TEST(headers_are_those_that_a_master_sends)
{
	static const struct {
		uint8_t version, type, flags;
		uint32_t payload;
		bool good;
	} rows[] = {
	    {1, AGENTX_RESPONSE, 0x10, 8, true},
	    {1, AGENTX_RESPONSE, 0, 8, true},
	    {1, AGENTX_RESPONSE, 0x10, 4, false},
	    {1, AGENTX_RESPONSE, 0x10, 9, false},
	    {1, AGENTX_RESPONSE, 0x10, 65516, true},
	    {1, AGENTX_RESPONSE, 0x10, 65520, false},
	    {1, AGENTX_GET, 0x10, 0, true},
	    {1, AGENTX_GET, 0x18, 65520, true},
	    {1, AGENTX_GET_NEXT, 0, AGENTX_REQUEST_MAX - 20, true},
	    {1, AGENTX_GET_NEXT, 0, AGENTX_REQUEST_MAX - 16, false},
	    {1, AGENTX_GET_NEXT, 0, 0x7ffffffc, false},
	    {1, AGENTX_GET_NEXT, 0, 0xfffffffc, false},
	    {1, AGENTX_GET_NEXT, 0, 0xffffffff, false},
	    {1, AGENTX_GET_BULK, 0x10, 0, false},
	    {1, AGENTX_COMMIT_SET, 0x10, 0, true},
	    {1, AGENTX_CLOSE, 0x10, 0, false},
	    {0, AGENTX_GET, 0x10, 0, false},
	    {2, AGENTX_GET, 0x10, 0, false},
	    {1, AGENTX_GET, 0x11, 0, false},
	    {1, AGENTX_GET, 0x90, 0, false},
	    {1, 0, 0x10, 8, false},
	    {1, AGENTX_OPEN, 0x10, 8, false},
	    {1, AGENTX_REGISTER, 0x10, 8, false},
	    {1, AGENTX_NOTIFY, 0x10, 8, false},
	    {1, AGENTX_PING, 0x10, 0, false},
	    {1, 19, 0x10, 8, false},
	    {1, 255, 0x10, 8, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct agentx_header header = header_of(
		    rows[i].version, rows[i].type, rows[i].flags, rows[i].payload);

		ck_assert_uint_eq(header.payload, rows[i].payload);
		ck_assert_msg(!agentx_pdu_check_header(&header) == rows[i].good,
			      "row %zu", i);
	}
}

/* Payloads in network byte order, as hexadecimal digits. */
static bool is_good(uint8_t type, uint8_t flags, const char *digits)
{
	size_t size = strlen(digits) / 2;
	/* exactly as long, so that valgrind and ASan see what is read behind its end */
	uint8_t *payload = malloc(size ? size : 1);
	struct agentx_header header = header_of(1, type, flags, (uint32_t)size);
	bool good;

	ck_assert(payload);
	for (size_t i = 0; i < size; i++) {
		const char pair[3] = {digits[2 * i], digits[2 * i + 1]};

		payload[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	good = !agentx_pdu_check_header(&header) &&
	       !agentx_pdu_check_payload(&header, payload);
	free(payload);
	return good;
}

#define OID_2      \
	"02020100" \
	"00000001" \
	"00000002" /* inclusive */
#define OID_NULL "00000000"

TEST(payloads_are_complete)
{
	static const struct {
		uint8_t type, flags;
		const char *digits;
		bool good;
	} rows[] = {
	    {AGENTX_GET, 0x10, "", true},
	    {AGENTX_GET, 0x10, OID_2 OID_NULL, true},
	    {AGENTX_GET, 0x10, OID_2 OID_NULL OID_2 OID_2, true},
	    {AGENTX_GET, 0x10, OID_2, false},
	    {AGENTX_GET, 0x10, "0202010000000001", false},
	    {AGENTX_GET, 0x10, "00000200" OID_NULL, false},
	    {AGENTX_GET, 0x10, "ff000000" OID_NULL, false},
	    {AGENTX_GET_BULK, 0x10, "ffffffff" OID_2 OID_NULL, true},
	    {AGENTX_GET_BULK, 0x10, "00000001" OID_2, false},
	    {AGENTX_CLOSE, 0x10, "01000000", true},
	    {AGENTX_CLOSE, 0x10, "0100000000000000", false},
	    {AGENTX_CLEANUP_SET, 0x10, "", true},
	    {AGENTX_CLEANUP_SET, 0x10, "00000000", false},
	    /* a context */
	    {AGENTX_GET, 0x18,
	     "00000003"
	     "61626300" OID_2 OID_NULL,
	     true},
	    {AGENTX_GET, 0x18,
	     "00000003"
	     "61006300" OID_2 OID_NULL,
	     false},
	    {AGENTX_GET, 0x18, "00000000", true},
	    {AGENTX_GET, 0x18, "", false},
	    {AGENTX_GET, 0x18,
	     "00000005"
	     "61626364",
	     false},
	    {AGENTX_GET, 0x18,
	     "fffffffd"
	     "61626364",
	     false},
	    {AGENTX_GET, 0x18,
	     "ffffffff"
	     "61626364",
	     false},
	    {AGENTX_GET, 0x08,
	     "03000000"
	     "61626300",
	     true},
	    {AGENTX_RESPONSE, 0x18, "00000000", false},
	    {AGENTX_RESPONSE, 0x18,
	     "00000000"
	     "0000000000000000",
	     true},
	    /* values */
	    {AGENTX_RESPONSE, 0x10, "0000000000000000", true},
	    {AGENTX_TEST_SET, 0x10, "00020000" OID_2 "ffffffff", true},
	    {AGENTX_TEST_SET, 0x10, "00020000" OID_2, false},
	    {AGENTX_TEST_SET, 0x10, "00460000" OID_2 "0000000000000000", true},
	    {AGENTX_TEST_SET, 0x10, "00460000" OID_2 "00000000", false},
	    {AGENTX_TEST_SET, 0x10,
	     "00040000" OID_2 "00000001"
	     "61000000",
	     true},
	    {AGENTX_TEST_SET, 0x10,
	     "00040000" OID_2 "00000005"
	     "61000000",
	     false},
	    {AGENTX_TEST_SET, 0x10, "00470000" OID_2 "ffffffff", true},
	    {AGENTX_TEST_SET, 0x10, "00450000" OID_2 "00000000", false},
	    {AGENTX_TEST_SET, 0x10, "00060000" OID_2 OID_2, true},
	    {AGENTX_TEST_SET, 0x10, "00060000" OID_2, false},
	    {AGENTX_TEST_SET, 0x10, "00820000" OID_2, true},
	    {AGENTX_TEST_SET, 0x10, "00030000" OID_2, false},
	    {AGENTX_TEST_SET, 0x10, "02000000" OID_2 "ffffffff", false},
	    {AGENTX_TEST_SET, 0x00, "02000000" OID_NULL "ffffffff", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ck_assert_msg(is_good(rows[i].type, rows[i].flags, rows[i].digits) ==
				  rows[i].good,
			      "row %zu", i);
}

/* n subidentifiers behind a prefix of 5, and a null OID. */
static bool is_search_range(size_t n, uint8_t prefix)
{
	uint8_t payload[4 * 256 + 8] = {(uint8_t)n, prefix};
	const struct agentx_header header = {.type = AGENTX_GET,
					     .payload = (uint32_t)(4 * n + 8)};

	return !agentx_pdu_check_payload(&header, payload);
}

TEST(an_oid_has_at_most_128_subidentifiers)
{
	ck_assert(is_search_range(128, 0));
	ck_assert(!is_search_range(129, 0));
	ck_assert(is_search_range(123, 4));
	ck_assert(!is_search_range(124, 4));
	ck_assert(!is_search_range(255, 255));
}

TEST(an_error_has_the_numbers_of_its_request)
{
	const struct agentx_header request = {.type = AGENTX_GET,
					      .flags = 0x18,
					      .session = 1,
					      .transaction = 0x01020304,
					      .packet = 0xfffefdfc};
	struct agentx_header response;
	uint8_t bytes[AGENTX_ERROR_RESPONSE_SIZE];

	for (unsigned order = 0; order <= 0x10; order += 0x10) {
		struct agentx_header asked = request;

		asked.flags = (uint8_t)(0x08 | order);
		agentx_pdu_write_error(&asked, 5, bytes);
		response = agentx_pdu_read_header(bytes);
		ck_assert_ptr_null(agentx_pdu_check_header(&response));
		ck_assert_uint_eq(response.type, AGENTX_RESPONSE);
		ck_assert_uint_eq(response.flags, order);
		ck_assert_uint_eq(response.session, 1);
		ck_assert_uint_eq(response.transaction, 0x01020304);
		ck_assert_uint_eq(response.packet, 0xfffefdfc);
		ck_assert_uint_eq(response.payload, 8);
		ck_assert_uint_eq(bytes[order ? 25 : 24], 5);
	}
}

TEST(requests_that_have_an_answer)
{
	ck_assert(agentx_pdu_wants_response(AGENTX_GET));
	ck_assert(agentx_pdu_wants_response(AGENTX_TEST_SET));
	ck_assert(!agentx_pdu_wants_response(AGENTX_CLEANUP_SET));
	ck_assert(!agentx_pdu_wants_response(AGENTX_RESPONSE));
}
