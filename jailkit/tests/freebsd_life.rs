//! Jails that live on a real FreeBSD host, run as root: life cycle, programs inside, removal. Elsewhere these tests are
//! not built.
//!
//! `cargo test --no-run --target x86_64-unknown-freebsd` makes one binary that can be copied over; it needs nothing but
//! the host's own programs, which the jails see over read-only nullfs. What a test makes it takes away again, also when
//! it fails: directories below a temporary one, jails named `jailkit-test-*`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![cfg(target_os = "freebsd")]

use std::path::PathBuf;

use jailkit::host::{Host, NativeHost};
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::kernel::{GetFlags, Jail, JailKey, ParamKind, ParamType, Value};
use jailkit::life::{self, Enter, Operation, Options, Silent, Summary};
use jailkit::process::{Exit, Passwd, Program};
use jailkit::source::Source;

mod freebsd;

/// The host's directories that a jail shows, as in `tests/corpus/lifecycle`.
const SHOWN: [&str; 6] = ["bin", "sbin", "lib", "libexec", "usr", "etc"];

/// A jail of a jail.conf(5), over the host's own programs; gone when this is.
struct Stage {
    name: String,
    /// Its jail's root directory is `root` below this one.
    dir: Option<tempfile::TempDir>,
    conf: String,
}

impl Stage {
    /// A jail with these further parameters; `$dir` is a directory of the host.
    fn new(name: &str, more: &str) -> Self {
        freebsd::only_as_root();
        let name = format!("jailkit-test-{name}-{}", std::process::id());
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let root = base.join("root");
        for dir in SHOWN.iter().chain(&["dev", "tmp", "proc", "mnt", "root"]) {
            std::fs::create_dir_all(root.join(dir)).unwrap();
        }
        let mounts = SHOWN.map(|dir| format!("  mount += \"/{dir} {}/{dir} nullfs ro 0 0\";\n", root.display()));
        let conf = format!(
            "{name} {{\n  $dir = \"{}\";\n  path = \"{}\";\n  host.hostname = \"inside\";\n  persist;\n{}  mount.devfs;\n{more}\n}}\n",
            base.display(),
            root.display(),
            mounts.concat(),
        );
        Self { name, dir: Some(dir), conf }
    }

    fn base(&self) -> PathBuf {
        self.dir.as_ref().unwrap().path().canonicalize().unwrap()
    }

    fn resolved(&self, conf: &str) -> Resolved {
        JailConf::parse(&Source::new("jail.conf", conf)).unwrap().resolve().unwrap()
    }

    #[track_caller]
    fn run(&self, operation: Operation) -> Summary {
        let names = [self.name.as_str()];
        life::run(&NativeHost, &self.resolved(&self.conf), &names, operation, &Options::default(), &Silent).unwrap()
    }

    #[track_caller]
    fn well(&self, operation: Operation) {
        let summary = self.run(operation);
        assert!(summary.is_well(), "{operation:?}: {:?}", summary.failures().collect::<Vec<_>>());
    }

    fn jail(&self) -> Option<Jail> {
        Jail::open(NativeHost.kernel(), &JailKey::new(&self.name).unwrap(), GetFlags::default()).unwrap()
    }

    fn read(&self, name: &str, kind: ParamKind) -> Value {
        let values = self.jail().unwrap().get(NativeHost.kernel(), &[ParamType::new(name, kind)]).unwrap();
        values.unwrap().remove(0)
    }

    fn mounts(&self) -> usize {
        let base = self.base();
        let table = NativeHost.kernel().mounts().unwrap();
        table.iter().filter(|found| found.target.starts_with(&base)).count()
    }

    fn enter(&self, line: &str, enter: Enter) -> Program {
        let command = ["/bin/sh", "-c", line].map(Into::into).to_vec();
        life::enter(&NativeHost, self.name.as_str().into(), Enter { command, ..enter }).unwrap()
    }

