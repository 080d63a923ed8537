//! The journal of events: what `tracing`'s macros say, one line each, on standard output.
//!
//! Two formats, both as dnsdist writes them: plain lines are the message alone; structured lines are
//! `msg="…" subsystem="…" level="0" prio="Info" ts="…"` followed by the event's fields. A message therefore says
//! everything a person needs, and fields repeat for machines what it says. The subsystem is the event's target,
//! or the last part of it where no target was given and it is a module path.
//!
//! There is no syslog client: standard output is what systemd's journal and container runtimes read, with or
//! without `--disable-syslog`. There is no rate limit either, because nothing is logged per packet: what packets
//! cause is [counted](crate::counters). Spans are accepted and ignored.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span;
use tracing::subscriber::SetGlobalDefaultError;
use tracing::{Event, Level, Metadata, Subscriber};

/// The installed journal, as [`Journal::to_bits`] has it.
static INSTALLED: AtomicU8 = AtomicU8::new(0);

/// How lines look and which are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// The format of lines.
    pub format: Format,
    /// Writes debug events too.
    pub verbose: bool,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The message.
    #[default]
    Plain,
    /// The time (RFC 3339, UTC) and the message.
    PlainWithTime,
    /// `key="value"` pairs.
    Structured,
}

impl Journal {
    /// Makes this the journal of the whole program.
    ///
    /// # Errors
    /// When there is one already; see [`change`](Self::change).
    pub fn install(self) -> Result<(), SetGlobalDefaultError> {
        INSTALLED.store(self.to_bits(), Relaxed);
        tracing::subscriber::set_global_default(StandardOutput)
    }

    /// Makes the installed journal go on like this, as a configuration (`setStructuredLogging`, `setVerbose`) may
    /// want it.
    pub fn change(self) {
        INSTALLED.store(self.to_bits(), Relaxed);
        // tracing remembers for each event whether anybody wants it.
        tracing::callsite::rebuild_interest_cache();
    }

    /// The journal that was installed or changed to last.
    pub fn current() -> Self {
        Self::from_bits(INSTALLED.load(Relaxed))
    }

    const fn to_bits(self) -> u8 {
        (self.format as u8) << 1 | self.verbose as u8
    }

    const fn from_bits(bits: u8) -> Self {
        let format = match bits >> 1 {
            0 => Format::Plain,
            1 => Format::PlainWithTime,
            _ => Format::Structured,
        };
        Self {
            format,
            verbose: bits & 1 == 1,
        }
    }

    fn max_level(self) -> LevelFilter {
        if self.verbose {
            LevelFilter::DEBUG
        } else {
            LevelFilter::INFO
        }
    }

    /// The line for an event that happened at `time`.
    fn line(self, event: &Event<'_>, time: Duration) -> String {
        let mut text = Text::default();
        event.record(&mut text);
        let mut line = String::new();
        let written = match self.format {
            Format::Plain => writeln!(line, "{}", Printable(&text.message)),
            Format::PlainWithTime => writeln!(line, "{} {}", Utc(time), Printable(&text.message)),
            Format::Structured => writeln!(
                line,
                "msg={} subsystem={} level=\"0\" prio=\"{}\" ts=\"{}.{:06}\"{}",
                Quoted(&text.message),
                Quoted(subsystem(event.metadata())),
                priority(*event.metadata().level()),
                time.as_secs(),
                time.subsec_micros(),
                text.fields
            ),
        };
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        line
    }
}

/// Writes what [`Journal::current`] says.
struct StandardOutput;

impl Subscriber for StandardOutput {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Journal::current().max_level()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(Journal::current().max_level())
    }

    fn event(&self, event: &Event<'_>) {
        // Before 1970 the clock is wrong anyway.
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = Journal::current().line(event, time);
        // Where standard output is gone there is nowhere left to say so.
        let _ = io::stdout().lock().write_all(line.as_bytes());
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

fn subsystem<'a>(metadata: &Metadata<'a>) -> &'a str {
    let target = metadata.target();
    target.rsplit("::").next().unwrap_or(target)
}

fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "Error",
        Level::WARN => "Warning",
        Level::INFO => "Info",
        _ => "Debug",
    }
}

