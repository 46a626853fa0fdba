//! The header that carries a trace from one program to the next (W3C Trace Context, `traceparent`).

use std::fmt::Write;

/// The trace that a record belongs to, and the span of whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Not all zeros.
    pub trace: [u8; 16],
    /// Not all zeros.
    pub span: [u8; 8],
    /// Whoever began the trace wants its spans kept.
    pub sampled: bool,
}

pub const TRACEPARENT: &str = "traceparent";

const SAMPLED: u8 = 1;
/// `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits.
const LENGTH: usize = 55;

// === impl TraceContext ===

impl TraceContext {
    /// `None` for what is no such header: it is passed on as it came then. Of a later version the part is read that this one
    /// knows, as the recommendation asks for.
    pub fn parse(header: &[u8]) -> Option<Self> {
        let (known, more) = header.split_at_checked(LENGTH)?;
        let version = hex::<1>(&known[..2])?[0];
        let is_whole = match version {
            0 => more.is_empty(),
            0xff => false,
            _ => more.is_empty() || more[0] == b'-',
        };
        let dashes = [known[2], known[35], known[52]];
        if !is_whole || dashes != [b'-'; 3] {
            return None;
        }
        let (trace, span) = (hex::<16>(&known[3..35])?, hex::<8>(&known[36..52])?);
        let sampled = hex::<1>(&known[53..])?[0] & SAMPLED != 0;
        (trace != [0; 16] && span != [0; 8]).then_some(Self { trace, span, sampled })
    }

    pub fn header(&self) -> String {
        let flags = if self.sampled { SAMPLED } else { 0 };
        format!("00-{}-{}-{flags:02x}", digits(&self.trace), digits(&self.span))
    }
}

/// Lower case, as the recommendation has it.
pub fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_recommendation_is_read_and_written() {
        let context = TraceContext::parse(HEADER.as_bytes()).expect("is one");
        assert_eq!((context.trace[0], context.span[1], context.sampled), (0x4b, 0xf0, true));
        assert_eq!(context.header(), HEADER);
    }

    #[test]
    fn what_is_no_such_header_is_left_alone() {
        let cases = [
            "",
            "00",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ];
        for case in cases {
            assert_eq!(TraceContext::parse(case.as_bytes()), None, "{case}");
        }
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-what-comes";
        assert!(TraceContext::parse(later.as_bytes()).is_some_and(|context| context.sampled));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(trace in any::<[u8; 16]>(), span in any::<[u8; 8]>(), sampled: bool) {
            prop_assume!(trace != [0; 16] && span != [0; 8]);
            let context = TraceContext { trace, span, sampled };
            prop_assert_eq!(TraceContext::parse(context.header().as_bytes()), Some(context));
        }

        #[test]
        fn no_header_panics(header in any::<Vec<u8>>()) {
            let _ = TraceContext::parse(&header);
        }
    }
}
