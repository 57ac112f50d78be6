//! The simulated kernel is one kernel for many processes, and outlives any of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use jailkit::kernel::sim::{SIM_DIR, SimKernel};
use jailkit::kernel::{GetFlags, Kernel, Param, SetFlags, Value};

const ROOT: &str = "JAILKIT_TEST_KERNEL";
const CREATES: &str = "JAILKIT_TEST_CREATES";

fn create(kernel: &SimKernel) -> i32 {
    let flags = SetFlags { create: true, ..SetFlags::default() };
    kernel.jail_set(&[Param::flag("persist")], flags).unwrap().0
}

fn jails(kernel: &SimKernel) -> Vec<i32> {
    let mut found = vec![0];
    while let Ok((jid, _)) =
        kernel.jail_get(&[Param::new("lastjid", Value::Int(found[found.len() - 1]))], &[], GetFlags::default())
    {
        found.push(jid.0);
    }
    found.split_off(1)
}

/// What the processes of these tests do; nothing where the test runs by itself.
#[test]
fn worker() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let kernel = SimKernel::open(Path::new(&root)).unwrap();
    let creates: Option<usize> = std::env::var(CREATES).ok().and_then(|count| count.parse().ok());
    for done in 0.. {
        if creates == Some(done) {
            break;
        }
        let jid = create(&kernel);
        println!("worker has jail {jid}");
        if creates.is_none() {
            kernel.jail_remove(jailkit::kernel::Jid(jid)).unwrap();
        }
    }
}

fn start_worker(root: &Path, creates: Option<usize>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "worker", "--nocapture"]).env(ROOT, root).stdout(Stdio::piped());
    if let Some(creates) = creates {
        command.env(CREATES, creates.to_string());
    }
    command.spawn().unwrap()
}

#[test]
fn processes_share_one_kernel() {
    let root = tempfile::tempdir().unwrap();
    let workers: Vec<Child> = (0..4).map(|_| start_worker(root.path(), Some(25))).collect();
    let mut given: Vec<i32> = Vec::new();
    for worker in workers {
        let output = worker.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        given.extend(text.lines().filter_map(|line| line.rsplit_once("has jail ")?.1.parse::<i32>().ok()));
    }
    given.sort_unstable();
    assert_eq!(given, (1..=100).collect::<Vec<_>>());
    assert_eq!(jails(&SimKernel::open(root.path()).unwrap()), given);
}

#[test]
fn a_killed_process_leaves_a_kernel_that_works() {
    let root = tempfile::tempdir().unwrap();
    let kernel = SimKernel::open(root.path()).unwrap();
    let kept = create(&kernel);
    for round in 1..6 {
        let mut worker = start_worker(root.path(), None);
        let lines = BufReader::new(worker.stdout.take().unwrap()).lines();
        assert!(lines.filter(|line| line.as_ref().unwrap().contains("has jail")).take(10 * round).count() > 0);
        worker.kill().unwrap();
        worker.wait().unwrap();
        // At most the jail that the worker was about to remove is left, and every number is new.
        let left = jails(&kernel);
        assert!(left.contains(&kept) && left.len() <= 1 + round, "{left:?}");
        let new = create(&kernel);
        assert!(left.iter().all(|&jid| jid < new));
        kernel.jail_remove(jailkit::kernel::Jid(new)).unwrap();
    }
}

#[test]
fn half_a_line_is_taken_away() {
    let root = tempfile::tempdir().unwrap();
    let kernel = SimKernel::open(root.path()).unwrap();
    create(&kernel);
    let log = root.path().join(SIM_DIR).join("kernel.log");
    std::fs::File::options().append(true).open(&log).unwrap().write_all(br#"{"prisons":[[7,{"jid"#).unwrap();
    assert_eq!(jails(&kernel), [1]);
    assert_eq!(create(&kernel), 2);
    assert_eq!(jails(&SimKernel::open(root.path()).unwrap()), [1, 2]);
}

#[test]
fn the_record_of_changes_does_not_grow_for_ever() {
    let root = tempfile::tempdir().unwrap();
    let kernel = SimKernel::open(root.path()).unwrap();
    for _ in 0..1000 {
        let jid = create(&kernel);
        kernel.jail_remove(jailkit::kernel::Jid(jid)).unwrap();
    }
    assert!(jails(&kernel).is_empty());
    let log = root.path().join(SIM_DIR).join("kernel.log");
    assert!(log.metadata().unwrap().len() < 300_000);
    assert_eq!(create(&SimKernel::open(root.path()).unwrap()), 1001);
}
