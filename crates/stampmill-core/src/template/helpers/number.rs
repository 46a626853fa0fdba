//! Arithmetic on decimals, exact to the digit.

use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, Zero};

use super::super::value::Value;
use super::{Helper, anything};

pub(super) const HELPERS: &[Helper] = &[
    Helper {
        name: "add",
        arguments: "number number",
        count: 2..=2,
        doc: "the sum, with the digits of both",
        example: ("{{add payload.a \"0.10\"}}", r#"{"a":1500.00}"#, "1500.10"),
        check: anything,
        call: |_, values| both("add", values, |a, b| Ok(a + b)),
    },
    Helper {
        name: "subtract",
        arguments: "number number",
        count: 2..=2,
        doc: "the difference",
        example: ("{{subtract payload.a payload.b}}", r#"{"a":1500.00,"b":0.01}"#, "1499.99"),
        check: anything,
        call: |_, values| both("subtract", values, |a, b| Ok(a - b)),
    },
    Helper {
        name: "multiply",
        arguments: "number number",
        count: 2..=2,
        doc: "the product, with all of its digits",
        example: ("{{multiply payload.a \"1.081\"}}", r#"{"a":19.90}"#, "21.51190"),
        check: anything,
        call: |_, values| both("multiply", values, |a, b| Ok(a * b)),
    },
    Helper {
        name: "divide",
        arguments: "number number scale",
        count: 3..=3,
        doc: "the quotient with so many digits after the point, a half rounded to the even digit",
        example: ("{{divide payload.a 3 2}}", r#"{"a":100}"#, "33.33"),
        check: anything,
        call: |_, values| {
            let scale = scale(&values[2])?;
            both("divide", &values[..2], |a, b| divide(&a, &b, scale))
        },
    },
    Helper {
        name: "round",
        arguments: "number scale",
        count: 2..=2,
        doc: "with so many digits after the point, a half rounded to the even digit",
        example: ("{{round payload.a 2}}", r#"{"a":2.345}"#, "2.34"),
        check: anything,
        call: |_, values| {
            let rounded = decimal("round", &values[0])?.with_scale_round(scale(&values[1])?, RoundingMode::HalfEven);
            Ok(number(&rounded))
        },
    },
];

/// Digits and exponent together: a record must not choose how much memory a sum takes.
const MAX_DIGITS: u64 = 1000;

/// A number, or text that is one.
pub(super) fn decimal(helper: &str, value: &Value<'_>) -> Result<BigDecimal, String> {
    let refuse = || format!("`{helper}` expects numbers, and found {value}");
    let text = match value {
        Value::Number(text) | Value::Text(text) => text.as_ref(),
        _ => return Err(refuse()),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let digits = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let is_plain = digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.ends_with(|last: char| last.is_ascii_digit())
        && digits.chars().all(|character| character.is_ascii_digit() || character == '.')
        && digits.matches('.').count() <= 1;
    let exponent: i64 = exponent.parse().map_err(|_| refuse())?;
    if !is_plain {
        return Err(refuse());
    }
    if digits.len() as u64 + exponent.unsigned_abs() > MAX_DIGITS {
        return Err(format!("`{helper}` takes numbers of at most {MAX_DIGITS} digits, and found {value}"));
    }
    BigDecimal::from_str(text).map_err(|_| refuse())
}

fn both<'a>(
    helper: &str,
    values: &[Value<'_>],
    made: impl FnOnce(BigDecimal, BigDecimal) -> Result<BigDecimal, String>,
) -> Result<Value<'a>, String> {
    made(decimal(helper, &values[0])?, decimal(helper, &values[1])?).map(|made| number(&made))
}

fn number<'a>(decimal: &BigDecimal) -> Value<'a> {
    // With a scale below 0 a zero would be written as several.
    let scale = decimal.fractional_digit_count().max(0);
    Value::Number(decimal.with_scale(scale).to_plain_string().into())
}

fn scale(value: &Value<'_>) -> Result<i64, String> {
    let scale = value.whole("the scale")?;
    if !(0..=100).contains(&scale) {
        return Err(format!("expected a scale from 0 to 100, and found {scale}"));
    }
    Ok(scale)
}

/// Rounded once, from the exact remainder.
fn divide(a: &BigDecimal, b: &BigDecimal, scale: i64) -> Result<BigDecimal, String> {
    if b.is_zero() {
        return Err("`divide` by zero".into());
    }
    let ((mut above, above_scale), (mut below, below_scale)) = (a.as_bigint_and_exponent(), b.as_bigint_and_exponent());
    let shift = scale + below_scale - above_scale;
    let power = BigInt::from(10).pow(u32::try_from(shift.unsigned_abs()).unwrap_or(u32::MAX));
    if shift < 0 {
        below *= power;
    } else {
        above *= power;
    }
    let (mut quotient, rest) = (&above / &below, &above % &below);
    let twice = BigInt::from(rest.magnitude().clone()) * 2;
    let whole = BigInt::from(below.magnitude().clone());
    let is_odd = quotient.bit(0);
    if twice > whole || (twice == whole && is_odd) {
        quotient += if above.sign() == below.sign() { 1 } else { -1 };
    }
    Ok(BigDecimal::new(quotient, scale))
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;

    #[test]
    fn no_digit_is_lost() {
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(call("add", &["1234567890123456789.123456789", "1"]), ok("1234567890123456790.123456789"));
        assert_eq!(call("add", &["0.1", "0.2"]), ok("0.3"));
        assert_eq!(call("subtract", &["1500.00", "\"1500\""]), ok("0.00"));
        assert_eq!(call("multiply", &["1e3", "-1.50"]), ok("-1500"));
        assert_eq!(call("add", &["1E2", "5e-3"]), ok("100.005"));
    }

    #[test]
    fn a_half_goes_to_the_even_digit() {
        let ok = |text: &str| Ok(text.to_owned());
        for (number, rounded) in
            [("0.125", "0.12"), ("0.135", "0.14"), ("-0.125", "-0.12"), ("0.1251", "0.13"), ("7", "7.00")]
        {
            assert_eq!(call("round", &[number, "2"]), ok(rounded), "{number}");
        }
        for (a, b, out) in [
            ("1", "8", "0.12"),
            ("3", "8", "0.38"),
            ("-1", "8", "-0.12"),
            ("1", "-3", "-0.33"),
            ("2", "-3", "-0.67"),
            ("1e3", "0.5", "2000.00"),
        ] {
            assert_eq!(call("divide", &[a, b, "2"]), ok(out), "{a} / {b}");
        }
    }

    #[test]
    fn what_is_no_number_or_too_long_is_refused() {
        assert_eq!(call("add", &["1", "\"x\""]), Err("`add` expects numbers, and found the text `x`".into()));
        for text in [
            "\"\"",
            "\"1.\"",
            "\".5\"",
            "\"1e\"",
            "\"1 \"",
            "\"0x1\"",
            "\"1_000\"",
            "null",
            "[1]",
            "\"--1\"",
            "\"1.2.3\"",
        ] {
            assert!(call("add", &["1", text]).is_err(), "{text}");
        }
        assert!(call("add", &["1", "1e999999999"]).is_err_and(|error| error.contains("at most 1000 digits")));
        assert_eq!(call("divide", &["1", "0.00", "2"]), Err("`divide` by zero".into()));
        assert!(call("round", &["1", "101"]).is_err());
    }
}
