//! Addresses and phone numbers as clients send them.

use crate::refuse::{invalid, refuse};
use mainstay_base::Result;

/// Where a user can be reached, in the one form in which it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Contact {
    Email(String),
    Phone(String),
}

impl Contact {
    /// What a client gave: one of the two, or neither.
    pub fn of(email: &str, phone: &str) -> Result<Option<Contact>> {
        Ok(match (email, phone) {
            ("", "") => None,
            ("", phone) => Some(Contact::Phone(self::phone(phone)?)),
            (email, "") => Some(Contact::Email(self::email(email)?)),
            _ => return Err(invalid("Only an email address or phone number should be provided, not both")),
        })
    }

    pub fn text(&self) -> &str {
        match self {
            Contact::Email(text) | Contact::Phone(text) => text,
        }
    }

    pub fn provider(&self) -> &'static str {
        match self {
            Contact::Email(_) => "email",
            Contact::Phone(_) => "phone",
        }
    }
}

/// An address in lower case, of a form that mail can be sent to.
pub(crate) fn email(text: &str) -> Result<String> {
    if text.is_empty() {
        return Err(invalid("An email address is required"));
    }
    if text.len() > 255 {
        return Err(invalid("An email address is too long"));
    }
    let wrong = || refuse(400, "validation_failed", "Unable to validate email address: invalid format");
    let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let label = |label: &str| {
        let inner = |c: char| c.is_alphanumeric() || c == '-';
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(inner)
    };
    if local.is_empty() || local.len() > 64 || !local.chars().all(plain) || !domain.split('.').all(label) {
        return Err(wrong());
    }
    Ok(text.to_lowercase())
}

/// A number in E.164 without its plus sign, as GoTrue stores it.
pub(crate) fn phone(text: &str) -> Result<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '+' | '-' | '(' | ')')).collect();
    let right = (2..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|c| c.is_ascii_digit());
    if !right {
        return Err(invalid("Invalid phone number format (E.164 required)"));
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    #[test]
    fn addresses_have_one_form() {
        assert_eq!(super::email("Ada@Example.COM").expect("an address"), "ada@example.com");
        for wrong in
            ["", "ada", "@example.com", "ada@", "a b@example.com", "ada@-x.com", "ada@x..y", "a\r\nb@x.y"]
        {
            assert!(super::email(wrong).is_err(), "{wrong}");
        }
        assert_eq!(super::phone("+49 (170) 123-456").expect("a number"), "49170123456");
        assert!(super::phone("0170").is_err() && super::phone("abc").is_err());
    }
}
