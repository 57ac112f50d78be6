//! Service curves of queues, and whether those of the children of a queue fit under its own.

/// The most that a queue is served: at one rate at first, at another from then on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ServiceCurve {
    /// The rate at first, in bits a second.
    pub(super) first: f64,
    /// How long that lasts, in milliseconds.
    pub(super) time: f64,
    /// The rate afterwards.
    pub(super) second: f64,
}

impl ServiceCurve {
    /// One rate all the time.
    pub(super) fn flat(rate: u64) -> Self {
        Self { first: rate as f64, time: 0.0, second: rate as f64 }
    }

    fn is_null(&self) -> bool {
        self.first == 0.0 && self.second == 0.0
    }

    /// What is served until a time.
    fn at(&self, time: f64) -> f64 {
        if time <= self.time { time * self.first } else { self.time * self.first + (time - self.time) * self.second }
    }

    /// The rate from a time on.
    fn rate_from(&self, time: f64) -> f64 {
        if time < self.time { self.first } else { self.second }
    }
}

/// The curves of a queue's children, taken together.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum(Vec<ServiceCurve>);

impl Sum {
    pub(super) fn add(&mut self, curve: ServiceCurve) {
        if !curve.is_null() {
            self.0.push(curve);
        }
    }

    /// Whether the sum is nowhere above a curve, as pfctl looks at it: at each time that a rate changes, and from the
    /// last of them on.
    pub(super) fn is_under(&self, curve: &ServiceCurve) -> bool {
        let mut times: Vec<f64> = self.0.iter().map(|child| child.time).collect();
        times.push(0.0);
        let at = |time| self.0.iter().map(|child| child.at(time)).sum::<f64>();
        let rate = |time| self.0.iter().map(|child| child.rate_from(time)).sum::<f64>();
        if curve.is_null() {
            return times.iter().all(|&time| rate(time) == 0.0);
        }
        let last = times.iter().copied().fold(0.0, f64::max);
        let overtakes = last < curve.time
            && rate(last) > curve.first
            && at(last) + (curve.time - last) * rate(last) > curve.at(curve.time);
        times.iter().all(|&time| at(time) <= curve.at(time)) && rate(last) <= curve.second && !overtakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_fit_or_do_not() {
        let curve = |first, time, second| ServiceCurve { first, time, second };
        let whole = ServiceCurve::flat(100);
        for (children, fits) in [
            (&[curve(0.0, 0.0, 60.0), curve(0.0, 0.0, 40.0)][..], true),
            (&[curve(0.0, 0.0, 60.0), curve(0.0, 0.0, 41.0)], false),
            (&[curve(90.0, 10.0, 10.0), curve(0.0, 0.0, 20.0)], false),
            (&[curve(80.0, 10.0, 10.0), curve(0.0, 0.0, 20.0)], true),
        ] {
            let mut sum = Sum::default();
            children.iter().for_each(|child| sum.add(*child));
            assert_eq!(sum.is_under(&whole), fits, "{children:?}");
        }
        assert!(Sum::default().is_under(&ServiceCurve::default()));
    }
}
