//! A search for the setting that a misspelled name probably means.

/// The maximum length of a name that is compared.
const LONGEST: usize = 64;

/// Returns the listed name that differs least, or `None` if each differs in more than a third of
/// its bytes.
pub(super) fn nearest<'n>(
    name: &str,
    listed: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    listed
        .into_iter()
        .map(|listed| (distance(name, listed), listed))
        .filter(|(distance, listed)| *distance <= listed.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, listed)| listed)
}

/// Returns how many bytes must be inserted, removed or replaced (Levenshtein distance).
pub(super) fn distance(left: &str, right: &str) -> usize {
    if left.len() > LONGEST || right.len() > LONGEST {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, byte) in left.bytes().enumerate() {
        let mut diagonal = above;
        let mut current = above + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(right.bytes()) {
            let replaced = diagonal + usize::from(byte != other);
            diagonal = *cell;
            current = replaced.min(*cell + 1).min(current + 1);
            *cell = current;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
