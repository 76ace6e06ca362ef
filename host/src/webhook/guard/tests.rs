//! The table of closed networks, reached by every spelling of an address.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Spellings of URLs that reach inside, each with the network that must close it.
#[rustfmt::skip]
const INSIDE: &[(&str, &str)] = &[
    // Loopback in every spelling that a URL parser turns into an address.
    ("http://127.0.0.1/", "127.0.0.0/8"),
    ("http://127.0.0.1:8080/x", "127.0.0.0/8"),
    ("http://127.1/", "127.0.0.0/8"),
    ("http://127.0.1/", "127.0.0.0/8"),
    ("http://127.255.255.254/", "127.0.0.0/8"),
    ("http://2130706433/", "127.0.0.0/8"),
    ("http://017700000001/", "127.0.0.0/8"),
    ("http://0177.0.0.1/", "127.0.0.0/8"),
    ("http://0177.0.0.01/", "127.0.0.0/8"),
    ("http://0x7f.0.0.1/", "127.0.0.0/8"),
    ("http://0x7F000001/", "127.0.0.0/8"),
    ("http://0x7f.1/", "127.0.0.0/8"),
    ("http://0x7f.0x0.0x0.0x1/", "127.0.0.0/8"),
    ("http://127.0.0.0x1/", "127.0.0.0/8"),
    ("http://127.0.0.1./", "127.0.0.0/8"),
    ("http://2130706433./", "127.0.0.0/8"),
    ("http://127。0。0。1/", "127.0.0.0/8"),
    ("http://127．0．0．1/", "127.0.0.0/8"),
    ("http://１２７.０.０.１/", "127.0.0.0/8"),
    ("http://①②⑦.⓪.⓪.①/", "127.0.0.0/8"),
    ("http://%31%32%37%2e0%2e0%2e1/", "127.0.0.0/8"),
    ("http://127.0.0.%31/", "127.0.0.0/8"),
    ("HTTP://127.0.0.1/", "127.0.0.0/8"),
    ("http:127.0.0.1", "127.0.0.0/8"),
    ("http:///127.0.0.1/", "127.0.0.0/8"),
    ("http://[::1]/", "::1/128"),
    ("http://[0:0:0:0:0:0:0:1]/", "::1/128"),
    ("http://[0000::0001]:443/", "::1/128"),
    // This network.
    ("http://0/", "0.0.0.0/8"),
    ("http://0.0.0.0/", "0.0.0.0/8"),
    ("http://0x0/", "0.0.0.0/8"),
    ("http://0.1.2.3/", "0.0.0.0/8"),
    ("http://[::]/", "::/128"),
    // Metadata services.
    ("http://169.254.169.254/latest/meta-data/", "169.254.169.254/32"),
    ("http://2852039166/", "169.254.169.254/32"),
    ("http://0xa9fea9fe/", "169.254.169.254/32"),
    ("http://0251.0376.0251.0376/", "169.254.169.254/32"),
    ("http://0xa9.254.0251.254/", "169.254.169.254/32"),
    ("http://169.16689662/", "169.254.169.254/32"),
    ("http://169.254.169.254./", "169.254.169.254/32"),
    ("http://100.100.100.200/", "100.100.100.200/32"),
    ("http://168.63.129.16/", "168.63.129.16/32"),
    ("http://192.0.0.192/", "192.0.0.192/32"),
    ("http://[fd00:ec2::254]/", "fd00:ec2::/32"),
    ("http://[fd20:ce::254]/", "fd20:ce::/32"),
    ("http://[fe80::a9fe:a9fe]/", "fe80::/10"),
    // Private, shared, link-local.
    ("http://10.0.0.1/", "10.0.0.0/8"),
    ("http://167772161/", "10.0.0.0/8"),
    ("http://012.1/", "10.0.0.0/8"),
    ("http://10.255.255.255/", "10.0.0.0/8"),
    ("http://172.16.0.1/", "172.16.0.0/12"),
    ("http://172.31.255.255/", "172.16.0.0/12"),
    ("http://192.168.1.1/", "192.168.0.0/16"),
    ("http://0300.0250.1.1/", "192.168.0.0/16"),
    ("http://100.64.0.1/", "100.64.0.0/10"),
    ("http://100.127.255.255/", "100.64.0.0/10"),
    ("http://169.254.1.1/", "169.254.0.0/16"),
    ("http://[fc00::1]/", "fc00::/7"),
    ("http://[fdff:ffff::1]/", "fc00::/7"),
    ("http://[fe80::1]/", "fe80::/10"),
    ("http://[febf::1]/", "fe80::/10"),
    ("http://[fec0::1]/", "fec0::/10"),
    // Nobody's, everybody's, tests'.
    ("http://224.0.0.1/", "224.0.0.0/4"),
    ("http://239.255.255.250:1900/", "224.0.0.0/4"),
    ("http://240.0.0.1/", "240.0.0.0/4"),
    ("http://255.255.255.255/", "255.255.255.255/32"),
    ("http://4294967295/", "255.255.255.255/32"),
    ("http://192.0.0.8/", "192.0.0.0/24"),
    ("http://192.0.2.1/", "192.0.2.0/24"),
    ("http://192.88.99.1/", "192.88.99.0/24"),
    ("http://198.18.0.1/", "198.18.0.0/15"),
    ("http://198.19.255.255/", "198.18.0.0/15"),
    ("http://198.51.100.1/", "198.51.100.0/24"),
    ("http://203.0.113.1/", "203.0.113.0/24"),
    ("http://192.31.196.1/", "192.31.196.0/24"),
    ("http://192.52.193.1/", "192.52.193.0/24"),
    ("http://192.175.48.1/", "192.175.48.0/24"),
    ("http://[ff02::1]/", "ff00::/8"),
    ("http://[2001:20::1]/", "2001:20::/28"),
    ("http://[2001:1ff::1]/", "2001::/23"),
    ("http://[2620:4f:8000::1]/", "2620:4f:8000::/48"),
    ("http://[100::1]/", "100::/64"),
    ("http://[2001:2::1]/", "2001:2::/48"),
    ("http://[2001:10::1]/", "2001:10::/28"),
    ("http://[2001:db8::1]/", "2001:db8::/32"),
    ("http://[3fff::1]/", "3fff::/20"),
    ("http://[5f00::1]/", "5f00::/16"),
    ("http://[4000::1]/", "4000::/2"),
    ("http://[9000::1]/", "8000::/1"),
    ("http://[200::1]/", "::/3"),
    // IPv4 in IPv6.
    ("http://[::ffff:127.0.0.1]/", "::ffff:0:0/96"),
    ("http://[::ffff:7f00:1]/", "::ffff:0:0/96"),
    ("http://[0:0:0:0:0:ffff:a9fe:a9fe]/", "::ffff:0:0/96"),
    ("http://[::ffff:8.8.8.8]/", "::ffff:0:0/96"),
    ("http://[::ffff:0:127.0.0.1]/", "::ffff:0:0:0/96"),
    ("http://[::127.0.0.1]/", "::/96"),
    ("http://[::169.254.169.254]/", "::/96"),
    ("http://[64:ff9b::127.0.0.1]/", "64:ff9b::/96"),
    ("http://[64:ff9b::a9fe:a9fe]/", "64:ff9b::/96"),
    ("http://[64:ff9b::8.8.8.8]/", "64:ff9b::/96"),
    ("http://[64:ff9b:1::10.0.0.1]/", "64:ff9b:1::/48"),
    ("http://[2002:7f00:1::]/", "2002::/16"),
    ("http://[2002:a9fe:a9fe::1]/", "2002::/16"),
    ("http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/", "2001::/32"),
    ("http://[2a00:1450::5efe:127.0.0.1]/", "127.0.0.0/8"),
    ("http://[2a00:1450::200:5efe:10.0.0.1]/", "10.0.0.0/8"),
];

