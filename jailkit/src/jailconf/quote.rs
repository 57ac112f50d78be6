//! How names and values are written in a jail.conf: bare where jail(8) reads them as one piece, else in quotes.

use bstr::ByteSlice;

/// A name or value that stands for just these bytes.
pub(super) fn literal(text: &[u8]) -> String {
    let is_plain = |byte: &u8| (b' '..0x7f).contains(byte) && !matches!(byte, b'\'' | b'\\');
    if is_word(text) {
        return text.to_str_lossy().into_owned();
    }
    if text.find_byteset(b"\"$").is_some() && text.iter().all(is_plain) {
        return format!("'{}'", text.to_str_lossy());
    }
    let mut quoted = String::from("\"");
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' | '$' => quoted.extend(['\\', c]),
                '\n' => quoted += "\\n",
                '\t' => quoted += "\\t",
                '\r' => quoted += "\\r",
                c if c.is_ascii_control() => quoted += &octal(c as u8),
                c => quoted.push(c),
            }
        }
        quoted.extend(chunk.invalid().iter().map(|&byte| octal(byte)));
    }
    quoted + "\""
}

fn octal(byte: u8) -> String {
    format!("\\{byte:03o}")
}

/// Words, numbers and addresses, which nobody puts in quotes.
fn is_word(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:%@".contains(byte))
}

/// A name as a block is called: bare where jail(8) reads it as one piece.
pub(super) fn bare_or_quoted(name: &str) -> String {
    if is_bare(name.as_bytes()) { name.to_owned() } else { quoted(name) }
}

/// Whether jail(8) reads a name without quotes as one piece.
pub(super) fn is_bare(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte))
}

/// A value as jail.conf(5) writes it: words, numbers and addresses bare, everything else in double quotes, in which
/// variables stay variables.
pub(super) fn quoted(value: &str) -> String {
    if is_word(value.as_bytes()) {
        return value.to_owned();
    }
    let mut text = String::from("\"");
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.peek() == Some(&'$') => text.push(c),
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text += "\\n",
            c => text.push(c),
        }
    }
    text + "\""
}
