//! What `JailConf::check` says of jails that jail(8) reads and that are wrong all the same.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use jailkit::jailconf::JailConf;
use jailkit::jailparam;
use jailkit::source::{Diagnostic, Source};
use proptest::prelude::*;

/// Every finding on a line: where, what, `what it points at`, and the advice.
fn check(text: &str, release: Option<&str>) -> String {
    let conf = JailConf::parse(&Source::new("f", text)).unwrap();
    let release = release.map(|release| release.parse().unwrap());
    let found = conf.check(release).unwrap_or_else(|found| found.into_iter().collect());
    let line = |one: &Diagnostic| {
        let mut line = format!("{one} `{}`", String::from_utf8_lossy(one.source.slice(one.span)));
        line += &one.label.as_ref().map_or(String::new(), |label| format!(" [{label}]"));
        line += &one.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
        line
    };
    found.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A jail with nothing else wrong.
fn jail(params: &str) -> String {
    format!("w {{ path = /w; persist; {params} }}")
}

#[test]
fn jails_that_start_are_not_complained_of() {
    for text in [
        "".to_owned(),
        jail(""),
        jail("exec.start = \"/bin/sh /etc/rc\"; mount.devfs; devfs_ruleset = 4;"),
        jail("vnet; vnet.interface = epair0b, epair1b;"),
        jail("vnet = inherit; ip4.addr = 10.0.0.2;"),
        jail("allow.mount; allow.mount.zfs; enforce_statfs = 1; zfs.dataset = tank/w;"),
        jail("allow.mount.newfs; linux.something = x; meta.owner = me;"),
        jail("interface = lo1; ip6.addr = \"fd00::2/128\";"),
        jail("$x = 1;"),
        "persist; path = \"/$name\"; ip4.addr = 10.0.0.1;\na { }\nb { }".to_owned(),
        "a { path = /a; persist; depend = b; }\nb { path = /b; persist; children.max = 2; }\n\
         b.c { path = /c; persist; children.max = 1; }\nb.c.d { path = /d; persist; }"
            .to_owned(),
    ] {
        assert_eq!(check(&text, None), "", "{text}");
    }
}

#[test]
fn each_rule_points_at_what_it_is_about() {
    let one = |params: &str| jail(params);
    let cases = [
        ("an unknown parameter", one("pth = /x;")),
        ("one of a family that is known whole", one("exec.strat = x;")),
        ("one of a family that is not", one("zfz.dataset = x;")),
        ("a permission that is not there", one("allow.raw_socket;")),
        ("a no form that is none", one("nosecurelevel;")),
        ("a boolean", one("mount.devfs = yes;")),
        ("a number", one("devfs_ruleset = many; mount.devfs;")),
        ("a number out of range", one("enforce_statfs = 3;")),
        ("a securelevel", one("securelevel = 9;")),
        ("a word", one("ip4 = disabled;")),
        ("an address", one("ip4.addr = 10.0.0.1, 10.0.0;")),
        ("a netmask", one("ip4.addr = \"em0|10.0.0.1/33\";")),
        ("a netmask that nobody reads", one("ip4.addr = \"10.0.0.1/33\";")),
        ("read only", one("children.cur = 1;")),
        ("several values of one", one("securelevel = 1, 2;")),
        ("vnet with addresses", one("vnet; ip4.addr = 10.0.0.1; ip6 = disable;")),
        ("an interface without vnet", one("vnet.interface = em0;")),
        ("mounting without being allowed to", one("allow.mount.nullfs;")),
        ("a ruleset for nothing", one("devfs_ruleset = 5;")),
        ("a mount without a root", "w { persist; mount.devfs; }".to_owned()),
        ("no path", "w { persist; }".to_owned()),
        ("nothing runs", "w { path = /w; }".to_owned()),
        ("a missing variable", one("exec.start = \"$x y\";")),
        ("a jail that is not there", one("depend = v, ww;")),
        ("a circle", "a { path = /a; persist; depend = b; }\nb { path = /b; persist; depend = a; }".to_owned()),
        ("itself", one("depend = w;")),
        ("a shared path", "path = /x/; persist;\na { }\nb { }\nc { }".to_owned()),
        (
            "a shared address",
            "persist; path = \"/$name\";\na { ip4.addr = 10.0.0.1, 10.0.0.2; }\nb { ip4.addr = 10.0.0.1; }".to_owned(),
        ),
        ("two blocks", "$p = /a;\na { path = /a; persist; }\na { path = /b; persist; }".to_owned()),
        ("no room for a child", "a { path = /a; persist; }\na.b { path = /b; persist; }".to_owned()),
        (
            "too little room",
            "a { path = /a; persist; children.max = 1;\nb { path = /b; }\nc { path = /c; } }\n* { persist; }"
                .to_owned(),
        ),
        ("a child of nobody", "a.b { path = /b; persist; }".to_owned()),
        ("one statement, many jails", "persist = perhaps; path = \"/$name\";\na { }\nb { }".to_owned()),
        ("the last one counts", "* { persist = no; }\nw { path = /w; persist = on; }\n* { persist = off; }".to_owned()),
    ];
    let told: Vec<_> = cases.iter().map(|(rule, text)| format!("# {rule}\n{}", check(text, None))).collect();
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn a_parameter_that_is_newer_than_the_host_is_told() {
    let text = jail("allow.nfsd; vnet; enforce_statfs = 1; meta = x; exec.prepare = y;");
    insta::assert_snapshot!(check(&text, Some("13.2")), @r"
    f:1:25: warning: allow.nfsd came with FreeBSD 14.0, and this is for 13.2 `allow.nfsd`
    f:1:63: warning: meta came with FreeBSD 15.0, and this is for 13.2 `meta`
    ");
    assert_eq!(check(&text, Some("15.0")), "");
}

/// Statements with names of the table and values that many of them cannot have.
fn statement() -> impl Strategy<Value = String> {
    let names: Vec<_> = jailparam::all().flat_map(|def| [def.name.to_owned(), jailparam::no_form(def.name)]).collect();
    let value = prop_oneof![
        "[a-z0-9.:/|, -]{0,12}",
        prop::sample::select(vec![
            "$name",
            "$x",
            "10.0.0.1",
            "10.0.0.1/24",
            "em0|fd00::1/64",
            "true",
            "new",
            "1",
            "-1",
            "b"
        ])
        .prop_map(str::to_owned),
    ];
    let values = prop::collection::vec(value.prop_map(|value| format!("\"{value}\"")), 0..3);
    (prop::sample::select(names), prop_oneof!["=", Just("+=".to_owned())], values).prop_map(|(name, op, values)| {
        if values.is_empty() { format!("{name};\n") } else { format!("{name} {op} {};\n", values.join(", ")) }
    })
}

fn file() -> impl Strategy<Value = String> {
    let block = |name: &'static str| {
        prop::collection::vec(statement(), 0..6).prop_map(move |params| format!("{name} {{\n{}}}\n", params.concat()))
    };
    let part = prop_oneof![statement(), block("a"), block("b"), block("a.c"), block("\"a.*\""), block("*"), block("7")];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn every_finding_stands_somewhere_and_is_said_once(text in file()) {
        let conf = JailConf::parse(&Source::new("f", text)).unwrap();
        let found = conf.check(Some("13.0".parse().unwrap())).unwrap_or_else(|found| found.into_iter().collect());
        for (index, one) in found.iter().enumerate() {
            prop_assert!(one.span.end() <= one.source.text().len() && !one.message.is_empty());
            prop_assert!(!found[..index].contains(one), "twice: {one}");
        }
    }
}
