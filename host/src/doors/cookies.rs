//! The cookies of the page, which are nobody else's.
//!
//! Browsers send a cookie to all ports of a host name. So one that looks at the page and opens the URL of a webhook sends
//! its login there as well: it goes to no workflow, and no workflow sets one.

/// What the names of the cookies of the page begin with, on whatever host.
pub(super) const LOGIN: &str = "segno_login_";

/// What a header says of all other cookies, if it says anything.
pub(super) fn without_logins(header: &str) -> Option<String> {
    if !header.contains(LOGIN) {
        return Some(header.to_owned());
    }
    let others: Vec<_> = header.split(';').map(str::trim).filter(|it| !is_login(it)).collect();
    (!others.is_empty()).then(|| others.join("; "))
}

/// Whether a cookie that is sent or set is one of the page.
pub(super) fn is_login(cookie: &str) -> bool {
    cookie.trim_start().starts_with(LOGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_taken_out_and_all_else_stays() {
        for (header, others) in [
            ("a=1; b=segno", Some("a=1; b=segno")),
            ("segno_login_ab=x.1.y", None),
            ("a=1; segno_login_ab=x.1.y;segno_login_cd=z ; b=2", Some("a=1; b=2")),
            ("  segno_login_ab=x", None),
            ("", Some("")),
        ] {
            assert_eq!(without_logins(header).as_deref(), others, "{header}");
        }
        assert!(is_login("segno_login_ab=; Max-Age=0") && !is_login("other=segno_login_"));
    }
}
