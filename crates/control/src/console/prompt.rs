//! The console on a terminal: a line editor with history and completion.

use std::io::{self, Write};
use std::path::Path;

use rustyline::completion::Completer;
use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Context, Editor, Helper};

use super::client::{Client, write_answer};

/// Lines kept in the history file.
const MAX_HISTORY: usize = 1000;

/// Reads commands from the terminal until end of file, `quit` or `exit`.
///
/// `words` are what the tabulator key completes; `history` is read first and written last, where given.
///
/// # Errors
/// When the connection or the terminal fails.
pub fn interact(client: &mut Client, words: Vec<String>, history: Option<&Path>) -> io::Result<()> {
    let mut editor: Editor<Words, DefaultHistory> = Editor::new().map_err(io::Error::other)?;
    editor.set_helper(Some(Words(words)));
    editor.set_completion_type(CompletionType::List);
    editor.set_auto_add_history(true);
    editor
        .set_max_history_size(MAX_HISTORY)
        .map_err(io::Error::other)?;
    // There is none the first time.
    let _ = history.map(|path| editor.load_history(path));
    loop {
        let line = match editor.readline("> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(io::Error::other(error)),
        };
        match line.trim() {
            "" => continue,
            "quit" | "exit" => break,
            command => write_answer(&client.ask(command)?, &mut io::stdout().lock())?,
        }
    }
    let saved = history.map_or(Ok(()), |path| editor.save_history(path));
    saved.or_else(|error| writeln!(io::stderr(), "The history was not saved: {error}"))
}

/// Completes the word before the cursor.
struct Words(Vec<String>);

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..at).unwrap_or(line);
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let start = typed.trim_end_matches(is_part).len();
        let word = typed.get(start..).unwrap_or_default();
        let known = self
            .0
            .iter()
            .filter(|known| !word.is_empty() && known.starts_with(word));
        Ok((start, known.cloned().collect()))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}

impl Validator for Words {}

impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_before_the_cursor_is_completed() {
        let words = Words(["showPools", "showRules", "getPool"].map(str::to_owned).to_vec());
        let history = DefaultHistory::new();
        let complete = |line: &str, at| words.complete(line, at, &Context::new(&history)).unwrap();
        assert_eq!(
            complete("show", 4),
            (0, vec!["showPools".to_owned(), "showRules".to_owned()])
        );
        assert_eq!(complete("x = getP", 8), (4, vec!["getPool".to_owned()]));
        assert_eq!(
            complete("getPool(\"rec\"):showR", 20),
            (15, vec!["showRules".to_owned()])
        );
        assert_eq!(complete("showPools()", 5), (0, vec!["showPools".to_owned()]));
        assert_eq!(complete("", 0), (0, vec![]));
        assert_eq!(complete("show ", 5), (5, vec![]));
    }
}
