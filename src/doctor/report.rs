//! All findings as text, one line each with the next command below it, and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::finding::{Finding, Level};

/// The findings of one question.
#[derive(Debug)]
pub(super) struct Answered {
    /// The question's name.
    pub(super) question: &'static str,
    /// What it brought to light.
    pub(super) findings: Vec<Finding>,
}

/// For people.
pub(super) fn text(answered: &[Answered]) -> String {
    let width = each(answered)
        .map(|(question, _)| question.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (question, finding) in each(answered) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<4}  {question:<width$}  {}", finding.level, finding.what);
        if let Some(next) = &finding.next {
            let _ = writeln!(text, "{:indent$}next: {next}", "", indent = 4 + 2 + width + 2);
        }
    }
    let counts = Level::ALL.map(|level| {
        let count = each(answered).filter(|(_, finding)| finding.level == level);
        (level, count.count())
    });
    let parts: Vec<_> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(level, count)| format!("{count} {level}"))
        .collect();
    let summary = if parts.is_empty() {
        "there was nothing to look at".to_owned()
    } else {
        parts.join(", ")
    };
    text + &summary + "\n"
}

/// For programs: an array of objects.
pub(super) fn json(answered: &[Answered]) -> String {
    let objects = each(answered).map(|(question, finding)| {
        json!({
            "severity": finding.level.to_string(),
            "question": question,
            "what": finding.what,
            "next": finding.next,
        })
    });
    format!("{:#}\n", Value::Array(objects.collect()))
}

/// Whether something does not work.
pub(super) fn has_failed(answered: &[Answered]) -> bool {
    each(answered).any(|(_, finding)| finding.level == Level::Fail)
}

fn each(answered: &[Answered]) -> impl Iterator<Item = (&'static str, &Finding)> {
    answered.iter().flat_map(|answered| {
        answered
            .findings
            .iter()
            .map(|finding| (answered.question, finding))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered() -> [Answered; 3] {
        [
            Answered {
                question: "answers",
                findings: vec![
                    Finding::ok("floating address dns 10.0.0.1:53: lab with aa over UDP and TCP"),
                    Finding::new(
                        Level::Fail,
                        "front end dd1 10.0.0.2:53: closed",
                        "ssh dd1 weir doctor",
                    ),
                ],
            },
            Answered {
                question: "vrrp",
                findings: vec![],
            },
            Answered {
                question: "clock",
                findings: vec![Finding::new(
                    Level::Warn,
                    "nobody keeps it right",
                    "timedatectl status",
                )],
            },
        ]
    }

    #[test]
    fn a_finding_is_a_line_with_its_command_below() {
        let expected = "\
ok    answers  floating address dns 10.0.0.1:53: lab with aa over UDP and TCP
fail  answers  front end dd1 10.0.0.2:53: closed
               next: ssh dd1 weir doctor
warn  clock    nobody keeps it right
               next: timedatectl status
1 fail, 1 warn, 1 ok
";
        assert_eq!(text(&answered()), expected);
        assert_eq!(text(&[]), "there was nothing to look at\n");
    }

    #[test]
    fn json_has_the_same() {
        let value: Value = serde_json::from_str(&json(&answered())).unwrap();
        let expected = json!([
            { "severity": "ok", "question": "answers", "next": null,
              "what": "floating address dns 10.0.0.1:53: lab with aa over UDP and TCP" },
            { "severity": "fail", "question": "answers", "next": "ssh dd1 weir doctor",
              "what": "front end dd1 10.0.0.2:53: closed" },
            { "severity": "warn", "question": "clock", "next": "timedatectl status",
              "what": "nobody keeps it right" },
        ]);
        assert_eq!(value, expected);
    }

    #[test]
    fn only_what_does_not_work_has_failed() {
        assert!(has_failed(&answered()));
        assert!(!has_failed(&answered()[1..]));
    }
}
