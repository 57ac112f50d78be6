//! Edits of rc.conf, sysctl.conf, loader.conf and make.conf touch their own line and no other.
#![allow(clippy::unwrap_used)] // the helpers here are part of tests

use jailkit::rcconf::{Dialect, Settings};
use jailkit::source::Source;
use proptest::prelude::*;

type Edit = fn(&mut Settings);

fn edited(text: &str, dialect: Dialect, edit: Edit) -> String {
    let mut settings = Settings::parse(&Source::new("rc.conf", text), dialect).unwrap();
    edit(&mut settings);
    let once = settings.text().to_vec();
    edit(&mut settings);
    assert_eq!(settings.text(), once, "a second time changes nothing: {text:?}");
    String::from_utf8(once).unwrap()
}

#[test]
fn edits_follow_the_file() {
    let cases: &[(&str, Edit, &str)] = &[
        ("", |s| s.set("pf_enable", "YES"), "pf_enable=\"YES\"\n"),
        ("a=\"1\"", |s| s.set("pf_enable", "YES"), "a=\"1\"\npf_enable=\"YES\"\n"),
        ("a=1\r\n", |s| s.set("b", "2"), "a=1\r\nb=\"2\"\r\n"),
        ("pf_enable=NO # why\n", |s| s.set("pf_enable", "YES"), "pf_enable=YES # why\n"),
        ("pf_enable='NO'\nx=y\n", |s| s.set("pf_enable", "YES"), "pf_enable='YES'\nx=y\n"),
        ("a=1\na=\"2\"\n", |s| s.set("a", "3"), "a=1\na=\"3\"\n"),
        ("a=$(x)\n", |s| s.set("a", "3"), "a=$(x)\na=\"3\"\n"),
        ("a=1\n", |s| s.set("b", "$x \"y\" `z` \\"), "a=1\nb=\"\\$x \\\"y\\\" \\`z\\` \\\\\"\n"),
        ("a=1\nb=2\nc=3\n", |s| s.unset("b"), "a=1\nc=3\n"),
        ("b=2 # note\n", |s| s.unset("b"), " # note\n"),
        ("l=\"lo1\"\n", |s| s.add_words("l", "lo1"), "l=\"lo1\"\n"),
        ("l=\"lo1\"\n", |s| s.add_words("l", "lo11"), "l=\"lo1 lo11\"\n"),
        ("l=\"\"\n", |s| s.add_words("l", "lo1"), "l=\"lo1\"\n"),
        ("l=\"${l} lo2\"\n", |s| s.add_words("l", "lo1"), "l=\"${l} lo2\"\nl=\"${l} lo1\"\n"),
        ("l=\"${l} lo2\"\nl=\"${l} lo1\"\n", |s| s.remove_words("l", "lo1"), "l=\"${l} lo2\"\n"),
        ("l=\"a lo1 b\"\n", |s| s.remove_words("l", "lo1"), "l=\"a b\"\n"),
        ("x=1\nl=lo1\n", |s| s.remove_words("l", "lo1"), "x=1\n"),
        (
            "l=\"inet 10.0.0.1/32 inet 10.0.0.2/32\"\n",
            |s| s.remove_words("l", "inet 10.0.0.1/32"),
            "l=\"inet 10.0.0.2/32\"\n",
        ),
    ];
    for (before, edit, after) in cases {
        assert_eq!(edited(before, Dialect::Shell, *edit), *after, "{before:?}");
    }
    assert_eq!(edited("a = 1\n", Dialect::Sysctl, |s| s.set("a", "0")), "a = 0\n");
    assert_eq!(edited("a=1", Dialect::Sysctl, |s| s.set("b.c", "1")), "a=1\nb.c=1\n");
    assert_eq!(edited("", Dialect::Make, |s| s.set("DISTDIR", "/d")), "DISTDIR= /d\n");
}

proptest! {
    #[test]
    fn whatever_is_read_prints_as_it_was(text in "([a-c]=|[a-c\"'\\\\$#;` \\n\\r\\t(){}])*") {
        for dialect in [Dialect::Shell, Dialect::Sysctl, Dialect::Make] {
            if let Ok(settings) = Settings::parse(&Source::new("f", text.as_str()), dialect) {
                prop_assert_eq!(settings.text(), text.as_bytes());
            }
        }
    }

    #[test]
    fn a_new_name_set_and_unset_leaves_the_file(text in "([a-c]=[a-c]*\n)*", value in "\\PC*") {
        let mut settings = Settings::parse(&Source::new("f", text.as_str()), Dialect::Shell).unwrap();
        settings.set("new", &value);
        prop_assert_eq!(settings.get("new"), Some(value.as_bytes()));
        settings.unset("new");
        prop_assert_eq!(settings.text(), text.as_bytes());
    }
}
