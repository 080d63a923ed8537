//! A regular expression that matches other names than it seems to.

use super::{Found, Rule};
use crate::lint::facts::Facts;
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "regex-for-suffix",
    level: Level::Warning,
    about: "a regular expression where a suffix was meant, or one without anchor or escaped dots",
    bad_day: "somebody registers a name that the pattern matches by accident, and his queries go where \
              yours should",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for front in &facts.fronts {
        for rule in &front.rules {
            for pattern in &rule.value.patterns {
                judge(&front.node, pattern, &rule.place, found);
            }
        }
    }
}

fn judge(node: &str, pattern: &str, place: &crate::diagnostics::Place, found: &mut Found) {
    if let Some(suffix) = as_suffix(pattern) {
        let what = format!("{node}: the pattern {pattern} is there for the names below {suffix}");
        let fix = format!("write QNameSuffixRule(\"{suffix}.\"), which knows where a label ends");
        found.add(place, what, fix);
    } else if !pattern.ends_with('$') || has_bare_dot(pattern) {
        let what = format!("{node}: the pattern {pattern} matches more names than it shows");
        let fix = "end it with $, begin it with ^ or (^|\\\\.), and write \\\\. for a dot: unescaped, a \
                   dot is any byte";
        found.add(place, what, fix);
    }
}

/// The name that a pattern is made of, once anchors, escapes and "anything before" are taken away.
fn as_suffix(pattern: &str) -> Option<String> {
    let mut name = pattern.trim_start_matches('^').trim_end_matches('$');
    for before in ["(^|\\.)", "(.*\\.)?", "(|.*\\.)", ".*\\.", ".*", "\\."] {
        name = name.strip_prefix(before).unwrap_or(name);
    }
    let name = name.replace("\\.", ".");
    let name = name.trim_end_matches('.');
    let is_name = name.contains('.')
        && name.split('.').all(|label| {
            !label.is_empty()
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        });
    is_name.then(|| name.to_owned())
}

/// A dot for any byte that is not repeated, as in `example.com`.
fn has_bare_dot(pattern: &str) -> bool {
    let bytes = pattern.as_bytes();
    let repeated = |at: usize| bytes.get(at + 1).is_some_and(|next| b"*+?{".contains(next));
    let mut is_escaped = false;
    let mut is_class = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'[' => is_class = true,
            b']' => is_class = false,
            b'.' if !is_class && !repeated(at) => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::found;

    const ID: &str = "regex-for-suffix";

    fn with(pattern: &str) -> Vec<String> {
        let pattern = pattern.replace('\\', "\\\\");
        found(
            ID,
            &[(
                "dnsdist.conf",
                &format!("addAction(RegexRule(\"{pattern}\"), DropAction())\n"),
            )],
        )
    }

    #[test]
    fn a_name_as_a_pattern() {
        for pattern in [
            "yourisp.com",
            "yourisp\\.com$",
            "(^|\\.)yourisp\\.com$",
            ".*\\.yourisp\\.com\\.?$",
            "^yourisp.com$",
        ] {
            let trimmed = pattern.replace("\\.?", "");
            assert_eq!(
                with(&trimmed),
                [format!(
                    "dnsdist.conf:1: warning: dnsdist.conf: the pattern {trimmed} is there for the names \
                     below yourisp.com"
                )]
            );
        }
    }

    #[test]
    fn a_pattern_without_anchor_or_escapes() {
        for (pattern, count) in [
            ("^ad[0-9]+\\.", 1),
            ("^ad[0-9]+.example\\.com$", 1),
            ("^ad[0-9.]+\\.example\\.com$", 0),
            ("^[a-z]{12,}\\.(top|xyz)$", 0),
        ] {
            assert_eq!(with(pattern).len(), count, "{pattern}");
        }
    }

    #[test]
    fn patterns_inside_of_other_selectors_count() {
        let rule = "addAction(AndRule({RDRule(), NotRule(RegexRule(\"yourisp.com\"))}), DropAction())\n";
        assert_eq!(found(ID, &[("dnsdist.conf", rule)]).len(), 1);
    }
}
