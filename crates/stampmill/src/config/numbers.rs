//! Numbers and sizes, as a configuration writes them.

/// Digits only: no sign, no separators, none at all is no number.
pub(crate) fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// With or without a unit: `64KiB`.
pub(crate) fn bytes(text: &str) -> Option<usize> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit.trim_start() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    usize::try_from(digits(number)?).ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(bytes("65536"), Some(65536));
        assert_eq!(bytes("64KiB"), Some(65536));
        assert_eq!(bytes("64 MiB"), Some(64 << 20));
        assert_eq!(bytes("1GiB"), Some(1 << 30));
        for not_a_size in ["", "MiB", "-1", "1.5GiB", "64MB", "64mib", "99999999999999999999", "99999999999GiB"] {
            assert_eq!(bytes(not_a_size), None, "{not_a_size}");
        }
    }
}
