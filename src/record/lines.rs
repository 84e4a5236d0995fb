//! The complete lines of a file that may have been cut off while it was written.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// What `parse` makes of each complete line of a file; `None` passes over a line.
pub(super) fn each_line<T, F: FnMut(&str) -> Result<Option<T>, String>>(
    path: &Path,
    mut parse: F,
) -> io::Result<impl Iterator<Item = io::Result<T>> + use<T, F>> {
    let mut lines = Lines::open(path)?;
    let mut line = String::new();
    Ok(std::iter::from_fn(move || {
        loop {
            match lines.next_into(&mut line) {
                Err(error) => return Some(Err(error)),
                Ok(false) => return None,
                Ok(true) => {}
            }
            match parse(&line) {
                Ok(None) => {}
                Ok(Some(value)) => return Some(Ok(value)),
                Err(problem) => return Some(Err(lines.wrong(&problem))),
            }
        }
    }))
}

/// Reads line by line. A last line without its end was cut off: it is no line.
#[derive(Debug)]
struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path).map_err(|error| named(path, error))?;
        Ok(Self { path: path.to_owned(), reader: BufReader::new(file), number: 0 })
    }

    /// Puts the next line into `line`, without its end; false at the end of the file.
    fn next_into(&mut self, line: &mut String) -> io::Result<bool> {
        line.clear();
        let mut bytes = std::mem::take(line).into_bytes();
        self.reader.read_until(b'\n', &mut bytes).map_err(|error| named(&self.path, error))?;
        self.number += 1;
        if bytes.pop() != Some(b'\n') {
            return Ok(false);
        }
        *line = String::from_utf8(bytes).map_err(|_| self.wrong("it is not UTF-8"))?;
        Ok(true)
    }

    /// An error about the line read last.
    fn wrong(&self, problem: &str) -> io::Error {
        let place = format!("{}, line {}: {problem}", self.path.display(), self.number);
        io::Error::new(io::ErrorKind::InvalidData, place)
    }
}

/// An error that says which file.
pub(super) fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
