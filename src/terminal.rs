//! Output on a terminal. It contains names, values and messages of others, so control sequences are escaped.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use places::shown_lines;

/// `println!` for whatever may hold text of others.
macro_rules! outln {
    ($($text:tt)+) => { $crate::terminal::out(&format!($($text)+)) };
}

/// `eprintln!` for whatever may hold text of others.
macro_rules! errln {
    ($($text:tt)+) => { $crate::terminal::err(&format!($($text)+)) };
}

/// A line, or several, on standard output.
pub fn out(text: &str) {
    print(&format!("{}\n", shown_lines(text)));
}

/// The same of lines that have their ends.
pub fn out_part(text: &str) {
    print(&shown_lines(text));
}

/// On standard output. Whoever has read enough of it (`| head`) ends nothing; the exit code stays that of what was done.
fn print(text: &str) {
    match io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            err(&format!("standard output cannot be written: {e}"));
            std::process::exit(1);
        }
        _ => {}
    }
}

/// A line, or several, on standard error.
#[expect(clippy::print_stderr, reason = "the one place")]
pub fn err(text: &str) {
    eprintln!("{}", shown_lines(text));
}

/// A progress bar on standard error, where that is a terminal.
pub fn bar(total: Option<u64>, template: &str) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A writer of log lines: one event is one line, and further lines in it are indented, so that none can be forged.
pub struct LogLines<W>(pub W);

impl<W: Write> Write for LogLines<W> {
    /// An event comes in one piece.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(log_line(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The escapes that are left are those of our own colours: tracing writes those of others out.
fn log_line(event: &str) -> String {
    let (event, end) = event.strip_suffix('\n').map_or((event, ""), |event| (event, "\n"));
    let parts: Vec<_> = event.split('\u{1b}').map(shown_lines).collect();
    parts.join("\u{1b}").replace('\n', "\n    ") + end
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_event_forges_a_line_or_moves_the_cursor() {
        for ansi in [false, true] {
            let written_to = Written::default();
            let writer = written_to.clone();
            let lines = tracing_subscriber::fmt().with_ansi(ansi).without_time();
            let lines = lines.with_writer(move || LogLines(writer.clone())).finish();
            let topic = "kv/1/\u{1b}[2J\u{9b}1m\r\nERROR forged\u{202e}\u{7}";
            tracing::subscriber::with_default(lines, || tracing::warn!(topic, "topic {topic}"));
            let written = String::from_utf8(written_to.0.lock().unwrap().clone()).unwrap();
            assert!(written.contains("forged") && written.ends_with('\n'), "{written:?}");
            assert!(
                !written.contains("\u{1b}[2J") && !written.contains(['\r', '\u{9b}', '\u{202e}', '\u{7}'])
            );
            assert!(written.lines().skip(1).all(|line| line.starts_with("    ")), "{written:?}");
            assert_eq!(written.contains('\u{1b}'), ansi, "{written:?}");
        }
    }
}
