//! `jailkit conf explain`

use std::process::ExitCode;

use bstr::ByteSlice;
use clap::Args;
use jailkit::jailconf::{Effect, Explained, HostFiles, Operator, Origin, Scope, Setting, Values};
use jailkit::source::printable;

use super::ConfFile;
use super::param_name::ParamName;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// How many bytes of a line are shown.
const LONG_LINE: usize = 160;

/// Say where a jail's parameters come from: every statement about them, and which of them count
///
/// For example: jailkit conf explain /etc/jail.conf www ip4.addr
#[derive(Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    file: ConfFile,
    /// The jail, by its whole name
    jail: String,
    /// One parameter, for example ip4.addr, or a variable as '$name'; without it, all of them, a line each
    #[arg(value_parser = ParamName, hide_possible_values = true)]
    param: Option<String>,
}

impl Explain {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let Some(explanation) = self.file.parse()?.explain(&HostFiles, self.jail.as_bytes())? else {
            terminal.note(format_args!("there is no jail '{}' in {}", self.jail, self.file.file.display()));
            return Ok(ExitCode::FAILURE);
        };
        let params = match &self.param {
            None => &explanation.params[..],
            Some(name) => match explanation.param(name) {
                Some(param) => std::slice::from_ref(param),
                None => {
                    terminal.note(format_args!("nothing sets {name} for the jail {}", self.jail));
                    return Ok(ExitCode::FAILURE);
                }
            },
        };
        if terminal.json() {
            terminal.say_json(&params)?;
        } else if let (Some(_), [param]) = (&self.param, params) {
            say_one(param, terminal)?;
        } else {
            say_all(params, terminal)?;
        }
        if let Some(failed) = &explanation.failed {
            terminal.report(failed);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Each parameter with the place that decided it.
fn say_all(params: &[Explained], terminal: &Terminal) -> Result<(), Failure> {
    let row = |param: &Explained| {
        let winner = param.winner();
        [shown(param), winner.map_or_else(String::new, place), winner.map_or_else(String::new, block)]
    };
    Ok(terminal.say_table(["PARAMETER", "FROM", "BLOCK"], params.iter().map(row).collect())?)
}

/// Every statement about a parameter, and what its variables were replaced by.
fn say_one(param: &Explained, terminal: &Terminal) -> Result<(), Failure> {
    terminal.say(shown(param))?;
    let row = |setting: &Setting| [effect(setting).to_owned(), place(setting), block(setting), line(&setting.origin)];
    terminal.say_table(["EFFECT", "FROM", "BLOCK", "LINE"], param.settings.iter().map(row).collect())?;
    for replaced in param.settings.iter().flat_map(|setting| &setting.variables) {
        let name = printable(&replaced.name);
        match &replaced.origin {
            Some(origin) => terminal.say(format_args!("${name} is {} from {origin}", list(&replaced.values)))?,
            None => terminal.say(format_args!("${name} is not set"))?,
        }
    }
    Ok(())
}

fn shown(param: &Explained) -> String {
    let (dollar, name) = (if param.is_variable { "$" } else { "" }, printable(&param.name));
    if param.values.is_empty() {
        format!("{dollar}{name}")
    } else {
        format!("{dollar}{name} = {}", list(&param.values))
    }
}

fn list(values: &Values) -> String {
    values.iter().map(|value| format!("\"{}\"", printable(value))).collect::<Vec<_>>().join(", ")
}

/// The line of a statement; of a long one as much as tells which it is.
fn line(origin: &Origin) -> String {
    let line = origin.line().trim_ascii();
    if line.len() <= LONG_LINE {
        return printable(line);
    }
    let statement = origin.source.slice(origin.statement);
    let statement = statement.lines().next().unwrap_or_default();
    printable(&statement[..statement.len().min(LONG_LINE)]) + " …"
}

fn place(setting: &Setting) -> String {
    printable(setting.origin.to_string().as_bytes())
}

fn block(setting: &Setting) -> String {
    let block = match &setting.origin.scope {
        Scope::Direct => "the jail's".to_owned(),
        Scope::Wildcard(name) => printable(name),
        Scope::Outer => "outer".to_owned(),
    };
    if setting.is_included { block + ", included" } else { block }
}

fn effect(setting: &Setting) -> &'static str {
    match (setting.effect, setting.operator) {
        (Effect::Counts, Operator::Append) => "adds",
        (Effect::Counts, _) => "sets",
        (Effect::Replaced, _) => "replaced",
        (Effect::Refused, _) => "refused",
    }
}
