//! The name of a parameter on the command line.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use jailkit::jailparam;

/// Takes any name, and tells shells the ones there are.
#[derive(Clone)]
pub(super) struct ParamName;

impl TypedValueParser for ParamName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(jailparam::all().map(|def| PossibleValue::new(def.name).help(def.help))))
    }
}
