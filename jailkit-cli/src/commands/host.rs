//! `jailkit host`

use std::process::ExitCode;

use clap::Args;
use jailkit::host::SimHost;
use jailkit::kernel::sim::Release;
use serde_json::json;

use crate::failure::Failure;
use crate::host;
use crate::terminal::Terminal;

/// Show the host; make a simulated one, and choose its release and interfaces
///
/// The directory of a simulated host is its root file system: put a jail.conf into its etc, and the trees of jails where
/// their paths say. For example: jailkit --root try host --release 14.3 --interface em0
#[derive(Args)]
pub(crate) struct Host {
    /// Boot the simulated host with this FreeBSD release, 13.0 to 15.0; a major number alone is its newest
    #[arg(long, value_name = "RELEASE")]
    release: Option<Release>,

    /// Give the simulated host this interface, such as em0 or epair0b; may be given more than once
    #[arg(long = "interface", value_name = "NAME")]
    interfaces: Vec<String>,
}

impl Host {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let is_setup = self.release.is_some() || !self.interfaces.is_empty();
        let simulated = match host::simulated(terminal)? {
            Some(simulated) => simulated,
            None if is_setup => {
                let message = "--release and --interface set up a simulated host; say where with --root DIR";
                return Err(Failure::Usage(message.to_owned()));
            }
            None => return show(&*host::open(terminal)?, terminal),
        };
        if terminal.dry_run() && is_setup {
            let boot = self.release.map(|release| format!("would boot FreeBSD {release}"));
            let interfaces = self.interfaces.iter().map(|name| format!("would add the interface {name}"));
            boot.into_iter().chain(interfaces).try_for_each(|line| terminal.say(line))?;
            return Ok(ExitCode::SUCCESS);
        }
        self.set_up(&simulated)?;
        show(&simulated, terminal)
    }

    fn set_up(&self, host: &SimHost) -> Result<(), Failure> {
        if let Some(release) = self.release {
            host.boot(release)?;
        }
        for name in &self.interfaces {
            host.plug_in(name)?;
        }
        Ok(())
    }
}

fn show(host: &dyn jailkit::host::Host, terminal: &Terminal) -> Result<ExitCode, Failure> {
    let osreldate = host.kernel().sysctl("kern.osreldate")?;
    let release = format!("{}.{}", osreldate / 100_000, osreldate / 1_000 % 100);
    let interfaces = host.kernel().interfaces()?;
    if terminal.json() {
        let interfaces: Vec<_> =
            interfaces.iter().map(|found| json!({ "name": found.name, "addresses": found.addresses })).collect();
        let is_simulated = host.is_simulated();
        let described = json!({
            "host": host.describe(), "simulated": is_simulated, "release": release, "interfaces": interfaces,
        });
        terminal.say_json(&described)?;
        return Ok(ExitCode::SUCCESS);
    }
    terminal.say(format_args!("{}, FreeBSD {release}", host.describe()))?;
    let rows = interfaces.into_iter().map(|found| {
        let addresses: Vec<_> = found.addresses.iter().map(ToString::to_string).collect();
        [found.name, addresses.join(" ")]
    });
    terminal.say_table(["INTERFACE", "ADDRESSES"], rows.collect())?;
    Ok(ExitCode::SUCCESS)
}
