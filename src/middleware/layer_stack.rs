//! The layers of a request.

use super::layer::AuthorizeLayer;
use super::settings::LayerSettings;

/// The settings of all layers of a request, the outermost first. They add up.
#[derive(Clone, Copy)]
pub(crate) struct LayerStack<'r> {
    pub(crate) outer: &'r [AuthorizeLayer],
    /// The layer that decides, or `None` if an extractor decides.
    pub(crate) own: Option<&'r LayerSettings>,
}

impl<'r> LayerStack<'r> {
    /// Returns `true` if no layer has a setting about parameters.
    pub(super) fn is_default(self) -> bool {
        self.outer.is_empty()
            && self
                .own
                .is_none_or(LayerSettings::is_default_for_extractors)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'r LayerSettings> {
        let outer = self.outer.iter().map(|layer| &*layer.settings);
        outer.chain(self.own)
    }
}
