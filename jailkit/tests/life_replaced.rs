//! A jail that is replaced while it is started, stopped or entered: the jail that has its name and number now is left
//! alone, on a kernel with jail descriptors and on one without.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod between;

use between::{Between, Meddler};
use jailkit::host::{Host, SimHost};
use jailkit::jailconf::JailConf;
use jailkit::kernel::sim::SimKernel;
use jailkit::kernel::{GetFlags, Jail, JailKey, Jid, Kernel, Param, PrisonPath, SetFlags};
use jailkit::life::{self, Enter, Operation, Options, Silent};
use jailkit::process::{Exit, Program};
use jailkit::source::Source;

const CONF: &str = r#"
www {
    jid = 7;
    path = "/srv/www";
    exec.created = "created";
    exec.start = "/bin/sh /etc/rc", "started";
    exec.poststart = "poststart";
    exec.prestop = "prestop";
    exec.stop = "stopped";
}
"#;

/// Who puts another jail in the place of `www` when this program is about to run.
struct Replace(&'static str);

fn replace(kernel: &dyn Kernel) {
    let www = open(kernel).unwrap();
    kernel.jail_remove(www.jid).unwrap();
    let path = PrisonPath::new("/srv/other").unwrap();
    let params = [Param::from(Jid(7)), JailKey::new("www").unwrap().into(), path.into(), Param::flag("persist")];
    kernel.jail_set(&params, SetFlags { create: true, ..SetFlags::default() }).unwrap();
}

fn open(kernel: &dyn Kernel) -> Option<Jail> {
    Jail::open(kernel, &JailKey::new("www").unwrap(), GetFlags::default()).unwrap()
}

impl Meddler for Replace {
    fn program(&self, host: &SimHost, program: &Program) -> std::io::Result<Option<Exit>> {
        if program.command == self.0 {
            replace(host.kernel());
        }
        Ok(None)
    }
}

fn host(dir: &std::path::Path, release: &str) -> SimHost {
    SimKernel::boot(dir, release.parse().unwrap()).unwrap();
    for path in ["srv/www", "srv/other"] {
        std::fs::create_dir_all(dir.join(path)).unwrap();
    }
    SimHost::open(dir).unwrap()
}

/// The jail that is there now is the other one, and nothing was run in it.
fn is_left_alone(host: &SimHost, until: &str) -> bool {
    let other = open(host.kernel()).is_some_and(|found| found.path == "/srv/other");
    let ran = host.sim_processes().recorded().unwrap();
    let after = ran.iter().skip_while(|ran| ran.program.command != until).skip(1);
    other && after.into_iter().all(|ran| ran.program.jail.is_none())
}

#[test]
fn another_jail_in_its_place_is_left_alone() {
    let conf = JailConf::parse(&Source::new("jail.conf", CONF)).unwrap().resolve().unwrap();
    for release in ["14", "15"] {
        for (operation, at) in
            [(Operation::Start, "created"), (Operation::Start, "poststart"), (Operation::Stop, "prestop")]
        {
            let dir = tempfile::tempdir().unwrap();
            let mut host = host(dir.path(), release);
            if operation == Operation::Stop {
                let began = life::start(&host, &conf, &["www"], &Options::default(), &Silent).unwrap();
                assert!(began.is_well());
            }
            let between = Between { host, meddler: Replace(at) };
            life::run(&between, &conf, &["www"], operation, &Options::default(), &Silent).unwrap();
            host = between.host;
            assert!(is_left_alone(&host, at), "{release}: {operation:?} at {at}");
        }
    }
}

#[test]
fn what_was_to_run_in_the_first_does_not_run_in_the_second() {
    let conf = JailConf::parse(&Source::new("jail.conf", CONF)).unwrap().resolve().unwrap();
    for release in ["14", "15"] {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path(), release);
        life::start(&host, &conf, &["www"], &Options::default(), &Silent).unwrap();
        let command = vec!["/bin/date".into()];
        let program = life::enter(&host, "www".into(), Enter { command, ..Enter::default() }).unwrap();
        replace(host.kernel());
        let error = host.processes().run(&program).unwrap_err();
        assert_eq!(error.to_string(), "cannot run '/bin/date': the jail www (7) is gone", "{release}");
    }
}
