//! The demo's bank transactions: varied, and the same in every run.

/// One event, as it is sent and as it must come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transaction {
    /// From 0; the last digits of its id.
    pub(crate) number: u64,
    /// The record's key: the account.
    pub(crate) account: String,
    /// With the white space that people write.
    pub(crate) sent: String,
    /// Without it. Written by the same words, not made from `sent`.
    pub(crate) compact: String,
}

/// The tutorial's event comes first; its id is that of number 11.
const TUTORIAL: [&str; 2] = [
    r#"{ "id":"TXN011", "type":"withdraw", "accountId":"ACC456", "amount":1500 }"#,
    r#"{"id":"TXN011","type":"withdraw","accountId":"ACC456","amount":1500}"#,
];

const TYPES: [&str; 5] = ["deposit", "withdraw", "transfer", "fee", "interest"];
/// Digits that a program which reads numbers as floats would change.
const AMOUNTS: [&str; 6] =
    ["500", "1500.00", "0.10", "1234567890123456789.123456789", "-25.5e-1", "99999999999999999999"];
const MEMOS: [&str; 6] = [
    r#""rent""#,
    r#""caf\u00e9 \"Zürich\"""#,
    r#""C:\\temp\nnew line\ttab""#,
    r#""<&'> ${not} {{a}} template 😀""#,
    "null",
    r#"{"lines":["a",{"b":[]}],"ok":true}"#,
];

// === impl Transaction ===

impl Transaction {
    pub(crate) fn new(number: u64) -> Self {
        if number == 0 {
            let [sent, compact] = TUTORIAL.map(String::from);
            return Self { number, account: "ACC456".into(), sent, compact };
        }
        let dice = scramble(number);
        let pick = |words: &[&'static str], shift: u32| words[(dice >> shift) as usize % words.len()];
        let account = format!("ACC{:03}", (dice >> 40) % 200);
        let (kind, amount, memo) = (pick(&TYPES, 0), pick(&AMOUNTS, 8), pick(&MEMOS, 16));
        let write = |space: &str| {
            format!(
                "{{{space}\"id\":{space}\"TXN{:03}\",{space}\"type\":\"{kind}\",{space}\"accountId\":\"{account}\",{space}\"amount\":{space}{amount},{space}\"memo\":{memo}{space}}}",
                Self::id(number)
            )
        };
        Self { number, sent: write(" "), compact: write(""), account }
    }

    /// Number 0 has the tutorial's id, 11; the others follow behind it.
    fn id(number: u64) -> u64 {
        number + 11
    }

    /// The number of the transaction that an envelope is around, by its first id.
    pub(crate) fn number_in(envelope: &str) -> Option<u64> {
        let (_, rest) = envelope.split_once("\"id\":\"TXN")?;
        let (digits, _) = rest.split_once('"')?;
        digits.parse::<u64>().ok()?.checked_sub(11)
    }

    /// The envelope of the tutorial around the event, put together by hand.
    pub(crate) fn envelope(&self) -> String {
        let mut envelope = String::from(r#"{"eventType": "transaction", "source": "bank-transactions", "data": "#);
        envelope.push_str(&self.compact);
        envelope.push('}');
        envelope
    }
}

/// SplitMix64: numbers that look thrown, and are the same every time.
fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transaction_is_json_and_knows_its_number() {
        for number in 0..1000 {
            let transaction = Transaction::new(number);
            for text in [&transaction.sent, &transaction.compact, &transaction.envelope()] {
                serde_json::from_str::<serde::de::IgnoredAny>(text).unwrap_or_else(|error| panic!("{error}: {text}"));
            }
            assert_eq!(Transaction::number_in(&transaction.envelope()), Some(number));
            assert_eq!(transaction, Transaction::new(number));
        }
    }

    #[test]
    fn the_two_forms_differ_in_white_space_only() {
        let transaction = Transaction::new(7);
        let without = |text: &str| text.replace(' ', "");
        assert_ne!(transaction.sent, transaction.compact);
        assert_eq!(without(&transaction.sent), without(&transaction.compact));
    }
}
