//! Strongly connected components of a graph (Tarjan).

use std::collections::BTreeMap;

/// Returns the components with more than one node, sorted.
pub(super) fn cycles<'a>(edges: &BTreeMap<&'a str, Vec<&'a str>>) -> Vec<Vec<&'a str>> {
    let mut search = Search {
        edges,
        numbers: BTreeMap::new(),
        open: Vec::new(),
        found: Vec::new(),
    };
    for node in edges.keys() {
        if !search.numbers.contains_key(node) {
            search.visit(node);
        }
    }
    search.found.sort();
    search.found
}

struct Search<'g, 'a> {
    edges: &'g BTreeMap<&'a str, Vec<&'a str>>,
    /// The order in which nodes were visited.
    numbers: BTreeMap<&'a str, usize>,
    /// The nodes of incomplete components.
    open: Vec<&'a str>,
    found: Vec<Vec<&'a str>>,
}

impl<'a> Search<'_, 'a> {
    /// Returns the lowest number that can be reached from the node within its component.
    fn visit(&mut self, node: &'a str) -> usize {
        let number = self.numbers.len();
        self.numbers.insert(node, number);
        self.open.push(node);
        let mut lowest = number;
        for next in self.edges.get(node).into_iter().flatten() {
            match self.numbers.get(next) {
                None => lowest = lowest.min(self.visit(next)),
                Some(seen) if self.open.contains(next) => lowest = lowest.min(*seen),
                Some(_) => {}
            }
        }
        if lowest == number {
            let start = self.open.iter().position(|open| *open == node).unwrap();
            let mut component = self.open.split_off(start);
            component.sort_unstable();
            if component.len() > 1 {
                self.found.push(component);
            }
        }
        lowest
    }
}

#[test]
fn components_are_found_in_any_order() {
    let graph = [
        ("a", vec!["b"]),
        ("b", vec!["c", "d"]),
        ("c", vec!["a"]),
        ("d", vec!["e", "f"]),
        ("e", vec!["d"]),
        ("f", vec![]),
        ("g", vec!["a", "g"]),
    ];
    assert_eq!(cycles(&graph.into()), [vec!["a", "b", "c"], vec!["d", "e"]]);
    let line = [("a", vec!["b", "c"]), ("b", vec!["c"]), ("c", vec!["d"])];
    assert_eq!(cycles(&line.into()), Vec::<Vec<&str>>::new());
}
