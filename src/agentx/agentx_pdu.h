/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * AgentX PDUs as bytes (RFC 2741, section 6): whether a master may send them. What
 * comes from a connection is checked here before Net-SNMP reads it. Pure.
 */

enum {
	AGENTX_HEADER_SIZE = 20,
	/* The longest PDU, with its header, that Net-SNMP reads: agentx_parse() in
	 * agent/mibgroup/agentx/protocol.c. */
	AGENTX_PDU_MAX = 65536,
	/* The longest request. A manager's may have 64 KiB over UDP, but 2 GiB over TCP
	 * (SNMP_MAX_PACKET_LEN), and snmpd makes a longer one of it. */
	AGENTX_REQUEST_MAX = 0x7ffffffc,
};

struct agentx_header {
	uint8_t version;
	uint8_t type;
	uint8_t flags;
	uint32_t session;
	uint32_t transaction;
	uint32_t packet;
	uint32_t payload; /* bytes that follow */
};

/* Read the AGENTX_HEADER_SIZE bytes of a header: all, or only the type. */
struct agentx_header agentx_pdu_read_header(const uint8_t *bytes);
uint8_t agentx_pdu_type(const uint8_t *bytes);

/* Returns NULL, or what is wrong: a version, flags, a type that no master sends to a
 * subagent, or a length that no PDU of that type has. */
const char *agentx_pdu_check_header(const struct agentx_header *header);

/* Checks the payload that belongs to a header that has been checked. Returns NULL, or
 * what is wrong. */
const char *agentx_pdu_check_payload(const struct agentx_header *header,
				     const uint8_t *payload);

/* True for a request that is answered with a Response. */
bool agentx_pdu_wants_response(uint8_t type);

/* Writes a Response with an error, of index 0, to the request with this header. */
#define AGENTX_ERROR_RESPONSE_SIZE (AGENTX_HEADER_SIZE + 8)
void agentx_pdu_write_error(const struct agentx_header *header, uint16_t error,
			    uint8_t response[AGENTX_ERROR_RESPONSE_SIZE]);