/// An event as text: its message, and its other fields as ` key="value"`.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={}", field.name(), Quoted(&format!("{value:?}")))
        };
        debug_assert!(written.is_ok(), "a value could not be formatted");
    }

    // Strings would get a second pair of quotes from their `Debug` form.
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// Text that may hold anything, on one line: control characters are escaped as in Rust.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            c if c.is_control() => write!(f, "{}", c.escape_default()),
            c => f.write_char(c),
        })
    }
}

/// A value in double quotes; quotes, backslashes and control characters in it are escaped.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        self.0.chars().try_for_each(|c| match c {
            '"' | '\\' => write!(f, "\\{c}"),
            c if c.is_control() => write!(f, "{}", c.escape_default()),
            c => f.write_char(c),
        })?;
        f.write_char('"')
    }
}

/// Time since 1970 as RFC 3339 writes it, to the second, in UTC.
struct Utc(Duration);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_secs();
        let (year, month, day) = date(secs / 86_400);
        let (hour, minute, second) = (secs / 3600 % 24, secs / 60 % 60, secs % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// Year, month and day that many days after 1970-01-01, by walking the calendar: at most a few hundred steps.
fn date(mut days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    let february = 28 + u64::from(is_leap(year));
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn plain_lines_are_the_message_alone() {
        let lines = journal(Format::Plain, || {
            tracing::info!(backend = "b1", "Marking downstream {} as 'down'", "b1");
            tracing::info!("two\nlines");
        });
        assert_eq!(lines, "Marking downstream b1 as 'down'\ntwo\\nlines\n");
    }

    #[test]
    fn plain_lines_can_begin_with_the_time() {
        let lines = journal(Format::PlainWithTime, || tracing::info!("up"));
        assert_eq!(lines, "2025-03-18T13:17:41Z up\n");
    }

    #[test]
    fn structured_lines_have_dnsdists_keys_and_the_fields() {
        let lines = journal(Format::Structured, || {
            tracing::info!(target: "setup", path = "a \"b\" \\ c\n", rules = 3, "Configuration OK");
            tracing::warn!("from a module");
        });
        assert_eq!(
            lines,
            "msg=\"Configuration OK\" subsystem=\"setup\" level=\"0\" prio=\"Info\" ts=\"1742303861.000042\" \
             path=\"a \\\"b\\\" \\\\ c\\n\" rules=\"3\"\n\
             msg=\"from a module\" subsystem=\"tests\" level=\"0\" prio=\"Warning\" ts=\"1742303861.000042\"\n"
        );
    }

    #[test]
    fn debug_events_are_written_when_verbose() {
        let events = || tracing::debug!("detail");
        assert_eq!(journal(Format::Plain, events), "");
        let verbose = Journal {
            format: Format::Plain,
            verbose: true,
        };
        assert_eq!(written(verbose, events), "detail\n");
    }

    #[test]
    fn the_installed_journal_can_be_changed() {
        for format in [Format::Plain, Format::PlainWithTime, Format::Structured] {
            for verbose in [false, true] {
                let journal = Journal { format, verbose };
                journal.change();
                assert_eq!(Journal::current(), journal);
            }
        }
    }

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(11_017), (2000, 3, 1));
        assert_eq!(date(20_453), (2025, 12, 31));
        assert_eq!(date(20_454), (2026, 1, 1));
    }

    fn journal(format: Format, events: impl FnOnce()) -> String {
        written(
            Journal {
                format,
                verbose: false,
            },
            events,
        )
    }

    /// What a journal writes of `events`, all at one moment.
    fn written(journal: Journal, events: impl FnOnce()) -> String {
        let lines = Arc::new(Mutex::new(String::new()));
        let recorder = Recorder {
            journal,
            lines: Arc::clone(&lines),
        };
        tracing::subscriber::with_default(recorder, events);
        lines.lock().unwrap().clone()
    }

    /// A journal that keeps its lines.
    struct Recorder {
        journal: Journal,
        lines: Arc<Mutex<String>>,
    }

    impl Subscriber for Recorder {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() <= self.journal.max_level()
        }

        fn event(&self, event: &Event<'_>) {
            let line = self.journal.line(event, Duration::new(1_742_303_861, 42_000));
            self.lines.lock().unwrap().push_str(&line);
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }
}
