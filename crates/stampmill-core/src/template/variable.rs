//! What a template can name: the record, and nothing else, so that a typo is found when the template is loaded.

/// A part of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    /// The payload, or what stands at a path of keys and array places within it.
    Payload(Vec<String>),
    Key,
    /// The last header of that name.
    Header(String),
    Topic,
    Partition,
    Offset,
    Timestamp,
}

const NAMES: [&str; 7] = ["payload", "key", "headers", "topic", "partition", "offset", "timestamp"];

// === impl Variable ===

impl Variable {
    /// The error says what to write instead.
    pub(super) fn from_path(path: &[String]) -> Result<Self, String> {
        let (name, rest) = path.split_first().ok_or("expected a variable such as `payload`")?;
        let plain = |variable: Self| match rest.first() {
            None => Ok(variable),
            Some(field) => {
                Err(format!("`{name}` has no fields, so `{name}.{field}` is nothing: write `{{{{{name}}}}}`"))
            }
        };
        match (name.as_str(), rest) {
            ("payload", _) => Ok(Self::Payload(rest.to_vec())),
            ("headers", [header]) => Ok(Self::Header(header.clone())),
            ("headers", _) => {
                Err("expected the name of one header, as in `{{headers.trace}}` or `{{headers.[content-type]}}`".into())
            }
            ("key", _) => plain(Self::Key),
            ("topic", _) => plain(Self::Topic),
            ("partition", _) => plain(Self::Partition),
            ("offset", _) => plain(Self::Offset),
            ("timestamp", _) => plain(Self::Timestamp),
            _ => Err(unknown(name)),
        }
    }
}

/// What a variable is called in an error.
impl std::fmt::Display for Variable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Payload(path) if path.is_empty() => write!(out, "payload"),
            Self::Payload(path) => write!(out, "payload.{}", path.join(".")),
            Self::Header(name) => write!(out, "headers.{name}"),
            Self::Key => write!(out, "key"),
            Self::Topic => write!(out, "topic"),
            Self::Partition => write!(out, "partition"),
            Self::Offset => write!(out, "offset"),
            Self::Timestamp => write!(out, "timestamp"),
        }
    }
}

fn unknown(name: &str) -> String {
    let nearest = NAMES.iter().map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
    match nearest {
        Some((distance, known)) if distance * 2 < known.len() => {
            format!("there is no variable `{name}`: did you mean `{known}`?")
        }
        _ => format!(
            "there is no variable `{name}`: expected one of `{}`; a field of the payload is `payload.{name}`",
            NAMES.join("`, `")
        ),
    }
}
