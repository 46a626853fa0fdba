//! Case files of `stampmill test`, read to be tried on a broker.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::Value;

use crate::client::TestRecord;

/// A record, those that come before it, and what becomes of it. Digits are not looked at: `stampmill test` does.
pub struct Golden {
    pub name: String,
    pub before: Vec<TestRecord>,
    pub input: TestRecord,
    pub expected: Expected,
}

#[derive(Debug, PartialEq)]
pub enum Expected {
    /// In the order of their sinks.
    Outputs(Vec<Output>),
    DeadLetter {
        class: String,
        step: Option<String>,
        reason: Option<String>,
    },
    Nothing,
}

/// What is `None` is not looked at.
#[derive(Debug, PartialEq)]
pub struct Output {
    pub topic: String,
    /// JSON, or null for a tombstone.
    pub payload: Value,
    pub key: Option<String>,
    pub headers: Option<Vec<(String, Option<String>)>>,
}

/// All cases of a file.
pub fn read(path: &Path) -> Result<Vec<Golden>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let documents = Yaml::load_from_str(&text)?;
    let file = json(documents.first().context("a document")?)?;
    let cases = file["cases"].as_array().context("`cases`")?;
    cases.iter().map(|case| golden(case).with_context(|| case["name"].to_string())).collect()
}

fn golden(case: &Value) -> Result<Golden> {
    let before = case["before"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(Golden {
        name: case["name"].as_str().context("a name")?.to_owned(),
        before: before.iter().map(record).collect::<Result<_>>()?,
        input: record(&case["input"])?,
        expected: expected(&case["expect"])?,
    })
}

fn record(input: &Value) -> Result<TestRecord> {
    let value = match (&input["json"], &input["payload"]) {
        (Value::Null, Value::String(text)) => Some(text.clone().into_bytes()),
        (Value::Null, Value::Null) => None,
        (json, Value::Null) => Some(json.to_string().into_bytes()),
        _ => bail!("a payload of another kind than these tests know"),
    };
    let headers = headers(&input["headers"])?.into_iter().map(|(name, value)| (name, value.map(String::into_bytes)));
    let key = input["key"].as_str().map(|key| key.as_bytes().to_vec());
    Ok(TestRecord { key, value, headers: headers.collect(), ..TestRecord::default() })
}

fn expected(expect: &Value) -> Result<Expected> {
    if let Some(outputs) = expect["outputs"].as_array() {
        return Ok(Expected::Outputs(outputs.iter().map(output).collect::<Result<_>>()?));
    }
    let letter = &expect["dead_letter"];
    if let Some(class) = letter["class"].as_str() {
        let text = |key: &str| letter[key].as_str().map(str::to_owned);
        return Ok(Expected::DeadLetter { class: class.to_owned(), step: text("step"), reason: text("reason") });
    }
    match expect["skipped"] {
        Value::Bool(true) => Ok(Expected::Nothing),
        _ => bail!("an expectation of another kind than these tests know: {expect}"),
    }
}

fn output(output: &Value) -> Result<Output> {
    let payload = match (&output["json"], &output["payload"]) {
        (Value::Null, Value::String(text)) => serde_json::from_str(text)?,
        (json, _) => json.clone(),
    };
    let headers = match &output["headers"] {
        Value::Null => None,
        list => Some(headers(list)?),
    };
    let topic = output["topic"].as_str().context("the topic: these cases are tried on a broker")?.to_owned();
    Ok(Output { topic, payload, key: output["key"].as_str().map(str::to_owned), headers })
}

fn headers(list: &Value) -> Result<Vec<(String, Option<String>)>> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |item: &Value| {
        let (name, value) = item.as_object().and_then(|item| item.iter().next()).context("`name: value`")?;
        Ok((name.clone(), value.as_str().map(str::to_owned)))
    };
    items.iter().map(one).collect()
}

fn json(yaml: &Yaml<'_>) -> Result<Value> {
    Ok(match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(is_so)) => (*is_so).into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::FloatingPoint(number)) => number.into_inner().into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Sequence(items) => items.iter().map(json).collect::<Result<_>>()?,
        Yaml::Mapping(entries) => {
            let entry = |(key, value): (&Yaml<'_>, &Yaml<'_>)| {
                Ok((key.as_str().context("a key that is a text")?.to_owned(), json(value)?))
            };
            Value::Object(entries.iter().map(entry).collect::<Result<_>>()?)
        }
        other => bail!("{other:?} is not known to these tests"),
    })
}

// === impl Output ===

impl Output {
    /// What is otherwise than expected.
    pub fn difference(&self, found: &TestRecord) -> Option<String> {
        let payload = found.value.as_ref().map_or(Ok(Value::Null), |value| serde_json::from_slice(value));
        let is_payload = payload.is_ok_and(|payload| payload == self.payload);
        let key = found.key.as_deref().map(|key| String::from_utf8_lossy(key).into_owned());
        let is_key = self.key.is_none() || self.key == key;
        let text = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
        let headers: Vec<_> =
            found.headers.iter().map(|(name, value)| (name.clone(), value.as_ref().map(text))).collect();
        let are_headers = self.headers.as_ref().is_none_or(|expected| *expected == headers);
        let is_expected = is_payload && is_key && are_headers;
        (!is_expected).then(|| format!("expected {self:?}, found {:?} under {key:?} with {headers:?}", found.text()))
    }
}
