//! What a drill is: what happens, what is done about it, and what that may cost.

use std::io;
use std::time::Duration;

use super::stage::Stage;
use super::verdict::Radius;
use crate::lab::Plan;

/// A drill to be.
pub struct Scenario {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What fails, in words.
    pub title: &'static str,
    /// Whether the short form has it.
    pub part: Part,
    /// Who else asks.
    pub also: Also,
    /// Why a site cannot do it, if so.
    pub obstacle: fn(&Plan) -> Option<&'static str>,
    /// What happens, in turn.
    pub steps: &'static [Step],
}

/// Which form of the round has a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The short form and the whole.
    Quick,
    /// Only the whole.
    Whole,
}

/// Who asks besides the subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Also {
    /// Nobody.
    Nobody,
    /// Subscribers, for this name, which the drill makes fail.
    Victim(&'static str),
    /// The address that the flood comes from, for what is popular.
    Attacker,
}

/// One thing that happens.
pub struct Step {
    /// In words.
    pub about: &'static str,
    /// How long to look at what subscribers notice, once it has been done.
    pub watch: Duration,
    /// What may become of their queries.
    pub expected: Radius,
    /// Lets it happen.
    pub act: fn(&mut Stage<'_>) -> io::Result<()>,
}

impl Scenario {
    /// A drill of every site, of the whole form, in which only subscribers ask.
    pub(super) const fn new(name: &'static str, title: &'static str, steps: &'static [Step]) -> Self {
        Self {
            name,
            title,
            part: Part::Whole,
            also: Also::Nobody,
            obstacle: |_| None,
            steps,
        }
    }

    pub(super) const fn quick(self) -> Self {
        Self {
            part: Part::Quick,
            ..self
        }
    }

    pub(super) const fn also(self, also: Also) -> Self {
        Self { also, ..self }
    }

    pub(super) const fn unless(self, obstacle: fn(&Plan) -> Option<&'static str>) -> Self {
        Self { obstacle, ..self }
    }
}

/// A step that is watched for so many seconds.
pub(super) const fn step(
    about: &'static str,
    watch_s: u64,
    expected: Radius,
    act: fn(&mut Stage<'_>) -> io::Result<()>,
) -> Step {
    Step {
        about,
        watch: Duration::from_secs(watch_s),
        expected,
        act,
    }
}
