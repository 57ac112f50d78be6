//! Whatever is called, what the kernel keeps hangs together.

use jailkit::kernel::sim::scenario::Runner;
use proptest::prelude::*;
use serde_json::Value;

/// What is asked of every jail.
const ASKED: &str = "name/s parent/i children.cur/i dying/i vnet/i securelevel/i enforce_statfs/i ip4/i ip4.addr/4 \
                     allow.mlock/i allow.set_hostname/i allow.mount.tmpfs/i";
/// The permissions among them.
const ALLOW: [&str; 3] = ["allow.mlock", "allow.set_hostname", "allow.mount.tmpfs"];

/// Jails in jails, so that there is something to go down.
const BEFORE: &str = "x = set c name=s:a persist children.max=i:5 enforce_statfs=i:0 allow.mlock ip4.addr=4:10.0.0.1
y = set c name=s:a.b persist children.max=i:3 enforce_statfs=i:0 allow.mlock ip4=i:2
set c name=s:a.b.long persist allow.mlock ip4=i:2
set c name=s:a.c persist ip4.addr=4:10.0.0.1
set u name=s:a ip4.addr=4:10.0.0.1,10.0.0.2,10.0.0.3";

fn name() -> impl Strategy<Value = String> {
    let some = ["a", "b", "a.b", "a.c", "a.b.long", "long", "a.long", "7", "b.7", "a.", "", ".a"];
    prop::sample::select(some.to_vec()).prop_map(str::to_owned)
}

fn param() -> impl Strategy<Value = String> {
    let number = prop_oneof![8 => -1..4i32, 1 => prop::sample::select(vec![i32::MIN, i32::MAX, 1_000_000])];
    let ints = [
        "jid",
        "securelevel",
        "children.max",
        "enforce_statfs",
        "devfs_ruleset",
        "host",
        "ip4",
        "vnet",
        "sysvmsg",
        "osreldate",
    ];
    let flags = [
        "persist",
        "nopersist",
        "allow.mlock",
        "allow.nomlock",
        "allow.set_hostname",
        "allow.noset_hostname",
        "allow.mount.tmpfs",
        "allow.mount.notmpfs",
        "allow.sysvipc",
        "allow.suser",
        "allow.nosuser",
        "ip4.nosaddrsel",
        "nosuch",
    ];
    prop_oneof![
        3 => (prop::sample::select(ints.to_vec()), number).prop_map(|(name, value)| format!("{name}=i:{value}")),
        3 => prop::sample::select(flags.to_vec()).prop_map(str::to_owned),
        2 => prop::sample::subsequence(vec!["10.0.0.1", "10.0.0.2", "10.0.0.3"], 0..=3)
            .prop_map(|list| format!("ip4.addr=4:{}", list.join(","))),
        1 => (prop::sample::select(vec!["name", "host.hostname", "path", "jid", "ip6.addr", "errmsg"]), 0..300usize)
            .prop_map(|(name, length)| format!("{name}=z:{length}")),
        1 => name().prop_map(|name| format!("host.hostname=s:{name}")),
    ]
}

fn call() -> impl Strategy<Value = String> {
    let jail = || prop_oneof![4 => prop::sample::select(vec!["$x", "$y", "1", "2", "3"]), 1 => Just("999999")];
    let which = prop_oneof![
        4 => name().prop_map(|name| format!("name=s:{name}")),
        2 => (1..5).prop_map(|jid| format!("jid=i:{jid}")),
        1 => (1..5, name()).prop_map(|(jid, name)| format!("jid=i:{jid} name=s:{name}")),
        1 => Just(String::new()),
    ];
    let flags = prop::sample::select(vec!["c persist", "c persist", "cu persist", "u", "u", "ud", "ca"]);
    let set = (flags, which, prop::collection::vec(param(), 0..3))
        .prop_map(|(flags, which, params)| format!("set {flags} {which} {}", params.join(" ")));
    let get = (prop::sample::select(vec!["-", "d"]), prop::collection::vec(param(), 0..3));
    let get = get.prop_map(|(flags, params)| format!("get {flags} {} --", params.join(" ")));
    let other = (prop::sample::select(vec!["remove", "hold", "kill"]), jail());
    let plain = prop_oneof![
        5 => set,
        1 => get,
        2 => other.prop_map(|(verb, jail)| format!("{verb} {jail}")),
    ];
    (plain, prop::option::weighted(0.3, jail()), prop::sample::select(vec!["", "x = ", "y = "])).prop_map(
        |(plain, inside, bind)| match inside {
            Some(jail) => format!("{bind}in {jail} {plain}"),
            None => format!("{bind}{plain}"),
        },
    )
}

