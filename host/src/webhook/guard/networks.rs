//! The networks that a webhook must not reach unless the operator opens them: the one table to audit.
//!
//! Sources: the IANA registries of special-purpose addresses for IPv4 and IPv6, and the RFC beside each line. Of IPv6,
//! only 2000::/3 is global unicast; all the rest is closed by the last three lines, also what nobody uses today.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A network that is closed by default.
#[derive(Debug, PartialEq, Eq)]
pub struct ReservedNetwork {
    /// The network.
    pub network: IpNet,
    /// What it is for, in a few words.
    pub purpose: &'static str,
    /// The document that says so.
    pub source: &'static str,
}

const fn v4(
    a: u8,
    b: u8,
    c: u8,
    d: u8,
    prefix: u8,
    purpose: &'static str,
    source: &'static str,
) -> ReservedNetwork {
    let network = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix));
    ReservedNetwork { network, purpose, source }
}

const fn v6(groups: [u16; 8], prefix: u8, purpose: &'static str, source: &'static str) -> ReservedNetwork {
    let [a, b, c, d, e, f, g, h] = groups;
    let network = IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix));
    ReservedNetwork { network, purpose, source }
}

/// Every closed network, the more specific before the wider one that holds it, so that errors name the telling one.
#[rustfmt::skip]
pub(super) const RESERVED: &[ReservedNetwork] = &[
    v4(0, 0, 0, 0, 8,           "this host on this network",              "RFC 1122, 3.2.1.3"),
    v4(10, 0, 0, 0, 8,          "private",                                "RFC 1918"),
    v4(100, 100, 100, 200, 32,  "cloud metadata of Alibaba",              "Alibaba Cloud ECS manual"),
    v4(100, 64, 0, 0, 10,       "shared by carriers (CGNAT)",             "RFC 6598"),
    v4(127, 0, 0, 0, 8,         "loopback",                               "RFC 1122, 3.2.1.3"),
    v4(168, 63, 129, 16, 32,    "cloud metadata of Azure",                "Azure virtual network manual"),
    v4(169, 254, 169, 254, 32,  "cloud metadata",                         "RFC 3927, used by most clouds"),
    v4(169, 254, 0, 0, 16,      "link-local",                             "RFC 3927"),
    v4(172, 16, 0, 0, 12,       "private",                                "RFC 1918"),
    v4(192, 0, 0, 192, 32,      "cloud metadata of Oracle",               "Oracle Cloud manual"),
    v4(192, 0, 0, 0, 24,        "IETF protocol assignments",              "RFC 6890"),
    v4(192, 0, 2, 0, 24,        "documentation",                          "RFC 5737"),
    v4(192, 31, 196, 0, 24,     "AS112 service",                          "RFC 7535"),
    v4(192, 52, 193, 0, 24,     "multicast tunnelling",                   "RFC 7450"),
    v4(192, 88, 99, 0, 24,      "6to4 relay",                             "RFC 7526"),
    v4(192, 168, 0, 0, 16,      "private",                                "RFC 1918"),
    v4(192, 175, 48, 0, 24,     "AS112 service",                          "RFC 7534"),
    v4(198, 18, 0, 0, 15,       "benchmarking",                           "RFC 2544"),
    v4(198, 51, 100, 0, 24,     "documentation",                          "RFC 5737"),
    v4(203, 0, 113, 0, 24,      "documentation",                          "RFC 5737"),
    v4(224, 0, 0, 0, 4,         "multicast",                              "RFC 5771"),
    v4(255, 255, 255, 255, 32,  "broadcast",                              "RFC 919"),
    v4(240, 0, 0, 0, 4,         "reserved",                               "RFC 1112, 4"),

    v6([0; 8], 128,                              "unspecified",                            "RFC 4291, 2.5.2"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128,            "loopback",                               "RFC 4291, 2.5.3"),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96,        "IPv4-mapped",                            "RFC 4291, 2.5.5.2"),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96,        "IPv4-translated",                        "RFC 2765"),
    v6([0; 8], 96,                               "IPv4-compatible",                        "RFC 4291, 2.5.5.1"),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96,     "NAT64",                                  "RFC 6052"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48,     "NAT64 of the local network",             "RFC 8215"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64,         "discard only",                           "RFC 6666"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32,        "Teredo",                                 "RFC 4380"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48,        "benchmarking",                           "RFC 5180"),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28,     "ORCHID",                                 "RFC 4843"),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28,     "ORCHIDv2",                               "RFC 7343"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23,        "IETF protocol assignments",              "RFC 2928"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32,    "documentation",                          "RFC 3849"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16,        "6to4",                                   "RFC 3056"),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "AS112 service",                         "RFC 7534"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20,        "documentation",                          "RFC 9637"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16,        "segment routing",                        "RFC 9602"),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32,    "cloud metadata of AWS",                  "AWS EC2 manual"),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0], 32,     "cloud metadata of Google",               "Google Compute Engine manual"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7,         "unique local (private)",                 "RFC 4193"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10,        "link-local",                             "RFC 4291, 2.5.6"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10,        "site-local",                             "RFC 3879"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8,         "multicast",                              "RFC 4291, 2.7"),
    v6([0; 8], 3,                                "not global unicast",                     "RFC 4291, 2.4"),
    v6([0x4000, 0, 0, 0, 0, 0, 0, 0], 2,         "not global unicast",                     "RFC 4291, 2.4"),
    v6([0x8000, 0, 0, 0, 0, 0, 0, 0], 1,         "not global unicast",                     "RFC 4291, 2.4"),
];
