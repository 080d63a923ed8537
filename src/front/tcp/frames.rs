//! DNS messages in a byte stream: two bytes of length, then the message (RFC 1035 §4.2.2). No I/O of its own.

use std::io::{self, Read, Write};

use weir_wire::MAX_MESSAGE_LEN;

/// Bytes asked for per read: a few pipelined queries, and most replies whole.
const READ_CHUNK: usize = 4096;

/// Bytes that may wait for a peer that does not read. Beyond it the connection is not worth its memory.
const MAX_QUEUED: usize = 4 * MAX_MESSAGE_LEN;

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// Some bytes.
    Bytes,
    /// Nothing now.
    Blocked,
    /// The peer is done sending.
    Closed,
}

/// The incoming half: bytes in, whole messages out.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    buffer: Vec<u8>,
    /// Where the first message that has not been taken yet begins.
    start: usize,
}

impl FrameReader {
    /// Reads once from `source`. The buffer holds at most one whole message and one chunk behind it.
    pub(crate) fn fill(&mut self, source: &mut impl Read) -> io::Result<Filled> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let len = self.buffer.len();
        self.buffer.resize(len + READ_CHUNK, 0);
        let read = source.read(self.buffer.get_mut(len..).unwrap_or_default());
        self.buffer.truncate(len + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Ok(Filled::Closed),
            Ok(_) => Ok(Filled::Bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Filled::Blocked),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Filled::Blocked),
            Err(error) => Err(error),
        }
    }

    /// Takes the next whole message.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        let rest = self.buffer.get(self.start..)?;
        let (len, rest) = rest.split_first_chunk::<2>()?;
        let message = rest.get(..usize::from(u16::from_be_bytes(*len)))?;
        self.start += 2 + message.len();
        Some(message)
    }

    /// Whether a whole message waits to be taken.
    pub(crate) fn has_whole(&self) -> bool {
        let rest = self.buffer.get(self.start..).unwrap_or(&[]);
        rest.split_first_chunk::<2>()
            .is_some_and(|(len, rest)| rest.len() >= usize::from(u16::from_be_bytes(*len)))
    }

    /// Whether bytes wait: of a message that has begun, or of whole ones that were not taken.
    pub(crate) fn is_partial(&self) -> bool {
        self.buffer.len() > self.start
    }
}

/// The queue is full: the peer does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

/// The outgoing half: messages in, bytes out as the peer takes them.
#[derive(Debug, Default)]
pub(crate) struct FrameWriter {
    queue: Vec<u8>,
    sent: usize,
}

impl FrameWriter {
    /// Queues a message of at most 65,535 bytes.
    pub(crate) fn push(&mut self, message: &[u8]) -> Result<(), QueueFull> {
        let len = u16::try_from(message.len()).map_err(|_| QueueFull)?;
        if self.backlog() + 2 + message.len() > MAX_QUEUED {
            return Err(QueueFull);
        }
        // A peer that is never quite caught up must not make the queue hold all that it was ever sent.
        if self.sent > self.queue.len() / 2 {
            self.queue.drain(..self.sent);
            self.sent = 0;
        }
        self.queue.extend_from_slice(&len.to_be_bytes());
        self.queue.extend_from_slice(message);
        Ok(())
    }

    /// Writes what `sink` takes; true when nothing is left.
    pub(crate) fn flush(&mut self, sink: &mut impl Write) -> io::Result<bool> {
        while let Some(rest) = self.queue.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match sink.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.queue.clear();
        self.sent = 0;
        Ok(true)
    }

    /// Bytes that the peer has not taken.
    pub(crate) fn backlog(&self) -> usize {
        self.queue.len() - self.sent
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out its pieces one per read, then reports the end.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn messages_come_out_whole_however_the_bytes_arrive() {
        let mut stream = Vec::new();
        let messages: Vec<Vec<u8>> = (0..50u8).map(|n| vec![n; usize::from(n) * 7]).collect();
        let mut writer = FrameWriter::default();
        for message in &messages {
            writer.push(message).unwrap();
        }
        assert!(writer.flush(&mut stream).unwrap() && writer.is_empty());
        for size in [1, 2, 3, 1000] {
            let mut source = Pieces(stream.chunks(size).map(<[u8]>::to_vec).collect());
            let mut reader = FrameReader::default();
            let mut seen = Vec::new();
            while reader.fill(&mut source).unwrap() == Filled::Bytes {
                while let Some(message) = reader.next() {
                    seen.push(message.to_vec());
                }
            }
            assert_eq!(seen, messages);
            assert!(!reader.is_partial());
        }
    }

    #[test]
    fn a_peer_that_does_not_read_is_given_up() {
        let mut writer = FrameWriter::default();
        let message = vec![0; MAX_MESSAGE_LEN];
        let queued = (0..10).filter(|_| writer.push(&message).is_ok()).count();
        assert_eq!(queued, 3, "each message costs two bytes more than its length");
    }
}
