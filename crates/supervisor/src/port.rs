//! Free loopback ports for runners, reserved against every other platform on the machine.
//!
//! A runner opens its port only when its setup is done, which may take minutes, so finding a port free is
//! not enough: nobody else may be given it meanwhile. Within the kernel's ephemeral range any outgoing
//! connection could take it, so ports come from outside that range; and a name in the abstract socket
//! namespace, which the kernel frees with the platform, keeps other platforms away.

use std::{
    collections::BTreeSet,
    fs, io,
    net::Ipv4Addr,
    ops::Range,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::net::TcpSocket;

/// Where the search starts when the ephemeral range leaves room there.
const LOWEST: u16 = 20_000;

/// A range smaller than this is not worth searching.
const ENOUGH: u16 = 1_000;

/// Linux's ordinary ephemeral range, for where it cannot be read.
const USUAL_EPHEMERAL: (u16, u16) = (32_768, 60_999);

/// Hands out ports in turn, so that one just given back is not used again soon.
pub(crate) struct Ports {
    state: Mutex<State>,
    range: Range<u16>,
}

struct State {
    next: u16,
    taken: BTreeSet<u16>,
}

/// A port that nobody else is given until this is dropped.
pub(crate) struct Port {
    number: u16,
    ports: Arc<Ports>,
    _name: UnixDatagram,
}

impl Ports {
    /// `roll` is where the search starts, so that two platforms do not walk in step.
    pub(crate) fn new(roll: u64) -> Arc<Self> {
        let range = range(ephemeral());
        let width = u64::from(range.end - range.start).max(1);
        let offset = u16::try_from(roll % width).expect("a remainder of a u16 fits");
        let state = State { next: range.start + offset, taken: BTreeSet::new() };
        Arc::new(Self { state: Mutex::new(state), range })
    }

    /// Reserves a port that is free now, or `None` when all are in use.
    pub(crate) fn reserve(self: &Arc<Self>) -> Option<Port> {
        (self.range.start..self.range.end).find_map(|_| self.try_next())
    }

    fn try_next(self: &Arc<Self>) -> Option<Port> {
        let number = {
            let mut state = self.state.lock();
            let number = state.next;
            state.next = if number + 1 >= self.range.end { self.range.start } else { number + 1 };
            if !state.taken.insert(number) {
                return None;
            }
            number
        };
        let name = claim_name(number).and_then(|name| is_free(number).map(|()| name));
        match name {
            Ok(name) => Some(Port { number, ports: Arc::clone(self), _name: name }),
            Err(_in_use) => {
                self.state.lock().taken.remove(&number);
                None
            }
        }
    }
}

impl Port {
    pub(crate) const fn number(&self) -> u16 {
        self.number
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.ports.state.lock().taken.remove(&self.number);
    }
}

/// The abstract namespace belongs to the network namespace, as ports do.
fn claim_name(number: u16) -> io::Result<UnixDatagram> {
    let name = SocketAddr::from_abstract_name(format!("fal-runner-port/{number}"))?;
    UnixDatagram::bind_addr(&name)
}

/// Binds without listening, on every address, since a runner may bind any.
fn is_free(number: u16) -> io::Result<()> {
    TcpSocket::new_v4()?.bind((Ipv4Addr::UNSPECIFIED, number).into())
}

fn ephemeral() -> (u16, u16) {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| {
            let mut bounds = text.split_whitespace().map(|bound| bound.parse().ok());
            Some((bounds.next()??, bounds.next()??))
        })
        .unwrap_or(USUAL_EPHEMERAL)
}

/// Below the ephemeral range where there is room, else above it, else the usual place.
fn range((low, high): (u16, u16)) -> Range<u16> {
    if low >= LOWEST + ENOUGH {
        LOWEST..low
    } else if high <= u16::MAX - ENOUGH {
        high + 1..u16::MAX
    } else {
        LOWEST..USUAL_EPHEMERAL.0
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn ports_come_from_outside_the_ephemeral_range_where_it_leaves_room() {
        assert_eq!(range((32_768, 60_999)), 20_000..32_768);
        assert_eq!(range((1_024, 60_999)), 61_000..65_535);
        assert_eq!(range((1_024, 65_535)), 20_000..32_768);
    }

    #[test]
    fn a_port_in_use_is_passed_over() {
        let ports = Ports::new(7);
        let next = ports.state.lock().next;
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, next));
        let port = ports.reserve().expect("some port is free");
        assert_ne!(port.number(), next);
    }

    #[test]
    fn two_platforms_never_hold_the_same_port() {
        let (one, other) = (Ports::new(99), Ports::new(99));
        let held: Vec<Port> =
            (0..20).flat_map(|_| [one.reserve(), other.reserve()]).flatten().collect();
        let numbers: BTreeSet<u16> = held.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), 40);
    }

    #[test]
    fn a_port_given_back_can_be_had_again() {
        let ports = Ports::new(1_234);
        let number = ports.reserve().expect("some port is free").number();
        ports.state.lock().next = number;
        assert_eq!(ports.reserve().map(|port| port.number()), Some(number));
    }
}
