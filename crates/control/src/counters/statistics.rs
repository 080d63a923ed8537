//! All statistics by name, with the values of one moment.

use std::fmt;

use weir_policy::Transport;

use super::Counters;
use super::latency::Window;
use super::table::{Counter, Metric, Reading, Unused};
use crate::usage::Usage;

/// One statistic at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistic {
    /// Its name and meaning.
    pub metric: Metric,
    /// Its value.
    pub value: Value,
}

/// A number that prints as dnsdist prints it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A count.
    Whole(u64),
    /// An average; finite.
    Average(f64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => value.fmt(f),
            Self::Average(value) => value.fmt(f),
        }
    }
}

impl Counters {
    /// Every statistic, as `dumpStats()` lists them, in the order of the tables.
    pub fn statistics(&self, usage: &Usage) -> impl Iterator<Item = Statistic> {
        let counted = Counter::ALL.into_iter();
        let counted = counted.map(|row| (row.metric(), Value::Whole(self.sum(row))));
        let read = Reading::ALL
            .into_iter()
            .map(|row| (row.metric(), self.reading(row, usage)));
        let unused = Unused::ALL.into_iter().map(|row| (row.metric(), Value::Whole(0)));
        let all = counted.chain(read).chain(unused);
        all.map(|(metric, value)| Statistic { metric, value })
    }

    /// One value that is worked out on demand.
    pub fn reading(&self, reading: Reading, usage: &Usage) -> Value {
        use Reading as R;
        let average = |transport, window| Value::Average(self.mean_latency_us(transport, window));
        match reading {
            R::LatencyCount => Value::Whole(self.latency_count()),
            R::LatencySum => Value::Whole(self.latency_sum_us() / 1000),
            R::LatencyAvg100 => average(Transport::Udp, Window::Last100),
            R::LatencyAvg1000 => average(Transport::Udp, Window::Last1000),
            R::LatencyAvg10000 => average(Transport::Udp, Window::Last10000),
            R::LatencyAvg1000000 => average(Transport::Udp, Window::Last1000000),
            R::LatencyTcpAvg100 => average(Transport::Tcp, Window::Last100),
            R::LatencyTcpAvg1000 => average(Transport::Tcp, Window::Last1000),
            R::LatencyTcpAvg10000 => average(Transport::Tcp, Window::Last10000),
            R::LatencyTcpAvg1000000 => average(Transport::Tcp, Window::Last1000000),
            R::Uptime => Value::Whole(usage.uptime.as_secs()),
            R::RealMemoryUsage => Value::Whole(usage.memory_bytes),
            R::FdUsage => Value::Whole(usage.open_files),
            R::CpuUserMsec => Value::Whole(usage.user_ms),
            R::CpuSysMsec => Value::Whole(usage.system_ms),
            R::CpuIowait => Value::Whole(usage.iowait),
            R::CpuSteal => Value::Whole(usage.steal),
            R::UdpInErrors => Value::Whole(usage.udp.in_errors),
            R::UdpNoportErrors => Value::Whole(usage.udp.no_ports),
            R::UdpRecvbufErrors => Value::Whole(usage.udp.receive_buffer),
            R::UdpSndbufErrors => Value::Whole(usage.udp.send_buffer),
            R::UdpInCsumErrors => Value::Whole(usage.udp.checksum),
            R::Udp6InErrors => Value::Whole(usage.udp6.in_errors),
            R::Udp6NoportErrors => Value::Whole(usage.udp6.no_ports),
            R::Udp6RecvbufErrors => Value::Whole(usage.udp6.receive_buffer),
            R::Udp6SndbufErrors => Value::Whole(usage.udp6.send_buffer),
            R::Udp6InCsumErrors => Value::Whole(usage.udp6.checksum),
            R::TcpListenOverflows => Value::Whole(usage.listen_overflows),
        }
    }
}
