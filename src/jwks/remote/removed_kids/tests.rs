use super::*;

#[test]
fn last_removed_kids_are_kept() {
    let removed = RemovedKids::new(3);
    for kid in ["a", "b", "c", "a", "d"] {
        removed.insert(kid);
    }
    assert_eq!(
        ["a", "b", "c", "d", "e"].map(|kid| removed.contains(kid)),
        [true, false, true, true, false]
    );
}
