//! JSON as bytes (RFC 8259): checked, and looked into, but never taken apart. What comes out is what came in, to the
//! digit, the escape and the order of keys.
//!
//! Templates say what they read ([`Reads`]); one pass ([`scan`]) checks a document and notes where that stands
//! ([`Found`]); the parts are copied from there.

mod error;
mod find;
mod found;
mod plain;
mod reads;
mod scan;
#[cfg(test)]
mod tests;
mod text;
mod tokens;
mod walk;

pub use self::error::JsonError;
pub use self::find::{elements, find};
pub use self::found::{Found, Row, Rows, Span};
pub(crate) use self::plain::{STEP, in_string, not_plain};
pub use self::reads::{Compiled, Reads, Scope, Slot};
pub use self::scan::{MAX_LENGTH, Rules, scan};
pub use self::text::{escape, string_content, unescape};
pub(crate) use self::walk::{Items, copy_compact, items, member, unescaped};

/// Appends the document to `out` without insignificant white space. On an error `out` is left as it was.
pub fn compact(document: &[u8], out: &mut Vec<u8>) -> Result<(), JsonError> {
    let mut reads = Reads::default();
    let whole = reads.field(Scope::DOCUMENT, &[]);
    let mut found = Found::default();
    scan(document, &Rules::default(), &reads.compile(), &mut found)?;
    if let Some(span) = found.at(found.document(), whole) {
        found.copy(document, span, out);
    }
    Ok(())
}

/// Whether a JSON number is 0 in any spelling: `-0`, `0.00`, `0e5`.
pub fn is_zero(number: &[u8]) -> bool {
    let mantissa = number.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or_default();
    !mantissa.iter().any(|byte| matches!(byte, b'1'..=b'9'))
}
