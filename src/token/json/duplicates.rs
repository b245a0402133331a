//! Detection of duplicate members.

use std::collections::HashSet;

use super::index::{Index, IndexEntry};
use super::strings::{Name, StringTable};
use super::{Node, siblings};

/// Checks that each member's name appears only once in its object.
///
/// Most names have their own slot in the index. Only if a slot is taken are names compared. For an
/// object with many members, one set at its end replaces the comparisons, so names that are chosen
/// to collide do not cost quadratic time.
pub(super) struct DuplicateCheck {
    pub(super) index: Index,
    pub(super) count: usize,
}

pub(super) const LINEAR_SCAN_MAX: usize = 32;

impl DuplicateCheck {
    /// Adds a name before the node of its member exists. Returns `false` if the name is a
    /// duplicate.
    pub(super) fn insert(
        &mut self,
        name: Name,
        texts: &StringTable<'_>,
        nodes: &[Node],
        object: u32,
    ) -> bool {
        self.count += 1;
        if self.index.find(name.fingerprint) == IndexEntry::Absent {
            self.index.insert(name.fingerprint, nodes.len());
            return true;
        }
        let same = |node: &Node| texts.is(node.key, name.fingerprint, texts.get_name(name));
        self.count > LINEAR_SCAN_MAX || !siblings(nodes, object + 1).any(|(_, node)| same(node))
    }

    pub(super) fn finish(&self, texts: &StringTable<'_>, nodes: &[Node], object: u32) -> bool {
        let mut names = HashSet::new();
        self.count <= LINEAR_SCAN_MAX
            || siblings(nodes, object + 1).all(|(_, node)| names.insert(texts.get_name(node.key)))
    }
}
