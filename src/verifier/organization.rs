//! The organization of a token: exactly one, none, or an invalid token.

use std::borrow::Cow;

use crate::token::{JsonObject, JsonValue, OrgCode, TokenError, unescape};

/// The place where an issuer writes the organization.
#[derive(Clone, Debug)]
pub(crate) struct OrganizationClaim {
    /// A JSON Pointer (RFC 6901).
    pub(crate) pointer: Cow<'static, str>,
    pub(crate) form: OrganizationForm,
    /// Pointers to objects that can lack the next member of `pointer`. If it is absent, the token
    /// is global.
    pub(crate) may_be_absent_in: Vec<String>,
}

/// The form in which the organization is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrganizationForm {
    /// The value at the pointer.
    Value,
    /// The name of the only member of the object at the pointer.
    MemberName,
}

impl OrganizationClaim {
    /// Returns the organization, or `None` if the token is global.
    ///
    /// A token is global only if the first member of the pointer is absent. An array on the way
    /// must have exactly one element, because a user may control the order of several.
    pub(super) fn read<'j>(&self, json: &'j JsonObject<'_>) -> Result<Option<&'j str>, TokenError> {
        const INVALID: TokenError = TokenError::InvalidOrganization;
        let mut steps = self.pointer.strip_prefix('/').ok_or(INVALID)?.split('/');
        let first = steps.next().ok_or(INVALID)?;
        let Some(mut value) = json.get(&unescape(first).ok_or(INVALID)?) else {
            return Ok(None);
        };
        let mut passed = 1 + first.len();
        for step in steps {
            value = match value {
                JsonValue::Object(inside) => {
                    let name = unescape(step).ok_or(INVALID)?;
                    match json.member_of(inside, &name) {
                        Some(member) => member,
                        None if self.may_be_absent_after(passed) => return Ok(None),
                        None => return Err(INVALID),
                    }
                }
                JsonValue::Array(inside) if step == "0" => {
                    let mut items = json.items(inside);
                    match (items.next(), items.next()) {
                        (Some(only), None) => only,
                        _ => return Err(INVALID),
                    }
                }
                _ => return Err(INVALID),
            };
            passed += 1 + step.len();
        }
        let code = match (self.form, value) {
            (OrganizationForm::Value, JsonValue::String(code)) => Some(code),
            (OrganizationForm::MemberName, JsonValue::Object(inside)) => {
                let mut members = json.members_of(inside);
                match (members.next(), members.next()) {
                    (Some((name, _)), None) => Some(name),
                    _ => None,
                }
            }
            _ => None,
        };
        code.filter(|code| OrgCode::is_valid_code(code))
            .map(Some)
            .ok_or(INVALID)
    }

    /// Returns `true` if the object at the first `len` bytes of the pointer can lack the next
    /// member.
    fn may_be_absent_after(&self, len: usize) -> bool {
        let object = self.pointer.get(..len);
        self.may_be_absent_in
            .iter()
            .any(|pointer| Some(pointer.as_str()) == object)
    }

    /// Returns `true` if every object of `may_be_absent_in` is on the way to the organization.
    pub(super) fn has_valid_absences(&self) -> bool {
        self.may_be_absent_in.iter().all(|object| {
            let rest = self.pointer.strip_prefix(object.as_str());
            object.len() > 1 && rest.is_some_and(|rest| rest.starts_with('/'))
        })
    }
}
