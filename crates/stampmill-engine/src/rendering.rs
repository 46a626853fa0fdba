//! What the settings of a pipeline make of one record: an envelope, with the key and the headers of the sink.

use std::ops::Range;

use stampmill_core::record::Record;
use stampmill_core::transform::{Failed, LogSink, Outcome, Scratch};

use crate::outputs::{Output, OutputKey, OutputValue, Outputs};
use crate::settings::{PipelineSettings, SinkKey};

/// Appends to the bytes and headers of `outputs`; on a fault too, and it is for the caller to cut that off.
pub(crate) fn render(
    settings: &PipelineSettings,
    record: &Record<'_>,
    scratch: &mut Scratch,
    log: LogSink<'_>,
    outputs: &mut Outputs,
) -> Result<Output, Failed> {
    let start = outputs.bytes.len();
    let value = match settings.transforms.apply(record, scratch, log, &mut outputs.bytes)? {
        Outcome::Payload => OutputValue::Rendered(start..outputs.bytes.len()),
        Outcome::Tombstone => OutputValue::Tombstone,
        Outcome::Skipped => return Ok(Output::Skipped),
    };

    // As the settings have them: the key's template, if there is one, and then those of the headers.
    let headers_from = usize::from(matches!(settings.sink.key, SinkKey::Template));
    let key = match &settings.sink.key {
        SinkKey::Source => OutputKey::Source,
        SinkKey::Null => OutputKey::Null,
        SinkKey::Template => OutputKey::Rendered(render_sink(settings, 0, record, "sink key", scratch, outputs)?),
    };
    let first_header = outputs.headers.len();
    for (place, name) in settings.sink.headers.iter().enumerate() {
        let value = render_sink(settings, headers_from + place, record, name, scratch, outputs)?;
        outputs.headers.push(value);
    }
    Ok(Output::Send { key, value, headers: first_header..outputs.headers.len() })
}

/// Keys and headers are made from the input, not from the envelope.
fn render_sink(
    settings: &PipelineSettings,
    template: usize,
    record: &Record<'_>,
    step: &str,
    scratch: &mut Scratch,
    outputs: &mut Outputs,
) -> Result<Range<usize>, Failed> {
    let start = outputs.bytes.len();
    let rendered = settings.transforms.render_sink(template, record, scratch, &mut outputs.bytes);
    rendered.map_err(|fault| Failed { step: step.into(), fault })?;
    Ok(start..outputs.bytes.len())
}
