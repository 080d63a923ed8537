//! Where `LogAction` writes: files shared by all workers, each with a buffer of its own per file.
//!
//! The lines and the binary records are dnsdist's, found by looking at what it writes. A worker gathers what one
//! batch of queries brought and appends it with one write, so that lines of different workers do not mix.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use weir_policy::{LogFormat, LogId, LogTarget, LogTargets, Subject};

/// Bytes gathered at most before they are written in the middle of a batch.
const MAX_BUFFERED: usize = 1 << 16;

/// The open files of the program, by path. A file stays open as long as the program runs, so that a reload after
/// privileges were dropped can go on writing to it.
#[derive(Debug, Default)]
pub(crate) struct LogFiles {
    open: Mutex<HashMap<String, Arc<File>>>,
}

impl LogFiles {
    /// Opens every file that `targets` names and that is not open yet.
    ///
    /// # Errors
    /// The first file that cannot be opened, with its path.
    pub(crate) fn open_all(&self, targets: &LogTargets) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for target in targets.as_slice().iter().filter(|target| !target.path.is_empty()) {
            if open.contains_key(&target.path) {
                continue;
            }
            // Always in append mode: several workers write.
            let mut options = OpenOptions::new();
            let file = options.create(true).append(true).open(&target.path);
            let file = file.and_then(|file| {
                if target.append {
                    Ok(file)
                } else {
                    file.set_len(0).map(|()| file)
                }
            });
            let file =
                file.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", target.path)))?;
            open.insert(target.path.clone(), Arc::new(file));
        }
        Ok(())
    }

    fn find(&self, target: &LogTarget) -> Option<Arc<File>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&target.path).cloned()
    }
}

/// One worker's buffers, one per target of the snapshot in force.
#[derive(Debug, Default)]
pub(crate) struct QueryLogs {
    buffers: Vec<Buffer>,
    is_dirty: bool,
}

#[derive(Debug)]
struct Buffer {
    /// `None` is the program's own journal.
    file: Option<Arc<File>>,
    bytes: Vec<u8>,
}

impl QueryLogs {
    /// Takes over the targets of a new snapshot.
    pub(crate) fn follow(&mut self, targets: &LogTargets, files: &LogFiles) {
        self.flush();
        let buffer = |target| Buffer {
            file: files.find(target),
            bytes: Vec::new(),
        };
        self.buffers = targets.as_slice().iter().map(buffer).collect();
    }

    /// Writes a query to the targets `ids` of `targets`; `wall_ns` is the time of day in nanoseconds since 1970.
    pub(crate) fn write(&mut self, targets: &LogTargets, ids: &[LogId], subject: &Subject<'_>, wall_ns: u64) {
        for id in ids {
            let target = targets.as_slice().get(id.index());
            let (Some(target), Some(buffer)) = (target, self.buffers.get_mut(id.index())) else {
                continue;
            };
            if buffer.file.is_none() {
                log_to_journal(target, subject);
                continue;
            }
            match target.format {
                LogFormat::Text => push_line(&mut buffer.bytes, target, subject, wall_ns),
                LogFormat::Binary => push_record(&mut buffer.bytes, subject),
            }
            if buffer.bytes.len() >= MAX_BUFFERED {
                buffer.flush();
            }
            self.is_dirty = true;
        }
    }

    /// Appends what was gathered to the files.
    pub(crate) fn flush(&mut self) {
        if std::mem::take(&mut self.is_dirty) {
            self.buffers.iter_mut().for_each(Buffer::flush);
        }
    }
}

impl Buffer {
    /// A log that cannot be written (disk full) loses lines; queries are answered all the same.
    fn flush(&mut self) {
        if let Some(mut file) = self.file.as_deref() {
            let _ = file.write_all(&self.bytes);
        }
        self.bytes.clear();
    }
}

fn log_to_journal(target: &LogTarget, subject: &Subject<'_>) {
    let mut line = Vec::new();
    push_text(&mut line, subject);
    let line = String::from_utf8_lossy(&line);
    if target.verbose_only {
        tracing::debug!("{line}");
    } else {
        tracing::info!("{line}");
    }
}

fn push_line(bytes: &mut Vec<u8>, target: &LogTarget, subject: &Subject<'_>, wall_ns: u64) {
    if target.timestamp {
        let (seconds, nanos) = (wall_ns / 1_000_000_000, wall_ns % 1_000_000_000);
        // Writing to memory does not fail.
        let _ = write!(bytes, "[{seconds}.{nanos:09}] ");
    }
    push_text(bytes, subject);
    bytes.push(b'\n');
}

fn push_text(bytes: &mut Vec<u8>, subject: &Subject<'_>) {
    let (client, name, qtype) = (subject.ends.client, subject.qname, subject.qtype);
    let id = weir_wire::Header::parse(subject.packet()).map_or(0, |header| header.id);
    let _ = write!(bytes, "Packet from {client} for {name} {qtype} with id {id}");
}

/// Identifier, name, type, family, address, port: numbers in the machine's order, the port in the network's.
fn push_record(bytes: &mut Vec<u8>, subject: &Subject<'_>) {
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
    let id = weir_wire::Header::parse(subject.packet()).map_or(0, |header| header.id);
    bytes.extend(id.to_ne_bytes());
    bytes.extend(subject.qname.wire());
    bytes.extend(subject.qtype.0.to_ne_bytes());
    match subject.ends.client.ip() {
        IpAddr::V4(address) => {
            bytes.extend(AF_INET.to_ne_bytes());
            bytes.extend(address.octets());
        }
        IpAddr::V6(address) => {
            bytes.extend(AF_INET6.to_ne_bytes());
            bytes.extend(address.octets());
        }
    }
    bytes.extend(subject.ends.client.port().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_policy::{Ends, Transport};
    use weir_wire::Query;

    const QUERY: &[u8] =
        b"\x10\xb1\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x03com\x00\x00\x1c\x00\x01";

    fn with_subject(check: impl FnOnce(&Subject<'_>)) {
        let query = Query::parse(QUERY).unwrap();
        let client = "127.0.0.1:49851".parse().unwrap();
        let ends = Ends {
            client,
            local: client,
            transport: Transport::Udp,
        };
        check(&Subject::of_query(&query, ends));
    }

    #[test]
    fn lines_are_those_of_dnsdist() {
        with_subject(|subject| {
            let mut line = Vec::new();
            push_text(&mut line, subject);
            assert_eq!(
                line,
                b"Packet from 127.0.0.1:49851 for www.example.com. AAAA with id 4273"
            );
        });
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn records_are_those_of_dnsdist() {
        with_subject(|subject| {
            let mut record = Vec::new();
            push_record(&mut record, subject);
            let expected = b"\xb1\x10\x03www\x07example\x03com\x00\x1c\x00\x02\x00\x7f\x00\x00\x01\xc2\xbb";
            assert_eq!(record, expected);
        });
    }
}
