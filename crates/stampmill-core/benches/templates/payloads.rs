//! Transactions of about 100 B, 500 B, 1 KB, 10 KB and 100 KB: one account, a list of postings, names, times and amounts.

use std::fmt::Write as _;

pub(crate) const SIZES: [(&str, usize); 5] =
    [("100 B", 100), ("500 B", 500), ("1 KB", 1_000), ("10 KB", 10_000), ("100 KB", 100_000)];

/// At least `size` bytes, and less than a posting more.
pub(crate) fn payload(size: usize) -> Vec<u8> {
    let mut json = String::from(r#"{"id":"TXN0000042","type":"withdraw","accountId":"ACC456","amount":1500.00"#);
    if size > 100 {
        json.push_str(
            r#","customer":{"name":"Ada \"L\" Lovelace","address":{"city":"Zürich","zip":"8001"}},"items":["#,
        );
        let mut number = 0;
        while json.len() < size - 20 {
            let comma = if number == 0 { "" } else { "," };
            let (flag, minor) = (number % 3 == 0, number % 100);
            let _ = write!(
                json,
                r#"{comma}{{"sku":"SKU-{number:05}","quantity":{number},"price":{number}.{minor:02},"booked":{flag},"note":null}}"#
            );
            number += 1;
        }
        json.push(']');
    }
    json.push_str(r#","booked":true}"#);
    json.into_bytes()
}
