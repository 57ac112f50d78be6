//! The names that pf.conf(5) gives to timeouts.

/// The timeouts, in pf's own order: a state's option names its timeout by the place here.
pub const TIMEOUTS: [&str; 25] = [
    "tcp.first",
    "tcp.opening",
    "tcp.established",
    "tcp.closing",
    "tcp.finwait",
    "tcp.closed",
    "udp.first",
    "udp.single",
    "udp.multiple",
    "icmp.first",
    "icmp.error",
    "other.first",
    "other.single",
    "other.multiple",
    "frag",
    "interval",
    "adaptive.start",
    "adaptive.end",
    "src.track",
    "tcp.tsdiff",
    "sctp.first",
    "sctp.opening",
    "sctp.established",
    "sctp.closing",
    "sctp.closed",
];

pub(super) const ADAPTIVE_START: u8 = 16;
pub(super) const ADAPTIVE_END: u8 = 17;
pub(super) const SOURCE_TRACK: u8 = 18;

/// The place of a timeout in [`TIMEOUTS`].
pub(super) fn timeout(name: &[u8]) -> Option<u8> {
    TIMEOUTS.iter().position(|known| known.as_bytes() == name).map(|place| place as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_places_of_their_names() {
        assert_eq!(timeout(b"adaptive.start"), Some(ADAPTIVE_START));
        assert_eq!(timeout(b"adaptive.end"), Some(ADAPTIVE_END));
        assert_eq!(timeout(b"src.track"), Some(SOURCE_TRACK));
    }
}
