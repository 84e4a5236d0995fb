//! Windows over time that are closed as time goes on, so that few are held at once.

use std::collections::BTreeMap;

/// Values by window, of which the last `keep` stay open.
#[derive(Debug)]
pub(super) struct Rolling<T> {
    open: BTreeMap<i64, T>,
    keep: i64,
    closed_before: i64,
}

impl<T: Default> Rolling<T> {
    /// Keeps windows open for `keep` windows (at least one) after their end.
    pub(super) fn new(keep: i64) -> Self {
        Self { open: BTreeMap::new(), keep: keep.max(1), closed_before: i64::MIN }
    }

    /// The value of a window; hands those that end long before it to `close`. A record is written in the order of time
    /// but for a few late lines; what comes for a window that is closed already counts in the oldest open one.
    pub(super) fn at(&mut self, window: i64, mut close: impl FnMut(i64, T)) -> &mut T {
        let window = window.max(self.closed_before);
        while let Some(oldest) = self.open.first_entry() {
            if *oldest.key() >= window - self.keep {
                break;
            }
            self.closed_before = *oldest.key() + 1;
            let (window, value) = oldest.remove_entry();
            close(window, value);
        }
        self.open.entry(window).or_default()
    }

    /// Hands over all windows that are left.
    pub(super) fn finish(self, mut close: impl FnMut(i64, T)) {
        self.open.into_iter().for_each(|(window, value)| close(window, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_closed_in_order_and_nothing_that_comes_late_is_lost() {
        let mut rolling = Rolling::<Vec<i64>>::new(2);
        let mut closed = Vec::new();
        for window in [0, 1, 0, 3, 2, 4, 0, 9] {
            rolling.at(window, |window, values| closed.push((window, values))).push(window);
        }
        rolling.finish(|window, values| closed.push((window, values)));
        let expected =
            [(0, vec![0, 0]), (1, vec![1]), (2, vec![2, 0]), (3, vec![3]), (4, vec![4]), (9, vec![9])];
        assert_eq!(closed, expected);
    }
}
