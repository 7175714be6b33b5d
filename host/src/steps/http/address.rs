//! Which addresses belong to the public network, and what the others are.
//!
//! What is not known to be public is not: of IPv6 only `2000::/3` has been given out, and an address
//! that carries another one within it is judged by that one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: u16, second: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), length)
}

/// What of IPv4 is not public: IANA's registry of special-purpose addresses, multicast, and the
/// address at which the machines of one cloud find their metadata although it looks public.
const NOT_PUBLIC_V4: [(Ipv4Net, &str); 17] = [
    (v4(0, 0, 0, 0, 8), "an unspecified address"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "a carrier's private address"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    (v4(168, 63, 129, 16, 32), "a metadata address"),
    (v4(169, 254, 169, 254, 32), "a metadata address"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "a special-purpose address"),
    (v4(192, 0, 2, 0, 24), "an address of documentation"),
    (v4(192, 88, 99, 0, 24), "a special-purpose address"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "a special-purpose address"),
    (v4(198, 51, 100, 0, 24), "an address of documentation"),
    (v4(203, 0, 113, 0, 24), "an address of documentation"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
];

/// What of IPv6 is not public, for a sentence that says what it is; the last lines are those within
/// [`PUBLIC_V6`].
const NOT_PUBLIC_V6: [(Ipv6Net, &str); 9] = [
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), "an unspecified address"),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "a loopback address"),
    (v6(0xfc00, 0, 7), "a private address"),
    (v6(0xfe80, 0, 10), "a link-local address"),
    (v6(0xfec0, 0, 10), "a private address"),
    (v6(0xff00, 0, 8), "a multicast address"),
    (v6(0x2001, 0, 23), "a special-purpose address"),
    (v6(0x2001, 0xdb8, 32), "an address of documentation"),
    (v6(0x3fff, 0, 20), "an address of documentation"),
];

/// What has been given out of IPv6.
const PUBLIC_V6: Ipv6Net = v6(0x2000, 0, 3);

/// What an address is that does not belong to the public network; nothing for one that does.
pub(super) fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public_v4(address),
        IpAddr::V6(address) => match carried(address) {
            Some(within) => not_public_v4(within),
            None => not_public_v6(address),
        },
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    NOT_PUBLIC_V4.iter().find(|(network, _)| network.contains(&address)).map(|&(_, kind)| kind)
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let known = NOT_PUBLIC_V6.iter().find(|(network, _)| network.contains(&address));
    let unknown = (!PUBLIC_V6.contains(&address)).then_some("a reserved address");
    known.map(|&(_, kind)| kind).or(unknown)
}

/// The address of IPv4 that one of IPv6 stands for: mapped, of 6to4, or of NAT64 with the prefix that
/// all share, by which networks without IPv4 reach what has nothing else.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, ..] = address.segments();
    let octets = address.octets();
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => {
            Some(Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]))
        }
        [0x2002, ..] => Some(Ipv4Addr::new(octets[2], octets[3], octets[4], octets[5])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: Option<&str>) {
        assert_eq!(not_public(address.parse().unwrap()), expected, "{address}");
    }

    #[test]
    fn what_everybody_can_reach_is_public() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:200::1",
            "2002:101:101::1",
            "64:ff9b::1.1.1.1",
            "::ffff:1.1.1.1",
        ] {
            check(address, None);
        }
    }

    #[test]
    fn what_only_this_machine_or_its_neighbours_reach_is_not() {
        for (address, kind) in [
            ("0.0.0.0", "an unspecified address"),
            ("0.1.2.3", "an unspecified address"),
            ("10.0.0.1", "a private address"),
            ("10.255.255.255", "a private address"),
            ("100.64.0.0", "a carrier's private address"),
            ("100.100.100.200", "a carrier's private address"),
            ("100.127.255.255", "a carrier's private address"),
            ("127.0.0.1", "a loopback address"),
            ("127.255.255.254", "a loopback address"),
            ("168.63.129.16", "a metadata address"),
            ("169.254.169.254", "a metadata address"),
            ("169.254.0.1", "a link-local address"),
            ("172.16.0.1", "a private address"),
            ("172.31.255.255", "a private address"),
            ("192.0.0.192", "a special-purpose address"),
            ("192.168.255.255", "a private address"),
            ("198.19.255.255", "a special-purpose address"),
            ("224.0.0.1", "a multicast address"),
            ("239.255.255.255", "a multicast address"),
            ("240.0.0.1", "a reserved address"),
            ("255.255.255.255", "a reserved address"),
            ("::", "an unspecified address"),
            ("::1", "a loopback address"),
            ("::127.0.0.1", "a reserved address"),
            ("fe80::1", "a link-local address"),
            ("fec0::1", "a private address"),
            ("fc00::1", "a private address"),
            ("fd00:ec2::254", "a private address"),
            ("ff02::1", "a multicast address"),
            ("100::1", "a reserved address"),
            ("4000::1", "a reserved address"),
            ("5f00::1", "a reserved address"),
            ("2001::1", "a special-purpose address"),
            ("2001:db8::1", "an address of documentation"),
            ("3fff::1", "an address of documentation"),
        ] {
            check(address, Some(kind));
        }
    }

    #[test]
    fn an_address_within_another_one_is_found() {
        for (address, kind) in [
            ("::ffff:127.0.0.1", "a loopback address"),
            ("::ffff:169.254.169.254", "a metadata address"),
            ("::ffff:10.1.2.3", "a private address"),
            ("64:ff9b::127.0.0.1", "a loopback address"),
            ("64:ff9b::169.254.169.254", "a metadata address"),
            ("64:ff9b:1::10.0.0.1", "a reserved address"),
            ("2002:7f00:1::1", "a loopback address"),
            ("2002:a9fe:a9fe::1", "a metadata address"),
            ("2002:c0a8:1::", "a private address"),
        ] {
            check(address, Some(kind));
        }
    }
}
