/* SPDX-License-Identifier: Apache-2.0 */
/* The ranges, from the registries "IANA IPv4/IPv6 Special-Purpose Address Space". Addresses of
 * metadata services are those that the clouds document. */
#include <string.h>

#include "egress/address.h"

struct range {
	uint8_t bytes[16];
	uint8_t prefix; /* bits that count */
	uint8_t class;
};

/* In each table the first range that holds the address decides. */
static const struct range ranges_v4[] = {
	{{169, 254, 169, 254}, 32, CLASS_METADATA}, /* most of them */
	{{169, 254, 170, 2}, 32, CLASS_METADATA}, /* credentials of Amazon's containers */
	{{169, 254, 170, 23}, 32, CLASS_METADATA}, /* and of its pods */
	{{169, 254, 42, 42}, 32, CLASS_METADATA}, /* Scaleway */
	{{169, 254, 0, 23}, 32, CLASS_METADATA}, /* Tencent */
	{{168, 63, 129, 16}, 32, CLASS_METADATA}, /* Azure, an address that looks public */
	{{100, 100, 100, 200}, 32, CLASS_METADATA}, /* Alibaba */
	{{192, 0, 0, 192}, 32, CLASS_METADATA}, /* Oracle */
	{{0, 0, 0, 0}, 32, CLASS_UNSPECIFIED},
	{{0, 0, 0, 0}, 8, CLASS_THIS_NETWORK},
	{{10, 0, 0, 0}, 8, CLASS_PRIVATE},
	{{100, 64, 0, 0}, 10, CLASS_CGNAT},
	{{127, 0, 0, 0}, 8, CLASS_LOOPBACK},
	{{169, 254, 0, 0}, 16, CLASS_LINK_LOCAL},
	{{172, 16, 0, 0}, 12, CLASS_PRIVATE},
	{{192, 0, 0, 0}, 24, CLASS_PROTOCOL},
	{{192, 0, 2, 0}, 24, CLASS_DOCUMENTATION},
	{{192, 88, 99, 0}, 24, CLASS_6TO4},
	{{192, 168, 0, 0}, 16, CLASS_PRIVATE},
	{{198, 18, 0, 0}, 16, CLASS_SYNTHETIC},
	{{198, 18, 0, 0}, 15, CLASS_BENCHMARK},
	{{198, 51, 100, 0}, 24, CLASS_DOCUMENTATION},
	{{203, 0, 113, 0}, 24, CLASS_DOCUMENTATION},
	{{224, 0, 0, 0}, 4, CLASS_MULTICAST},
	{{255, 255, 255, 255}, 32, CLASS_BROADCAST},
	{{240, 0, 0, 0}, 4, CLASS_RESERVED},
};

static const struct range ranges_v6[] = {
	{{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54}, 128, CLASS_METADATA}, /* Amazon */
	{{0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23}, 128, CLASS_METADATA}, /* and its pods */
	{{0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54}, 128, CLASS_METADATA}, /* Google */
	{{0xfd, 0x00, 0x00, 0x42, [15] = 0x42}, 128, CLASS_METADATA}, /* Scaleway */
	{{0}, 128, CLASS_UNSPECIFIED},
	{{[15] = 1}, 128, CLASS_LOOPBACK},
	{{[10] = 0xff, 0xff}, 96, CLASS_V4_MAPPED},
	{{0}, 96, CLASS_V4_COMPATIBLE},
	{{[8] = 0xff, 0xff}, 96, CLASS_V4_TRANSLATED},
	{{0x00, 0x64, 0xff, 0x9b}, 96, CLASS_NAT64},
	{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, CLASS_NAT64},
	{{0x01, 0x00}, 64, CLASS_DISCARD},
	{{0x20, 0x01}, 32, CLASS_TEREDO},
	{{0x20, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01}, 64, CLASS_SYNTHETIC},
	{{0x20, 0x01, 0x00, 0x02}, 48, CLASS_BENCHMARK},
	{{0x20, 0x01, 0x0d, 0xb8}, 32, CLASS_DOCUMENTATION},
	{{0x20, 0x01}, 23, CLASS_PROTOCOL},
	{{0x20, 0x02}, 16, CLASS_6TO4},
	{{0x3f, 0xff}, 20, CLASS_DOCUMENTATION},
	{{0xfc}, 7, CLASS_UNIQUE_LOCAL},
	{{0xfe, 0x80}, 10, CLASS_LINK_LOCAL},
	{{0xfe, 0xc0}, 10, CLASS_SITE_LOCAL},
	{{0xff}, 8, CLASS_MULTICAST},
};

