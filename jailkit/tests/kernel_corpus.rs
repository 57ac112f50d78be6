//! The simulated kernel answers as a real FreeBSD 13.2 kernel did, call by call.

use std::collections::BTreeMap;
use std::path::Path;

use jailkit::kernel::sim::SimKernel;
use jailkit::kernel::sim::scenario::Runner;
use jailkit::kernel::{Kernel, ParamKind};

#[test]
fn the_recorded_calls_are_answered_the_same() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/kernel");
    let root = tempfile::tempdir().unwrap();
    let mut runner = Runner::boot(root.path(), "13.2".parse().unwrap()).unwrap();
    let (mut calls, mut differ) = (0, Vec::new());
    for name in ["jails", "mounts"] {
        let scenario = std::fs::read_to_string(corpus.join(format!("{name}.scenario"))).unwrap();
        let recorded = std::fs::read_to_string(corpus.join(format!("{name}.jsonl"))).unwrap();
        let answers = runner.run(&scenario).unwrap();
        assert_eq!(answers.len(), recorded.lines().count(), "{name}");
        for (answer, recorded) in answers.iter().zip(recorded.lines()) {
            let recorded: serde_json::Value = serde_json::from_str(recorded).unwrap();
            calls += usize::from(recorded.get("call").is_some());
            if *answer != recorded {
                differ.push(format!("  kernel: {recorded}\n     sim: {answer}"));
            }
        }
        runner.remove_jails();
    }
    assert_eq!(calls, 276);
    assert!(differ.is_empty(), "{} of {calls} calls differ:\n{}", differ.len(), differ.join("\n"));
}

/// The tree that sysctl(8) printed there: of a node the parameter is its child without a name, and text has its size as
/// value.
#[test]
fn the_parameters_are_those_of_the_recorded_kernel() {
    let listed = include_str!("corpus/kernel/params-13.2.txt");
    let values = listed.lines().filter_map(|line| line.strip_prefix("security.jail.param.")?.split_once(": "));
    let values = values.filter_map(|(name, value)| Some((name.trim_end_matches('.'), value.parse().ok()?)));
    let values: BTreeMap<&str, usize> = values.collect();
    let root = tempfile::tempdir().unwrap();
    let kernel = SimKernel::boot(root.path(), "13.2".parse().unwrap()).unwrap();
    let known = kernel.jail_params().unwrap();
    let known: BTreeMap<&str, usize> = known
        .iter()
        // sysctl(8) has no form for a list of addresses.
        .filter(|param| !matches!(param.kind, ParamKind::Ipv4 | ParamKind::Ipv6))
        .map(|param| match param.kind {
            ParamKind::String(room) => (param.name.as_str(), room),
            _ => (param.name.as_str(), 0),
        })
        .collect();
    assert_eq!(known, values);
}
