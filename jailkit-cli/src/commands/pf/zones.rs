//! The zones that a command line names.

use std::path::PathBuf;

use clap::Args;
use jailkit::jailconf::JailConf;
use jailkit::pf::Interfaces;
use jailkit::pf::reach::Zones;
use jailkit::source::printable;
use jailkit::stack::{self, Stack};

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Where jails and their addresses are said.
#[derive(Args)]
pub(super) struct ZoneSources {
    /// A stack file: its jails and addresses, its external and its loopback interface
    #[arg(long, value_name = "STACK")]
    stack: Option<PathBuf>,

    /// A jail.conf: its jails, with the addresses of ip4.addr and ip6.addr
    #[arg(long, value_name = "JAIL.CONF")]
    conf: Option<PathBuf>,

    /// A jail and its addresses; with @IFACE one with a network stack of its own, behind that interface
    #[arg(long, value_name = "NAME=ADDR,...[@IFACE]")]
    zone: Vec<String>,
}

impl ZoneSources {
    pub(super) fn are_given(&self) -> bool {
        self.stack.is_some() || self.conf.is_some() || !self.zone.is_empty()
    }

    /// The zones; `external` is the outside's interface, where the stack file does not say it.
    pub(super) fn zones(
        &self,
        terminal: &Terminal,
        interfaces: Interfaces,
        external: Option<&str>,
    ) -> Result<Zones, Failure> {
        let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
        let stack = self.read_stack(terminal)?;
        let mut zones = match (&stack, external) {
            (Some(stack), None) => stack.zones_with(interfaces).map_err(|error| usage(&error))?,
            (Some(stack), Some(external)) => {
                let mut stack = stack.clone();
                stack.host.interface = external.to_owned();
                stack.zones_with(interfaces).map_err(|error| usage(&error))?
            }
            (None, external) => Zones::new(interfaces, external.unwrap_or_default()),
        };
        if let Some(path) = &self.conf {
            let conf = JailConf::parse(&super::source(path)?)?.resolve()?;
            let without = zones.add_jails(&conf).map_err(|error| usage(&error))?;
            for jail in without {
                terminal.note(format_args!(
                    "jail {} has no ip4.addr or ip6.addr in {}: left out; name it with --zone",
                    printable(&jail),
                    path.display()
                ));
            }
        }
        for text in &self.zone {
            zones.add(text).map_err(|error| usage(&error))?;
        }
        Ok(zones)
    }

    fn read_stack(&self, terminal: &Terminal) -> Result<Option<Stack>, Failure> {
        let Some(path) = &self.stack else { return Ok(None) };
        let (stack, warnings) = stack::read(&super::source(path)?)?;
        warnings.iter().for_each(|found| terminal.report(found));
        Ok(Some(stack))
    }
}
