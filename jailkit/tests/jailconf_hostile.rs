//! Files made to do harm: read in the end, or refused with the reason.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use jailkit::jailconf::{JailConf, NoFiles, Resolved};
use jailkit::source::{Diagnostics, Source};

fn resolve(text: impl Into<Vec<u8>>) -> Result<Resolved, Diagnostics> {
    JailConf::parse(&Source::new("jail.conf", text))?.resolve_in(&NoFiles)
}

/// The first thing said of a refused file.
fn refused(text: impl Into<Vec<u8>>) -> String {
    resolve(text).unwrap_err()[0].message.clone()
}

#[test]
fn a_long_file_of_one_byte_or_two_is_read_or_refused() {
    for byte in 0..=255 {
        let source = Source::new("jail.conf", vec![byte; 1 << 17]);
        match JailConf::parse(&source) {
            Ok(conf) => {
                assert_eq!(conf.text(), source.text());
                assert_eq!(conf.resolve_in(&NoFiles).unwrap().jails.len(), 0, "{byte}");
            }
            Err(found) => assert!((1..=100).contains(&found.len()), "{byte}: {}", found.len()),
        }
    }
    for two in ["a;", "a{", "a}", "$a", "${", "\"$", "\\\n", "'\"", "a,", "+=", "/*", "*/", "a=", "a.", "{}", "a "] {
        let _ = resolve(two.repeat(1 << 16));
    }
}

#[test]
fn what_is_nested_or_named_too_deep_is_refused() {
    assert!(refused("a {".repeat(100_000)).contains("nested more than 256 deep"));
    // Each inner jail repeats the outer one's name.
    let inner = "b { } ".repeat(1000);
    let text = format!("{} {{ {inner} }}", "a".repeat(1 << 18));
    assert!(refused(text).contains("full names of the jails up to here are far longer than the file"));
}

#[test]
fn a_list_may_be_very_long() {
    let appended = (0..100_000).map(|n| format!("x += {n};\n"));
    let text = format!("j {{ {} y = $x; }}", appended.collect::<String>());
    assert!(refused(text.clone()).contains("the list $x stands for a whole value"));
    let resolved = resolve(text.replace(" y = $x;", "")).unwrap();
    let values = resolved.jails[0].values("x");
    assert_eq!((values.len(), values[99_999].to_string().as_str()), (100_000, "99999"));
}

#[test]
fn variables_that_double_each_other_fail_the_jail() {
    let doubling = (0..60).map(|n| format!("$v{n} = \"${{v{0}}}${{v{0}}}\";\n", n + 1));
    let text = format!("{} $v60 = x; j {{ y = $v0; }} k {{ z = $v50; }}", doubling.collect::<String>());
    let resolved = resolve(text).unwrap();
    let failed = resolved.jails[0].failed.as_deref().unwrap().message.clone();
    assert!(failed.contains("over 64 MB long"), "{failed}");
}

#[test]
fn many_jails_find_their_own_among_many_wildcards() {
    let wildcards = (0..5000).map(|n| format!("\"a{n}.*\" {{ x += {n}; }}\n"));
    let jails = (0..5000).map(|n| format!("\"a{n}.b\" {{ x += own; }}\n"));
    let text =
        format!("x = all;\n{}{}\"*.b\" {{ x += last; }}", wildcards.collect::<String>(), jails.collect::<String>());
    let resolved = resolve(text).unwrap();
    assert_eq!(resolved.jails.len(), 5000);
    for (n, jail) in resolved.jails.iter().enumerate() {
        let values: Vec<_> = jail.values("x").iter().map(ToString::to_string).collect();
        assert_eq!(values, ["all", &n.to_string(), "own", "last"]);
    }
}
