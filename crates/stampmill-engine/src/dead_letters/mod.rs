//! Dead letters as they stand in their topic: the names of their headers, and what these say.

mod letter;
pub mod names;

pub use self::letter::{Letter, LetterError, hops, with_hops};
