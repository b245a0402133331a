//! The metrics of used DPoP proofs.

/// Describes the metrics.
#[cfg(feature = "metrics")]
pub(super) fn describe_used_proofs() {
    use metrics::describe_gauge;
    describe_gauge!(
        "tower_m2m_used_proofs",
        "Used DPoP proofs in the memory of this process."
    );
    describe_gauge!(
        "tower_m2m_used_proofs_max",
        "The largest number of used DPoP proofs in the memory of this process."
    );
}

/// Sets the number of used proofs in the memory of this process, and the largest number.
pub(crate) fn used_proofs(stored: usize, max: usize) {
    #[cfg(feature = "metrics")]
    {
        let number = |proofs| f64::from(u32::try_from(proofs).unwrap_or(u32::MAX));
        metrics::gauge!("tower_m2m_used_proofs").set(number(stored));
        metrics::gauge!("tower_m2m_used_proofs_max").set(number(max));
    }
    let _ = (stored, max);
}