    /// What a line of sh(1) prints in the jail, and how it ends.
    fn printed(&self, line: &str, enter: Enter) -> (String, Exit) {
        let mut text = String::new();
        let mut take = |line: &[u8]| text += &format!("{}\n", String::from_utf8_lossy(line));
        let exit = NativeHost.processes().run_captured(&self.enter(line, enter), &mut take).unwrap();
        (text, exit)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let kernel = NativeHost.kernel();
        if let Some(jail) = self.jail()
            && let Err(error) = jail.remove(kernel)
        {
            eprintln!("jail {} is left: {error}", self.name);
        }
        // What a start has noted, where no stop has taken it back.
        std::fs::remove_file(format!("/var/run/jailkit.{}", self.name)).unwrap_or_default();
        let base = self.base();
        let mut left = kernel.mounts().unwrap_or_default();
        left.retain(|found| found.target.starts_with(&base));
        let is_mounted = left.iter().rev().any(|found| match kernel.unmount(&found.target, true) {
            Ok(()) => false,
            Err(error) => {
                eprintln!("{} stays mounted: {error}", found.target.display());
                true
            }
        });
        // The directory must not be cleared away through what is still mounted in it.
        if is_mounted && let Some(dir) = self.dir.take() {
            eprintln!("{} is left", dir.keep().display());
        }
    }
}

#[test]
fn a_jail_starts_and_stops_with_all_it_has() {
    let stage = Stage::new(
        "cycle",
        "  exec.prestart = \"echo prestart >> $dir/log\";
  exec.created = \"echo created >> $dir/log\";
  exec.start = \"echo start > /tmp/log\";
  exec.poststart = \"echo poststart >> $dir/log\";
  exec.prestop = \"echo prestop >> $dir/log\";
  exec.stop = \"echo stop >> /tmp/log\";
  exec.poststop = \"echo poststop >> $dir/log\";
  exec.clean;",
    );
    stage.well(Operation::Start);
    assert!(stage.jail().is_some());
    assert_eq!(stage.mounts(), SHOWN.len() + 1);
    assert_eq!(stage.read("host.hostname", ParamKind::String(256)), Value::String(b"inside".into()));
    let base = stage.base();
    assert_eq!(std::fs::read_to_string(base.join("root/tmp/log")).unwrap(), "start\n");
    stage.well(Operation::Stop);
    assert!(stage.jail().is_none());
    assert_eq!(stage.mounts(), 0);
    assert_eq!(std::fs::read_to_string(base.join("root/tmp/log")).unwrap(), "start\nstop\n");
    let log = std::fs::read_to_string(base.join("log")).unwrap();
    assert_eq!(log, "prestart\ncreated\npoststart\nprestop\npoststop\n");
}

#[test]
fn a_start_that_fails_leaves_nothing() {
    for fault in ["  exec.start = \"exit 3\";", "  mount += \"/nowhere $dir/root/mnt nullfs ro 0 0\";"] {
        let stage = Stage::new("fault", fault);
        assert!(!stage.run(Operation::Start).is_well(), "{fault}");
        assert!(stage.jail().is_none(), "{fault}");
        assert_eq!(stage.mounts(), 0, "{fault}");
    }
}

#[test]
fn ten_mounts_come_and_go() {
    let three = (0..3).map(|n| format!("  mount += \"tmpfs $dir/root/mnt/{n} tmpfs rw,size=1m 0 0\";\n"));
    let stage = Stage::new("mounts", &three.collect::<String>());
    for n in 0..3 {
        std::fs::create_dir(stage.base().join(format!("root/mnt/{n}"))).unwrap();
    }
    stage.well(Operation::Start);
    assert_eq!(stage.mounts(), 10);
    let (_, exit) = stage.printed("touch /bin/mine 2>/dev/null", Enter::default());
    assert_ne!(exit, Exit::Status(0), "what is shown read-only was written to");
    assert_eq!(stage.printed("touch /mnt/2/mine", Enter::default()).1, Exit::Status(0));
    stage.well(Operation::Stop);
    assert_eq!(stage.mounts(), 0);
}

#[test]
fn what_a_start_has_made_is_taken_back_whatever_the_file_says() {
    let mut stage = Stage::new("left", "  interface = lo0;\n  ip4.addr = 127.11.11.11;");
    let has_address = || {
        let interfaces = NativeHost.kernel().interfaces().unwrap();
        interfaces.iter().flat_map(|interface| &interface.addresses).any(|net| net.to_string() == "127.11.11.11/32")
    };
    let all = SHOWN.len() + 1;
    stage.well(Operation::Start);
    assert_eq!((stage.mounts(), has_address()), (all, true));
    // It ends by itself: the next start begins anew.
    stage.jail().unwrap().remove(NativeHost.kernel()).unwrap();
    stage.well(Operation::Start);
    assert_eq!((stage.mounts(), has_address()), (all, true));
    stage.conf = format!("{} {{ persist; }}", stage.name);
    stage.well(Operation::Stop);
    assert_eq!((stage.mounts(), has_address()), (0, false));
}

