//! `ProbaRule`: a share of the queries.

use std::fmt;

use crate::{Invalid, Moment, Notes, Selector, Subject};

/// Matches at random.
#[derive(Debug)]
pub struct Probability {
    probability: f64,
    /// Matches when the query's random bits, mixed, are below this; `None` matches always.
    threshold: Option<u64>,
    salt: u64,
}

impl Probability {
    /// Matches with `probability`, from 0 to 1. Rules with different `salt` draw independently of each other.
    ///
    /// # Errors
    /// When `probability` is out of range.
    pub fn new(probability: f64, salt: u64) -> Result<Self, Invalid> {
        if !(0.0..=1.0).contains(&probability) {
            return Err(Invalid::new(format!(
                "probability {probability} is not between 0 and 1"
            )));
        }
        Ok(Self {
            probability,
            threshold: (probability < 1.0).then_some((probability * 2f64.powi(64)) as u64),
            salt,
        })
    }
}

impl Selector for Probability {
    fn matches(&self, _subject: &Subject<'_>, moment: &Moment<'_>, _notes: &Notes) -> bool {
        // The salt is spread over all bits, so that two rules do not draw the same.
        let drawn = (moment.random ^ self.salt.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .wrapping_mul(0xd6e8_feb8_6659_fd93);
        self.threshold
            .is_none_or(|threshold| (drawn ^ drawn >> 32) < threshold)
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "match with prob. {:.2}", self.probability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, ends, moment, packet};
    use weir_wire::{QType, Query};

    /// How many of 10,000 queries match, by each of two rules and by both.
    fn matched(probability: f64) -> [u32; 3] {
        let packet = packet("example.com", QType::A);
        let query = Query::parse(&packet).expect("a query");
        let subject = Subject::of_query(&query, ends());
        let rules = [0, 1].map(|salt| Probability::new(probability, salt).expect("a probability"));
        let mut random = Random::new(5);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            let moment = Moment {
                random: random.next(),
                ..moment(0)
            };
            let [first, second] =
                [0, 1].map(|rule| rules[rule].matches(&subject, &moment, &Notes::default()));
            for (count, matched) in counts.iter_mut().zip([first, second, first && second]) {
                *count += u32::from(matched);
            }
        }
        counts
    }

    #[test]
    fn the_share_is_kept_and_rules_are_independent() {
        let [first, second, both] = matched(0.25);
        assert!(
            (2_300..2_700).contains(&first) && (2_300..2_700).contains(&second),
            "{first} {second}"
        );
        assert!((500..750).contains(&both), "{both}");
        assert_eq!(matched(0.0), [0; 3]);
        assert_eq!(matched(1.0), [10_000; 3]);
    }

    #[test]
    fn only_probabilities_are_accepted() {
        for bad in [-0.1, 1.1, f64::NAN] {
            assert!(Probability::new(bad, 0).is_err(), "{bad}");
        }
        assert_eq!(
            Probability::new(0.333, 0).map(|rule| rule.to_string()),
            Ok("match with prob. 0.33".to_owned())
        );
    }
}
