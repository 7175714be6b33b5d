//! How many connections each peer has, so that one alone does not take them all.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::warn;

/// How much of an address of IPv6 says whose it is: the rest, each peer chooses by itself.
const OF_THE_NETWORK: u128 = u128::MAX << 64;

/// The peers that are connected to one listener. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    at_most: usize,
    connected: Arc<Mutex<BTreeMap<IpAddr, Connected>>>,
}

#[derive(Debug, Default)]
struct Connected {
    count: usize,
    /// The log says that there are too many.
    is_told: bool,
}

/// The place of one connection; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    peer: IpAddr,
    peers: Peers,
}

impl Peers {
    /// Nobody yet, and at most so many connections of one peer.
    pub(super) fn new(at_most: usize) -> Self {
        Self { at_most, connected: Arc::default() }
    }

    /// A place for a connection from this address, unless its peer has as many as it may.
    pub(super) fn seat(&self, address: IpAddr) -> Option<Seat> {
        let peer = peer(address);
        let mut connected = self.connected.lock();
        let Connected { count, is_told } = connected.entry(peer).or_default();
        if *count < self.at_most {
            *count += 1;
            return Some(Seat { peer, peers: self.clone() });
        }
        if !std::mem::replace(is_told, true) {
            warn!(
                %peer,
                connections = self.at_most,
                "a peer has as many connections as it may, and more are refused; if it is a proxy, raise \
                 --max-connections-per-peer"
            );
        }
        None
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut connected = self.peers.connected.lock();
        if let Some(of_peer) = connected.get_mut(&self.peer) {
            of_peer.count -= 1;
            if of_peer.count == 0 {
                connected.remove(&self.peer);
            }
        }
    }
}

/// What stands for the peer of an address: all addresses of its own are one peer.
fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & OF_THE_NETWORK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_so_many_places_and_takes_none_of_another() {
        let peers = Peers::new(2);
        let seat = |address: &str| peers.seat(address.parse().unwrap());
        let first = seat("192.0.2.1").unwrap();
        let _second = seat("::ffff:192.0.2.1").unwrap();
        assert!(seat("192.0.2.1").is_none());
        assert!(seat("192.0.2.2").is_some());
        drop(first);
        let _third = seat("192.0.2.1").unwrap();
        assert!(seat("192.0.2.1").is_none());
    }

    #[test]
    fn the_addresses_of_one_network_of_ipv6_are_one_peer() {
        let peers = Peers::new(1);
        let seat = |address: &str| peers.seat(address.parse().unwrap());
        let _first = seat("2001:db8:1:2::1").unwrap();
        assert!(seat("2001:db8:1:2:ffff::9").is_none());
        assert!(seat("2001:db8:1:3::1").is_some());
    }

    #[test]
    fn of_peers_that_have_gone_nothing_is_kept() {
        let peers = Peers::new(1);
        drop((peers.seat("192.0.2.1".parse().unwrap()), peers.seat("192.0.2.2".parse().unwrap())));
        assert!(peers.connected.lock().is_empty());
    }
}
