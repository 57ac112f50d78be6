//! `jailkit where`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jailkit::whereis;

use crate::failure::Failure;
use crate::stack::StackFile;
use crate::terminal::Terminal;

/// Say where a jail's path really lies on the host, and whether the jail may write there
///
/// For example: jailkit where www:/var/run/mysql/mysql.sock
#[derive(Args)]
pub(crate) struct Where {
    /// The jail and a path as it sees it
    #[arg(value_name = "JAIL:PATH", value_parser = jail_and_path)]
    what: (String, PathBuf),

    #[command(flatten)]
    file: StackFile,
}

fn jail_and_path(text: &str) -> Result<(String, PathBuf), String> {
    let (jail, path) = text.split_once(':').ok_or("a jail's name, a colon and a path: www:/var/run")?;
    if !Path::new(path).is_absolute() {
        return Err("the path starts at the jail's root directory, with a slash".to_owned());
    }
    Ok((jail.to_owned(), path.into()))
}

impl Where {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let stack = self.file.read_if_there(terminal)?;
        let host = crate::host::open(terminal)?;
        let (jail, path) = &self.what;
        let found = whereis::locate(&*host, stack.as_ref(), jail, path)?;
        if terminal.json() {
            terminal.say_json(&found)?;
            return Ok(ExitCode::SUCCESS);
        }
        let access = if found.writable { "read-write" } else { "read-only" };
        terminal.say(format_args!("{}  ({access})", found.on_host.display()))?;
        for mount in &found.through {
            let access = if mount.flags.read_only { "ro" } else { "rw" };
            let (source, target) = (mount.source.display(), mount.target.display());
            terminal.note(format_args!("through {} {source} on {target}, {access}", mount.fstype));
        }
        if !found.running {
            terminal.note(format_args!("jail {jail} does not run; this is where the path will lie"));
        } else if !found.exists {
            terminal.note("nothing is there now");
        }
        Ok(ExitCode::SUCCESS)
    }
}
