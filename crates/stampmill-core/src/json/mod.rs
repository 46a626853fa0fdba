//! JSON as bytes (RFC 8259): checked, copied without insignificant white space, and looked into, but never taken
//! apart. What comes out is what came in, to the digit, the escape and the order of keys.

mod compact;
mod find;
mod text;

pub use self::compact::{JsonError, MAX_DEPTH, compact};
pub use self::find::find;
pub use self::text::{escape, string_content, unescape};
