//! `stampmill dead-letters show`: all of one.

use std::io::Write;

use stampmill_core::record::Record;
use stampmill_engine::dead_letters::{Letter, LetterError, names};
use stampmill_engine::kafka::reader::TopicReader;

use super::DeadLettersError;
use super::arguments::Show;
use crate::commands::bytes::{escaped, line, lines, size};
use crate::commands::moment::written;

/// The numbers among the headers for Spring's tools.
const BIG_ENDIAN: [&str; 3] = [names::SPRING_PARTITION, names::SPRING_OFFSET, names::SPRING_TIMESTAMP];

pub(super) fn run(reader: &TopicReader, show: &Show, out: &mut dyn Write) -> Result<(), DeadLettersError> {
    let (partition, offset) = show.place;
    let Some(batch) = reader.one(partition, offset)? else {
        let held = reader.held_by(partition)?;
        let topic = reader.topic().to_owned();
        return Err(DeadLettersError::NothingThere { topic, partition, offset, low: held.low, high: held.high });
    };
    let record = batch.record(0);
    if show.raw {
        out.write_all(value(&record)?)?;
    } else {
        write_all(&record, out)?;
    }
    Ok(out.flush()?)
}

fn value<'a>(record: &Record<'a>) -> Result<&'a [u8], DeadLettersError> {
    record.payload.ok_or_else(|| {
        let stub = Letter::read(*record).ok().and_then(|letter| letter.stub);
        DeadLettersError::NoValue(stub.map_or("it is null".to_owned(), escaped))
    })
}

fn write_all(record: &Record<'_>, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "dead letter   {}/{} offset {}", record.topic, record.partition, record.offset.get())?;
    match Letter::read(*record) {
        Ok(letter) => write_letter(&letter, out)?,
        Err(why) => write_stranger(record, &why, out)?,
    }
    writeln!(out, "\nheaders ({})", record.headers.len())?;
    for (name, value) in record.headers.iter() {
        writeln!(out, "  {} = {}", line(Some(name)), header(name, value))?;
    }
    for (title, bytes) in [("key", record.key), ("value", record.payload)] {
        writeln!(out, "\n{title} ({})", size(bytes))?;
        if bytes.is_some() {
            lines(bytes).iter().try_for_each(|line| writeln!(out, "  {line}"))?;
        }
    }
    Ok(())
}

fn write_letter(letter: &Letter<'_>, out: &mut dyn Write) -> std::io::Result<()> {
    let group = letter.group.map_or(String::new(), |group| format!(", group {group}"));
    let source = format!("{}/{} offset {}{group}", letter.topic, letter.partition, letter.offset);
    let mut fact = |name: &str, value: &str| writeln!(out, "{name:<12}  {}", escaped(value));
    fact("class", letter.class)?;
    fact("reason", letter.reason)?;
    fact("source", &source)?;
    fact("made", &written(letter.timestamp))?;
    fact("pipeline", &format!("{}, {}", letter.pipeline, letter.transform))?;
    if let Some(attempts) = letter.attempts {
        fact("tries", &attempts.to_string())?;
    }
    if letter.first_time.is_some() {
        fact("first failed", &written(letter.first_time))?;
        fact("last tried", &written(letter.last_time))?;
    }
    letter.instance.map_or(Ok(()), |instance| fact("instance", instance))?;
    letter.stub.map_or(Ok(()), |stub| fact("stub", stub))
}

fn write_stranger(record: &Record<'_>, why: &LetterError, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "not a dead letter of stampmill: {why}")?;
    writeln!(out, "made          {}", written(record.timestamp))
}

fn header(name: &[u8], value: Option<&[u8]>) -> String {
    let number = match value {
        Some(bytes) if BIG_ENDIAN.iter().any(|known| known.as_bytes() == name) => big_endian(bytes),
        _ => None,
    };
    number.map_or_else(|| line(value), |(number, bits)| format!("{number} (int{bits})"))
}

fn big_endian(bytes: &[u8]) -> Option<(i64, usize)> {
    let number = match bytes.len() {
        4 => i64::from(i32::from_be_bytes(bytes.try_into().ok()?)),
        8 => i64::from_be_bytes(bytes.try_into().ok()?),
        _ => return None,
    };
    Some((number, bytes.len() * 8))
}

#[cfg(test)]
mod tests {
    use stampmill_core::record::{Batch, Offset};

    use super::*;

    #[test]
    fn numbers_for_spring_are_shown_as_numbers() {
        let name = names::SPRING_OFFSET.as_bytes();
        assert_eq!(header(name, Some(&42i64.to_be_bytes())), "42 (int64)");
        assert_eq!(header(names::SPRING_PARTITION.as_bytes(), Some(&(-1i32).to_be_bytes())), "-1 (int32)");
        assert_eq!(header(name, Some(b"\xff")), "base64:/w==", "broken ones as what they are");
        assert_eq!(header(b"other", Some(b"\x00\x00\x00\x01")), "\\u0000\\u0000\\u0000\\u0001");
    }

    #[test]
    fn a_stranger_is_shown_too() {
        let mut batch = Batch::new("dead".into(), 1);
        batch.push(Offset::new(5), Some(0), None, Some(b"two\nlines"));
        batch.push_header(b"\xff", None);
        let mut out = Vec::new();
        write_all(&batch.record(0), &mut out).expect("a vector takes all");
        let expected = "dead letter   dead/1 offset 5
not a dead letter of stampmill: it has no header `stampmill-error`
made          1970-01-01T00:00:00.000Z

headers (1)
  base64:/w== = (null)

key (null)

value (9 bytes)
  two
  lines
";
        assert_eq!(String::from_utf8_lossy(&out), expected);
        batch.push(Offset::new(6), None, None, None);
        assert!(
            value(&batch.record(1)).is_err_and(|error| error.to_string() == "it has no value to write: it is null")
        );
    }
}
