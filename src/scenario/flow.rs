//! Whether the steps of a population lead to its end.

use super::{Population, Target};

impl Population {
    /// A step that a journey can come to and comes back to for ever, as no way leads from it to the journey's end: one
    /// that is always followed by itself, say; `None` where every journey that meets no failure ends.
    ///
    /// A scenario with such a step is refused: its journeys would go on for ever without it saying so.
    pub fn step_without_end(&self) -> Option<u16> {
        let ways: Vec<Vec<Target>> = (0..self.steps.len()).map(|step| self.ways(step)).collect();
        // Every step that a journey can come to from the steps given, and whether it can come to the end.
        let closure = |mut todo: Vec<Target>| {
            let (mut reached, mut end) = (vec![false; ways.len()], false);
            while let Some(target) = todo.pop() {
                match target {
                    Target::End => end = true,
                    Target::Step(step) if !reached[usize::from(step)] => {
                        reached[usize::from(step)] = true;
                        todo.extend(&ways[usize::from(step)]);
                    }
                    Target::Step(_) => {}
                }
            }
            (reached, end)
        };
        let start = if ways.is_empty() { Target::End } else { Target::Step(0) };
        let (reached, _) = closure(vec![start]);
        let caught = |step: &usize| {
            let (after, end) = closure(ways[*step].clone());
            reached[*step] && !end && after[*step]
        };
        (0..ways.len()).find(caught).map(|step| step as u16)
    }

    /// Where a journey may go after a step of this index.
    fn ways(&self, step: usize) -> Vec<Target> {
        let next: Vec<Target> =
            self.steps[step].next.iter().filter(|(weight, _)| *weight > 0.0).map(|(_, to)| *to).collect();
        match next.is_empty() {
            true if step + 1 < self.steps.len() => vec![Target::Step(step as u16 + 1)],
            true => vec![Target::End],
            false => next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::example::{population, step};

    fn stuck(next: &[&[(f64, Target)]]) -> Option<u16> {
        let mut steps = Vec::new();
        for (index, next) in next.iter().enumerate() {
            let mut step = step(&format!("step-{index}"));
            step.next = next.to_vec();
            steps.push(step);
        }
        population("client", steps).step_without_end()
    }

    #[test]
    fn a_loop_with_a_way_out_ends() {
        let again = [(0.999, Target::Step(0)), (0.001, Target::End)];
        assert_eq!(stuck(&[&[], &[]]), None);
        assert_eq!(stuck(&[&again]), None);
        assert_eq!(stuck(&[&[(1.0, Target::Step(1))], &[(0.9, Target::Step(0)), (0.1, Target::End)]]), None);
    }

    #[test]
    fn a_loop_without_a_way_out_is_found_where_journeys_come_to_it() {
        let (itself, end) = ([(1.0, Target::Step(1))], [(1.0, Target::End)]);
        assert_eq!(stuck(&[&[], &itself]), Some(1));
        // A weight of zero is no way out; a loop that nobody comes to harms nobody.
        assert_eq!(stuck(&[&[], &[(1.0, Target::Step(1)), (0.0, Target::End)]]), Some(1));
        assert_eq!(stuck(&[&end, &itself]), None);
    }
}
