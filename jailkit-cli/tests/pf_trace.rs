//! `jailkit pf trace`, as a person and a program use it.
#![allow(clippy::unwrap_used)] // the helpers here are part of tests

use std::path::Path;

use assert_cmd::Command;

const RULES: &str = "table <bad> persist\n\
                     nat pass on igb0 from 10.0.0.0/24 to any -> (igb0)\n\
                     rdr pass on igb0 proto tcp from any to (igb0) port { 80, 443 } -> 10.0.0.2\n\
                     block in quick from <bad>\n\
                     block quick from 10.0.0.0/24 to 10.0.0.0/24\n";

/// Runs the command in a directory; its exit code, standard output and standard error.
fn trace(dir: &Path, args: &str) -> (i32, String, String) {
    let args = ["pf", "trace", "pf.conf", "--iface", "igb0=203.0.113.10/24"].into_iter().chain(args.split(' '));
    let output =
        Command::cargo_bin("jailkit").unwrap().env_remove("JAILKIT_ROOT").args(args).current_dir(dir).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_packet_is_traced() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("pf.conf"), RULES).unwrap();

    let web = "--in igb0 --proto tcp --from 198.51.100.9:50000 --to 203.0.113.10:80";
    let (code, out, _) = trace(dir.path(), &format!("{web} --reply"));
    assert_eq!(code, 0);
    insta::assert_snapshot!(out);

    let (_, out, _) = trace(dir.path(), &format!("{web} --json"));
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["verdict"], "pass");
    assert_eq!(told["outcomes"][0]["after"]["destination"], "10.0.0.2");
    assert_eq!(told["outcomes"][0]["rule"]["line"], 3);
    let (_, out, _) = trace(dir.path(), &format!("{web} --reply --json"));
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&told["packet"]["verdict"], &told["reply"]["verdict"]), (&"pass".into(), &"pass".into()));

    let ssh = "--in igb0 --from 198.51.100.9 --to 203.0.113.10:22";
    assert!(trace(dir.path(), ssh).1.contains("\npass, as no rule matches: "));
    let (code, out, _) = trace(dir.path(), &format!("{ssh} --table bad=198.51.100.0/24"));
    assert!(code == 0 && out.ends_with("\nblock, by pf.conf:4\n"), "{out}");
    let (_, out, _) = trace(dir.path(), "--out lo1 --proto icmp --icmp-type unreach --from 10.0.0.1 --to 10.0.0.2");
    assert!(out.starts_with("out on lo1 icmp 10.0.0.1 -> 10.0.0.2 type unreach\n"), "{out}");
    assert!(out.ends_with("\nblock, by pf.conf:5\n"), "{out}");
}

#[test]
fn a_packet_that_cannot_be_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("pf.conf"), RULES).unwrap();
    for (args, why) in [
        ("--from 192.0.2.1 --to 192.0.2.2:80", "--in <IF>|--out <IF>"),
        ("--in igb0 --out igb0 --from 192.0.2.1 --to 192.0.2.2:80", "cannot be used with"),
        ("--in igb0 --from 192.0.2.1 --to 192.0.2.2", "\"192.0.2.2\": tcp, udp and sctp have a port"),
        (
            "--in igb0 --proto icmp --from 192.0.2.1 --to 192.0.2.2:80",
            "\"192.0.2.2:80\": tcp, udp and sctp have a port",
        ),
        ("--in igb0 --from 192.0.2.1 --to [2001:db8::1]:80", "are of different address families"),
        ("--in igb0 --from 192.0.2.256 --to 192.0.2.2:80", "\"192.0.2.256\" is no address"),
        ("--in igb0 --proto tpc --from 192.0.2.1 --to 192.0.2.2:80", "\"tpc\" is no protocol"),
        ("--in igb0 --flags Q --from 192.0.2.1 --to 192.0.2.2:80", "\"Q\" are no flags of tcp"),
        ("--in igb0 --icmp-type echoreq --from 192.0.2.1 --to 192.0.2.2:80", "flags are of tcp"),
        ("--in igb0 --table bad --from 192.0.2.1 --to 192.0.2.2:80", "\"bad\" is no table"),
    ] {
        let (code, out, err) = trace(dir.path(), args);
        assert!(code == 2 && out.is_empty() && err.contains(why), "{args}\n{code} {out}{err}");
    }
    std::fs::write(dir.path().join("pf.conf"), "pass frobnicate\n").unwrap();
    let (code, out, err) = trace(dir.path(), "--in igb0 --from 192.0.2.1 --to 192.0.2.2:80");
    assert!(code == 1 && out.is_empty() && err.contains("pf.conf:1"), "{err}");
}
