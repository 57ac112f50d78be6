//! A resolved jail's parameters as Rust types: defaults, values, and errors that say where.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::time::Duration;

use jailkit::jailconf::{JailBlock, JailConf, JailSys, Resolved, TypedJail, ValueError};
use jailkit::jailparam::{self, Kind};
use jailkit::source::Source;

fn resolved(text: &str) -> Resolved {
    JailConf::parse(&Source::new("f", text)).unwrap().resolve().unwrap()
}

fn strings<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_not_said_has_the_default_of_the_table() {
    let conf = resolved("w { }");
    let jail = conf.jails[0].typed();
    assert_eq!((jail.path(), jail.hostname(), jail.securelevel()), (Ok(None), Ok(None), Ok(None)));
    assert_eq!((jail.enforce_statfs(), jail.children_max(), jail.persist()), (Ok(2), Ok(0), Ok(false)));
    assert_eq!((jail.stop_timeout(), jail.exec_timeout()), (Ok(Duration::from_secs(10)), Ok(None)));
    assert_eq!((jail.allow("raw_sockets"), jail.allow("set_hostname")), (Ok(false), Ok(true)));
    assert_eq!((jail.vnet(), jail.jailsys("ip4"), jail.ip4_addr()), (Ok(false), Ok(None), Ok(vec![])));
    assert!(jail.depend().is_empty() && jail.mount_fstab().unwrap().is_empty());
}

#[test]
fn what_is_said_is_read_as_what_it_is() {
    let conf = resolved(
        "interface = lo1;\nw { path = \"/srv/$name\"; persist; allow.noset_hostname; ip4 = disable; securelevel = -1;\n\
         ip4.addr = 10.0.0.2, \"em0|10.0.0.3/255.255.255.0 vhid 1\", \"10.0.0.4,10.0.0.5\"; ip6.addr = \"fd00::1/64\";\n\
         depend = a, b; exec.start = \"/bin/sh /etc/rc\"; exec.timeout = 5; mount.fstab = /etc/fstab.w;\n\
         nopersist = false; vnet = inherit; devfs_ruleset = 65535; mount = \"/a /b nullfs ro\"; }\n\
         a { vnet; vnet.interface = epair0b; }\nb { }",
    );
    let jail = conf.jails[0].typed();
    assert_eq!(jail.path().unwrap().unwrap().to_str(), Some("/srv/w"));
    let expected = ["lo1|10.0.0.2", "em0|10.0.0.3/24 vhid 1", "lo1|10.0.0.4", "lo1|10.0.0.5"];
    assert_eq!(strings(&jail.ip4_addr().unwrap()), expected);
    assert_eq!(strings(&jail.ip6_addr().unwrap()), ["lo1|fd00::1/64"]);
    assert_eq!((jail.persist(), jail.allow("set_hostname")), (Ok(true), Ok(false)));
    assert_eq!((jail.jailsys("ip4"), jail.vnet()), (Ok(Some(JailSys::Disable)), Ok(false)));
    assert_eq!((jail.securelevel(), jail.devfs_ruleset()), (Ok(Some(-1)), Ok(Some(65535))));
    assert_eq!(
        (strings(jail.depend()), strings(jail.exec_start())),
        (vec!["a".into(), "b".into()], vec!["/bin/sh /etc/rc".into()])
    );
    assert_eq!((jail.exec_timeout(), jail.mount().unwrap().len()), (Ok(Some(Duration::from_secs(5))), 1));
    let other = conf.jails[1].typed();
    assert_eq!((other.vnet(), strings(other.vnet_interface().unwrap())), (Ok(true), vec!["epair0b".into()]));
}

#[test]
fn what_cannot_be_read_says_where_and_why() {
    type Ask = fn(TypedJail<'_>) -> Option<ValueError>;
    let cases: [(&str, Ask); 9] = [
        ("enforce_statfs = 3;", |jail| jail.enforce_statfs().err()),
        ("enforce_statfs;", |jail| jail.enforce_statfs().err()),
        ("persist = perhaps;", |jail| jail.persist().err()),
        ("ip4.addr = 10.0.0.2, 10.0.0;", |jail| jail.ip4_addr().err()),
        ("vnet = disable;", |jail| jail.vnet().err()),
        ("children.max = -1;", |jail| jail.children_max().err()),
        ("securelevel = 99999999999;", |jail| jail.securelevel().err()),
        ("path = \"\";", |jail| jail.path().err()),
        ("", |jail| jail.bool("path").err()),
    ];
    let told: Vec<_> = cases
        .iter()
        .map(|(params, ask)| {
            let error = ask(resolved(&format!("w {{\n  {params}\n}}")).jails[0].typed());
            format!("{params}\n  {}", error.unwrap_or_else(|| panic!("{params} is read")))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn every_parameter_can_be_asked_for() {
    let conf = resolved("w { }");
    let jail = conf.jails[0].typed();
    for def in jailparam::all() {
        let name = def.name;
        let is_read = match def.kind {
            Kind::Bool => jail.bool(name).is_ok(),
            Kind::Int { .. } => jail.int(name).is_ok(),
            Kind::JailSys(_) => jail.jailsys(name).is_ok(),
            Kind::Text(_) | Kind::Path => jail.text(name).is_ok(),
            _ => jail.list(name).is_ok(),
        };
        assert!(is_read, "{name}");
    }
}

#[test]
fn what_is_built_is_what_is_read() {
    let addr = "10.0.0.2".parse().unwrap();
    let built = JailBlock::new("w").path("/srv/w").ip4_addr([addr]).persist().enforce_statfs(1).depend(["v"]);
    let text = built.securelevel(2).children_max(3).allow("mount").print().unwrap();
    let conf = resolved(&text);
    let jail = conf.jails[0].typed();
    assert_eq!(jail.ip4_addr().unwrap()[0].addr, std::net::IpAddr::from(addr));
    assert_eq!((jail.enforce_statfs(), jail.securelevel(), jail.children_max()), (Ok(1), Ok(Some(2)), Ok(3)));
    assert_eq!((jail.persist(), jail.allow("mount"), strings(jail.depend())), (Ok(true), Ok(true), vec!["v".into()]));
}