#[test]
fn an_address_of_the_hosts_own_stays() {
    let stage = Stage::new("own", "  interface = lo0;\n  ip4.addr = 127.0.0.1;");
    let loopback = || {
        let interfaces = NativeHost.kernel().interfaces().unwrap();
        interfaces.into_iter().find(|interface| interface.name == "lo0").unwrap().addresses
    };
    let before = loopback();
    stage.well(Operation::Start);
    stage.well(Operation::Stop);
    assert_eq!(loopback(), before);
}

#[test]
fn a_program_runs_inside_as_whom_and_where_it_is_told() {
    let stage = Stage::new("exec", "");
    stage.well(Operation::Start);
    let plain = Enter::default;
    assert_eq!(stage.printed("hostname; pwd", plain()), ("inside\n/\n".to_owned(), Exit::Status(0)));
    assert_eq!(stage.printed("exit 7", plain()).1, Exit::Status(7));
    assert_eq!(stage.printed("kill -TERM $$", plain()).1, Exit::Signal(15));
    let (text, _) = stage.printed("/sbin/sysctl -n security.jail.jailed", plain());
    assert_eq!(text, "1\n");
    for passwd in [Passwd::Host, Passwd::Jail] {
        let enter = Enter { user: Some("nobody".into()), passwd, ..plain() };
        assert_eq!(stage.printed("id -un", enter).0, "nobody\n", "{passwd:?}");
    }
    let enter = Enter { directory: Some("/tmp".into()), ..plain() };
    assert_eq!(stage.printed("pwd", enter).0, "/tmp\n");
    let clean = Enter { clean: true, ..plain() };
    assert_eq!(stage.printed("echo ${CARGO:-none} ${USER}", clean.clone()).0, "none root\n");
    std::fs::remove_dir(stage.base().join("root/root")).unwrap();
    let homeless = NativeHost.processes().run(&stage.enter("true", clean)).unwrap_err().to_string();
    assert!(homeless.contains("chdir /root: "), "{homeless}");
}

#[test]
fn a_running_jail_is_changed_and_what_cannot_be_is_refused() {
    let mut stage = Stage::new("modify", "  allow.noraw_sockets;");
    stage.well(Operation::Start);
    stage.conf = stage.conf.replace("allow.noraw_sockets", "allow.raw_sockets");
    stage.well(Operation::Modify);
    assert_eq!(stage.read("allow.raw_sockets", ParamKind::Bool), Value::Int(1));
    stage.conf = stage.conf.replace("  persist;", "  persist;\n  vnet;");
    assert!(!stage.run(Operation::Modify).is_well());
    assert!(stage.jail().is_some());
}

/// On a host with one routing table, as most are, that is the number 0.
#[test]
fn what_a_jail_runs_has_its_routing_table() {
    freebsd::only_as_root();
    let last = NativeHost.kernel().sysctl("net.fibs").unwrap() - 1;
    let line = "/sbin/sysctl -n net.my_fibnum > /tmp/fib";
    let stage = Stage::new("fib", &format!("  exec.fib = {last};\n  exec.start = \"{line}\";"));
    stage.well(Operation::Start);
    assert_eq!(std::fs::read_to_string(stage.base().join("root/tmp/fib")).unwrap(), format!("{last}\n"));
    stage.well(Operation::Stop);
}

#[test]
fn each_jail_has_cpus_of_its_own() {
    let stages = ["cpu-a", "cpu-b"].map(|name| Stage::new(name, ""));
    stages.iter().for_each(|stage| stage.well(Operation::Start));
    let sets = stages.each_ref().map(|stage| stage.read("cpuset.id", ParamKind::Int));
    assert_ne!(sets[0], sets[1]);
    let told = "/usr/bin/cpuset -g -i -r -p $$ | /usr/bin/awk '{ print $NF }'";
    for (stage, set) in stages.iter().zip(&sets) {
        let (text, exit) = stage.printed(told, Enter::default());
        assert_eq!((Value::Int(text.trim().parse().unwrap()), exit), (set.clone(), Exit::Status(0)));
    }
}

