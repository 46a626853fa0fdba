//! A JSON Schema that payloads must meet.
//!
//! The validator is the crate jsonschema's. What it looks into is the payload itself, taken apart without a copy
//! ([`tree`], [`node`]), in which a number is its text: so numbers of any length are compared as they are written
//! ([`exact`], [`compare`], [`decimal`]). Regular expressions are those of the crate regex, which takes a time that grows with
//! the text alone.

mod compare;
mod decimal;
mod error;
mod exact;
mod node;
#[cfg(test)]
mod properties;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod violations;

use std::fmt;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ReferencingError, Retrieve, Uri, ValidationError, Validator};
use serde_json::Value;

pub use self::error::{DocumentError, SchemaError};
use self::node::{Payload, Whole};
pub(crate) use self::tree::Tree;
use crate::fault::{Fault, FaultClass};

/// Of a payload with more values than that only the first violation is told: each takes some hundred bytes of memory, and
/// every value could be one.
const VALUES: usize = 10_000;

/// A schema, compiled. A clone is the same one.
#[derive(Clone)]
pub struct Schema {
    validator: Arc<Validator<Payload>>,
    text: Arc<str>,
}

/// What a schema is made of.
pub struct Source<'a> {
    /// What errors call it.
    pub name: &'a str,
    pub text: &'a str,
    /// What relative references are relative to, unless the schema has an `$id`.
    pub base: &'a str,
    /// Gives the text of another schema that it refers to by an address, or says why there is none.
    pub fetch: Arc<Fetch>,
}

/// Gives the text at an address, or says why there is none.
pub type Fetch = dyn Fn(&str) -> Result<String, String> + Send + Sync;

// === impl Schema ===

impl Schema {
    /// By the draft that `$schema` names, or else 2020-12.
    ///
    /// # Errors
    /// It is no schema, or refers to something that is not to be had.
    pub fn new(source: &Source<'_>) -> Result<Self, SchemaError> {
        let value = source::read(source.name, source.text)?;
        let options = jsonschema::options_for::<Payload>()
            .with_base_uri(source.base)
            .with_retriever(Fetcher(Arc::clone(&source.fetch)))
            .with_pattern_options(PatternOptions::regex());
        let built = exact::with_exact_numbers(options).build(&value);
        let validator = built.map_err(|error| refusal(source.name, &value, &error))?;
        Ok(Self { validator: Arc::new(validator), text: source.text.into() })
    }

    /// Of a payload that is a JSON document. `tree` is a buffer that is used again.
    pub(crate) fn check(&self, payload: &[u8], tree: &mut Tree) -> Result<(), Fault> {
        // It was checked to be UTF-8, so that this cannot fail; and if it did, it would be seen.
        let document = simdutf8::basic::from_utf8(payload)
            .map_err(|_| Fault::new(FaultClass::InvalidUtf8, "the payload is not UTF-8"))?;
        tree.read(document)?;
        let root = Whole { document, tree }.root();
        match self.validator.is_valid(root) {
            true => Ok(()),
            false => Err(self.fault(root, tree.items.len())),
        }
    }

    #[cold]
    fn fault(&self, root: node::At<'_>, values: usize) -> Fault {
        let text = match values > VALUES {
            false => violations::text(self.validator.iter_errors(root)),
            true => {
                let first = violations::text(self.validator.validate(root).err().into_iter());
                format!(
                    "{first}; and maybe more, for of more than {VALUES} values only the first that is wrong is told"
                )
            }
        };
        Fault::new(FaultClass::Invalid, format!("the payload does not meet the schema: {text}"))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Schema").field(&self.text).finish()
    }
}

/// Everything that is wrong with it by its meta-schema, or the one thing that it cannot be compiled for.
fn refusal(name: &str, schema: &Value, error: &ValidationError<'_>) -> SchemaError {
    let name = name.to_owned();
    if let ValidationErrorKind::Referencing(error) = error.kind() {
        let fault = match error {
            ReferencingError::Unretrievable { uri, source } => format!("`$ref` to `{uri}`: {source}"),
            ReferencingError::PointerToNowhere { pointer } => format!("`$ref` to `#{pointer}`, which is not there"),
            ReferencingError::UnknownSpecification { specification } => {
                format!("`$schema` is `{specification}`, which is no draft that is known here")
            }
            other => other.to_string(),
        };
        return SchemaError::Reference { name, fault };
    }
    let by_meta_schema = jsonschema::meta::validator_for(schema);
    let mut faults: Vec<String> = match &by_meta_schema {
        Ok(validator) => validator.iter_errors(schema).map(|error| violations::in_place(&error)).collect(),
        Err(_) => Vec::new(),
    };
    if faults.is_empty() {
        faults.push(violations::in_place(error));
    }
    SchemaError::Invalid { name, faults }
}

/// A JSON pointer in words.
fn place(pointer: &str) -> String {
    if pointer.is_empty() { "at the top".to_owned() } else { format!("at `{pointer}`") }
}

/// Nothing is ever taken from the network.
struct Fetcher(Arc<Fetch>);

impl Retrieve for Fetcher {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let text = (self.0)(uri.as_str())?;
        Ok(source::read(uri.as_str(), &text)?)
    }
}
