/* SPDX-License-Identifier: Apache-2.0 */
/* One table of nf_tables, which says in nft's words:
 *
 *     table inet kastellan {
 *         chain divert {
 *             type filter hook prerouting priority mangle;
 *             ip daddr 127.0.0.0/8 accept
 *             ip6 daddr ::1 accept
 *             meta l4proto tcp tproxy to :PORT
 *         }
 *     }
 *
 * Every port stays free for the worker to listen on, and an attempt to reach any is seen. The
 * loopback stays the worker's own. No connection tracking is needed, or asked for. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>

#include "linux/init/netlink.h"
#include "linux/init/network.h"

#define TABLE "kastellan"
#define CHAIN "divert"
#define MANGLE (-150) /* before routing decides, as for marks */
#define PROTOCOL_FAMILY_BYTES 1
#define REGISTER NFT_REG_1

static void begin(struct netlink *text, uint16_t type, uint16_t flags)
{
	const struct nfgenmsg head = {.nfgen_family = NFPROTO_INET};

	netlink_begin(text, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags | NLM_F_ACK, &head,
		sizeof(head));
}

static void mark_batch(struct netlink *text, uint16_t type)
{
	const struct nfgenmsg head = {.res_id = htons(NFNL_SUBSYS_NFTABLES)};

	netlink_begin(text, type, 0, &head, sizeof(head));
}

