//! Whom our calls come from (R50). Pure.
//!
//! Our own number, in From and in P-Asserted-Identity (RFC 3325): it is the one that the trunk knows us by. The caller
//! whom a call is made for stands in From only where the trunk permits it; then Diversion (RFC 5806) and History-Info
//! (RFC 7044) tell that the call came over our number. Nothing of the caller's own message is ever copied: an Identity
//! header (RFC 8224) vouches for their call, not for ours.

use rsipstack::sip::Header;
use rsipstack::sip::headers::{Diversion, HistoryInfo, PAssertedIdentity};

/// Who a call is from, as one way shows it.
#[derive(Clone)]
pub(super) struct Identity {
    /// The user part of our own address.
    pub own: String,
    /// The user part of the original caller, where the way permits showing it.
    pub original: Option<String>,
    /// Whether it goes to a trunk, which is told an asserted identity.
    pub is_asserted: bool,
}

impl Identity {
    /// The From value, without a tag.
    pub fn from(&self, domain: &str) -> String {
        let user = self.original.as_ref().unwrap_or(&self.own);
        format!("<sip:{user}@{domain}>")
    }

    /// The headers that tell the rest.
    pub fn headers(&self, domain: &str, target: &str) -> Vec<Header> {
        let own = format!("<sip:{}@{domain}>", self.own);
        let mut headers = Vec::new();
        if self.is_asserted {
            headers.push(Header::PAssertedIdentity(PAssertedIdentity::new(own.clone())));
        }
        if self.original.is_some() {
            headers
                .push(Header::Diversion(Diversion::new(format!("{own};reason=unconditional;counter=1;privacy=off"))));
            let history = format!("{own};index=1, <{};cause=302>;index=1.1;mp=1", target.trim_matches(['<', '>']));
            headers.push(Header::HistoryInfo(HistoryInfo::new(history)));
        }
        headers
    }

    /// The same with our own number alone; `None` where it shows nothing else already.
    pub fn without_original(&self) -> Option<Identity> {
        self.original.as_ref().map(|_| Identity { original: None, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(identity: &Identity) -> Vec<String> {
        identity.headers("carrier.example", "sip:+4930901820@carrier.example").iter().map(Header::to_string).collect()
    }

    /// R50: our own number alone by default.
    #[test]
    fn our_own_number_is_shown() {
        let own = Identity { own: "+49301".into(), original: None, is_asserted: true };
        assert_eq!(own.from("carrier.example"), "<sip:+49301@carrier.example>");
        assert_eq!(texts(&own), ["P-Asserted-Identity: <sip:+49301@carrier.example>"]);
        assert!(own.without_original().is_none());
    }

    /// R50: the caller is shown with what tells how the call came to us, and our own number is still asserted.
    #[test]
    fn the_caller_is_shown_with_our_number_as_the_one_that_diverts() {
        let shown = Identity { own: "+49301".into(), original: Some("+49176".into()), is_asserted: true };
        assert_eq!(shown.from("carrier.example"), "<sip:+49176@carrier.example>");
        let texts = texts(&shown);
        assert_eq!(texts.len(), 3);
        assert!(texts[0].contains("+49301"));
        assert!(texts[1].starts_with("Diversion: <sip:+49301@carrier.example>;reason=unconditional"));
        assert!(texts[2].contains("index=1, <sip:+4930901820@carrier.example;cause=302>;index=1.1"), "{}", texts[2]);
        assert_eq!(shown.without_original().unwrap().from("c"), "<sip:+49301@c>");
    }
}
