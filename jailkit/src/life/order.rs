//! In which order jails start: each behind those it depends on.

use bstr::ByteSlice;

use super::LifeError;
use crate::jailconf::{Resolved, ResolvedJail};

/// The jails of these names and all that they depend on, each behind its dependencies.
pub(super) fn starting<'a>(conf: &'a Resolved, names: &[&str]) -> Result<Vec<&'a ResolvedJail>, LifeError> {
    let mut order = Order { conf, done: Vec::new(), on_the_way: Vec::new() };
    names.iter().try_for_each(|name| order.visit(name.as_bytes()))?;
    Ok(order.done)
}

struct Order<'a> {
    conf: &'a Resolved,
    done: Vec<&'a ResolvedJail>,
    on_the_way: Vec<&'a ResolvedJail>,
}

impl Order<'_> {
    fn visit(&mut self, name: &[u8]) -> Result<(), LifeError> {
        let shown = || name.to_str_lossy().into_owned();
        let jail = self.conf.jail(name).ok_or_else(|| LifeError::Unknown(shown()))?;
        if self.done.iter().any(|done| done.name == jail.name) {
            return Ok(());
        }
        if self.on_the_way.iter().any(|above| above.name == jail.name) {
            return Err(LifeError::Circle(shown()));
        }
        self.on_the_way.push(jail);
        jail.values("depend").iter().try_for_each(|needed| self.visit(needed))?;
        self.on_the_way.pop();
        self.done.push(jail);
        Ok(())
    }
}
