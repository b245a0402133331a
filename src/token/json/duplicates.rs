//! Whether a member appears for the first time in its object.

use std::collections::HashSet;

use super::index::{Index, IndexEntry};
use super::strings::{Name, StringTable};
use super::{Node, siblings};

/// Tells whether a member's name appears for the first time in its object.
///
/// Most names have a place of their own in the index; only where another has it are names compared. In an object
/// of many members a set is made once at its end instead, so that names chosen to look alike cost no quadratic time.
pub(super) struct DuplicateCheck {
    pub(super) index: Index,
    pub(super) count: usize,
}

pub(super) const LINEAR_SCAN_MAX: usize = 32;

impl DuplicateCheck {
    /// A name, before the node of its member is there.
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
