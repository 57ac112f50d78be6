//! `jailkit pf set`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jailkit::pf::{PfRules, Section};
use jailkit::replace::replace_file;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Change a file: macros, options, rules, addresses of tables
///
/// What is changed is changed in place; what is new lands in the section it belongs to. Nothing else of the file is
/// touched, and nothing at all where pf could not read it any more.
///
/// For example: jailkit pf set /etc/pf.conf ext_if=igb0 --rule 'pass in on $ext_if proto tcp to port 22'
#[derive(Args)]
pub(super) struct Set {
    /// The pf.conf
    file: PathBuf,

    /// A macro: NAME=VALUE sets it, NAME takes it out
    #[arg(value_name = "NAME[=VALUE]", required_unless_present_any = ["options", "rule", "remove", "add", "delete"])]
    macros: Vec<String>,

    /// An option: 'block-policy=return' or 'timeout interval=20' sets it, the name alone takes it out
    #[arg(id = "options", long = "option", value_name = "NAME[=VALUE]")]
    options: Vec<String>,

    /// A rule to add at the end of its section, unless it is there
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,

    /// A rule to take out
    #[arg(long, value_name = "RULE")]
    remove: Vec<String>,

    /// An address or network to add to a table, which is made where it is not there
    #[arg(long, value_name = "TABLE=ADDR")]
    add: Vec<String>,

    /// An address or network to take out of a table
    #[arg(long, value_name = "TABLE=ADDR")]
    delete: Vec<String>,
}

impl Set {
    pub(super) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let source = super::source(&self.file)?;
        let mut rules = PfRules::parse(&source)?;
        for text in &self.macros {
            match text.split_once('=') {
                Some((name, value)) => rules.set_macro(name, value)?,
                None => rules.unset_macro(text)?,
            }
        }
        for text in &self.options {
            match text.split_once('=') {
                Some((name, value)) => rules.set_option(name, value)?,
                None => rules.unset_option(text)?,
            }
        }
        for rule in &self.remove {
            rules.remove(rule)?;
        }
        for rule in &self.rule {
            let section = Section::of(rule);
            let section = section.ok_or_else(|| Failure::Usage(format!("no rule of pf.conf begins so: {rule}")))?;
            rules.insert(section, rule)?;
        }
        for (table, address) in in_tables(&self.add)? {
            rules.add_to_table(table, address)?;
        }
        for (table, address) in in_tables(&self.delete)? {
            rules.remove_from_table(table, address)?;
        }
        write(terminal, &self.file, source.text(), rules.text())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn in_tables(texts: &[String]) -> Result<Vec<(&str, &str)>, Failure> {
    let bad = |text: &str| Failure::Usage(format!("{text:?} is no address of a table: write TABLE=ADDRESS"));
    texts.iter().map(|text| text.split_once('=').ok_or_else(|| bad(text))).collect()
}

/// Shows what changes with `-n`, else writes it.
pub(super) fn write(terminal: &Terminal, file: &Path, old: &[u8], new: &[u8]) -> Result<(), Failure> {
    if terminal.dry_run() {
        terminal.say_diff(&file.display().to_string(), old, new)?;
    } else if old != new {
        replace_file(file, new, 0o600)?;
    }
    Ok(())
}
