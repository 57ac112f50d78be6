//! The rules of the simulated kernel, each with its source, as scenarios of a few calls: the last answer counts.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod addresses;
mod beyond;
mod buffers;
mod creation;
mod devfs;
mod dying;
mod files;
mod inside;
mod limits;
mod mounts;
mod names;
mod permissions;
mod random;
mod releases;
mod sizes;
mod unionfs;

use jailkit::kernel::sim::scenario::Runner;

/// A rule: what it says, where FreeBSD has it, the calls, and the last one's answer without the call itself.
/// `<TEXT*N>` stands for so many times the text.
pub(crate) struct Rule(&'static str, &'static str, &'static [&'static str], &'static str);

const JAIL: &str = "kern_jail.c";
const MOUNT: &str = "vfs_mount.c";
const SYSV: &str = "sysv_msg.c";

/// Text with its `<TEXT*N>` written out.
fn written_out(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('<') {
        let repeated = after.split_once('>').and_then(|(inside, after)| {
            let (text, count) = inside.rsplit_once('*')?;
            Some((text.repeat(count.parse().ok()?), after))
        });
        out += before;
        (out, rest) = match repeated {
            Some((repeated, after)) => (out + &repeated, after),
            None => (out + "<", after),
        };
    }
    out + rest
}

/// What the last of these calls is answered.
fn last_answer(calls: &[&str], release: &str) -> String {
    let root = tempfile::tempdir().unwrap();
    let mut runner = Runner::boot(root.path(), release.parse().unwrap()).unwrap();
    let mut answer = runner.run(&written_out(&calls.join("\n"))).unwrap().pop().unwrap();
    answer.as_object_mut().unwrap().shift_remove("call");
    answer.to_string()
}

/// Fails with every rule that does not hold on 13.2.
fn hold(rules: &[Rule]) {
    let broken: Vec<String> = rules
        .iter()
        .map(|Rule(rule, source, calls, expected)| (rule, source, last_answer(calls, "13.2"), written_out(expected)))
        .filter(|(_, _, answer, expected)| answer != expected)
        .map(|(rule, source, answer, expected)| {
            format!("{rule} ({source})\n  expected {expected}\n  answered {answer}")
        })
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

macro_rules! each_holds {
    ($($subject:ident)*) => { $(
        #[test]
        fn $subject() {
            hold($subject::RULES);
        }
    )* };
}

each_holds! { addresses buffers creation devfs dying files inside limits mounts names permissions unionfs }
