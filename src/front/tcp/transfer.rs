//! Where a zone transfer ends: AXFR (RFC 5936 §2.2) and IXFR (RFC 1995 §4) replies span many messages.

use weir_wire::{QType, Query, Record, Reply, Section};

/// Follows the SOA records of one transfer.
#[derive(Debug, Default)]
pub(crate) struct Transfer {
    /// The version that an IXFR client has.
    known: Option<u32>,
    /// Serial of the first SOA: the version that the transfer leads to.
    serial: Option<u32>,
    /// Times that serial has been seen.
    sightings: u32,
    records: u64,
    incremental: bool,
}

impl Transfer {
    /// The transfer that `query` asks for.
    pub(crate) fn new(query: &Query<'_>) -> Self {
        let is_soa = |record: &Record| record.section == Section::Authority && record.qtype == QType::SOA;
        let soa = query.records().map_while(Result::ok).find(is_soa);
        Self {
            known: soa.and_then(|soa| serial_of(query.packet(), soa.rdata.end)),
            ..Self::default()
        }
    }

    /// Whether the client has had a part of it, so that it cannot begin again.
    pub(crate) fn has_begun(&self) -> bool {
        self.records > 0
    }

    /// Takes the next message; true when it is the last one.
    ///
    /// A full zone ends with its first record repeated. An incremental one begins with two SOA records, and the
    /// new serial stands a second time in front of the last additions, a third time at the end. Errors, replies
    /// without records and malformed ones end a transfer at once.
    pub(crate) fn on_message(&mut self, reply: &Reply<'_>) -> bool {
        if reply.header.flags.rcode_bits() != 0 {
            return true;
        }
        let before = self.records;
        for record in reply.records() {
            let Ok(record) = record else { return true };
            if record.section != Section::Answer {
                break;
            }
            self.records += 1;
            if record.qtype == QType::SOA {
                let Some(serial) = serial_of(reply.packet(), record.rdata.end) else {
                    return true;
                };
                self.on_soa(serial);
            }
        }
        let is_empty = self.records == before;
        // A lone SOA with the client's own serial tells it that it is up to date.
        let is_current = self.records == 1 && self.known.is_some() && self.known == self.serial;
        is_empty || is_current || self.sightings >= if self.incremental { 3 } else { 2 }
    }

    fn on_soa(&mut self, serial: u32) {
        let first = *self.serial.get_or_insert(serial);
        if first == serial {
            self.sightings += 1;
        }
        if self.records == 2 {
            self.incremental = first != serial;
        }
    }
}

/// The serial of an SOA whose data ends at `end`: the first of its five numbers (RFC 1035 §3.3.13).
fn serial_of(packet: &[u8], end: usize) -> Option<u32> {
    let at = end.checked_sub(20)?;
    Some(u32::from_be_bytes(packet.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with one answer per entry: an SOA with that serial, or an A record.
    fn message(records: &[Option<u32>]) -> Vec<u8> {
        let mut packet = vec![0, 1, 0x84, 0, 0, 0, 0, records.len() as u8, 0, 0, 0, 0];
        for record in records {
            match record {
                Some(serial) => {
                    packet.extend([0, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0]);
                    packet.extend(serial.to_be_bytes());
                    packet.extend([0; 16]);
                }
                None => packet.extend([0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]),
            }
        }
        packet
    }

    fn ends(messages: &[&[Option<u32>]]) -> Vec<bool> {
        ends_for(None, messages)
    }

    fn ends_for(known: Option<u32>, messages: &[&[Option<u32>]]) -> Vec<bool> {
        let mut transfer = Transfer {
            known,
            ..Transfer::default()
        };
        messages
            .iter()
            .map(|records| transfer.on_message(&Reply::parse(&message(records)).unwrap()))
            .collect()
    }

    #[test]
    fn a_full_zone_ends_with_its_soa_again() {
        assert_eq!(ends(&[&[Some(7), None, Some(7)]]), [true]);
        assert_eq!(
            ends(&[&[Some(7), None], &[None, None], &[None, Some(7)]]),
            [false, false, true]
        );
    }

    #[test]
    fn an_incremental_one_ends_at_the_third_new_serial() {
        assert_eq!(
            ends(&[&[Some(7), Some(6), None], &[Some(7), None, Some(7)]]),
            [false, true]
        );
        assert_eq!(
            ends_for(Some(7), &[&[Some(7)]]),
            [true],
            "the client is up to date"
        );
        assert_eq!(ends_for(Some(6), &[&[Some(7)], &[None, Some(7)]]), [false, true]);
        assert_eq!(
            ends(&[&[Some(7), None], &[None, Some(7)]]),
            [false, true],
            "answered with the full zone"
        );
    }

    #[test]
    fn errors_end_it() {
        let mut refused = message(&[]);
        refused[3] = 5;
        assert!(Transfer::default().on_message(&Reply::parse(&refused).unwrap()));
    }
}
