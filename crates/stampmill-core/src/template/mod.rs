//! Handlebars templates over a record, proven when they are loaded and compiled to a plan.
//!
//! In the order of what happens: [`parse`](parse) reads the source into a [`tree`], in which every name is resolved by
//! [`names`]; [`prove`](prove) feeds its text to the [`automaton`] of JSON and finds out where each expression stands,
//! or refuses the template; the [`plan`] is what is left to do for a record; [`render`] does it, and [`write`](write)
//! puts each value in its place.

mod automaton;
mod conditions;
mod error;
mod foreign;
mod helpers;
mod names;
mod parse;
mod place;
mod plan;
mod prove;
mod render;
mod tree;
mod value;
mod ways;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use self::error::TemplateError;
use self::error::{Place, Source};
use self::foreign::Foreign;
pub use self::helpers::{Ambient, reference as helper_reference};
use self::names::Names;
pub(crate) use self::names::{nearest, unknown_variable};
pub use self::parse::Partials;
use self::parse::parse;
pub use self::plan::Plan;
use self::prove::{Proof, prove};
pub use self::render::Loops;
use self::tree::Node;
pub use crate::input::{Document, Input, Sources};

/// A template that was read, and proven if it is one of JSON. [`Template::plan`] makes it fit for rendering.
#[derive(Clone, Debug)]
pub struct Template {
    nodes: Vec<Node>,
    proof: Proof,
    media: Media,
    missing: Missing,
    limits: Limits,
    masks: Vec<Vec<String>>,
    ambient: Ambient,
    foreign: Option<Arc<Foreign>>,
}

/// How a template is read and rendered.
#[derive(Clone, Debug)]
pub struct Options {
    pub media: Media,
    pub missing: Missing,
    pub commas: Commas,
    pub payload: PayloadFormat,
    /// The variables that steps before have set, by the first part of their names.
    pub vars: Arc<BTreeSet<String>>,
    pub limits: Limits,
    pub partials: Arc<Partials>,
    /// Paths into the payload whose values show as `***`; `*` stands for every item.
    pub masks: Vec<Vec<String>>,
    pub engine: Engine,
    pub ambient: Ambient,
}

/// Who renders a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// We do, by a plan: proven, and exact to the digit.
    Plan,
    /// The handlebars crate, over values that hold 64 bits of a number: for what no plan can do. What is to be JSON is
    /// looked through before it goes out.
    Handlebars,
}

/// What a template renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// A JSON document, whatever the record holds.
    Json,
    /// Text, in which values stand as they are: a string without its quotes and escapes.
    Text,
    /// Text, in which values are escaped for the content and the attributes of XML.
    Xml,
}

/// What a field becomes that the record does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// `null` in place of a value, nothing inside of a string or a text.
    Lenient,
    /// A fault.
    Strict,
}

/// What becomes of a template that some records would lead to a comma too many or too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commas {
    /// It is refused.
    Strict,
    /// Commas are put right while it is rendered.
    Fix,
}

/// What a payload is to a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadFormat {
    Json,
    /// One text, in UTF-8.
    Text,
    /// Bytes, which a template writes as base64.
    Bytes,
}

/// What one record may take, so that none can stop the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub output_bytes: usize,
    /// Operations of the plan, each item of an `#each` anew.
    pub steps: u64,
}

// === impl Template ===

impl Template {
    /// Reads a template. One of JSON that cannot be proven to render JSON is refused.
    pub fn new(source: &str, options: &Options) -> Result<Self, TemplateError> {
        if options.engine == Engine::Handlebars {
            return Self::foreign(source, options);
        }
        let source = Arc::new(Source { partial: None, text: source.to_owned() });
        let nodes = parse(&source, &options.partials, &Names::new(options.payload, Arc::clone(&options.vars)))?;
        let proof = match options.media {
            Media::Json => prove(&nodes, &Place::new(&source, source.text.len()), options.commas)?,
            Media::Text | Media::Xml => Proof::default(),
        };
        let Options { media, missing, limits, masks, ambient, .. } = options.clone();
        Ok(Self { nodes, proof, media, missing, limits, masks, ambient, foreign: None })
    }

    fn foreign(source: &str, options: &Options) -> Result<Self, TemplateError> {
        let foreign = Foreign::new(source, options)?;
        let Options { media, missing, limits, masks, ambient, .. } = options.clone();
        let (nodes, proof) = (Vec::new(), Proof::default());
        Ok(Self { nodes, proof, media, missing, limits, masks, ambient, foreign: Some(Arc::new(foreign)) })
    }

    /// What is to be done for a record. What it reads of its documents is added to `sources`, which several templates over
    /// the same documents share.
    pub fn plan(&self, sources: &mut Sources) -> Plan {
        Plan::new(self, &self.proof, sources)
    }

    fn is_strict(&self) -> bool {
        self.missing == Missing::Strict
    }
}

// === impl Options ===

impl Options {
    /// The defaults, for that media.
    pub fn new(media: Media, ambient: Ambient) -> Self {
        Self {
            media,
            missing: Missing::Lenient,
            commas: Commas::Strict,
            payload: PayloadFormat::Json,
            vars: Arc::default(),
            limits: Limits::default(),
            partials: Arc::default(),
            masks: Vec::new(),
            engine: Engine::Plan,
            ambient,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { output_bytes: 16 << 20, steps: 1_000_000 }
    }
}

#[cfg(test)]
mod tests;
