//! Tables whose rows go into templates: `${feeder.column}`.

use crate::rng::Key;

/// A table of texts, and which row a journey gets. Pure: the same journey has the same row in every engine and shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feeder {
    /// `[a-z0-9-]+`; what stands before the dot.
    pub name: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows, at least one, each with a value for every column.
    pub rows: Vec<Vec<String>>,
    /// Which row is whose.
    pub order: FeederOrder,
    /// Who has a row: a journey, or an account over all its journeys.
    pub by_account: bool,
}

/// Which row of a table is whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeederOrder {
    /// One after the other, and from the beginning again.
    Sequential,
    /// Any, drawn from the seed; the same may come more than once.
    Random,
    /// One after the other, each once: who comes later has none.
    Once,
}

impl Feeder {
    /// The value of a column for the journey or account of this number, counted from 0 in its population; `key` is what
    /// a random row is drawn from. `None` for a column that there is not, and when the rows are used up.
    pub fn value(&self, column: &str, number: u64, key: Key) -> Option<&str> {
        let column = self.columns.iter().position(|name| name == column)?;
        let rows = self.rows.len() as u64;
        let row = match self.order {
            FeederOrder::Sequential => number % rows,
            FeederOrder::Once => number,
            FeederOrder::Random => key.word("feeder").word(&self.name).below(rows),
        };
        let row = self.rows.get(usize::try_from(row).ok()?)?;
        row.get(column).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feeder(order: FeederOrder) -> Feeder {
        let rows = (0..5).map(|row| vec![format!("name {row}"), format!("{row}{row}")]).collect();
        let columns = vec!["name".to_owned(), "code".to_owned()];
        Feeder { name: "people".to_owned(), columns, rows, order, by_account: false }
    }

    #[test]
    fn rows_come_in_order_once_or_at_random() {
        let code =
            |order, number| feeder(order).value("code", number, Key::root(1).with(number)).map(str::to_owned);
        let of = |order| (0..7).map(|number| code(order, number)).collect::<Vec<_>>();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of(FeederOrder::Sequential)[3..], ["33", "44", "00", "11"].map(some));
        assert_eq!(of(FeederOrder::Once)[3..], [some("33"), some("44"), None, None]);
        // The same journey has the same row every time, and all rows come.
        assert_eq!(of(FeederOrder::Random), of(FeederOrder::Random));
        let drawn: std::collections::BTreeSet<_> =
            (0..200).map(|number| code(FeederOrder::Random, number)).collect();
        assert_eq!(drawn.len(), 5);
    }

    #[test]
    fn the_columns_of_a_row_belong_together() {
        let feeder = feeder(FeederOrder::Random);
        for number in 0..50 {
            let value = |column| feeder.value(column, number, Key::root(3).with(number)).unwrap();
            let row = value("name").strip_prefix("name ").unwrap();
            assert_eq!(value("code"), format!("{row}{row}"));
        }
        assert_eq!(feeder.value("nothing", 0, Key::root(1)), None);
    }
}
