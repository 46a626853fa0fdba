//! Why a schema is refused, and why a payload cannot be asked.

use thiserror::Error;

use crate::fault::{Fault, FaultClass};

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchemaError {
    #[error("{name} is no JSON: {fault}")]
    NotJson { name: String, fault: String },
    #[error("{name}: {fault}")]
    Document { name: String, fault: DocumentError },
    #[error(
        "{name}: the number `{number}` has more digits than a schema keeps (it would count as `{kept}`); write one with 15 digits at the most"
    )]
    TooPrecise { name: String, number: String, kept: String },
    #[error("{name} is no JSON Schema: {}", .faults.join("; "))]
    Invalid { name: String, faults: Vec<String> },
    #[error("{name}: {fault}")]
    Reference { name: String, fault: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DocumentError {
    #[error("more than {max} arrays and objects within one another, which is as deep as a schema is asked")]
    TooDeep { max: usize },
    #[error("{}: the key `{key}` is there twice, and readers differ in which of them counts", super::place(.pointer))]
    Twice { pointer: String, key: String },
}

// === impl DocumentError ===

impl From<DocumentError> for Fault {
    fn from(error: DocumentError) -> Self {
        let class = match error {
            DocumentError::TooDeep { .. } => FaultClass::TooDeep,
            DocumentError::Twice { .. } => FaultClass::Invalid,
        };
        Fault::new(class, format!("the payload does not meet the schema: {error}"))
    }
}
