//! How names and values are written in a jail.conf: bare where jail(8) reads them as one piece, else in quotes.

use bstr::ByteSlice;

/// A name or value that stands for just these bytes.
pub(super) fn literal(text: &[u8]) -> Vec<u8> {
    if is_word(text) {
        return text.to_vec();
    }
    let is_plain = |byte: &u8| (b' '..0x7f).contains(byte) && !matches!(byte, b'\'' | b'\\');
    if text.find_byteset(b"\"$").is_some() && text.iter().all(is_plain) {
        return [b"'", text, b"'"].concat();
    }
    let mut quoted = vec![b'"'];
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' | '$' => quoted.extend([b'\\', c as u8]),
                '\n' => quoted.extend(b"\\n"),
                '\t' => quoted.extend(b"\\t"),
                '\r' => quoted.extend(b"\\r"),
                c if c.is_ascii_control() => push_octal(&mut quoted, c as u8),
                c => quoted.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        chunk.invalid().iter().for_each(|&byte| push_octal(&mut quoted, byte));
    }
    quoted.push(b'"');
    quoted
}

fn push_octal(into: &mut Vec<u8>, byte: u8) {
    into.extend(format!("\\{byte:03o}").bytes());
}

/// Words, numbers and addresses, which nobody puts in quotes.
fn is_word(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:%@".contains(byte))
}
