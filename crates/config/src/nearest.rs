//! The known name that an unknown one was probably meant to be.

/// Names longer than this are not compared: the work grows with the product of the lengths.
const MAX_LEN: usize = 64;

/// The candidate that `name` is a slip of the finger away from: two edits at most, fewer for short names, letter
/// case for free.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let allowed = match name.len() {
        0..=1 => return None,
        2..=4 => 1,
        _ => 2,
    };
    let near = candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate));
    near.filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The number of letters to insert, remove, replace or swap with the next to make `one` of `other`, without
/// regard to case ("optimal string alignment").
fn distance(one: &str, other: &str) -> usize {
    let [one, other] = [one, other].map(|text| text.to_ascii_lowercase().into_bytes());
    if one.len().max(other.len()) > MAX_LEN {
        return usize::MAX;
    }
    let mut before = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut best = (row[j] + usize::from(a != b))
                .min(row[j + 1] + 1)
                .min(next[j] + 1);
            let is_swapped = i > 0 && j > 0 && one[i - 1] == *b && other[j - 1] == *a;
            if is_swapped && let Some(skipped) = before.get(j - 1) {
                best = best.min(skipped + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_within_two_edits() {
        let known = ["newServer", "newServerPolicy", "getServer", "addACL", "setACL"];
        for (name, expected) in [
            ("newServr", Some("newServer")),
            ("newserver", Some("newServer")),
            ("nweServer", Some("newServer")),
            ("addACl", Some("addACL")),
            ("newThing", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
        assert_eq!(nearest("ttk", ["ttl", "aa"]), Some("ttl"));
        assert_eq!(nearest("zz", ["aa"]), None);
        assert_eq!(
            nearest(&"a".repeat(MAX_LEN + 1), [&*"a".repeat(MAX_LEN + 2)]),
            None
        );
    }
}