#[test]
fn no_spelling_of_an_inside_address_passes() {
    assert!(INSIDE.len() >= 80);
    for (url, network) in INSIDE {
        let target = Target::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        let refused = Guard::default().vet_literal(&target).expect_err(url);
        assert_eq!(refused.network.network, network.parse::<IpNet>().unwrap(), "{url}");
    }
}

#[test]
fn every_line_of_the_table_is_reached_by_a_spelling() {
    for reserved in RESERVED {
        let network = reserved.network;
        let reached = INSIDE.iter().any(|(_, by)| by.parse::<IpNet>().unwrap() == network);
        assert!(reached, "no URL reaches {network}");
    }
}

#[test]
fn public_addresses_pass() {
    let public = [
        "http://8.8.8.8/",
        "http://1.1.1.1/",
        "http://134744072/",
        "http://9.255.255.255/",
        "http://11.0.0.0/",
        "http://100.63.255.255/",
        "http://100.128.0.0/",
        "http://126.255.255.255/",
        "http://128.0.0.0/",
        "http://172.15.255.255/",
        "http://172.32.0.0/",
        "http://192.167.255.255/",
        "http://192.169.0.0/",
        "http://198.17.255.255/",
        "http://198.20.0.0/",
        "http://223.255.255.255/",
        "http://[2606:4700:4700::1111]/",
        "http://[2001:4860:4860::8888]/",
        "http://[2a00:1450::5efe:8.8.8.8]/",
    ];
    for url in public {
        assert_eq!(Guard::default().vet_literal(&Target::parse(url).unwrap()), Ok(()), "{url}");
    }
}

#[test]
fn a_name_is_not_judged_before_it_is_resolved() {
    for url in [
        "http://localhost/",
        "http://metadata.google.internal/",
        "http://127.0.0.1.nip.io/",
        "http://0x7f.example/",
    ] {
        assert_eq!(Guard::default().vet_literal(&Target::parse(url).unwrap()), Ok(()), "{url}");
    }
}

