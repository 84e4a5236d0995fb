//! Which cores the generator and the server run on: different ones where there are two.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placement {
    /// The generator's core; `None`: wherever the system puts it.
    pub(super) generator: Option<usize>,
    /// The server's cores; empty: wherever the system puts it.
    pub(super) server: Vec<usize>,
}

impl Placement {
    /// Divides the cores that this process may use.
    ///
    /// `wish` are the cores that the server's configuration names; those that do not exist here are left out. The
    /// generator takes the highest core that the server has not named, the server the rest. On a single core nothing
    /// is pinned: they share it, and the run's validity shows what that costs.
    pub(super) fn choose(available: &[usize], wish: &[usize]) -> Self {
        let named: Vec<usize> = wish.iter().copied().filter(|core| available.contains(core)).collect();
        let generator = available.iter().copied().filter(|core| !named.contains(core)).max();
        match generator {
            Some(core) if available.len() > 1 => {
                let rest = available.iter().copied().filter(|other| *other != core).collect();
                Self { generator, server: if named.is_empty() { rest } else { named } }
            }
            _ => Self { generator: None, server: Vec::new() },
        }
    }
}

/// The cores that this thread may use, in ascending order.
pub(super) fn available() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

/// Keeps the calling thread, and what it starts from now on, on these cores; none: changes nothing.
///
/// # Errors
/// The system refuses, as it does when none of the cores may be used.
pub(super) fn pin(cores: &[usize]) -> std::io::Result<()> {
    if cores.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    for core in cores.iter().filter(|core| **core < CpuSet::MAX_CPU) {
        set.set(*core);
    }
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generator_and_server_get_different_cores_where_there_are_two() {
        let check = |available: &[usize], wish: &[usize], generator, server: &[usize]| {
            let placement = Placement::choose(available, wish);
            assert_eq!(placement, Placement { generator, server: server.to_vec() }, "{available:?} {wish:?}");
        };
        check(&[0, 1], &[], Some(1), &[0]);
        check(&[0, 1], &[1], Some(0), &[1]);
        check(&[2, 3, 5, 7], &[], Some(7), &[2, 3, 5]);
        check(&[0, 1, 2, 3], &[0, 1], Some(3), &[0, 1]);
        // A wish for cores that are not there, or for all of them, or a single core.
        check(&[0, 1], &[8], Some(1), &[0]);
        check(&[0, 1], &[0, 1], None, &[]);
        check(&[0], &[], None, &[]);
    }

    #[test]
    fn a_pinned_thread_runs_on_its_core_only() {
        let core = *available().last().unwrap();
        std::thread::spawn(move || {
            pin(&[core]).unwrap();
            assert_eq!(available(), [core]);
        })
        .join()
        .unwrap();
    }
}
