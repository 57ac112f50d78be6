//! `jailkit conf resolve`

use std::process::ExitCode;

use clap::Args;
use jailkit::source::printable;

use super::ConfFile;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Show what a jail.conf comes to for each jail: every parameter, as jail(8) makes it of the file
///
/// For example: jailkit conf resolve /etc/jail.conf
#[derive(Args)]
pub(crate) struct Resolve {
    #[command(flatten)]
    file: ConfFile,
}

impl Resolve {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let resolved = self.file.parse()?.resolve()?;
        if terminal.json() {
            terminal.say_json(&resolved)?;
            return Ok(ExitCode::SUCCESS);
        }
        for jail in &resolved.jails {
            terminal.say(format_args!("{} {{", printable(&jail.name)))?;
            for param in &jail.params {
                let values: Vec<_> = param.values.iter().map(|value| format!("\"{}\"", printable(value))).collect();
                let equals = if values.is_empty() { "" } else { " = " };
                terminal.say(format_args!("    {}{equals}{};", printable(&param.name), values.join(", ")))?;
            }
            terminal.say("}")?;
            if let Some(reason) = &jail.failed {
                terminal.note(format_args!("jail {}: {}", printable(&jail.name), printable(reason.message.as_bytes())));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
