//! Where spans go.

use super::section::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traces {
    /// Begins with `http://` or `https://`.
    pub(crate) endpoint: String,
    pub(crate) one_in: u64,
    pub(crate) service: String,
}

/// `None` where no spans are wanted, and where something is wrong, which has been noted.
pub(super) fn traces(root: &Section<'_>) -> Option<Traces> {
    let section = root.table("traces", "traces");
    let (one_in, service) = (section.number("one_in"), section.text("service"));
    if !section.is_there("endpoint") {
        return None;
    }
    let endpoint = section.text("endpoint")?;
    let host = endpoint.text.strip_prefix("http://").or_else(|| endpoint.text.strip_prefix("https://"));
    if host.is_none_or(str::is_empty) {
        let expected = "`http://` or `https://` and a host, as in `http://localhost:4318/v1/traces`";
        return section.refuse("endpoint", endpoint, expected);
    }
    Some(Traces { endpoint: endpoint.text, one_in: one_in?, service: service?.text })
}
