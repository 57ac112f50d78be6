//! The simulated kernel answers as a real FreeBSD 13.2 kernel did, call by call.

use std::path::Path;

use jailkit::kernel::sim::scenario::Runner;

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
