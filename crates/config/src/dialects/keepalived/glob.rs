//! `include` patterns: `*`, `?`, `[a-z]` and `{a,b}`, as a shell has them.

use std::path::{Path, PathBuf};

use super::files::Files;

/// Most files that one pattern stands for.
const MAX_MATCHES: usize = 256;

/// The files that `pattern` stands for, in the order of their names, and whether it asked for more than one by name.
/// A name without wildcards stands for itself, whether there is such a file or not.
pub(super) fn expand(pattern: &str, directory: &Path, files: &dyn Files) -> (Vec<PathBuf>, bool) {
    let mut found = Vec::new();
    let mut has_wildcard = false;
    for alternative in alternatives(pattern) {
        let absolute = directory.join(&alternative);
        let parts: Vec<String> = absolute
            .components()
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        if parts.iter().any(|part| is_wild(part)) {
            has_wildcard = true;
            walk(PathBuf::new(), &parts, files, &mut found);
        } else {
            found.push(absolute);
        }
        if found.len() >= MAX_MATCHES {
            break;
        }
    }
    found.truncate(MAX_MATCHES);
    (found, has_wildcard)
}

fn is_wild(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// Adds every path below `base` whose parts match.
fn walk(base: PathBuf, parts: &[String], files: &dyn Files, found: &mut Vec<PathBuf>) {
    let Some((part, rest)) = parts.split_first() else {
        found.push(base);
        return;
    };
    if !is_wild(part) {
        return walk(base.join(part), rest, files, found);
    }
    let here = if base.as_os_str().is_empty() {
        Path::new(".")
    } else {
        &base
    };
    let names = files.names(here).unwrap_or_default();
    let mut names: Vec<String> = names
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .filter(|name| is_match(part, name))
        .collect();
    names.sort_unstable();
    for name in names {
        if found.len() >= MAX_MATCHES {
            return;
        }
        walk(base.join(name), rest, files, found);
    }
}

/// The patterns without braces that a pattern with braces stands for.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(pattern) = open.pop() {
        if done.len() + open.len() >= MAX_MATCHES {
            break;
        }
        match split_braces(&pattern) {
            Some((before, choices, behind)) => {
                let choices = choices.iter().rev();
                open.extend(choices.map(|choice| format!("{before}{choice}{behind}")));
            }
            None => done.push(pattern),
        }
    }
    done
}

/// Splits at the first pair of braces, and what is between them at its commas.
fn split_braces(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let (before, rest) = pattern.split_once('{')?;
    let (mut depth, mut start) = (0_usize, 0);
    let mut choices = Vec::new();
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                choices.push(rest.get(start..at)?);
                start = at + 1;
                if c == '}' {
                    return Some((before, choices, rest.get(start..)?));
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether a name matches a pattern without braces and slashes. A dot at the beginning is matched by a dot only.
fn is_match(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut from) = (0, 0);
    // Where the last star stands, and how much of the name it has taken.
    let mut star = None;
    loop {
        let rest = pattern.get(at..).unwrap_or_default();
        match (rest.first(), name.get(from)) {
            (Some('*'), _) => {
                star = Some((at, from));
                at += 1;
                continue;
            }
            (None, None) => return true,
            (Some(_), Some(c)) => {
                if let Some(length) = matches_one(rest, *c) {
                    at += length;
                    from += 1;
                    continue;
                }
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        match star {
            Some((star_at, taken)) if taken < name.len() => {
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                from = taken + 1;
            }
            _ => return false,
        }
    }
}

/// How much of the pattern `c` matches: a question mark, a set, or itself.
fn matches_one(pattern: &[char], c: char) -> Option<usize> {
    let first = *pattern.first()?;
    if first == '?' {
        return Some(1);
    }
    // A bracket at the beginning of a set is a member.
    let end = pattern.iter().skip(2).position(|c| *c == ']').map(|at| at + 2);
    match end {
        Some(end) if first == '[' => {
            let set = pattern.get(1..end)?;
            let (is_inverse, set) = match set.split_first() {
                Some(('!' | '^', rest)) if !rest.is_empty() => (true, rest),
                _ => (false, set),
            };
            (is_in_set(set, c) != is_inverse).then_some(end + 1)
        }
        _ => (first == c).then_some(1),
    }
}

fn is_in_set(set: &[char], c: char) -> bool {
    let mut rest = set;
    loop {
        match rest {
            [from, '-', to, behind @ ..] => {
                if (*from..=*to).contains(&c) {
                    return true;
                }
                rest = behind;
            }
            [one, behind @ ..] => {
                if *one == c {
                    return true;
                }
                rest = behind;
            }
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("*", "a.conf", true),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.bak", false),
            ("a*b*c", "axxbyybzc", true),
            ("a*b*c", "axxbyyb", false),
            ("?.conf", "a.conf", true),
            ("?.conf", "ab.conf", false),
            ("[0-9]x", "5x", true),
            ("[0-9]x", "ax", false),
            ("[!0-9]x", "ax", true),
            ("[]a]", "]", true),
            ("[a", "[a", true),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(is_match(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn braces_stand_for_their_choices_in_order() {
        assert_eq!(alternatives("a{b,{c,d}e,}f"), ["abf", "acef", "adef", "af"]);
        assert_eq!(alternatives("a{b"), ["a{b"]);
        assert!(alternatives(&"{a,b}".repeat(40)).len() <= MAX_MATCHES);
    }

    #[test]
    fn a_pattern_of_stars_is_decided_at_once() {
        assert!(!is_match(&"*a".repeat(200), &"b".repeat(10_000)));
    }
}
