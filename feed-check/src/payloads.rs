//! Messages from files: captures, folders of payloads, single payloads, lines of `mosquitto_sub -v`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use domain::UtcMicros;
use places::open_regular;

use crate::Message;
use crate::capture::{self, Damage, ReadError, Reader};

/// The largest payload that is read from a file, and the longest line: as a broker delivers.
const MAX_PAYLOAD_BYTES: u64 = 16 << 20;

/// Files of a folder that are read, by their names.
const MAX_FILES: usize = 100_000;

/// Folders in folders.
const MAX_DEPTH: usize = 8;

/// What a file holds.
#[derive(Debug, PartialEq)]
pub enum Found {
    /// A message.
    Message(Message),
    /// A damaged part of a capture.
    Damage(Damage),
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
pub struct FileError {
    path: PathBuf,
    error: io::Error,
}

/// Calls `each` with all messages of a file or folder; hidden files are left out. `topic`: on which payloads came that do not say so
/// themselves.
///
/// # Errors
/// Something cannot be read. What was read before has been given to `each`.
pub fn of_path(path: &Path, topic: Option<&str>, mut each: impl FnMut(Found)) -> Result<(), FileError> {
    let mut files = Vec::new();
    collect(path, 0, &mut files)?;
    for path in files {
        let failed = |error| FileError { path: path.clone(), error };
        let mut file: File = open_regular(&path).map_err(failed)?;
        let mut head = [0; 64];
        let length = read_up_to(&mut file, &mut head).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        of_input(&head[..length], BufReader::new(file), topic, &mut each).map_err(failed)?;
    }
    Ok(())
}

/// The same of an input such as standard input.
///
/// # Errors
/// It cannot be read.
pub fn of_stream(mut input: impl Read, topic: Option<&str>, mut each: impl FnMut(Found)) -> io::Result<()> {
    let mut head = [0; 64];
    let length = read_up_to(&mut input, &mut head)?;
    let head = &head[..length];
    of_input(head, BufReader::new(head.chain(input)), topic, &mut each)
}

fn read_up_to(input: &mut impl Read, head: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < head.len() {
        match input.read(&mut head[length..])? {
            0 => break,
            n => length += n,
        }
    }
    Ok(length)
}

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), FileError> {
    let failed = |error| FileError { path: path.to_owned(), error };
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth > MAX_DEPTH {
        return Err(failed(io::Error::other(format!("folders lie more than {MAX_DEPTH} deep"))));
    }
    let entries = std::fs::read_dir(path).map_err(failed)?;
    let mut entries =
        entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>().map_err(failed)?;
    entries.sort();
    for entry in entries {
        let is_hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !is_hidden {
            collect(&entry, depth + 1, files)?;
        }
        if files.len() > MAX_FILES {
            return Err(failed(io::Error::other(format!("more than {MAX_FILES} files lie in it"))));
        }
    }
    Ok(())
}

fn of_input(
    head: &[u8],
    mut input: impl BufRead,
    topic: Option<&str>,
    each: &mut impl FnMut(Found),
) -> io::Result<()> {
    if capture::is_capture(head) {
        for item in Reader::new(input) {
            match item {
                Ok(record) => each(Found::Message(record.into())),
                Err(ReadError::Damaged(damage)) => each(Found::Damage(damage)),
                Err(ReadError::Io(error)) => return Err(error),
            }
        }
        return Ok(());
    }
    let payload = |payload: &[u8]| Message {
        received_at: None,
        topic: topic.map(str::to_owned),
        qos: None,
        retain: false,
        payload: payload.to_vec(),
    };
    let mut line = Vec::new();
    // The first line shows whether each line is a message of its own.
    let mut is_over = next_line(&mut input, &mut line)?;
    // Protobuf may begin with a line feed.
    if !is_over && !is_message(&line) && !line.starts_with(b"# ") {
        let mut rest = Vec::new();
        input.take(MAX_PAYLOAD_BYTES + 1).read_to_end(&mut rest)?;
        line.extend(rest);
        if line.len() as u64 > MAX_PAYLOAD_BYTES {
            return Err(io::Error::other(format!(
                "is larger than {MAX_PAYLOAD_BYTES} bytes, the most that a broker delivers"
            )));
        }
        each(Found::Message(payload(&line)));
        return Ok(());
    }
    let mut n = 0;
    loop {
        let text = line.trim_ascii();
        if !text.is_empty() && !is_comment(text) {
            each(Found::Message(with_topic(text).unwrap_or_else(|| payload(text))));
            n += 1;
        }
        if is_over {
            break;
        }
        line.clear();
        is_over = next_line(&mut input, &mut line)?;
    }
    // An empty file is an empty payload.
    if n == 0 {
        each(Found::Message(payload(b"")));
    }
    Ok(())
}

