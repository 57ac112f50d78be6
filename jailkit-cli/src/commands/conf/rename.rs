//! `jailkit conf rename`

use std::process::ExitCode;

use clap::Args;
use jailkit::source::printable;

use super::ConfFile;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Give a jail another name in a jail.conf: in its block, those of the jails in it, and the depend lists of the file
///
/// For example: jailkit conf rename /etc/jail.conf db pg
#[derive(Args)]
pub(crate) struct Rename {
    #[command(flatten)]
    file: ConfFile,
    /// The jail, by its whole name
    old: String,
    /// Its new name
    new: String,
}

impl Rename {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let mut conf = self.file.parse()?;
        let old = conf.text().to_vec();
        if !conf.has_jail(&self.old) {
            return Err(Failure::Usage(format!("the file has no block '{}'", self.old)));
        }
        conf.rename_jail(&self.old, &self.new)?;
        let resolved = conf.resolve()?;
        let left = resolved.jails.iter().filter(|jail| jail.values("depend").iter().any(|name| *name == self.old));
        for jail in left {
            let name = printable(&jail.name);
            terminal
                .note(format_args!("jail {name} depends on {} in an included file; rename it there, too", self.old));
        }
        self.file.write(&old, conf.text(), terminal)
    }
}
