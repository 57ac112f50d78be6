//! `jailkit conf resolve`

use std::process::ExitCode;

use clap::Args;
use jailkit::source::printable;
use serde::Serialize;

use super::ConfFile;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text_file::JsonBytes;

/// Show what a jail.conf comes to for each jail: every parameter, as jail(8) makes it of the file
///
/// For example: jailkit conf resolve /etc/jail.conf
#[derive(Args)]
pub(crate) struct Resolve {
    #[command(flatten)]
    file: ConfFile,
}

/// One jail of the answer for programs.
#[derive(Serialize)]
struct Jail<'a> {
    jail: JsonBytes<'a>,
    failed: bool,
    params: Vec<Vec<JsonBytes<'a>>>,
}

impl Resolve {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let resolved = self.file.parse()?.resolve()?;
        if terminal.json() {
            let jails = resolved.jails.iter().map(|jail| Jail {
                jail: JsonBytes(&jail.name),
                failed: jail.failed.is_some(),
                params: jail
                    .params
                    .iter()
                    .map(|param| {
                        std::iter::once(&param.name).chain(&param.values).map(|text| JsonBytes(text)).collect()
                    })
                    .collect(),
            });
            terminal.say_json(&jails.collect::<Vec<_>>())?;
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
                terminal.note(format_args!("jail {}: {}", printable(&jail.name), printable(reason.as_bytes())));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
