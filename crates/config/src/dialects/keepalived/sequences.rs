//! `~SEQ`, `~SEQx` and `~LST`: a line for each of several values.

/// What a line that begins with `~` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repetition<'t> {
    /// The parameters that change.
    pub(super) names: Vec<&'t str>,
    /// What is repeated.
    pub(super) rest: &'t str,
    over: Over<'t>,
}

#[derive(Debug, PartialEq, Eq)]
enum Over<'t> {
    Numbers {
        start: i64,
        step: i64,
        end: i64,
        is_hexadecimal: bool,
    },
    List(Vec<Vec<&'t str>>),
}

impl Repetition<'_> {
    /// The values of the parameters, one set after the other.
    pub(super) fn values(&self) -> Box<dyn Iterator<Item = Vec<String>> + '_> {
        match &self.over {
            Over::List(values) => Box::new(
                values
                    .iter()
                    .map(|set| set.iter().map(|value| (*value).to_owned()).collect()),
            ),
            &Over::Numbers {
                start,
                step,
                end,
                is_hexadecimal,
            } => {
                let is_within = move |at: &i64| if step > 0 { *at <= end } else { *at >= end };
                let numbers = std::iter::successors(Some(start), move |at| at.checked_add(step));
                Box::new(numbers.take_while(is_within).map(move |number| {
                    vec![if is_hexadecimal {
                        format!("{number:x}")
                    } else {
                        number.to_string()
                    }]
                }))
            }
        }
    }
}

/// Reads the beginning of a line.
///
/// # Errors
/// What is wrong with it, and how it is written.
pub(super) fn parse(text: &str) -> Result<Repetition<'_>, String> {
    let wrong = || {
        "write ~SEQ(NAME, start, step, end), ~LST(NAME, value, value) or ~LST({NAME, NAME}, {value, value}) and \
         the rest of the line behind it"
            .to_owned()
    };
    let (kind, behind) = text.split_once('(').ok_or_else(wrong)?;
    let (args, rest) = behind.split_once(')').ok_or_else(wrong)?;
    let args = split(args);
    let (names, over) = match kind.trim_end() {
        "~SEQ" => numbers(&args, false),
        "~SEQx" => numbers(&args, true),
        "~LST" => list(&args),
        _ => None,
    }
    .ok_or_else(wrong)?;
    Ok(Repetition {
        names,
        rest: rest.trim(),
        over,
    })
}

/// `NAME[, start][, step], end`.
fn numbers<'t>(args: &[&'t str], is_hexadecimal: bool) -> Option<(Vec<&'t str>, Over<'t>)> {
    let (name, numbers) = args.split_first()?;
    let numbers: Vec<i64> = numbers.iter().map(|text| number(text)).collect::<Option<_>>()?;
    let towards = |start: i64, end: i64| if end >= start { 1 } else { -1 };
    let (start, step, end) = match numbers[..] {
        [end] => {
            let start = if end < 0 { -1 } else { 1 };
            (start, towards(start, end), end)
        }
        [start, end] => (start, towards(start, end), end),
        [start, step, end] => (start, step, end),
        _ => return None,
    };
    (is_name(name) && step != 0).then(|| {
        (
            vec![*name],
            Over::Numbers {
                start,
                step,
                end,
                is_hexadecimal,
            },
        )
    })
}

fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `NAME, value, value` or `{NAME, NAME}, {value, value}`.
fn list<'t>(args: &[&'t str]) -> Option<(Vec<&'t str>, Over<'t>)> {
    let (names, values) = args.split_first()?;
    let names = set(names);
    let values: Vec<Vec<&str>> = match names[..] {
        [_] => values.iter().map(|value| vec![*value]).collect(),
        _ => values.iter().map(|values| set(values)).collect(),
    };
    let fits = !values.is_empty()
        && names.iter().all(|name| is_name(name))
        && values.iter().all(|set| set.len() == names.len());
    fits.then_some((names, Over::List(values)))
}

fn set(text: &str) -> Vec<&str> {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    split(inner.unwrap_or(text))
}

/// Splits at commas outside of braces.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    })
    .map(str::trim)
    .collect()
}

fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| is_letter(c) && !c.is_ascii_digit()) && name.chars().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_and_lists_give_their_values() {
        for (text, expected) in [
            ("~SEQ(N, 0, 3) x", "0 1 2 3"),
            ("~SEQ(N, 3) x", "1 2 3"),
            ("~SEQ(N, -2) x", "-1 -2"),
            ("~SEQ(N,5,-2,1) x", "5 3 1"),
            ("~SEQ(N, 3, 1) x", "3 2 1"),
            ("~SEQ(N, 1, 1, 0) x", ""),
            ("~SEQx(N, 0x90, 0x10, 0xc0) x", "90 a0 b0 c0"),
            ("~LST(N, 7, b) x", "7 b"),
            ("~LST({A, B}, {10,1},{20,4}) x", "10/1 20/4"),
        ] {
            let repetition = parse(text).expect(text);
            let values: Vec<_> = repetition.values().map(|set| set.join("/")).collect();
            assert_eq!(values.join(" "), expected, "{text}");
            assert_eq!(repetition.rest, "x");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "~SEQ",
            "~SEQ(",
            "~SEQ()",
            "~SEQ(N)",
            "~SEQ(N, a)",
            "~SEQ(N, 1, 0, 2)",
            "~SEQ(9, 1, 2)",
            "~LST(N)",
            "~LST({A,B}, {1})",
            "~FOO(N, 1)",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_greatest_number_ends_a_sequence() {
        let text = format!("~SEQ(N, {0}, {0}) x", i64::MAX);
        assert_eq!(parse(&text).expect("a sequence").values().count(), 1);
    }
}
