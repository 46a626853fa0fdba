//! The `envelope` step.

use stampmill_core::template::{Commas, Engine, Media, Options, PayloadFormat};
use stampmill_core::transform::Step;

use super::Common;
use crate::config::section::Section;

/// What it renders is the payload of what follows.
pub(super) fn envelope_step(step: &Section<'_>, common: &mut Common<'_>) -> Option<Step> {
    let (keys, long) = step.long_form("envelope")?;
    let path = step.path("envelope");
    let envelope = Section::open(step.reading, keys, Some(&long), &path);
    let media = envelope.choice("media_type", &[("json", Media::Json), ("text", Media::Text), ("xml", Media::Xml)]);
    let commas = envelope.choice("commas", &[("strict", Commas::Strict), ("fix", Commas::Fix)]);
    let engine = envelope.choice("engine", &[("auto", Engine::Plan), ("handlebars", Engine::Handlebars)]);
    let options = Options {
        commas: commas.unwrap_or(Commas::Strict),
        engine: engine.unwrap_or(Engine::Plan),
        ..common.options(media.unwrap_or(Media::Json))
    };
    let template = match (envelope.is_there("template"), envelope.is_there("file")) {
        (true, false) => envelope.template("template", &options),
        (false, true) => envelope.template_file("file", &options),
        (both, _) => {
            let found = if both { "both" } else { "neither" };
            step.reading.mismatch(step.at("envelope"), "either `template` or `file`", found);
            None
        }
    };
    common.payload = if options.media == Media::Json { PayloadFormat::Json } else { PayloadFormat::Text };
    media.and(commas).and(engine).and(template).map(Step::Envelope)
}