#[test]
fn one_closed_address_refuses_the_whole_name() {
    let addresses = [address("8.8.8.8"), address("10.0.0.7"), address("2606:4700:4700::1111")];
    let refused = Guard::default().vet("mixed.example", &addresses).unwrap_err();
    assert_eq!((refused.host.as_str(), refused.address), ("mixed.example", address("10.0.0.7")));
    let sentence = refused.to_string();
    for part in ["mixed.example", "10.0.0.7", "10.0.0.0/8", "RFC 1918", "allow-networks"] {
        assert!(sentence.contains(part), "{sentence}");
    }
}

#[test]
fn the_operator_opens_networks_and_nothing_beside_them() {
    let guard = Guard::parse(&["127.0.0.0/8", "10.1.2.3", "fd00:1::/32"]).unwrap();
    for open in ["127.0.0.1", "127.9.9.9", "10.1.2.3", "fd00:1::7"] {
        assert_eq!(guard.closed_by(address(open)), None, "{open}");
    }
    for closed in ["10.1.2.4", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00:2::7"] {
        assert!(guard.closed_by(address(closed)).is_some(), "{closed}");
    }
}

#[test]
fn an_open_translator_does_not_open_what_is_behind_it() {
    let guard = Guard::parse(&["64:ff9b::/96", "2002::/16", "::ffff:0:0/96"]).unwrap();
    for open in ["64:ff9b::8.8.8.8", "2002:808:808::1", "::ffff:8.8.8.8"] {
        assert_eq!(guard.closed_by(address(open)), None, "{open}");
    }
    for closed in ["64:ff9b::10.0.0.1", "2002:a00:1::1", "::ffff:127.0.0.1"] {
        assert!(guard.closed_by(address(closed)).is_some(), "{closed}");
    }
}

#[test]
fn an_entry_that_could_mean_two_things_is_refused_with_both() {
    let error = Guard::parse(&["10.1.2.3/8"]).unwrap_err().to_string();
    assert!(error.contains("`10.0.0.0/8`") && error.contains("`10.1.2.3/32`"), "{error}");
    for text in ["", "localhost", "10.0.0.0/33", "10.0.0/8", "::1/129", "10.0.0.0/ 8"] {
        assert_eq!(Guard::parse(&[text]).unwrap_err(), BadNetwork::Malformed(text.to_owned()));
    }
}

#[test]
fn the_telling_network_comes_before_the_one_that_holds_it() {
    for (position, reserved) in RESERVED.iter().enumerate() {
        let hidden = RESERVED[..position].iter().find(|earlier| earlier.network.contains(&reserved.network));
        assert_eq!(hidden, None, "{} is never named", reserved.network);
    }
}

fn in_a_reserved_network() -> impl Strategy<Value = (usize, IpAddr)> {
    (0..RESERVED.len(), any::<u128>())
        .prop_map(|(index, random)| (index, inside(RESERVED[index].network, random)))
}

fn inside(network: IpNet, random: u128) -> IpAddr {
    match network {
        IpNet::V4(network) => {
            Ipv4Addr::from(u32::from(network.network()) | random as u32 & u32::from(network.hostmask()))
                .into()
        }
        IpNet::V6(network) => {
            Ipv6Addr::from(u128::from(network.network()) | random & u128::from(network.hostmask())).into()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_address_of_a_reserved_network_passes((index, address) in in_a_reserved_network()) {
        prop_assert!(RESERVED[index].network.contains(&address));
        prop_assert!(Guard::default().closed_by(address).is_some());
    }

    #[test]
    fn what_the_standard_library_knows_as_special_does_not_pass((_, inside) in in_a_reserved_network(), any_v4 in any::<u32>()) {
        for address in [inside, Ipv4Addr::from(any_v4).into()] {
            let special = match address {
                IpAddr::V4(v4) => {
                    v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                        || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified()
                }
                IpAddr::V6(v6) => {
                    v6.is_loopback() || v6.is_multicast() || v6.is_unique_local() || v6.is_unicast_link_local()
                        || v6.is_unspecified() || v6.to_ipv4().is_some()
                }
            };
            prop_assert!(!special || Guard::default().closed_by(address).is_some(), "{address}");
        }
    }

    #[test]
    fn only_global_unicast_passes_of_ipv6(bits in any::<u128>()) {
        let address = Ipv6Addr::from(bits);
        let global = address.segments()[0] & 0xe000 == 0x2000;
        prop_assert!(global || Guard::default().closed_by(address.into()).is_some());
    }

    #[test]
    fn opening_one_network_opens_no_address_outside_it(
        (_, address) in in_a_reserved_network(),
        opened in prop::sample::select(vec!["127.0.0.0/8", "10.0.0.0/8", "64:ff9b::/96", "fc00::/7"]),
    ) {
        let guard = Guard::parse(&[opened]).unwrap();
        let opened: IpNet = opened.parse().unwrap();
        prop_assert!(opened.contains(&address) || guard.closed_by(address).is_some());
    }
}
