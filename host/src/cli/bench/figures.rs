//! What is measured: figures of one round, and the rows that many rounds become.

use serde::Serialize;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unit {
    /// Milliseconds.
    Ms,
    /// Things in a second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// Cores that are busy.
    Cores,
}

/// What a number is to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Goal {
    /// So much or less.
    AtMost(f64),
    /// So much or more.
    AtLeast(f64),
}

impl Goal {
    fn bound(self) -> f64 {
        match self {
            Self::AtMost(bound) | Self::AtLeast(bound) => bound,
        }
    }

    fn with(self, bound: f64) -> Self {
        match self {
            Self::AtMost(_) => Self::AtMost(bound),
            Self::AtLeast(_) => Self::AtLeast(bound),
        }
    }

    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }
}

/// A number that one round gave; none where the system does not tell it.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    what: String,
    unit: Unit,
    value: Option<f64>,
    goal: Option<Goal>,
}

impl Figure {
    pub(super) fn new(what: impl Into<String>, unit: Unit, value: impl Into<Option<f64>>) -> Self {
        Self { what: what.into(), unit, value: value.into(), goal: None }
    }

    /// The same, where it is to be so much or less.
    pub(super) fn at_most(self, bound: f64) -> Self {
        Self { goal: Some(Goal::AtMost(bound)), ..self }
    }

    /// The same, where it is to be so much or more.
    pub(super) fn at_least(self, bound: f64) -> Self {
        Self { goal: Some(Goal::AtLeast(bound)), ..self }
    }
}

/// A figure over all rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    /// W1 to W11.
    pub(super) workload: &'static str,
    /// What was measured.
    pub(super) what: String,
    /// What the numbers count.
    pub(super) unit: Unit,
    /// The median of the rounds; none where it was not measured.
    pub(super) median: Option<f64>,
    /// The rounds, in order.
    pub(super) rounds: Vec<f64>,
    /// What it is to be, if it is to be anything.
    pub(super) goal: Option<Goal>,
    /// Whether it is so.
    pub(super) met: Option<bool>,
}

/// The rows that rounds with the same figures become.
pub(super) fn rows(workload: &'static str, rounds: &[Vec<Figure>]) -> Vec<Row> {
    let figures = rounds.first().map_or(0, Vec::len);
    (0..figures)
        .map(|index| row(workload, rounds.iter().map(|round| &round[index]).collect()))
        .collect()
}

fn row(workload: &'static str, figures: Vec<&Figure>) -> Row {
    let rounds: Vec<f64> = figures.iter().filter_map(|figure| figure.value).collect();
    let bounds: Vec<f64> =
        figures.iter().filter_map(|figure| figure.goal).map(Goal::bound).collect();
    let first = figures[0];
    let median_of = |numbers: &[f64]| (!numbers.is_empty()).then(|| median(numbers.to_vec()));
    let goal = first.goal.zip(median_of(&bounds)).map(|(goal, bound)| goal.with(bound));
    let median = median_of(&rounds);
    let met = goal.zip(median).map(|(goal, value)| goal.is_met(value));
    Row { workload, what: first.what.clone(), unit: first.unit, median, rounds, goal, met }
}

/// The number in the middle; 0 where there is none.
pub(super) fn median(numbers: Vec<f64>) -> f64 {
    share(numbers, 0.5)
}

/// The number below which this share of them lies; 0 where there is none.
pub(super) fn share(mut numbers: Vec<f64>, share: f64) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let index = (numbers.len() as f64 * share) as usize;
    numbers.get(index.min(numbers.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_the_median_and_judges_it() {
        let round =
            |value: f64, bound: f64| vec![Figure::new("a step", Unit::Ms, value).at_most(bound)];
        let rows = rows("W1", &[round(3.0, 2.0), round(1.0, 9.0), round(2.0, 1.0)]);
        assert_eq!(rows[0].median, Some(2.0));
        assert_eq!(rows[0].goal, Some(Goal::AtMost(2.0)));
        assert_eq!(rows[0].met, Some(true));
        assert_eq!(rows[0].rounds, [3.0, 1.0, 2.0]);
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let rows = rows("W4", &[vec![Figure::new("memory", Unit::Bytes, None).at_most(1024.0)]]);
        assert_eq!((rows[0].median, rows[0].met), (None, None));
    }

    #[test]
    fn a_share_of_few_numbers_is_one_of_them() {
        let numbers: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(share(numbers.clone(), 0.99), 100.0);
        assert_eq!(share(numbers, 0.5), 51.0);
        assert_eq!(share(vec![7.0], 0.99), 7.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
