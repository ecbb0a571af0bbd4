//! Rows that a client writes while the service moves, and what must be true of them.

use std::time::Duration;

/// A row, as the server that wrote it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Grows with each one.
    pub number: u64,
    /// Where the server ran.
    pub instance: String,
    /// The ledger's epoch, as the server knew it.
    pub epoch: u64,
}

/// A row that the client was told is safe, and when it was.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// The row.
    pub row: Row,
    /// Since the story's beginning.
    pub at: Duration,
}

impl Row {
    /// As `psql --no-align --tuples-only` prints it.
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('|');
        let (number, instance, epoch) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Self { number: number.parse().ok()?, instance: instance.to_owned(), epoch: epoch.parse().ok()? })
    }
}

/// Every row that was acknowledged must be there, as it was acknowledged.
pub fn lost<'a>(acknowledged: &'a [Acknowledged], rows: &[Row]) -> Vec<&'a Row> {
    let there =
        |row: &Row| rows.binary_search_by_key(&row.number, |row| row.number).is_ok_and(|at| rows.get(at) == Some(row));
    acknowledged.iter().map(|acknowledged| &acknowledged.row).filter(|row| !there(row)).collect()
}

/// Rows by a server whose time was over: under a lower epoch than one before it, or by another server under the same epoch.
pub fn by_two_writers(rows: &[Row]) -> Vec<String> {
    let pairs = rows.iter().zip(rows.iter().skip(1));
    let wrong = pairs
        .filter(|(one, next)| next.epoch < one.epoch || (next.epoch == one.epoch && next.instance != one.instance));
    wrong.map(|(one, next)| format!("{one:?} and then {next:?}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64, instance: &str, epoch: u64) -> Row {
        Row { number, instance: instance.to_owned(), epoch }
    }

    fn acknowledged(row: Row) -> Acknowledged {
        Acknowledged { row, at: Duration::ZERO }
    }

    #[test]
    fn the_auditor_sees_what_is_lost_and_who_should_not_have_written() {
        let rows = [row(1, "i-1", 1), row(3, "i-1", 1), row(4, "i-2", 2)];
        let kept = [acknowledged(row(1, "i-1", 1)), acknowledged(row(4, "i-2", 2))];
        assert_eq!(lost(&kept, &rows), Vec::<&Row>::new());
        let gone = [row(2, "i-1", 1), row(4, "i-1", 1), row(5, "i-2", 2)].map(acknowledged);
        assert_eq!(lost(&gone, &rows).len(), 3, "missing, other than acknowledged, or not reached");
        assert_eq!(by_two_writers(&rows), Vec::<String>::new());
        assert_eq!(by_two_writers(&[row(1, "i-2", 2), row(2, "i-1", 1)]).len(), 1, "the old server wrote again");
        assert_eq!(by_two_writers(&[row(1, "i-1", 1), row(2, "i-2", 1)]).len(), 1, "two servers in one epoch");
    }
}
