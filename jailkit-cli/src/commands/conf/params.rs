//! `jailkit conf params`

use std::process::ExitCode;

use clap::Args;
use jailkit::jailparam::{self, ParamDef};

use super::param_name::ParamName;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// List the parameters of jails: values, defaults, since when, and what for
///
/// For example: jailkit conf params allow.mount
#[derive(Args)]
pub(crate) struct Params {
    /// One parameter, or what several begin with: exec, allow.mount
    #[arg(value_parser = ParamName, hide_possible_values = true)]
    name: Option<String>,
}

impl Params {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let name = self.name.unwrap_or_default();
        let mut found: Vec<_> = jailparam::find_in(&name).collect();
        if found.is_empty() {
            found.extend(jailparam::find(name.as_bytes()).map(|found| found.def));
        }
        if terminal.json() {
            terminal.say_json(&found)?;
        } else if let [one] = found.as_slice() {
            describe(one, terminal)?;
        } else if !found.is_empty() {
            let row = |def: &&ParamDef| {
                [
                    def.name.to_owned(),
                    def.kind.to_string(),
                    def.default.to_string(),
                    def.since.to_string(),
                    def.help.into(),
                ]
            };
            terminal
                .say_table(["PARAMETER", "VALUES", "DEFAULT", "SINCE", "WHAT FOR"], found.iter().map(row).collect())?;
        }
        if !found.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        let near = jailparam::nearest(&name).map_or(String::new(), |near| format!("; did you mean '{near}'?"));
        terminal.note(format_args!("there is no parameter '{name}'{near}"));
        Ok(ExitCode::FAILURE)
    }
}

fn describe(def: &ParamDef, terminal: &Terminal) -> Result<(), Failure> {
    terminal.say(format_args!("{}: {}", def.name, def.help))?;
    let needs: Vec<_> = def.needs.iter().map(ToString::to_string).collect();
    for (what, text) in [
        ("values", def.kind.to_string()),
        ("default", def.default.to_string()),
        ("needs", needs.join(", ")),
        ("can be set", def.change.to_string()),
        ("belongs to", def.by.to_string()),
        ("since", format!("FreeBSD {}", def.since)),
    ] {
        if !text.is_empty() {
            terminal.say(format_args!("  {what:<11} {text}"))?;
        }
    }
    Ok(())
}
