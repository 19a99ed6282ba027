/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/agentx_pdu.h"

#include <endian.h>
#include <string.h>

#include "agentx/agentx_protocol.h"

enum {
	VERSION_1 = 1,
	PREFIX_SUBIDS = 5, /* 1.3.6.1.prefix */
	OID_SUBIDS_MAX = 128,
};

/* Types of values: RFC 2741, section 5.4, and one more that snmpd sends. */
enum {
	VALUE_INTEGER = 2,
	VALUE_OCTET_STRING = 4,
	VALUE_NULL = 5,
	VALUE_OBJECT_ID = 6,
	VALUE_IP_ADDRESS = 64,
	VALUE_COUNTER32 = 65,
	VALUE_GAUGE32 = 66,
	VALUE_TIMETICKS = 67,
	VALUE_OPAQUE = 68,
	VALUE_COUNTER64 = 70,
	VALUE_UINTEGER32 = 71, /* RFC 1442 */
	VALUE_NO_SUCH_OBJECT = 128,
	VALUE_NO_SUCH_INSTANCE = 129,
	VALUE_END_OF_MIB_VIEW = 130,
};

/* What remains to be read of a payload. */
struct reader {
	const uint8_t *at;
	size_t left;
	bool network_order;
};

static uint32_t get_u32(const uint8_t *at, bool network_order)
{
	uint32_t number;

	memcpy(&number, at, sizeof(number));
	return network_order ? be32toh(number) : le32toh(number);
}

static uint16_t get_u16(const uint8_t *at, bool network_order)
{
	uint16_t number;

	memcpy(&number, at, sizeof(number));
	return network_order ? be16toh(number) : le16toh(number);
}

static void put_u32(uint8_t *at, uint32_t number, bool network_order)
{
	number = network_order ? htobe32(number) : htole32(number);
	memcpy(at, &number, sizeof(number));
}

static void put_u16(uint8_t *at, uint16_t number, bool network_order)
{
	number = network_order ? htobe16(number) : htole16(number);
	memcpy(at, &number, sizeof(number));
}

static bool is_network_order(const struct agentx_header *header)
{
	return header->flags & AGENTX_FLAG_NETWORK_BYTE_ORDER;
}

/* The header. */

/* What a master sends to a subagent: the shortest payload of each type. */
static bool find_shortest(uint8_t type, uint32_t *ret_size)
{
	switch (type) {
	case AGENTX_RESPONSE:
		*ret_size = 8;
		return true;
	case AGENTX_CLOSE:
	case AGENTX_GET_BULK:
		*ret_size = 4;
		return true;
	case AGENTX_GET:
	case AGENTX_GET_NEXT:
	case AGENTX_TEST_SET:
	case AGENTX_COMMIT_SET:
	case AGENTX_UNDO_SET:
	case AGENTX_CLEANUP_SET:
		*ret_size = 0;
		return true;
	default:
		return false;
	}
}

bool agentx_pdu_wants_response(uint8_t type)
{
	return type == AGENTX_GET || type == AGENTX_GET_NEXT ||
	       type == AGENTX_GET_BULK || type == AGENTX_TEST_SET;
}

uint8_t agentx_pdu_type(const uint8_t *bytes)
{
	return bytes[1];
}

struct agentx_header agentx_pdu_read_header(const uint8_t *bytes)
{
	bool network_order = bytes[2] & AGENTX_FLAG_NETWORK_BYTE_ORDER;

	return (struct agentx_header){
	    .version = bytes[0],
	    .type = bytes[1],
	    .flags = bytes[2],
	    .session = get_u32(bytes + 4, network_order),
	    .transaction = get_u32(bytes + 8, network_order),
	    .packet = get_u32(bytes + 12, network_order),
	    .payload = get_u32(bytes + 16, network_order),
	};
}

static bool is_length_possible(const struct agentx_header *header, uint32_t shortest)
{
	uint32_t longest = agentx_pdu_wants_response(header->type) ? AGENTX_REQUEST_MAX
								   : AGENTX_PDU_MAX;

	return header->payload % 4 == 0 && header->payload >= shortest &&
	       header->payload <= longest - AGENTX_HEADER_SIZE;
}

const char *agentx_pdu_check_header(const struct agentx_header *header)
{
	uint32_t shortest;

	if (header->version != VERSION_1)
		return "a message of an unknown version";
	if (header->flags &
	    ~(AGENTX_FLAG_NON_DEFAULT_CONTEXT | AGENTX_FLAG_NETWORK_BYTE_ORDER))
		return "a message with unknown flags";
	if (!find_shortest(header->type, &shortest))
		return "a message of a type that no master sends";
	if (!is_length_possible(header, shortest))
		return "a message of an impossible length";
	return NULL;
}

