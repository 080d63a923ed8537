//! An ordered list of rules for one moment; the first decision wins.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::rule::{Action, Decision, Moment, ReplyAction, ReplyDecision, Rule, Step, Uuid};
use crate::{Invalid, Notes, Subject};

/// Most rules of one chain. Rules are asked one after the other; tens of thousands of names belong into a
/// `SuffixMatchNode`, which one rule asks.
pub const MAX_RULES: usize = 100_000;

/// Rules for queries.
pub type QueryChain = Chain<dyn Action>;
/// Rules for replies.
pub type ReplyChain = Chain<dyn ReplyAction>;

/// An ordered list of rules. Its position is a rule's number, as in `showRules`.
pub struct Chain<A: ?Sized> {
    rules: Box<[Rule<A>]>,
    matches: Matches,
}

impl<A: ?Sized> Chain<A> {
    /// A chain that `workers` workers evaluate, numbered from 0.
    ///
    /// # Errors
    /// When there are more than [`MAX_RULES`].
    pub fn new(rules: Vec<Rule<A>>, workers: usize) -> Result<Self, Invalid> {
        if rules.len() > MAX_RULES {
            let count = rules.len();
            return Err(Invalid::new(format!(
                "{count} rules are more than the {MAX_RULES} of one chain; put names into a SuffixMatchNode instead"
            )));
        }
        Ok(Self {
            matches: Matches::new(rules.len(), workers),
            rules: rules.into_boxed_slice(),
        })
    }

    /// Goes on counting where `earlier` stands now, for the rules that both have.
    pub fn continue_counts(&mut self, earlier: &Self) {
        let numbers = earlier
            .rules
            .iter()
            .enumerate()
            .map(|(number, rule)| (rule.uuid, number));
        let numbers: HashMap<Uuid, usize> = numbers.collect();
        for (rule, before) in self.rules.iter().zip(&mut self.matches.before) {
            *before = numbers
                .get(&rule.uuid)
                .map_or(0, |number| earlier.matches(*number));
        }
    }

    /// The rules in order.
    pub fn rules(&self) -> &[Rule<A>] {
        &self.rules
    }

    /// How often the rule at position `number` has matched, summed over the workers; 0 without such a rule.
    pub fn matches(&self, number: usize) -> u64 {
        self.matches.sum(number)
    }

    /// Asks one rule after the other; `None` when none of them decides.
    fn decide<'p, D>(
        &'p self,
        subject: &Subject<'_>,
        moment: &Moment<'_>,
        notes: &mut Notes,
        apply: impl Fn(&'p A, &mut Notes) -> Step<D>,
    ) -> Option<D> {
        for (number, rule) in self.rules.iter().enumerate() {
            if !rule.selector.matches(subject, moment, notes) {
                continue;
            }
            self.matches.count(moment.worker, number);
            if let Step::Done(decision) = apply(&rule.action, notes) {
                notes.decided_by = Some(number);
                return Some(decision);
            }
        }
        notes.decided_by = None;
        None
    }
}

impl Chain<dyn Action> {
    /// Decides on a query; at the end of the chain it is forwarded.
    pub fn evaluate<'p>(
        &'p self,
        subject: &Subject<'_>,
        moment: &Moment<'_>,
        notes: &mut Notes,
    ) -> Decision<'p> {
        self.decide(subject, moment, notes, |action, notes| {
            action.apply(subject, moment, notes)
        })
        .unwrap_or(Decision::Forward)
    }
}

impl Chain<dyn ReplyAction> {
    /// Decides on a reply; at the end of the chain it is sent.
    pub fn evaluate(&self, subject: &Subject<'_>, moment: &Moment<'_>, notes: &mut Notes) -> ReplyDecision {
        self.decide(subject, moment, notes, |action, notes| {
            action.apply(subject, moment, notes)
        })
        .unwrap_or(ReplyDecision::Send)
    }
}

impl<A: ?Sized> Default for Chain<A> {
    /// A chain without rules.
    fn default() -> Self {
        Self {
            rules: Box::default(),
            matches: Matches::new(0, 0),
        }
    }
}

impl<A: ?Sized + fmt::Debug> fmt::Debug for Chain<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.rules).finish()
    }
}

/// How often each rule has matched.
///
/// Each worker has its own row of counters on cache lines that no other worker writes, and is their only writer,
/// so counting is an ordinary load and store. Rows are summed when somebody asks.
struct Matches {
    /// Per rule: what an earlier chain had counted.
    before: Box<[u64]>,
    /// Per worker: a counter per rule.
    rows: Box<[Box<[Line]>]>,
}

/// Two cache lines, because processors fetch them in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Line([AtomicU64; COUNTERS_PER_LINE]);

const COUNTERS_PER_LINE: usize = 16;

impl Matches {
    fn new(rules: usize, workers: usize) -> Self {
        let row = || {
            (0..rules.div_ceil(COUNTERS_PER_LINE))
                .map(|_| Line::default())
                .collect()
        };
        Self {
            before: vec![0; rules].into_boxed_slice(),
            rows: (0..workers).map(|_| row()).collect(),
        }
    }

    fn count(&self, worker: usize, rule: usize) {
        if let Some(counter) = self.rows.get(worker).and_then(|row| Self::counter(row, rule)) {
            counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    fn sum(&self, rule: usize) -> u64 {
        let counters = self.rows.iter().filter_map(|row| Self::counter(row, rule));
        let counted: u64 = counters.map(|counter| counter.load(Ordering::Relaxed)).sum();
        self.before.get(rule).map_or(0, |before| before + counted)
    }

    fn counter(row: &[Line], rule: usize) -> Option<&AtomicU64> {
        row.get(rule / COUNTERS_PER_LINE)?.0.get(rule % COUNTERS_PER_LINE)
    }
}

#[cfg(test)]
mod tests;
