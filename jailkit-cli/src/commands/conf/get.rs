//! `jailkit conf get`

use std::process::ExitCode;

use clap::Args;
use jailkit::source::printable;

use super::ConfFile;
use super::param_name::ParamName;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text_file::JsonBytes;

/// Print the values of one parameter of a jail, a line each, with variables replaced
///
/// Exit code 1 where the jail does not have the parameter.
#[derive(Args)]
pub(crate) struct Get {
    #[command(flatten)]
    file: ConfFile,
    /// The jail, by its whole name
    jail: String,
    /// The parameter, for example ip4.addr
    #[arg(value_parser = ParamName, hide_possible_values = true)]
    param: String,
}

impl Get {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let resolved = self.file.parse()?.resolve()?;
        let Some(jail) = resolved.jail(self.jail.as_bytes()) else {
            terminal.note(format_args!("there is no jail '{}' in {}", self.jail, self.file.file.display()));
            return Ok(ExitCode::FAILURE);
        };
        let Some(param) = jail.param(&self.param) else { return Ok(ExitCode::FAILURE) };
        if terminal.json() {
            terminal.say_json(&param.values.iter().map(|value| JsonBytes(value)).collect::<Vec<_>>())?;
        } else {
            for value in &param.values {
                terminal.say(printable(value))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
