//! Unified diffs of files about to change.

use anstream::adapter::strip_str;
use clap::builder::styling::{AnsiColor, Style};
use jailkit::source::printable;
use similar::{ChangeTag, TextDiff};

/// A unified diff from `old` to `new`, safe to print; empty where they are the same. `name` is the file as the host
/// calls it.
pub(crate) fn unified(name: &str, old: &[u8], new: &[u8], colors: bool) -> String {
    if old == new {
        return String::new();
    }
    let diff = TextDiff::from_lines(old, new);
    let header = AnsiColor::Cyan.on_default();
    let mut text = format!("--- {name}\n+++ {name}\n");
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        text += &format!("{header}{}{header:#}\n", hunk.header());
        for change in hunk.iter_changes() {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ('-', AnsiColor::Red.on_default()),
                ChangeTag::Insert => ('+', AnsiColor::Green.on_default()),
                ChangeTag::Equal => (' ', Style::new()),
            };
            let line = change.value();
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            text += &format!("{style}{sign}{}{style:#}\n", printable(line));
            if change.missing_newline() {
                text += "\\ No newline at end of file\n";
            }
        }
    }
    if colors { text } else { strip_str(&text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn shows_what_changes_with_its_surroundings() {
        let old = b"hostname=\"a\"\npf_enable=\"NO\"\nlast\x1b";
        let new = b"hostname=\"a\"\npf_enable=\"YES\"\nlast\x1b";
        insta::assert_snapshot!(unified("/etc/rc.conf", old, new, false), @r#"
        --- /etc/rc.conf
        +++ /etc/rc.conf
        @@ -1,3 +1,3 @@
         hostname="a"
        -pf_enable="NO"
        +pf_enable="YES"
         last␛
        \ No newline at end of file
        "#);
        assert_eq!(unified("/etc/rc.conf", old, old, false), "");
    }
}
