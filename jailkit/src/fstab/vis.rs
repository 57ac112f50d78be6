//! Names as vis(3) writes them: blanks and control characters as a backslash and three octal digits.

/// The bytes a field stands for; none where strunvis(3) cannot tell.
pub(crate) fn decode(field: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some(backslash) = memchr::memchr(b'\\', rest) {
        bytes.extend_from_slice(&rest[..backslash]);
        rest = &rest[backslash + 1..];
        // A backslash at the very end stands for nothing.
        let Some((&escape, after)) = rest.split_first() else { break };
        rest = after;
        match escape {
            b'0'..=b'7' => {
                let more = rest.iter().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                let digits = std::iter::once(&escape).chain(&rest[..more]);
                bytes.push(digits.fold(0u32, |sum, digit| sum * 8 + u32::from(digit - b'0')) as u8);
                rest = &rest[more..];
            }
            b'x' => {
                let more = rest.iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
                if more == 0 {
                    return None;
                }
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0);
                bytes.push(rest[..more].iter().fold(0, |sum, byte| sum * 16 + digit(byte)) as u8);
                rest = &rest[more..];
            }
            b'\\' => bytes.push(b'\\'),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b'b' => bytes.push(8),
            b'a' => bytes.push(7),
            b'v' => bytes.push(11),
            b't' => bytes.push(b'\t'),
            b'f' => bytes.push(12),
            b's' => bytes.push(b' '),
            b'E' => bytes.push(27),
            b'\n' | b'$' => {}
            b'^' => {
                let (&control, after) = rest.split_first()?;
                bytes.push(if control == b'?' { 0x7f } else { control & 0x1f });
                rest = after;
            }
            b'M' => rest = decode_meta(rest, &mut bytes)?,
            other if other.is_ascii_graphic() => bytes.push(other),
            _ => return None,
        }
    }
    bytes.extend_from_slice(rest);
    // A NUL ends the name, as it does every string in C.
    let end = memchr::memchr(0, &bytes).unwrap_or(bytes.len());
    bytes.truncate(end);
    Some(bytes)
}

/// `\M-x` and `\M^x`: bytes with the high bit set.
fn decode_meta<'a>(rest: &'a [u8], bytes: &mut Vec<u8>) -> Option<&'a [u8]> {
    match rest {
        [b'-', byte, after @ ..] => {
            bytes.push(byte | 0x80);
            Some(after)
        }
        [b'^', b'?', after @ ..] => {
            bytes.push(0xff);
            Some(after)
        }
        [b'^', byte, after @ ..] => {
            bytes.push(byte & 0x1f | 0x80);
            Some(after)
        }
        _ => None,
    }
}

/// A name as a field: what would end or comment out the field is escaped.
pub(super) fn encode(name: &[u8], into: &mut Vec<u8>) {
    for &byte in name {
        match byte {
            b'\\' => into.extend_from_slice(b"\\\\"),
            b'#' | 0..=b' ' | 0x7f => into.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
            byte => into.push(byte),
        }
    }
}