#[test]
fn a_jail_that_ignores_sigterm_is_killed() {
    let stage = Stage::new(
        "stubborn",
        "  stop.timeout = 1;\n  exec.start = \"/bin/sh -c 'trap : TERM; while :; do sleep 1; done' &\";",
    );
    stage.well(Operation::Start);
    stage.well(Operation::Stop);
    assert!(stage.jail().is_none());
    assert_eq!(stage.mounts(), 0);
}

#[test]
fn a_held_jail_is_removed_and_no_other() {
    let stage = Stage::new("held", "");
    stage.well(Operation::Start);
    let kernel = NativeHost.kernel();
    let held = stage.jail().unwrap();
    assert!(held.remove(kernel).unwrap());
    assert!(stage.jail().is_none());
    assert!(!held.remove(kernel).unwrap());
}

#[test]
fn a_jail_with_a_network_of_its_own_has_its_loopback() {
    let stage = Stage::new("vnet", "  vnet;");
    stage.well(Operation::Start);
    let (text, _) = stage.printed("/sbin/ifconfig -l", Enter::default());
    assert!(text.split_whitespace().any(|name| name == "lo0"), "{text}");
    stage.well(Operation::Stop);
}

/// jexec(8) and jailkit, side by side in one jail.
#[test]
fn a_program_is_what_jexec_makes_of_it() {
    let stage = Stage::new("jexec", "");
    stage.well(Operation::Start);
    if !std::path::Path::new("/usr/sbin/jexec").exists() {
        eprintln!("not compared with jexec(8), which is not here");
        return;
    }
    let line = "id; pwd; umask; ulimit -n; exit 3";
    let user = |user: Option<&str>, passwd| Enter { user: user.map(Into::into), passwd, ..Enter::default() };
    for (flags, enter) in [
        (&[][..], user(None, Passwd::Host)),
        (&["-u", "nobody"], user(Some("nobody"), Passwd::Host)),
        (&["-U", "nobody"], user(Some("nobody"), Passwd::Jail)),
    ] {
        let mut jexec = std::process::Command::new("/usr/sbin/jexec");
        let theirs = jexec.args(flags).arg(&stage.name).args(["/bin/sh", "-c", line]).output().unwrap();
        let (ours, exit) = stage.printed(line, enter);
        assert_eq!(ours, String::from_utf8(theirs.stdout).unwrap(), "{flags:?}");
        assert_eq!(exit, Exit::Status(theirs.status.code().unwrap()), "{flags:?}");
    }
}

/// jail(8) closes what it was handed; a directory of the host would be a way out.
#[test]
fn a_program_inside_has_no_file_of_the_host_open() {
    let stage = Stage::new("files", "  mount.fdescfs;");
    stage.well(Operation::Start);
    let host = std::fs::File::open("/").unwrap();
    // Without close-on-exec, as a shell hands it down.
    let inherited = nix::unistd::dup(&host).unwrap();
    let is_open = |file: i32| stage.printed(&format!("test -e /dev/fd/{file}"), Enter::default()).1;
    assert_eq!(is_open(1), Exit::Status(0));
    assert_eq!(is_open(std::os::fd::AsRawFd::as_raw_fd(&inherited)), Exit::Status(1));
}

/// Whoever is root in the jail may put a link or a pipe where the host's root is about to append to.
#[test]
fn a_console_log_in_the_jail_leads_nowhere_else() {
    let stage = Stage::new("log", "");
    stage.well(Operation::Start);
    let (base, tmp) = (stage.base(), stage.base().join("root/tmp"));
    let run = |log: &str| {
        let program = stage.enter("echo printed", Enter::default());
        NativeHost.processes().run(&Program { console_log: Some(tmp.join(log)), ..program })
    };
    for _ in 0..2 {
        assert_eq!(run("console.log").unwrap(), Exit::Status(0));
    }
    assert_eq!(std::fs::read_to_string(tmp.join("console.log")).unwrap(), "printed\nprinted\n");
    stage.printed(&format!("cd /tmp; ln -s {}/outside link; mkfifo pipe", base.display()), Enter::default());
    for log in ["link", "pipe"] {
        assert!(run(log).is_err(), "{log}");
    }
    assert!(!base.join("outside").exists());
}
