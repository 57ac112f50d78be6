//! `jailkit conf move`

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::ConfFile;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text_file::unreadable;

/// Move jails out of a jail.conf into a file that it includes
///
/// The blocks go to the end of the file where it is included already, by name or by a pattern; else .include takes the
/// place of the first of them. What the jails come to stays the same, or nothing is moved.
///
/// For example: jailkit conf move /etc/jail.conf www /etc/jail.conf.d/www.conf
#[derive(Args)]
pub(crate) struct Move {
    #[command(flatten)]
    file: ConfFile,
    /// The jails, by their whole names
    #[arg(required = true)]
    jails: Vec<String>,
    /// The file they go to; it is created where there is none
    include_file: PathBuf,
}

impl Move {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let conf = self.file.parse()?;
        let into = &self.include_file;
        let current = match std::fs::read(into) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|error| unreadable(into, &error))?,
        };
        if let Some(jail) = self.jails.iter().find(|jail| !conf.has_jail(jail)) {
            return Err(Failure::Usage(format!("the file has no block '{jail}'")));
        }
        let written = self.written()?;
        let jails: Vec<&str> = self.jails.iter().map(String::as_str).collect();
        let moved = conf.move_jails(&jails, &written, &current)?;
        if moved.is_reordered {
            terminal.note("jail(8) comes to the jails of the file in another order now");
        }
        if terminal.dry_run() {
            terminal.say_diff(&into.display().to_string(), &current, moved.included.text())?;
            terminal.say_diff(&self.file.file.display().to_string(), conf.text(), moved.file.text())?;
        } else {
            moved.write()?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// How the file names the other one: from its own directory on, where that leads there.
    fn written(&self) -> Result<String, Failure> {
        let dir = self.file.file.parent().unwrap_or(Path::new(""));
        let path = match self.include_file.strip_prefix(dir) {
            _ if self.include_file.is_absolute() => self.include_file.clone(),
            Ok(below) => below.to_owned(),
            Err(_) => std::path::absolute(&self.include_file)?,
        };
        let no_text = |_| Failure::Usage("the name of the included file must be UTF-8".to_owned());
        path.into_os_string().into_string().map_err(no_text)
    }
}