/* The payload. */

static bool skip(struct reader *reader, size_t size)
{
	if (size > reader->left)
		return false;
	reader->at += size;
	reader->left -= size;
	return true;
}

static bool skip_oid(struct reader *reader)
{
	const uint8_t *oid = reader->at;
	size_t n;

	if (!skip(reader, 4))
		return false;
	n = oid[0];
	return n + (oid[1] ? PREFIX_SUBIDS : 0) <= OID_SUBIDS_MAX && oid[2] <= 1 &&
	       skip(reader, 4 * n);
}

static bool skip_string(struct reader *reader)
{
	const uint8_t *at = reader->at;
	uint32_t size;

	if (!skip(reader, 4))
		return false;
	size = get_u32(at, reader->network_order);
	return size <= reader->left && skip(reader, (size + 3) & ~(size_t)3);
}

/* Net-SNMP copies a context up to its first NUL, and reads the copy up to the
 * length of the context (agentx_parse(), snmp_clone_pdu()). */
static bool skip_context(struct reader *reader)
{
	const uint8_t *at = reader->at;

	return skip_string(reader) &&
	       !memchr(at + 4, 0, get_u32(at, reader->network_order));
}

static bool skip_value(struct reader *reader, uint32_t type)
{
	switch (type) {
	case VALUE_INTEGER:
	case VALUE_COUNTER32:
	case VALUE_GAUGE32:
	case VALUE_TIMETICKS:
	case VALUE_UINTEGER32:
		return skip(reader, 4);
	case VALUE_COUNTER64:
		return skip(reader, 8);
	case VALUE_OCTET_STRING:
	case VALUE_IP_ADDRESS:
	case VALUE_OPAQUE:
		return skip_string(reader);
	case VALUE_OBJECT_ID:
		return skip_oid(reader);
	case VALUE_NULL:
	case VALUE_NO_SUCH_OBJECT:
	case VALUE_NO_SUCH_INSTANCE:
	case VALUE_END_OF_MIB_VIEW:
		return true;
	default:
		return false;
	}
}

static bool skip_varbind(struct reader *reader)
{
	const uint8_t *at = reader->at;

	return skip(reader, 4) && skip_oid(reader) &&
	       skip_value(reader, get_u16(at, reader->network_order));
}

static bool skip_search_range(struct reader *reader)
{
	bool has_start = skip_oid(reader);

	return has_start && skip_oid(reader);
}

static bool are_all(struct reader *reader, bool (*skip_one)(struct reader *))
{
	while (reader->left > 0)
		if (!skip_one(reader))
			return false;
	return true;
}

const char *agentx_pdu_check_payload(const struct agentx_header *header,
				     const uint8_t *payload)
{
	struct reader reader = {payload, header->payload, is_network_order(header)};
	bool good = true;

	if (header->flags & AGENTX_FLAG_NON_DEFAULT_CONTEXT && !skip_context(&reader))
		return "a malformed context";
	switch (header->type) {
	case AGENTX_CLOSE:
		good = reader.left == 4;
		break;
	case AGENTX_RESPONSE:
		good = skip(&reader, 8) && are_all(&reader, skip_varbind);
		break;
	case AGENTX_GET_BULK:
		good = skip(&reader, 4) && are_all(&reader, skip_search_range);
		break;
	case AGENTX_GET:
	case AGENTX_GET_NEXT:
		good = are_all(&reader, skip_search_range);
		break;
	case AGENTX_TEST_SET:
		good = are_all(&reader, skip_varbind);
		break;
	default: /* CommitSet, UndoSet, CleanupSet */
		good = reader.left == 0;
		break;
	}
	return good ? NULL : "a malformed message";
}

void agentx_pdu_write_error(const struct agentx_header *header, uint16_t error,
			    uint8_t response[AGENTX_ERROR_RESPONSE_SIZE])
{
	bool network_order = is_network_order(header);

	memset(response, 0, AGENTX_ERROR_RESPONSE_SIZE);
	response[0] = VERSION_1;
	response[1] = AGENTX_RESPONSE;
	response[2] = header->flags & AGENTX_FLAG_NETWORK_BYTE_ORDER;
	put_u32(response + 4, header->session, network_order);
	put_u32(response + 8, header->transaction, network_order);
	put_u32(response + 12, header->packet, network_order);
	put_u32(response + 16, 8, network_order);
	put_u16(response + 24, error, network_order);
}
