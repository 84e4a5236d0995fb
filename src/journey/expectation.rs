//! How often the steps of a script are played in a journey that meets no failure: an absorbing Markov chain.

use super::Script;
use crate::scenario::Target;

/// Expected plays of every step.
///
/// With P the chances of going from step to step and v the expected visits, v = e_0 + P^T v. A step that is always to be
/// played is played `chance` times a visit. One of `every` n journeys is played at most once a journey: with q the
/// chance that a journey in which it is due plays it, the journeys between two plays number n - 1 + 1/q on average
/// (renewal), and without accounts, where it is always due, it is played q times a journey.
pub(super) fn plays(script: &Script) -> Vec<f64> {
    let count = script.steps.len();
    if count == 0 {
        return Vec::new();
    }
    let moves = moves(script);
    let transposed: Vec<Vec<f64>> =
        (0..count).map(|to| (0..count).map(|from| moves[from][to]).collect()).collect();
    let mut first = vec![0.0; count];
    first[0] = 1.0;
    let Some(visits) = fixed_point(&transposed, &first) else { return vec![f64::INFINITY; count] };
    let play = |step: usize| match script.steps[step].every {
        None => visits[step] * script.steps[step].chance,
        Some(every) => {
            let reached = reaches(&moves, step, script.steps[step].chance);
            if reached <= 0.0 || !script.accounts {
                reached
            } else {
                1.0 / (f64::from(every) - 1.0 + 1.0 / reached)
            }
        }
    };
    (0..count).map(play).collect()
}

/// Chances of going from step to step; what is missing to 1 in a row goes to the end.
fn moves(script: &Script) -> Vec<Vec<f64>> {
    let mut moves = vec![vec![0.0; script.steps.len()]; script.steps.len()];
    for (row, step) in moves.iter_mut().zip(&script.steps) {
        let mut before = 0.0;
        for (sum, target) in &step.next {
            if let Target::Step(to) = target {
                row[usize::from(*to)] += sum - before;
            }
            before = *sum;
        }
    }
    moves
}

/// The chance that a journey comes to `step` and passes its coin of `chance` at least once:
/// h_j = sum P_jk h_k, at the step itself h = chance + (1 - chance) sum P_jk h_k.
fn reaches(moves: &[Vec<f64>], step: usize, chance: f64) -> f64 {
    let mut stays = moves.to_vec();
    for chance_to in &mut stays[step] {
        *chance_to *= 1.0 - chance;
    }
    let mut gain = vec![0.0; moves.len()];
    gain[step] = chance;
    fixed_point(&stays, &gain).map_or(0.0, |hits| hits[0])
}

/// The solution of x = a x + b by elimination with partial pivoting; `None` where there is no single one.
fn fixed_point(a: &[Vec<f64>], b: &[f64]) -> Option<Vec<f64>> {
    let n = b.len();
    let identity = |i: usize, j: usize| if i == j { 1.0 } else { 0.0 };
    let mut rows: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|j| identity(i, j) - a[i][j]).chain(std::iter::once(b[i])).collect())
        .collect();
    for column in 0..n {
        let pivot = (column..n).max_by(|&i, &j| rows[i][column].abs().total_cmp(&rows[j][column].abs()))?;
        rows.swap(column, pivot);
        if rows[column][column].abs() < 1e-12 {
            return None;
        }
        let (above, below) = rows.split_at_mut(column + 1);
        let lead = &above[column];
        for row in below {
            let factor = row[column] / lead[column];
            for (value, of_lead) in row.iter_mut().zip(lead).skip(column) {
                *value -= factor * of_lead;
            }
        }
    }
    let mut x = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| rows[i][j] * x[j]).sum();
        x[i] = (rows[i][n] - known) / rows[i][i];
    }
    Some(x)
}
