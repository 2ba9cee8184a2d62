//! Times of day.

/// The latest time of a trip: a week after its day began. Later is a slip of the pen; and the
/// search looks back as far as trips last.
pub const MAX_TIME_S: i32 = 7 * 86_400;

/// `H:MM:SS` as seconds after noon minus 12 h; hours may pass 24. `None` when it is not one, or
/// beyond [`MAX_TIME_S`].
pub fn parse_time(text: &[u8]) -> Option<i32> {
    let (hours, rest) = text.split_at(text.iter().position(|b| *b == b':')?);
    let &[b':', m1, m2, b':', s1, s2] = rest else { return None };
    if hours.is_empty() || hours.len() > 3 {
        return None;
    }
    let digit = |b: u8| b.is_ascii_digit().then(|| i32::from(b - b'0'));
    let hours = hours.iter().try_fold(0, |sum, b| Some(sum * 10 + digit(*b)?))?;
    let minutes = digit(m1)? * 10 + digit(m2)?;
    let seconds = digit(s1)? * 10 + digit(s2)?;
    let time = hours * 3600 + minutes * 60 + seconds;
    (minutes < 60 && seconds < 60 && time <= MAX_TIME_S).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_pass_midnight() {
        assert_eq!(parse_time(b"00:00:00"), Some(0));
        assert_eq!(parse_time(b"7:05:09"), Some(25_509));
        assert_eq!(parse_time(b"25:10:00"), Some(90_600));
        for bad in
            ["", "7:5:9", "12:60:00", "12:00:60", "-1:00:00", "1200:00:00", "169:00:00", "12:00", "ab:cd:ef"]
        {
            assert_eq!(parse_time(bad.as_bytes()), None, "{bad}");
        }
    }
}
