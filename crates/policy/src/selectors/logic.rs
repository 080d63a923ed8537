//! `AllRule`, `AndRule`, `OrRule`, `NotRule`: selectors made of selectors.

use std::fmt;
use std::sync::Arc;

use crate::{Moment, Notes, Selector, Subject};

/// Matches everything.
#[derive(Debug)]
pub struct All;

impl Selector for All {
    fn matches(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        true
    }
}

impl fmt::Display for All {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("All")
    }
}

/// Matches when all of its parts do, asked in order until one does not; without parts it matches, as in dnsdist.
#[derive(Debug)]
pub struct And {
    parts: Vec<Arc<dyn Selector>>,
}

impl And {
    /// Matches when all of `parts` do.
    pub fn new(parts: Vec<Arc<dyn Selector>>) -> Self {
        Self { parts }
    }
}

impl Selector for And {
    fn parts(&self) -> &[Arc<dyn Selector>] {
        &self.parts
    }

    fn matches(&self, subject: &Subject<'_>, moment: &Moment<'_>, notes: &Notes) -> bool {
        self.parts.iter().all(|part| part.matches(subject, moment, notes))
    }
}

impl fmt::Display for And {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_joined(&self.parts, " && ", f)
    }
}

/// Matches when one of its parts does, asked in order until one does; without parts it does not.
#[derive(Debug)]
pub struct Or {
    parts: Vec<Arc<dyn Selector>>,
}

impl Or {
    /// Matches when one of `parts` does.
    pub fn new(parts: Vec<Arc<dyn Selector>>) -> Self {
        Self { parts }
    }
}

impl Selector for Or {
    fn parts(&self) -> &[Arc<dyn Selector>] {
        &self.parts
    }

    fn matches(&self, subject: &Subject<'_>, moment: &Moment<'_>, notes: &Notes) -> bool {
        self.parts.iter().any(|part| part.matches(subject, moment, notes))
    }
}

impl fmt::Display for Or {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_joined(&self.parts, " || ", f)
    }
}

/// Matches when another selector does not.
#[derive(Debug)]
pub struct Not {
    part: Arc<dyn Selector>,
}

impl Not {
    /// Matches when `part` does not.
    pub fn new(part: Arc<dyn Selector>) -> Self {
        Self { part }
    }
}

impl Selector for Not {
    fn parts(&self) -> &[Arc<dyn Selector>] {
        std::slice::from_ref(&self.part)
    }

    fn matches(&self, subject: &Subject<'_>, moment: &Moment<'_>, notes: &Notes) -> bool {
        !self.part.matches(subject, moment, notes)
    }
}

impl fmt::Display for Not {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "!({})", self.part)
    }
}

fn write_joined(parts: &[Arc<dyn Selector>], operator: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, part) in parts.iter().enumerate() {
        write!(f, "{}({part})", if number > 0 { operator } else { "" })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selectors::{QType, Rd};
    use crate::testing::{matches, packet};
    use weir_wire as wire;

    fn parts() -> Vec<Arc<dyn Selector>> {
        vec![Arc::new(QType::new(wire::QType::ANY)), Arc::new(Rd)]
    }

    #[test]
    fn logic_is_logic() {
        let any = packet("example.com", wire::QType::ANY);
        let a = packet("example.com", wire::QType::A);
        let not_any = Not::new(Arc::new(QType::new(wire::QType::ANY)));
        for (selector, on_any, on_a) in [
            (&All as &dyn Selector, true, true),
            (&And::new(parts()), true, false),
            (&Or::new(parts()), true, true),
            (&And::new(vec![]), true, true),
            (&Or::new(vec![]), false, false),
            (&not_any, false, true),
        ] {
            assert_eq!(matches(selector, &any), on_any, "{selector}");
            assert_eq!(matches(selector, &a), on_a, "{selector}");
        }
    }

    #[test]
    fn parts_can_be_walked() {
        let not_and = Not::new(Arc::new(And::new(parts())));
        let [and] = not_and.parts() else {
            panic!("{not_and}")
        };
        let texts: Vec<_> = and.parts().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["qtype==ANY", "rd==1"]);
        assert_eq!(Or::new(parts()).parts().len(), 2);
        assert!(Rd.parts().is_empty());
    }

    #[test]
    fn logic_reads_as_in_dnsdist() {
        assert_eq!(And::new(parts()).to_string(), "(qtype==ANY) && (rd==1)");
        assert_eq!(Or::new(parts()).to_string(), "(qtype==ANY) || (rd==1)");
        assert_eq!(
            Not::new(Arc::new(And::new(parts()))).to_string(),
            "!((qtype==ANY) && (rd==1))"
        );
    }
}
