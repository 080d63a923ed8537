//! Is the clock kept right? DNSSEC signatures have a time, and so do logs that are compared.

use weir_config::site::RoleName;

use crate::doctor::finding::{Finding, Level};
use crate::doctor::surroundings::Surroundings;

/// Asks the kernel; on nodes only.
pub(super) fn ask(surroundings: &Surroundings) -> Vec<Finding> {
    let Some(node) = &surroundings.node else {
        return Vec::new();
    };
    let is_synchronised = weir_linux::clock::is_synchronised().unwrap_or(false);
    vec![judge(is_synchronised, node.has(RoleName::Resolve))]
}

fn judge(is_synchronised: bool, resolves: bool) -> Finding {
    if is_synchronised {
        return Finding::ok("the clock is synchronised");
    }
    let harm = if resolves {
        "once it is wrong, validation (DNSSEC) fails with SERVFAIL"
    } else {
        "logs of nodes cannot be compared"
    };
    Finding::new(
        Level::Warn,
        format!("nobody keeps the clock right (NTP): {harm}"),
        "timedatectl status",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_nobody_keeps_is_a_warning() {
        assert_eq!(judge(true, true).level, Level::Ok);
        let resolver = judge(false, true);
        assert!(resolver.level == Level::Warn && resolver.what.contains("SERVFAIL"));
        assert!(judge(false, false).what.contains("logs"));
    }
}