/// Every jail, the dying ones too: its jid and what is asked of it.
fn jails(runner: &mut Runner) -> Vec<(i64, Value)> {
    let (mut found, mut last) = (Vec::new(), 0);
    loop {
        let answer = runner.run(&format!("get d lastjid=i:{last} -- {ASKED}")).unwrap().remove(0);
        let Some(jid) = answer["ok"].as_i64() else { return found };
        found.push((jid, answer["values"].clone()));
        last = jid;
    }
}

fn check(jails: &[(i64, Value)]) -> Result<(), TestCaseError> {
    let find = |jid: i64| jails.iter().find(|(other, _)| *other == jid).map(|(_, jail)| jail);
    let is_below = |mut jid: i64, above: i64| {
        while let Some(parent) = find(jid).and_then(|jail| jail["parent"].as_i64()) {
            if parent == above {
                return true;
            }
            jid = parent;
        }
        false
    };
    for (jid, jail) in jails {
        let below = jails.iter().filter(|(other, _)| is_below(*other, *jid)).count();
        prop_assert_eq!(&jail["children.cur"], below, "children.cur of {}", jid);
        let is_alive = jail["dying"] == 0;
        let twin = jails.iter().find(|(other, twin)| {
            other != jid && twin["dying"] == 0 && twin["parent"] == jail["parent"] && twin["name"] == jail["name"]
        });
        prop_assert!(!is_alive || twin.is_none(), "two living jails are called {}", jail["name"]);
        let Some(parent) = jail["parent"].as_i64().filter(|parent| *parent != 0) else { continue };
        let above = find(parent);
        prop_assert!(above.is_some(), "the parent of {} is gone", jid);
        let Some(above) = above else { continue };
        prop_assert!(!is_alive || above["dying"] == 0, "{} lives in a dying jail", jid);
        for limit in ALLOW {
            prop_assert!(jail[limit].as_i64() <= above[limit].as_i64(), "{} of {}", limit, jid);
        }
        for limit in ["securelevel", "enforce_statfs"] {
            prop_assert!(jail[limit].as_i64() >= above[limit].as_i64(), "{} of {}", limit, jid);
        }
        let (own, theirs) = (jail["ip4.addr"].as_array(), above["ip4.addr"].as_array());
        let is_bounded = jail["vnet"] == 2 && above["ip4"] == 0;
        let within = own.zip(theirs).is_some_and(|(own, theirs)| own.iter().all(|address| theirs.contains(address)));
        prop_assert!(!is_bounded || within, "addresses of {}", jid);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_goes_down_holds_whatever_is_called(calls in prop::collection::vec(call(), 1..16)) {
        let root = tempfile::tempdir().unwrap();
        let mut runner = Runner::boot(root.path(), "13.2".parse().unwrap()).unwrap();
        runner.run(BEFORE).unwrap();
        for call in calls {
            runner.run(&call).unwrap();
            check(&jails(&mut runner))?;
        }
    }

    #[test]
    fn every_release_answers_every_call(
        release in prop::sample::select(vec!["13", "14", "15"]),
        calls in prop::collection::vec(call(), 1..16),
    ) {
        let root = tempfile::tempdir().unwrap();
        let mut runner = Runner::boot(root.path(), release.parse().unwrap()).unwrap();
        runner.run(BEFORE).unwrap();
        let answers = runner.run(&calls.join("\n")).unwrap();
        prop_assert_eq!(answers.len(), calls.len());
    }
}
