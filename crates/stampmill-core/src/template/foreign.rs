//! `engine: handlebars`: the whole template rendered by the crate over values, and what must be JSON looked through.

use handlebars::{
    Context, Handlebars, Helper as Arguments, HelperDef, RenderContext, RenderError, RenderErrorReason, ScopedJson,
};
use serde_json::{Map, Value as Json};

use super::error::{Place, Source, TemplateError};
use super::helpers::{self, Ambient, Helper};
use super::place::byte_at;
use super::tree::Part;
use super::value::Value;
use super::write::json_value;
use super::{Limits, Media, Missing, Options, PayloadFormat};
use crate::escape::escape_xml;
use crate::fault::{Fault, FaultClass};
use crate::input::Input;
use crate::json::compact;

#[derive(Debug)]
pub(super) struct Foreign {
    registry: Handlebars<'static>,
    media: Media,
    payload: PayloadFormat,
}

/// One of our helpers, as the crate calls it.
struct Ours {
    helper: &'static Helper,
    ambient: Ambient,
}

const NAME: &str = "template";

// === impl Foreign ===

impl Foreign {
    pub(super) fn new(text: &str, options: &Options) -> Result<Self, TemplateError> {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(options.missing == Missing::Strict);
        match options.media {
            Media::Json | Media::Text => registry.register_escape_fn(handlebars::no_escape),
            Media::Xml => registry.register_escape_fn(escaped_xml),
        }
        for helper in helpers::all() {
            registry.register_helper(helper.name, Box::new(Ours { helper, ambient: options.ambient }));
        }
        let partials = options.partials.iter().map(|(name, text)| (name.as_str(), Some(name.clone()), text.as_str()));
        for (name, partial, text) in partials.chain([(NAME, None, text)]) {
            registry.register_template_string(name, text).map_err(|error| {
                let source = Source { partial, text: text.to_owned() }.into();
                let (line, column) = error.pos().unwrap_or((1, 1));
                Place::new(&source, byte_at(text, line, column)).error(error.reason().to_string())
            })?;
        }
        Ok(Self { registry, media: options.media, payload: options.payload })
    }

    pub(super) fn reads_json(&self) -> bool {
        self.payload == PayloadFormat::Json
    }

    pub(super) fn render(&self, input: &Input<'_>, limits: &Limits, out: &mut Vec<u8>) -> Result<(), Fault> {
        let context = Context::from(Json::Object(self.data(input)?));
        let rendered = self.registry.render_with_context(NAME, &context);
        let text = rendered.map_err(|error| Fault::new(FaultClass::Helper, format!("the template fails: {error}")))?;
        if text.len() > limits.output_bytes {
            let most = limits.output_bytes;
            let reason = format!("the output is longer than the {most} bytes that `limits.output_bytes` allows");
            return Err(Fault::new(FaultClass::Limit, reason));
        }
        if self.media == Media::Json {
            compact(text.as_bytes(), &mut Vec::new()).map_err(|error| {
                Fault::new(FaultClass::Output, format!("what the template rendered is not a JSON document: {error}"))
            })?;
        }
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn data(&self, input: &Input<'_>) -> Result<Map<String, Json>, Fault> {
        let mut headers = Map::new();
        for (name, value) in input.record.headers.iter() {
            // A header that is no text must not stop a template that may not even look at it.
            let value = value.map_or(Json::Null, |value| String::from_utf8_lossy(value).into());
            headers.insert(String::from_utf8_lossy(name).into_owned(), value);
        }
        let payload = match self.payload {
            PayloadFormat::Json => serde_json::from_slice(input.payload.text()).map_err(|error| {
                let reason = format!("the payload is JSON, but not what `engine: handlebars` can hold: {error}");
                Fault::new(FaultClass::NotJson, reason)
            })?,
            PayloadFormat::Text => to_json(&input.part(&Part::PayloadText)?),
            PayloadFormat::Bytes => to_json(&input.part(&Part::PayloadBytes)?),
        };
        let mut data = Map::from_iter([("payload".to_owned(), payload), ("headers".to_owned(), headers.into())]);
        let vars = input.vars.bytes.unwrap_or(b"{}");
        let vars = serde_json::from_slice(vars).map_err(|error| {
            let reason = format!("the variables are JSON, but not what `engine: handlebars` can hold: {error}");
            Fault::new(FaultClass::NotJson, reason)
        })?;
        data.insert("vars".to_owned(), vars);
        for part in [Part::Key, Part::Topic, Part::Partition, Part::Offset, Part::Timestamp] {
            data.insert(part.to_string(), to_json(&input.part(&part)?));
        }
        Ok(data)
    }
}

fn escaped_xml(text: &str) -> String {
    let mut out = Vec::new();
    escape_xml(text, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Of a number what 64 bits hold.
fn to_json(value: &Value<'_>) -> Json {
    match value {
        Value::Missing | Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Text(text) => Json::String(text.to_string()),
        Value::Number(json) | Value::Json(json) => serde_json::from_str(json).unwrap_or(Json::Null),
    }
}

impl HelperDef for Ours {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        arguments: &Arguments<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let fail = |reason: String| RenderError::from(RenderErrorReason::Other(reason));
        let texts: Vec<Option<String>> = arguments
            .params()
            .iter()
            .map(|argument| (!argument.is_value_missing()).then(|| argument.value().to_string()))
            .collect();
        if !self.helper.count.contains(&texts.len()) {
            let Helper { name, arguments, .. } = self.helper;
            return Err(fail(format!("expected `{{{{{name} {arguments}}}}}`, and found {} arguments", texts.len())));
        }
        let value = |text: &Option<String>| {
            text.as_ref().map_or(Value::Missing, |text| json_value(text.as_bytes()).into_owned())
        };
        let values: Vec<Value<'static>> = texts.iter().map(value).collect();
        let made = (self.helper.call)(&self.ambient, &values).map_err(fail)?;
        Ok(ScopedJson::Derived(to_json(&made)))
    }
}
