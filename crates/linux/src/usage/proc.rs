//! Reading the text of `/proc`: pure, and total. What is missing, cut off or not a number reads zero.

use super::{Stalled, UdpErrors};

/// Second number of `/proc/self/statm` (proc(5)).
pub(super) fn resident_pages(statm: &str) -> u64 {
    number(statm.split_ascii_whitespace().nth(1))
}

/// The `Udp:` lines of `/proc/net/snmp`.
pub(super) fn udp_errors(snmp: &str) -> UdpErrors {
    let read = |name| table_value(snmp, "Udp:", name);
    UdpErrors {
        in_errors: read("InErrors"),
        no_ports: read("NoPorts"),
        receive_buffer: read("RcvbufErrors"),
        send_buffer: read("SndbufErrors"),
        checksum: read("InCsumErrors"),
    }
}

/// The `Udp6` lines of `/proc/net/snmp6`, which has one counter to a line.
pub(super) fn udp6_errors(snmp6: &str) -> UdpErrors {
    let read = |name| {
        let line = snmp6.lines().find_map(|line| line.strip_prefix(name));
        number(line.filter(|rest| rest.starts_with([' ', '\t'])).map(str::trim))
    };
    UdpErrors {
        in_errors: read("Udp6InErrors"),
        no_ports: read("Udp6NoPorts"),
        receive_buffer: read("Udp6RcvbufErrors"),
        send_buffer: read("Udp6SndbufErrors"),
        checksum: read("Udp6InCsumErrors"),
    }
}

/// `ListenOverflows` in the `TcpExt:` lines of `/proc/net/netstat`.
pub(super) fn listen_overflows(netstat: &str) -> u64 {
    table_value(netstat, "TcpExt:", "ListenOverflows")
}

/// Fifth and eighth number of the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq,
/// steal.
pub(super) fn stalled(stat: &str) -> Stalled {
    let line = stat
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))
        .unwrap_or_default();
    let mut fields = line.split_ascii_whitespace();
    Stalled {
        iowait: number(fields.nth(4)),
        steal: number(fields.nth(2)),
    }
}

/// First number of `/proc/loadavg`.
pub(super) fn load_average(loadavg: &str) -> f64 {
    let first = loadavg.split_ascii_whitespace().next();
    first.and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// The value under `name` in a table of two lines that both begin with `prefix`: names, then numbers.
fn table_value(text: &str, prefix: &str, name: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
        return 0;
    };
    let mut columns = names
        .split_ascii_whitespace()
        .zip(values.split_ascii_whitespace());
    number(
        columns
            .find(|(column, _)| *column == name)
            .map(|(_, value)| value),
    )
}

fn number(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNMP: &str = "Tcp: InErrs NoPorts\nTcp: 70 71\n\
        Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti\n\
        Udp: 1 2 3 4 5 6 7 8\n\
        UdpLite: InDatagrams NoPorts\nUdpLite: 80 81\n";
    const SNMP6: &str = "Ip6InReceives \t9\nUdp6InDatagrams \t1\nUdp6NoPorts \t2\nUdp6InErrors \t3\n\
        Udp6InErrorsOther \t99\nUdp6RcvbufErrors \t5\nUdp6SndbufErrors \t6\nUdp6InCsumErrors \t7\n";
    const EXPECTED: UdpErrors = UdpErrors {
        in_errors: 3,
        no_ports: 2,
        receive_buffer: 5,
        send_buffer: 6,
        checksum: 7,
    };

    #[test]
    fn udp_counters_are_found_by_name() {
        assert_eq!(udp_errors(SNMP), EXPECTED);
        assert_eq!(udp6_errors(SNMP6), EXPECTED);
    }

    #[test]
    fn the_rest_is_found_by_its_place() {
        assert_eq!(
            listen_overflows("TcpExt: A ListenOverflows B\nTcpExt: 1 2 3\n"),
            2
        );
        assert_eq!(
            stalled("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 1 1 1 1\n"),
            Stalled { iowait: 5, steal: 8 }
        );
        assert_eq!(resident_pages("100 42 7 1 0 1 0\n"), 42);
        assert_eq!(load_average("4.25 3.00 1.50 2/345 6789\n").to_string(), "4.25");
        assert_eq!(load_average("").to_string(), "0");
    }

    #[test]
    fn every_beginning_of_every_text_is_read_without_complaint() {
        for text in [
            SNMP,
            SNMP6,
            "cpu  1 2 3 4 5 6 7 8",
            "Udp:\nUdp:\n",
            "Udp: InErrors\nUdp: -1",
            "\0\u{fffd}",
        ] {
            for (end, _) in text.char_indices() {
                let cut = &text[..end];
                let _ = (
                    udp_errors(cut),
                    udp6_errors(cut),
                    stalled(cut),
                    resident_pages(cut),
                );
            }
        }
        assert_eq!(
            udp_errors("Udp: InErrors NoPorts\nUdp: 99999999999999999999 x\n"),
            UdpErrors::default()
        );
    }
}
