//! Moments, as people write and read them.

use jiff::Timestamp;

/// Milliseconds since 1970, of a moment or of how long ago it was.
pub(crate) fn moment(text: &str) -> Result<i64, String> {
    let now = Timestamp::now().as_millisecond();
    let ago = ago(text).and_then(|ago| now.checked_sub(ago));
    let moment = ago.or_else(|| text.parse().map(Timestamp::as_millisecond).ok());
    moment.ok_or_else(|| {
        "expected a moment, as in `2026-11-23T14:00:00Z`, or how long ago, as in `90s`, `30m`, `2h` or `7d`".to_owned()
    })
}

fn ago(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    let number: u32 = text[..text.len() - 1].parse().ok()?;
    i64::from(number).checked_mul(unit)
}

/// In UTC, to the millisecond.
pub(crate) fn written(millis: Option<i64>) -> String {
    match millis.map(Timestamp::from_millisecond) {
        None => "-".to_owned(),
        Some(Ok(moment)) => format!("{moment:.3}"),
        Some(Err(_out_of_range)) => millis.unwrap_or_default().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_one_of_the_calendar_or_some_time_ago() {
        assert_eq!(moment("2023-11-14T22:13:20Z"), Ok(1_700_000_000_000));
        assert_eq!(moment("2023-11-14T23:13:20.5+01:00"), Ok(1_700_000_000_500));
        for (text, millis) in [("90s", 90_000), ("30m", 1_800_000), ("2h", 7_200_000), ("7d", 604_800_000)] {
            assert_eq!(ago(text), Some(millis));
        }
        let (before, hour_ago) = (Timestamp::now().as_millisecond(), moment("1h").expect("a moment"));
        assert!((before - 3_600_000..=Timestamp::now().as_millisecond() - 3_600_000).contains(&hour_ago));
        for wrong in ["", "h", "-2h", "2", "2w", "yesterday", "2026-11-23", "é"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_shown_in_utc() {
        assert_eq!(written(Some(1_700_000_000_001)), "2023-11-14T22:13:20.001Z");
        assert_eq!(written(Some(i64::MAX)), i64::MAX.to_string());
        assert_eq!(written(None), "-");
    }
}
