//! resolv.conf(5): whom a host asks for names.
//!
//! # Example
//! ```
//! use jailkit::resolvconf::without_loopback;
//! let host = b"search example.org\nnameserver 127.0.0.1\nnameserver 192.0.2.53\n";
//! let jail = without_loopback(host, "203.0.113.10".parse()?);
//! assert_eq!(jail, b"search example.org\nnameserver 203.0.113.10\nnameserver 192.0.2.53\n");
//! # Ok::<(), std::net::AddrParseError>(())
//! ```

use std::net::IpAddr;

/// The text for a jail of this host: each nameserver on the host's loopback, which the jail would not reach, replaced
/// by `address`, at which the host answers it. Where several would become the same, the first stays.
pub fn without_loopback(text: &[u8], address: IpAddr) -> Vec<u8> {
    let mut result = Vec::with_capacity(text.len());
    let mut given = false;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        match nameserver(line) {
            Some((_, server)) if server == address => {
                if !given {
                    result.extend_from_slice(line);
                }
                given = true;
            }
            Some((span, server)) if server.is_loopback() => {
                if !given {
                    result.extend_from_slice(&line[..span.start]);
                    result.extend_from_slice(address.to_string().as_bytes());
                    result.extend_from_slice(&line[span.end..]);
                }
                given = true;
            }
            _ => result.extend_from_slice(line),
        }
    }
    result
}

/// The address of a `nameserver` line and where it stands in the line.
fn nameserver(line: &[u8]) -> Option<(std::ops::Range<usize>, IpAddr)> {
    let rest = line.strip_prefix(b"nameserver")?;
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if blanks == 0 {
        return None;
    }
    let start = line.len() - rest.len() + blanks;
    let len = line[start..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
    let address = std::str::from_utf8(&line[start..start + len]).ok()?.parse().ok()?;
    Some((start..start + len, address))
}

#[cfg(test)]
mod tests {
    use super::without_loopback;

    #[test]
    fn loopback_goes_and_everything_else_stays() {
        let address = "203.0.113.10".parse().unwrap();
        for (host, jail) in [
            ("nameserver 127.0.0.1\n", "nameserver 203.0.113.10\n"),
            ("nameserver 127.0.0.1\nnameserver ::1\n", "nameserver 203.0.113.10\n"),
            ("nameserver\t::1 \r\n# 127.0.0.1\n", "nameserver\t203.0.113.10 \r\n# 127.0.0.1\n"),
            ("nameserver 203.0.113.10\nnameserver 127.0.0.53", "nameserver 203.0.113.10\n"),
            (" nameserver 127.0.0.1\noptions edns0\n", " nameserver 127.0.0.1\noptions edns0\n"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&without_loopback(host.as_bytes(), address)), jail, "{host:?}");
        }
    }
}
