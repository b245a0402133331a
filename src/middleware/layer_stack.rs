//! The layers of a request.

#[cfg(feature = "axum")]
use http::Extensions;

use super::layer::AuthorizeLayer;
use super::settings::LayerSettings;
#[cfg(feature = "axum")]
use crate::extensions::VerifiedRequest;

/// The layers that extractors have to read, all of one verifier, the outermost first. An inner
/// layer adds to the requirements of an outer one and removes none.
#[derive(Clone, Default)]
pub(crate) struct AppliedLayers(pub(crate) Vec<AuthorizeLayer>);

/// The innermost layer of a request without a token, if extractors have to read it. It is not one
/// of the [`AppliedLayers`], because such a request met none of its requirements.
#[cfg(feature = "axum")]
#[derive(Clone)]
struct AnonymousLayer(AuthorizeLayer);

/// Returns the innermost layer, whose response an extractor repeats, or `None` if its settings are
/// the defaults.
#[cfg(feature = "axum")]
pub(crate) fn innermost_layer(extensions: &Extensions) -> Option<&AuthorizeLayer> {
    match VerifiedRequest::claims_in(extensions) {
        Some(_) => extensions.get::<AppliedLayers>()?.0.last(),
        None => extensions.get::<AnonymousLayer>().map(|layer| &layer.0),
    }
}

impl AuthorizeLayer {
    /// Returns `true` if extractors have to read this layer: its settings differ from the defaults,
    /// or its verifier limits events.
    #[inline]
    pub(super) fn is_read_by_extractors(&self) -> bool {
        !self.settings.is_default_for_extractors() || self.verifier.event_limit().is_some()
    }

    /// Records this layer for the rejections of extractors, in place of an outer one.
    #[cfg(feature = "axum")]
    pub(super) fn record_anonymous_layer(&self, extensions: &mut Extensions) {
        if self.is_read_by_extractors() {
            extensions.insert(AnonymousLayer(self.clone()));
        } else {
            extensions.remove::<AnonymousLayer>();
        }
    }
}

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
