//! Sixteen bytes at a time, for the two questions that most of a document's bytes answer with no.

use wide::u8x16;

/// Bytes looked at in one step.
pub(crate) const STEP: usize = 16;

/// One bit for each byte, the first lowest.
#[derive(Clone, Copy)]
pub(crate) struct InString {
    /// What does not stand for itself in a string: `"`, `\` and controls below 0x20.
    pub(crate) ends: u32,
    /// What is not ASCII.
    pub(super) wide: u32,
}

/// What is not plain ASCII that stands for itself: [`InString::ends`] or [`InString::wide`].
#[inline(always)]
pub(crate) fn not_plain(bytes: &[u8; STEP]) -> u32 {
    let bytes = u8x16::new(*bytes);
    let quote = bytes.simd_eq(u8x16::splat(b'"'));
    let escape = bytes.simd_eq(u8x16::splat(b'\\'));
    let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    // A bit is the highest of its byte, which only ASCII does not have.
    (quote | escape | control | bytes).to_bitmask()
}

pub(crate) fn in_string(bytes: &[u8; STEP]) -> InString {
    let bytes = u8x16::new(*bytes);
    let quote = bytes.simd_eq(u8x16::splat(b'"'));
    let escape = bytes.simd_eq(u8x16::splat(b'\\'));
    let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    InString { ends: (quote | escape | control).to_bitmask(), wide: bytes.to_bitmask() }
}

/// Quotes and brackets of both kinds.
pub(super) fn brackets_and_quotes(bytes: &[u8; STEP]) -> u32 {
    let bytes = u8x16::new(*bytes);
    // One bit tells `[` from `{`, and `]` from `}`.
    let folded = bytes | u8x16::splat(0x20);
    let quote = bytes.simd_eq(u8x16::splat(b'"'));
    (folded.simd_eq(u8x16::splat(b'{')) | folded.simd_eq(u8x16::splat(b'}')) | quote).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each byte alone among bytes of every other kind, in each place.
    #[test]
    fn a_bit_stands_for_its_byte() {
        for byte in 0..=u8::MAX {
            for place in 0..STEP {
                let mut bytes = [b'x'; STEP];
                bytes[place] = byte;
                let bit = |is: bool| u32::from(is) << place;
                let found = in_string(&bytes);
                assert_eq!(found.ends, bit(byte < 0x20 || byte == b'"' || byte == b'\\'), "{byte:#04x}");
                assert_eq!(found.wide, bit(byte >= 0x80), "{byte:#04x}");
                assert_eq!(not_plain(&bytes), found.ends | found.wide, "{byte:#04x}");
                assert_eq!(brackets_and_quotes(&bytes), bit(b"{}[]\"".contains(&byte)), "{byte:#04x}");
            }
        }
    }
}
