//! Which addresses a request may reach. Guards against server-side request forgery: whoever chooses a webhook's URL must
//! not be able to make this host talk to its own network.
//!
//! A name is refused outright when only one of its addresses is closed, rather than sent to the others. Such a name is an
//! attack that hopes for a better draw next time, or a mistake that its owner wants to hear of; dropping the bad address
//! would make the outcome depend on the order of a DNS answer. A network with DNS64 lists `64:ff9b::/96` as allowed; the
//! IPv4 address inside is still judged.
//!
//! This module only judges. It is asked by the resolver for names and by the client for literal addresses.

mod embedded;
mod networks;

use std::net::IpAddr;

use ipnet::IpNet;
use url::Host;

use super::target::Target;
use networks::RESERVED;
pub use networks::ReservedNetwork;

/// The policy: the closed networks of the table, less those that the operator opens.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Vec<IpNet>,
}

/// A request would have gone to an address that is closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host} is at {address}, which lies in {} ({}, {}); to let webhooks go there, list a network that holds it \
     in webhook.allow-networks",
    network.network, network.purpose, network.source
)]
pub struct ForbiddenAddress {
    /// The host of the URL.
    pub host: String,
    /// The address that it has.
    pub address: IpAddr,
    /// The network of the table that closes it.
    pub network: &'static ReservedNetwork,
}

/// An entry of the allow-list is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNetwork {
    /// Not CIDR notation.
    #[error(
        "`{0}` is not a network; write an address and a prefix length such as `127.0.0.0/8` or `fd00::/8`"
    )]
    Malformed(String),
    /// Bits are set behind the prefix: it is not clear whether one host or the whole network is meant.
    #[error(
        "`{text}` is a host inside a network; write `{network}` for the network or `{host}` for the host"
    )]
    HostBits {
        /// What was written.
        text: String,
        /// The whole network.
        network: IpNet,
        /// The one host.
        host: IpNet,
    },
}

impl Guard {
    /// A guard that opens `allowed`: networks in CIDR notation or single addresses.
    pub fn parse(allowed: &[impl AsRef<str>]) -> Result<Self, BadNetwork> {
        let allowed = allowed.iter().map(|text| parse_network(text.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { allowed })
    }

    /// Judges one address: the network that closes it, if any.
    pub fn closed_by(&self, address: IpAddr) -> Option<&'static ReservedNetwork> {
        let opened = self.allowed.iter().any(|network| network.contains(&address));
        let reserved = || RESERVED.iter().find(|reserved| reserved.network.contains(&address));
        if !opened && let Some(reserved) = reserved() {
            return Some(reserved);
        }
        match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => embedded::ipv4(address).and_then(|inside| self.closed_by(inside.into())),
        }
    }

    /// Judges all addresses of a host: all pass or none.
    pub fn vet(&self, host: &str, addresses: &[IpAddr]) -> Result<(), ForbiddenAddress> {
        let closed = addresses.iter().find_map(|&address| Some((address, self.closed_by(address)?)));
        match closed {
            None => Ok(()),
            Some((address, network)) => Err(ForbiddenAddress { host: host.to_owned(), address, network }),
        }
    }

    /// Judges a URL whose host is an address; a name passes here and is judged by what it resolves to.
    pub fn vet_literal(&self, target: &Target) -> Result<(), ForbiddenAddress> {
        let address = match target.host() {
            Host::Domain(_) => return Ok(()),
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
        };
        self.vet(&address.to_string(), &[address])
    }
}

fn parse_network(text: &str) -> Result<IpNet, BadNetwork> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().map_err(|_| BadNetwork::Malformed(text.to_owned()))?,
    };
    if network.addr() == network.network() {
        return Ok(network);
    }
    Err(BadNetwork::HostBits {
        text: text.to_owned(),
        network: network.trunc(),
        host: IpNet::from(network.addr()),
    })
}

#[cfg(test)]
mod tests;
