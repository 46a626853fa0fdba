//! Texts that are put together from files, and read again as these change.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A text, some of it from files.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(pub Vec<Piece>);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    Text(String),
    /// What stands in it, without one line end at its end.
    File(PathBuf),
}

// === impl Secret ===

impl Secret {
    /// Whether it can come to be another text.
    pub fn is_from_files(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::File(_)))
    }

    /// As its files are now.
    ///
    /// # Errors
    /// The first file that cannot be read, which the error names.
    pub fn read(&self) -> io::Result<String> {
        self.0.iter().map(Piece::read).collect()
    }
}

// === impl Piece ===

impl Piece {
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self) -> io::Result<String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => {
                let named = |error: io::Error| io::Error::new(error.kind(), format!("`{}`: {error}", path.display()));
                let text = std::fs::read_to_string(path).map_err(named)?;
                let line = text.strip_suffix('\n').unwrap_or(&text);
                Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
            }
        }
    }
}

impl fmt::Debug for Secret {
    /// The texts between may be secret, too.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.0.iter().filter_map(|piece| match piece {
            Piece::File(path) => Some(path),
            Piece::Text(_) => None,
        });
        out.debug_list().entries(files).finish()
    }
}
