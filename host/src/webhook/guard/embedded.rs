//! IPv4 addresses that hide inside IPv6 ones. A relay or a translator on the way turns them back, so that they count.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The IPv4 address that `address` carries by one of the standard schemes.
pub(super) fn ipv4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        // 6to4 (RFC 3056): the router's address follows the prefix.
        [0x2002, high, low, ..] => Some(join(high, low)),
        // Teredo (RFC 4380): the client's address, every bit turned.
        [0x2001, 0, .., high, low] => Some(join(!high, !low)),
        // Compatible, mapped, translated (RFC 4291, RFC 2765) and NAT64 (RFC 6052).
        [0, 0, .., high, low] | [0x64, 0xff9b, .., high, low] => Some(join(high, low)),
        // ISATAP (RFC 5214) works under any prefix.
        [.., 0 | 0x200, 0x5efe, high, low] => Some(join(high, low)),
        _ => None,
    }
}

fn join(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}
