//! Which clients and organizations of an issuer an application allows.

use std::collections::HashSet;

/// The clients and organizations of one issuer that may call, if the application lists them.
#[derive(Debug)]
pub(crate) struct AllowLists {
    clients: Option<HashSet<String>>,
    organizations: Option<HashSet<String>>,
}

/// The caller is not on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAllowed {
    Client,
    Organization,
}

impl AllowLists {
    /// Returns `None` if there is no list.
    pub(crate) fn new(
        clients: Option<HashSet<String>>,
        organizations: Option<HashSet<String>>,
    ) -> Option<Self> {
        (clients.is_some() || organizations.is_some()).then_some(Self {
            clients,
            organizations,
        })
    }

    /// Returns the number of allowed clients, or `None` if every client is allowed.
    pub(crate) fn clients(&self) -> Option<usize> {
        self.clients.as_ref().map(HashSet::len)
    }

    /// Returns the number of allowed organizations, or `None` if every organization is allowed.
    pub(crate) fn organizations(&self) -> Option<usize> {
        self.organizations.as_ref().map(HashSet::len)
    }

    /// Checks the client, and the organization that it belongs to or acts for.
    pub(crate) fn check(
        &self,
        client_id: &str,
        organization: Option<&str>,
    ) -> Result<(), NotAllowed> {
        let is_allowed = |list: &Option<HashSet<String>>, name: &str| {
            list.as_ref().is_none_or(|allowed| allowed.contains(name))
        };
        if !is_allowed(&self.clients, client_id) {
            return Err(NotAllowed::Client);
        }
        match organization {
            Some(code) if !is_allowed(&self.organizations, code) => Err(NotAllowed::Organization),
            _ => Ok(()),
        }
    }
}
