//! The two forms of a boolean parameter's name.

/// The `no` form of a parameter: in front of the last part of its name, as jail(8) has it.
///
/// # Example
/// ```
/// use jailkit::jailparam::no_form;
/// assert_eq!(no_form("allow.raw_sockets"), "allow.noraw_sockets");
/// assert_eq!(no_form("persist"), "nopersist");
/// ```
pub fn no_form(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((front, last)) => format!("{front}.no{last}"),
        None => format!("no{name}"),
    }
}

/// The parameter of which a name is the `no` form; none where its last part does not begin with `no`.
///
/// Names such as `notify` begin so too: whether the answer is a parameter, and a boolean, is for the caller to ask.
///
/// # Example
/// ```
/// use jailkit::jailparam::plain_form;
/// assert_eq!(plain_form("allow.noraw_sockets").as_deref(), Some("allow.raw_sockets"));
/// assert_eq!(plain_form("path"), None);
/// ```
pub fn plain_form(name: &str) -> Option<String> {
    match name.rsplit_once('.') {
        Some((front, last)) => last.strip_prefix("no").map(|last| format!("{front}.{last}")),
        None => name.strip_prefix("no").map(str::to_owned),
    }
}