static void add_table(struct netlink *text)
{
	begin(text, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	netlink_add_string(text, NFTA_TABLE_NAME, TABLE);
}

static void add_chain(struct netlink *text)
{
	size_t hook;

	begin(text, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	netlink_add_string(text, NFTA_CHAIN_TABLE, TABLE);
	netlink_add_string(text, NFTA_CHAIN_NAME, CHAIN);
	hook = netlink_open(text, NFTA_CHAIN_HOOK);
	netlink_add_be32(text, NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
	netlink_add_be32(text, NFTA_HOOK_PRIORITY, (uint32_t)MANGLE);
	netlink_close(text, hook);
	netlink_add_string(text, NFTA_CHAIN_TYPE, "filter");
}

/* An expression is a list element: its name, and what it takes. */
struct expression {
	size_t element;
	size_t data;
};

static struct expression open_expression(struct netlink *text, const char *name)
{
	struct expression expression;

	expression.element = netlink_open(text, NFTA_LIST_ELEM);
	netlink_add_string(text, NFTA_EXPR_NAME, name);
	expression.data = netlink_open(text, NFTA_EXPR_DATA);
	return expression;
}

static void close_expression(struct netlink *text, struct expression expression)
{
	netlink_close(text, expression.data);
	netlink_close(text, expression.element);
}

static void add_meta(struct netlink *text, enum nft_meta_keys key)
{
	struct expression meta = open_expression(text, "meta");

	netlink_add_be32(text, NFTA_META_DREG, REGISTER);
	netlink_add_be32(text, NFTA_META_KEY, key);
	close_expression(text, meta);
}

static void add_equals(struct netlink *text, const void *value, size_t len)
{
	struct expression compare = open_expression(text, "cmp");
	size_t data;

	netlink_add_be32(text, NFTA_CMP_SREG, REGISTER);
	netlink_add_be32(text, NFTA_CMP_OP, NFT_CMP_EQ);
	data = netlink_open(text, NFTA_CMP_DATA);
	netlink_add(text, NFTA_DATA_VALUE, value, len);
	netlink_close(text, data);
	close_expression(text, compare);
}

static void add_is(struct netlink *text, enum nft_meta_keys key, unsigned char value)
{
	add_meta(text, key);
	add_equals(text, &value, sizeof(value));
}

static void add_network_bytes(struct netlink *text, uint32_t offset, uint32_t len)
{
	struct expression payload = open_expression(text, "payload");

	netlink_add_be32(text, NFTA_PAYLOAD_DREG, REGISTER);
	netlink_add_be32(text, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	netlink_add_be32(text, NFTA_PAYLOAD_OFFSET, offset);
	netlink_add_be32(text, NFTA_PAYLOAD_LEN, len);
	close_expression(text, payload);
}

static void add_accept(struct netlink *text)
{
	struct expression immediate = open_expression(text, "immediate");
	size_t data, verdict;

	netlink_add_be32(text, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = netlink_open(text, NFTA_IMMEDIATE_DATA);
	verdict = netlink_open(text, NFTA_DATA_VERDICT);
	netlink_add_be32(text, NFTA_VERDICT_CODE, NF_ACCEPT);
	netlink_close(text, verdict);
	netlink_close(text, data);
	close_expression(text, immediate);
}

static void add_tproxy(struct netlink *text, uint16_t port)
{
	const uint16_t value = htons(port);
	struct expression expression = open_expression(text, "immediate");
	size_t data;

	netlink_add_be32(text, NFTA_IMMEDIATE_DREG, REGISTER);
	data = netlink_open(text, NFTA_IMMEDIATE_DATA);
	netlink_add(text, NFTA_DATA_VALUE, &value, sizeof(value));
	netlink_close(text, data);
	close_expression(text, expression);
	expression = open_expression(text, "tproxy");
	netlink_add_be32(text, NFTA_TPROXY_FAMILY, NFPROTO_UNSPEC);
	netlink_add_be32(text, NFTA_TPROXY_REG_PORT, REGISTER);
	close_expression(text, expression);
}

static size_t open_rule(struct netlink *text)
{
	begin(text, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	netlink_add_string(text, NFTA_RULE_TABLE, TABLE);
	netlink_add_string(text, NFTA_RULE_CHAIN, CHAIN);
	return netlink_open(text, NFTA_RULE_EXPRESSIONS);
}

static void add_rules(struct netlink *text, uint16_t port)
{
	const unsigned char loopback_net = 127;
	size_t rule = open_rule(text);

	add_is(text, NFT_META_NFPROTO, NFPROTO_IPV4);
	add_network_bytes(text, 16, sizeof(loopback_net)); /* of the destination, in IPv4 */
	add_equals(text, &loopback_net, sizeof(loopback_net));
	add_accept(text);
	netlink_close(text, rule);

	rule = open_rule(text);
	add_is(text, NFT_META_NFPROTO, NFPROTO_IPV6);
	add_network_bytes(text, 24, sizeof(in6addr_loopback)); /* in IPv6 */
	add_equals(text, &in6addr_loopback, sizeof(in6addr_loopback));
	add_accept(text);
	netlink_close(text, rule);

	rule = open_rule(text);
	add_is(text, NFT_META_L4PROTO, IPPROTO_TCP);
	add_tproxy(text, port);
	netlink_close(text, rule);
}

/* What a kernel says that was built without nf_tables, or without this part of it. */
static bool is_missing(int error)
{
	return error == -EPROTONOSUPPORT || error == -EAFNOSUPPORT || error == -EOPNOTSUPP ||
	       error == -ENOENT || error == -EINVAL;
}

int network_divert(uint16_t port, struct failure *failure)
{
	static const char *const parts[] = {"nf_tables", "nf_tables", "nf_tables: the table",
		"nf_tables: the chain", "nf_tables: the rule for 127.0.0.0/8",
		"nf_tables: the rule for ::1", "nf_tables: the rule for TCP", "nf_tables"};
	struct netlink text = {.len = 0};
	uint32_t message;
	int r;

	mark_batch(&text, NFNL_MSG_BATCH_BEGIN);
	add_table(&text);
	add_chain(&text);
	add_rules(&text, port);
	mark_batch(&text, NFNL_MSG_BATCH_END);
	r = netlink_talk(&text, NETLINK_NETFILTER, &message);
	if (r == 0)
		return 0;
	if (is_missing(r))
		return -EOPNOTSUPP;
	if (message >= sizeof(parts) / sizeof(parts[0]))
		message = 0;
	return failure_set(failure, -r, "network", parts[message]);
}
