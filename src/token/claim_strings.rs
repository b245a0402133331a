//! The short strings of a token, in one allocation.

/// The short strings of a token, borrowed.
#[derive(Clone, Copy, Default)]
pub(crate) struct ClaimStrs<'t> {
    pub(crate) client_id: &'t str,
    pub(crate) subject: Option<&'t str>,
    pub(crate) jti: Option<&'t str>,
    /// The first audience. Almost all tokens have only one.
    pub(crate) audience: Option<&'t str>,
}

/// The same strings, owned.
#[derive(Clone)]
pub(crate) struct ClaimStrings {
    all: Box<str>,
    client_id: StrRange,
    subject: Option<StrRange>,
    jti: Option<StrRange>,
    audience: Option<StrRange>,
}

/// The start and end of a string.
type StrRange = (u32, u32);

impl ClaimStrings {
    pub(crate) fn new(texts: ClaimStrs<'_>) -> Self {
        let ClaimStrs {
            client_id,
            subject,
            jti,
            audience,
        } = texts;
        let parts = [Some(client_id), subject, jti, audience];
        let mut all = String::with_capacity(parts.iter().flatten().map(|text| text.len()).sum());
        let [client_id, subject, jti, audience] = parts.map(|text| {
            let (text, begin) = (text?, all.len());
            all.push_str(text);
            // No token is close to 4 GiB.
            Some((u32::try_from(begin).ok()?, u32::try_from(all.len()).ok()?))
        });
        Self {
            all: all.into(),
            client_id: client_id.unwrap_or_default(),
            subject,
            jti,
            audience,
        }
    }

    pub(crate) fn as_strs(&self) -> ClaimStrs<'_> {
        let Self {
            client_id,
            subject,
            jti,
            audience,
            ..
        } = *self;
        ClaimStrs {
            client_id: self.get(client_id),
            subject: subject.map(|range| self.get(range)),
            jti: jti.map(|range| self.get(range)),
            audience: audience.map(|range| self.get(range)),
        }
    }

    fn get(&self, (begin, end): StrRange) -> &str {
        self.all
            .get(begin as usize..end as usize)
            .unwrap_or_default()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
