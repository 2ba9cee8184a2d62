//! "Did you mean": the known name nearest to a misspelt one.

/// A known name of so many characters is meant by one that only goes on after it: `min_notice_minutes` is `min_notice_min`.
const LONG_ENOUGH: usize = 8;

/// The known name nearest to `name`, if any is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.trim().to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            let length = candidate.chars().count();
            *distance <= (length / 3).min(3)
                || length >= LONG_ENOUGH && wanted.starts_with(&candidate.to_lowercase())
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// `did you mean 'x'? ` or nothing.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |n| format!("did you mean '{n}'? "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_offered() {
        let known = ["slug", "name", "ags", "public_planning"];
        assert_eq!(nearest("Slug", known), Some("slug"));
        assert_eq!(nearest("nmae", known), Some("name"));
        assert_eq!(nearest("public_planing", known), Some("public_planning"));
        assert_eq!(nearest("population", known), None);
        assert_eq!(nearest("min_notice_minutes", ["name", "min_notice_min"]), Some("min_notice_min"));
        assert_eq!(nearest("name_of_street", known), None);
        assert_eq!(nearest("fid", ["id"]), None);
    }
}