static const char *const class_names[CLASS_COUNT] = {
	[CLASS_GLOBAL] = "global",
	[CLASS_UNSPECIFIED] = "unspecified",
	[CLASS_THIS_NETWORK] = "this_network",
	[CLASS_LOOPBACK] = "loopback",
	[CLASS_PRIVATE] = "private",
	[CLASS_CGNAT] = "cgnat",
	[CLASS_LINK_LOCAL] = "link_local",
	[CLASS_SITE_LOCAL] = "site_local",
	[CLASS_UNIQUE_LOCAL] = "unique_local",
	[CLASS_METADATA] = "metadata",
	[CLASS_MULTICAST] = "multicast",
	[CLASS_BROADCAST] = "broadcast",
	[CLASS_DOCUMENTATION] = "documentation",
	[CLASS_BENCHMARK] = "benchmark",
	[CLASS_SYNTHETIC] = "synthetic",
	[CLASS_PROTOCOL] = "protocol",
	[CLASS_DISCARD] = "discard",
	[CLASS_RESERVED] = "reserved",
	[CLASS_V4_MAPPED] = "v4_mapped",
	[CLASS_V4_COMPATIBLE] = "v4_compatible",
	[CLASS_V4_TRANSLATED] = "v4_translated",
	[CLASS_NAT64] = "nat64",
	[CLASS_6TO4] = "6to4",
	[CLASS_TEREDO] = "teredo",
	[CLASS_ISATAP] = "isatap",
};

const char *address_class_name(enum address_class class)
{
	return (unsigned)class < CLASS_COUNT ? class_names[class] : "unknown";
}

static bool in_range(const struct range *range, const uint8_t *bytes)
{
	size_t whole = range->prefix / 8;
	unsigned rest = range->prefix % 8;

	if (memcmp(range->bytes, bytes, whole) != 0)
		return false;
	return rest == 0 || (range->bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0;
}

/* The universal bit of the interface identifier may be set or not. */
static bool is_isatap(const uint8_t *bytes)
{
	return (bytes[8] & ~0x02) == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe;
}

static enum address_class class_v6(const uint8_t *bytes)
{
	for (size_t i = 0; i < sizeof(ranges_v6) / sizeof(ranges_v6[0]); i++)
		if (in_range(&ranges_v6[i], bytes))
			return (enum address_class)ranges_v6[i].class;
	/* Everything that is handed out is in 2000::/3. */
	if (bytes[0] >> 5 != 1)
		return CLASS_RESERVED;
	return is_isatap(bytes) ? CLASS_ISATAP : CLASS_GLOBAL;
}

enum address_class address_class(const struct address *address)
{
	if (address->family == ADDRESS_V6)
		return class_v6(address->bytes);
	if (address->family != ADDRESS_V4)
		return CLASS_UNSPECIFIED;
	for (size_t i = 0; i < sizeof(ranges_v4) / sizeof(ranges_v4[0]); i++)
		if (in_range(&ranges_v4[i], address->bytes))
			return (enum address_class)ranges_v4[i].class;
	return CLASS_GLOBAL;
}

/* RFC 6052: the well-known prefix has 96 bits; of the local one a /48 is left, whose IPv4 address
 * goes round the reserved eighth byte. */
static void take_nat64(const uint8_t *bytes, uint8_t ret_v4[4])
{
	if (bytes[5] == 0) {
		memcpy(ret_v4, bytes + 12, 4);
		return;
	}
	memcpy(ret_v4, bytes + 6, 2);
	memcpy(ret_v4 + 2, bytes + 9, 2);
}

bool address_embedded(const struct address *address, struct address *ret_address)
{
	uint8_t v4[4];

	if (address->family != ADDRESS_V6)
		return false;
	switch (class_v6(address->bytes)) {
	case CLASS_V4_MAPPED:
	case CLASS_V4_COMPATIBLE:
	case CLASS_V4_TRANSLATED:
	case CLASS_ISATAP:
		memcpy(v4, address->bytes + 12, 4);
		break;
	case CLASS_NAT64:
		take_nat64(address->bytes, v4);
		break;
	case CLASS_6TO4:
		memcpy(v4, address->bytes + 2, 4);
		break;
	case CLASS_TEREDO:
		for (int i = 0; i < 4; i++)
			v4[i] = (uint8_t)~address->bytes[12 + i];
		break;
	default:
		return false;
	}
	*ret_address = address_from_v4(v4);
	return true;
}
