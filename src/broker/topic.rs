//! Topic filters and the topics they cover.

/// Whether everything that `filter` (a topic filter or a topic) matches is also matched by `grant`.
///
/// Wildcards at the beginning of a grant do not reach topics that begin with `$` (MQTT 5.0, 4.7.2).
pub fn covers(grant: &str, filter: &str) -> bool {
    if filter.starts_with('$') && grant.starts_with(['#', '+']) {
        return false;
    }
    let mut granted = grant.split('/');
    let mut requested = filter.split('/');
    loop {
        match (granted.next(), requested.next()) {
            // Also matches the level above: `a/#` covers `a`.
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(level), Some(same)) if level == same => {}
            _ => return false,
        }
    }
}

/// Whether one of `grants` covers `filter` (a topic, a topic filter, or one of a shared subscription).
pub fn is_granted(grants: &[String], filter: &str) -> bool {
    grants.iter().any(|grant| covers(grant, without_share(filter)))
}

/// The filter inside a shared subscription (`$share/{group}/{filter}`), or the filter itself.
pub fn without_share(filter: &str) -> &str {
    filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/')).map_or(filter, |(_, inner)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_cover_what_lies_within_them() {
        for (grant, filter) in [
            ("#", "a/b"),
            ("#", "#"),
            ("#", "+/b"),
            ("a/#", "a"),
            ("a/#", "a/b/#"),
            ("a/+/c", "a/b/c"),
            ("a/+/c", "a/+/c"),
            ("+/b", "a/b"),
            ("/hfp/v2/#", "/hfp/v2/journey"),
            ("$SYS/#", "$SYS/broker"),
        ] {
            assert!(covers(grant, filter), "{grant} covers {filter}");
        }
    }

    #[test]
    fn grants_cover_nothing_beyond_them() {
        for (grant, filter) in [
            ("a/#", "#"),
            ("a/#", "+/b"),
            ("a/#", "ab"),
            ("a/b", "a/+"),
            ("a/b", "a/b/c"),
            ("a/b", "a"),
            ("a/+", "a/#"),
            ("a/+", "a"),
            ("a/+", "a/b/c"),
            ("#", "$SYS/broker"),
            ("+/broker", "$SYS/broker"),
            ("hfp/#", "/hfp/v2"),
        ] {
            assert!(!covers(grant, filter), "{grant} does not cover {filter}");
        }
    }

    #[test]
    fn shared_subscriptions_are_their_inner_filter() {
        assert_eq!(without_share("$share/group/a/#"), "a/#");
        assert_eq!(without_share("a/#"), "a/#");
        assert_eq!(without_share("$share/group"), "$share/group");
    }
}
