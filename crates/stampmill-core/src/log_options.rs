//! Which lines a log step writes, how long they may be, and what happens when the log cannot keep up.

use std::borrow::Cow;
use std::num::{NonZeroU32, NonZeroU64};

/// The defaults write every line whole, and lose none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// One of so many records, the first included.
    pub sample: Option<NonZeroU64>,
    /// Lines a second, at the most.
    pub rate: Option<NonZeroU32>,
    /// Bytes of a message, at the most.
    pub truncate: Option<usize>,
    pub on_full: OnFull,
    /// The lines of a partition come out in the order of its records.
    pub ordered: bool,
}

/// What happens to lines that come faster than the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// The pipeline waits.
    #[default]
    Block,
    /// They are left out.
    Drop,
}

// === impl LogOptions ===

impl LogOptions {
    /// Shortens a message that is too long, and shows it.
    pub fn cut<'a>(&self, message: &'a str) -> Cow<'a, str> {
        match self.truncate.filter(|most| message.len() > *most) {
            None => message.into(),
            Some(most) => {
                let end = (0..=most).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
                format!("{}…", &message[..end]).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_between_characters() {
        let cut = |most: Option<usize>, text: &str| {
            LogOptions { truncate: most, ..LogOptions::default() }.cut(text).into_owned()
        };
        assert_eq!(cut(None, "aé€😀"), "aé€😀");
        assert_eq!(cut(Some(10), "aé€😀"), "aé€😀", "it fits just so");
        assert_eq!(cut(Some(9), "aé€😀"), "aé€…");
        assert_eq!(cut(Some(5), "aé€😀"), "aé…");
        assert_eq!(cut(Some(1), "aé€😀"), "a…");
        assert_eq!(cut(Some(1), "é"), "…");
    }
}
