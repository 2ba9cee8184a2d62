//! The reports that the document for installers shows are those that come: each line of it stands in the report, in that order.

use std::path::PathBuf;

use domain::Lang;
use feed_check::{Options, render};

use crate::{checked, root};

const COMMAND: &str = "$ kreisverkehr feed check ";

/// The reports in the document: the arguments of the command, and the lines that follow.
fn reports() -> Vec<(String, Vec<String>)> {
    let text = std::fs::read_to_string(root().join("docs/INSTALLERS.md")).unwrap();
    let blocks = text.split("```").skip(1).step_by(2).filter_map(|block| block.split_once(COMMAND));
    let of = |(_, rest): (&str, &str)| {
        let (path, lines) = rest.split_once('\n').unwrap();
        (path.to_owned(), lines.lines().map(str::to_owned).collect())
    };
    blocks.map(of).collect()
}

#[test]
fn every_report_in_the_document_is_what_comes() {
    let (mut ours, mut shared) = (0, 0);
    for (arguments, lines) in reports() {
        let path = arguments.split(' ').next().unwrap();
        let lang = if arguments.ends_with("--lang de") { Lang::De } else { Lang::En };
        let path: PathBuf = match path.strip_prefix("formats/") {
            Some(name) => {
                let path = root().join("../shared/formats").join(name);
                if !path.exists() {
                    eprintln!("SKIPPED: there is no sample at {}", path.display());
                    continue;
                }
                shared += 1;
                path
            }
            None => {
                ours += 1;
                root().join("feed-check/tests").join(path)
            }
        };
        let text = render::text(&checked(&path, Options::default()), lang);
        let mut rest = text.as_str();
        for line in lines.iter().filter(|line| line.trim() != "..." && !line.trim().is_empty()) {
            let (wanted, is_cut) = match line.strip_suffix(" ...") {
                Some(begin) => (begin, true),
                None => (line.as_str(), false),
            };
            let is_it = |l: &str| l.trim_end() == wanted.trim_end() || (is_cut && l.starts_with(wanted));
            let at = rest.lines().position(is_it);
            let at = at.unwrap_or_else(|| {
                panic!("{arguments}: not in the report, or not in this order: {line}\n{text}")
            });
            let skipped: usize = rest.split_inclusive('\n').take(at + 1).map(str::len).sum();
            rest = &rest[skipped..];
        }
    }
    assert_eq!(ours, 5, "five feeds that were broken on purpose");
    eprintln!("{shared} folders of samples");
}
