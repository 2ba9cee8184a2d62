//! Metrics for everybody: without the label that names suppliers and towns.

/// `text` in the format of OpenMetrics with `label` left out; what differed by it alone is summed up, which is right
/// for counters. Other lines stay as they are.
pub fn without(text: &str, label: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut sums: Vec<(String, f64)> = Vec::new();
    for line in text.lines() {
        match summed(line, label) {
            Some((series, value)) => match sums.iter_mut().find(|(known, _)| *known == series) {
                Some((_, sum)) => *sum += value,
                None => sums.push((series, value)),
            },
            None => {
                flush(&mut sums, &mut out);
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    flush(&mut sums, &mut out);
    out
}

fn flush(sums: &mut Vec<(String, f64)>, out: &mut String) {
    for (series, sum) in sums.drain(..) {
        out.push_str(&format!("{series} {sum}\n"));
    }
}

/// The series without `label`, and its value; `None`: it does not have the label.
fn summed(line: &str, label: &str) -> Option<(String, f64)> {
    let (name, rest) = line.split_once('{').filter(|_| !line.starts_with('#'))?;
    let (labels, value) = labels(rest)?;
    let (dropped, kept): (Vec<&str>, Vec<&str>) =
        labels.into_iter().partition(|l| l.strip_prefix(label).is_some_and(|rest| rest.starts_with('=')));
    if dropped.is_empty() {
        return None;
    }
    let kept = if kept.is_empty() { String::new() } else { format!("{{{}}}", kept.join(",")) };
    Some((format!("{name}{kept}"), value.trim().parse().ok()?))
}

/// The labels before the closing brace, and what comes after it.
fn labels(text: &str) -> Option<(Vec<&str>, &str)> {
    let (mut labels, mut begin, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' | '}' if !is_quoted => {
                labels.push(&text[begin..at]);
                if c == '}' {
                    return Some((labels, &text[at + 1..]));
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_label_goes_and_the_sums_stay() {
        let text = r#"# HELP m Messages {feed="x"}.
# TYPE m counter
m_total{feed="a"} 1
m_total{feed="b, with \"}\" in it"} 20000000
# TYPE r counter
r_total{feed="a",reason="malformed"} 1
r_total{feed="a",reason="too_old"} 2
r_total{feed="b",reason="malformed"} 4
# TYPE other gauge
other{feeder="a"} 1
plain 1.5
# EOF
"#;
        let expected = r#"# HELP m Messages {feed="x"}.
# TYPE m counter
m_total 20000001
# TYPE r counter
r_total{reason="malformed"} 5
r_total{reason="too_old"} 2
# TYPE other gauge
other{feeder="a"} 1
plain 1.5
# EOF
"#;
        assert_eq!(without(text, "feed"), expected);
    }
}
