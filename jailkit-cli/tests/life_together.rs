//! Several jailkits at once on one host, some of them killed: each jail is started and stopped by one of them at a
//! time, and what a killed one has left the next one finishes or takes back.

#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jailkit::host::{Host, SimHost};
use jailkit::kernel::running;

const JAILS: usize = 6;

/// A simulated host with jails that each depend on the first one, with mounts, addresses and hooks.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        SimHost::open(&desk.host()).unwrap();
        let mut conf = String::from(
            "exec.start = \"/bin/sh /etc/rc\"; exec.stop = \"/bin/sh /etc/rc.shutdown\"; exec.prestart = \"true\";\n\
             exec.poststop = \"true\"; path = \"/srv/$name\"; interface = lo0; mount.devfs;\n\
             mount = \"/srv/share /srv/$name/share nullfs ro 0 0\";\n",
        );
        fs::create_dir_all(desk.host().join("srv/share")).unwrap();
        for jail in 0..JAILS {
            let depends = if jail > 0 { "depend = j0;" } else { "" };
            writeln!(conf, "j{jail} {{ ip4.addr = 127.0.1.{jail}; {depends} }}").unwrap();
            for dir in ["dev", "share"] {
                fs::create_dir_all(desk.host().join(format!("srv/j{jail}/{dir}"))).unwrap();
            }
        }
        fs::write(desk.host().join("etc/jail.conf"), conf).unwrap();
        desk
    }

    fn host(&self) -> PathBuf {
        self.dir.path().join("host")
    }

    fn spawn(&self, line: &str) -> Child {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("jailkit"));
        command.env_remove("JAILKIT_ROOT");
        command.args(["--root"]).arg(self.host()).args(line.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Runs them all at once; how each of them ended.
    fn together(&self, lines: &[String]) -> Vec<Option<i32>> {
        let children: Vec<_> = lines.iter().map(|line| self.spawn(line)).collect();
        children.into_iter().map(|mut child| child.wait().unwrap().code()).collect()
    }

    /// What there is on the host: jails, mounts besides the root, addresses besides those of lo0, and notes of what was
    /// made for a jail.
    fn found(&self) -> (usize, usize, usize, usize) {
        let host = SimHost::open(&self.host()).unwrap();
        let kernel = host.kernel();
        let addresses = kernel.interfaces().unwrap().iter().map(|interface| interface.addresses.len()).sum::<usize>();
        let notes = fs::read_dir(self.host().join("var/run")).unwrap().count();
        (running(kernel).unwrap().len(), kernel.mounts().unwrap().len() - 1, addresses - 2, notes)
    }
}

const ALL: (usize, usize, usize, usize) = (JAILS, 2 * JAILS, JAILS, JAILS);
const NONE: (usize, usize, usize, usize) = (0, 0, 0, 0);

#[test]
fn many_starts_and_stops_of_the_same_jails_come_to_one() {
    let desk = Desk::new();
    let each = |verb: &str| (0..2 * JAILS).map(|nth| format!("{verb} j{}", nth % JAILS)).collect::<Vec<_>>();
    let ends = desk.together(&each("start"));
    assert!(ends.iter().all(|end| matches!(end, Some(0 | 1))), "{ends:?}");
    assert_eq!(desk.found(), ALL);
    let all = ["start", "start -j 3", "start j1 j2", "start"].map(str::to_owned);
    desk.together(&all);
    assert_eq!(desk.found(), ALL);
    let ends = desk.together(&each("stop"));
    assert!(ends.iter().all(|end| matches!(end, Some(0 | 1))), "{ends:?}");
    assert_eq!(desk.found(), NONE);
    // All at once, up and down: whatever is left runs wholly, and goes.
    let both: Vec<_> = each("start").into_iter().zip(each("stop")).flat_map(|(start, stop)| [start, stop]).collect();
    desk.together(&both);
    let (jails, mounts, addresses, notes) = desk.found();
    assert_eq!((mounts, addresses, notes), (2 * jails, jails, jails));
    assert_eq!(desk.together(&["stop".to_owned()]), [Some(0)]);
    assert_eq!(desk.found(), NONE);
}

#[test]
fn what_killed_ones_have_left_is_finished_or_taken_back() {
    let desk = Desk::new();
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for round in 0..12 {
        let verbs = ["start", "stop", "restart", "start -j 4", "modify -c"];
        let mut children: Vec<_> = (0..6)
            .map(|_| {
                let line = format!("{} j{}", verbs[next(verbs.len() as u64) as usize], next(JAILS as u64));
                desk.spawn(&line)
            })
            .collect();
        std::thread::sleep(Duration::from_millis(next(40)));
        // Every other one is killed wherever it is.
        children.iter_mut().step_by(2).for_each(|child| child.kill().unwrap());
        for child in &mut children {
            child.wait().unwrap();
        }
        let finish = if round % 2 == 0 { "start" } else { "stop" };
        assert_eq!(desk.together(&[finish.to_owned()]), [Some(0)], "round {round}");
        assert_eq!(desk.found(), if round % 2 == 0 { ALL } else { NONE }, "round {round}");
    }
}
