//! What the settings of a pipeline make of one record: what each sink takes of it, with the key and the headers.

use std::ops::Range;

use stampmill_core::record::Record;
use stampmill_core::transform::{Came, Failed, LogSink, Outgoing, Scratch};

use crate::outputs::{Changed, Guard, Output, OutputKey, OutputKind, OutputValue, Outputs, Send};
use crate::settings::{PipelineSettings, Sink, SinkKey};

/// Appends what comes of a record, of which `place` is the place in its batch. On a fault some may have been appended
/// already: it is for the caller to go back.
pub(crate) fn render(
    settings: &PipelineSettings,
    (place, record): (usize, &Record<'_>),
    scratch: &mut Scratch,
    log: LogSink<'_>,
    outputs: &mut Outputs,
) -> Result<(), Failed> {
    let (first, guards) = (outputs.list.len(), outputs.guards.len());
    let mut open = Vec::new();
    let mut came = |came: Came<'_, '_>| {
        match came {
            Came::Out { sinks, outgoing } => for_sinks(settings, place, sinks, outgoing, outputs)?,
            Came::Nothing { step } => outputs.filtered.add(step),
            Came::IfNew { step, window, key } => {
                open.push(outputs.guards.len());
                let part = outputs.guards.len() - guards;
                let outputs_of = outputs.list.len()..outputs.list.len();
                let step = step.to_owned();
                outputs.guards.push(Guard { step, window, key, record: place, part, outputs: outputs_of });
            }
            Came::EndIfNew => {
                let end = outputs.list.len();
                open.pop().into_iter().for_each(|guard: usize| outputs.guards[guard].outputs.end = end);
            }
            Came::Throttled { bucket } => {
                outputs.throttled.resize(outputs.throttled.len().max(bucket + 1), 0);
                outputs.throttled[bucket] += 1;
            }
        }
        Ok(())
    };
    settings.transforms.apply(record, scratch, log, &mut came)?;
    // Each record has an output, so that it is settled in its turn.
    if outputs.list.len() == first {
        outputs.list.push(Output { record: place, kind: OutputKind::Skipped });
    }
    Ok(())
}

fn for_sinks(
    settings: &PipelineSettings,
    place: usize,
    sinks: &[usize],
    outgoing: &mut Outgoing<'_, '_>,
    outputs: &mut Outputs,
) -> Result<(), Failed> {
    let value = match outgoing.payload() {
        None => OutputValue::Tombstone,
        Some(payload) => OutputValue::Rendered(outputs.append(payload)),
    };
    for number in sinks {
        let sink = &settings.sinks[*number];
        let send = for_sink((*number, sink), outgoing, value.clone(), outputs)?;
        outputs.list.push(Output { record: place, kind: OutputKind::Send(send) });
    }
    Ok(())
}

fn for_sink(
    (number, sink): (usize, &Sink),
    outgoing: &mut Outgoing<'_, '_>,
    value: OutputValue,
    outputs: &mut Outputs,
) -> Result<Send, Failed> {
    // As the settings have them: the key's template, if there is one, and then those of the headers.
    let headers_from = usize::from(matches!(sink.key, SinkKey::Template));
    let mut template = |template: usize, step: &str, outputs: &mut Outputs| -> Result<Range<usize>, Failed> {
        let start = outputs.bytes.len();
        let rendered = outgoing.render(number, template, &mut outputs.bytes);
        rendered.map_err(|fault| Failed { step: format!("{} {step}", sink.name), fault })?;
        Ok(start..outputs.bytes.len())
    };
    let key = match &sink.key {
        SinkKey::Source => OutputKey::Source,
        SinkKey::Null => OutputKey::Null,
        SinkKey::Template => OutputKey::Rendered(template(0, "key", outputs)?),
    };
    let first_header = outputs.headers.len();
    for (place, name) in sink.headers.iter().enumerate() {
        let value = template(headers_from + place, name, outputs)?;
        outputs.headers.push(value);
    }
    let headers = first_header..outputs.headers.len();
    let key = match (key, outgoing.key()) {
        (OutputKey::Source, Some(None)) => OutputKey::Null,
        (OutputKey::Source, Some(Some(set))) => OutputKey::Rendered(outputs.append(set)),
        (key, _) => key,
    };
    let is_changed = outgoing.timestamp().is_some() || !outgoing.headers().is_empty();
    let changed =
        is_changed.then(|| Box::new(Changed { timestamp: outgoing.timestamp(), headers: outgoing.headers().to_vec() }));
    Ok(Send { sink: number, key, value, headers, changed })
}