/// Appends the next line; whether the input has ended.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    let read = input.by_ref().take(MAX_PAYLOAD_BYTES).read_until(b'\n', line)?;
    Ok(read == 0 || !line.ends_with(b"\n") && (read as u64) < MAX_PAYLOAD_BYTES)
}

fn is_comment(line: &[u8]) -> bool {
    line.trim_ascii().is_empty() || line.starts_with(b"# ")
}

/// Whether the line is a whole message: with its topic before it, or JSON that is complete.
fn is_message(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    with_topic(line).is_some()
        || (line.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok())
}

/// `TOPIC PAYLOAD`, as `mosquitto_sub -v` writes it; before it may stand the time of receipt.
fn with_topic(line: &[u8]) -> Option<Message> {
    let text = std::str::from_utf8(line).ok()?;
    let (first, rest) = text.split_once(' ')?;
    if let Some(at) = first.ends_with('Z').then(|| UtcMicros::parse(first).ok()).flatten() {
        return with_topic(rest.as_bytes()).map(|message| Message { received_at: Some(at), ..message });
    }
    let (topic, payload) = before_json(text).unwrap_or((first, rest));
    let is_topic =
        topic.contains('/') && !topic.starts_with(['{', '[', '<', '"', '#']) && !topic.contains("://");
    is_topic.then(|| Message {
        received_at: None,
        topic: Some(topic.to_owned()),
        qos: None,
        retain: false,
        payload: payload.trim_start().as_bytes().to_vec(),
    })
}

/// The topic and the JSON behind it: topics may hold spaces (those of HFP name the destination).
fn before_json(text: &str) -> Option<(&str, &str)> {
    let end = [" {", " ["].iter().filter_map(|beginning| text.find(beginning)).min()?;
    let (topic, json) = text.split_at(end);
    serde_json::from_str::<serde::de::IgnoredAny>(json).ok().map(|_| (topic.trim_end(), json))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(input: &[u8]) -> Vec<(Option<String>, String)> {
        let mut found = Vec::new();
        of_stream(input, None, |f| {
            let Found::Message(m) = f else { panic!("{f:?}") };
            found.push((m.topic, String::from_utf8_lossy(&m.payload).into_owned()));
        })
        .unwrap();
        found
    }

    #[test]
    fn lines_with_topics_lines_of_json_and_single_payloads_are_messages() {
        let of = |topic: Option<&str>, payload: &str| (topic.map(str::to_owned), payload.to_owned());
        assert_eq!(
            messages(b"a/b {\"x\":1}\n\nc/d  {\"y\":\n"),
            [of(Some("a/b"), "{\"x\":1}"), of(Some("c/d"), "{\"y\":")]
        );
        assert_eq!(
            messages(b"/hfp/v2/x/Neuer Markt/20:10/s {\"a\": [{}]}\na/b c [1]\na/b no {json}\n"),
            [
                of(Some("/hfp/v2/x/Neuer Markt/20:10/s"), "{\"a\": [{}]}"),
                of(Some("a/b c"), "[1]"),
                of(Some("a/b"), "no {json}")
            ]
        );
        assert_eq!(messages(b"{\"x\":1}\n{\"x\":2}\n"), [of(None, "{\"x\":1}"), of(None, "{\"x\":2}")]);
        for whole in ["{\n\"x\":1}\n", "[\n1,2]", "<a b=\"c/d\">\n</a>", "", "2.0"] {
            assert_eq!(messages(whole.as_bytes()), [of(None, whole)], "{whole:?}");
        }
        let binary = messages(b"\n\x05\n\x032.0\xff/x y");
        assert_eq!(binary.len(), 1);
        let mut at = None;
        of_stream(&b"2024-02-13T16:33:00.005271Z /hfp/v2/x {}\n"[..], None, |f| {
            if let Found::Message(m) = f {
                at = m.received_at;
            }
        })
        .unwrap();
        assert_eq!(at, UtcMicros::parse("2024-02-13T16:33:00.005271Z").ok());
    }

    #[test]
    fn folders_are_read_by_name_without_what_is_hidden_and_a_pipe_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        file("b.json", b"{\n}");
        file("deep/a.json", b"[\n]");
        file(".hidden", b"x");
        let mut found = Vec::new();
        of_path(folder.path(), Some("t/t"), |f| {
            let Found::Message(m) = f else { panic!("{f:?}") };
            assert_eq!(m.topic.as_deref(), Some("t/t"));
            found.push(m.payload);
        })
        .unwrap();
        assert_eq!(found, [b"{\n}".to_vec(), b"[\n]".to_vec()]);
        let error = of_path(&folder.path().join("absent"), None, |_| {}).unwrap_err();
        assert!(error.to_string().contains("absent"), "{error}");
        assert!(of_path(Path::new("/dev/zero"), None, |_| {}).is_err());
    }
}
