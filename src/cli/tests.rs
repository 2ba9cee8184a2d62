//! The command line is as OPERATING.md describes it.

use std::collections::BTreeSet;

use super::{Cli, command};
use clap::FromArgMatches;

const OPERATING: &str = include_str!("../../docs/OPERATING.md");

/// A command that does something, with its name as it is typed.
fn leaves() -> Vec<(String, clap::Command)> {
    fn walk(at: &clap::Command, path: &str, into: &mut Vec<(String, clap::Command)>) {
        let below: Vec<&clap::Command> = at.get_subcommands().filter(|c| c.get_name() != "help").collect();
        let does_something = below.is_empty() || at.get_arguments().any(clap::Arg::is_positional);
        if does_something {
            into.push((path.to_owned(), at.clone()));
        }
        for command in below {
            walk(command, format!("{path} {}", command.get_name()).trim_start(), into);
        }
    }
    let mut root = command();
    root.build();
    let mut found = Vec::new();
    walk(&root, "", &mut found);
    found
}

/// Everything between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The part of the document under a heading.
fn section<'a>(heading: &str) -> &'a str {
    let level = heading.split(' ').next().unwrap();
    let (_, rest) = OPERATING.split_once(&format!("\n{heading}\n")).unwrap();
    rest.split(&format!("\n{level} ")).next().unwrap()
}

/// Command, flag, variable and default.
type Setting = (String, String, String, String);

/// The tables under "All settings": each begins with a line that names its commands.
fn documented() -> BTreeSet<Setting> {
    let mut settings = BTreeSet::new();
    let mut commands: Vec<&str> = Vec::new();
    for line in section("## All settings").lines() {
        if line.starts_with("**") {
            commands = quoted(line);
            if commands.is_empty() {
                commands.push("all");
            }
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let &[flag, variable, default, _] = &cells[..] else { continue };
        let Some(&flag) = quoted(flag).first() else { continue };
        let default = quoted(default).first().copied().unwrap_or_default();
        let variable = quoted(variable).first().copied().unwrap_or_default();
        for command in &commands {
            let row = [*command, flag, variable, default].map(str::to_owned);
            assert!(settings.insert(row.into()), "{command} {flag} stands twice");
        }
    }
    settings
}

fn defined() -> BTreeSet<Setting> {
    let mut settings = BTreeSet::new();
    for (path, command) in leaves() {
        for flag in command.get_arguments() {
            let Some(long) = flag.get_long().filter(|long| !["help", "version"].contains(long)) else {
                continue;
            };
            let variable = flag.get_env().map(|v| v.to_string_lossy().into_owned());
            let is_switch = !flag.get_action().takes_values();
            let default: Vec<String> = flag
                .get_default_values()
                .iter()
                .filter(|_| !is_switch)
                .map(|v| v.to_string_lossy().into_owned())
                .collect();
            let owner = if flag.is_global_set() { "all" } else { &path };
            settings.insert((
                owner.to_owned(),
                format!("--{long}"),
                variable.unwrap_or_default(),
                default.join(","),
            ));
        }
    }
    settings
}

#[test]
fn operating_lists_every_flag_with_its_variable_and_default() {
    let (documented, defined) = (documented(), defined());
    let missing: Vec<_> = defined.difference(&documented).collect();
    let wrong: Vec<_> = documented.difference(&defined).collect();
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "not in OPERATING: {missing:#?}\nwrong there: {wrong:#?}"
    );
}

#[test]
fn operating_lists_every_command() {
    let documented: BTreeSet<String> = section("## All commands")
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next())
        .map(str::to_owned)
        .collect();
    let defined: BTreeSet<String> = leaves().into_iter().map(|(path, _)| path).collect();
    assert_eq!(documented, defined);
}

#[test]
fn every_variable_that_a_document_names_is_one() {
    // Of the tests and benchmarks, and how much is logged.
    const OTHERS: [&str; 1] = ["KV_LOG"];
    let known: BTreeSet<String> = defined().into_iter().map(|(_, _, variable, _)| variable).collect();
    for (name, text) in [("OPERATING", OPERATING), ("README", include_str!("../../README.md"))] {
        for (at, _) in text.match_indices("KV_") {
            let end = |c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            let variable = text[at..].split(end).next().unwrap();
            let is_pattern = variable.ends_with('_');
            assert!(
                is_pattern || known.contains(variable) || OTHERS.contains(&variable),
                "{name}: {variable}"
            );
        }
    }
}

#[test]
fn every_flag_has_a_variable_and_every_secret_a_file() {
    for (path, command) in leaves() {
        let flags: Vec<&clap::Arg> = command.get_arguments().filter(|a| a.get_long().is_some()).collect();
        for flag in &flags {
            let long = flag.get_long().unwrap();
            if ["help", "version"].contains(&long) {
                continue;
            }
            let variable = format!("KV_{}", long.to_uppercase().replace('-', "_"));
            assert_eq!(flag.get_env(), Some(std::ffi::OsStr::new(&variable)), "{path} --{long}");
            let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty(), "{path} --{long} has no help");
            let is_secret = flag.is_hide_env_values_set();
            let file = format!("{long}-file");
            assert!(!is_secret || flags.iter().any(|f| f.get_long() == Some(&file)), "{path} --{long}");
        }
    }
}

/// Like a shell: words, quotes, a line that goes on after a backslash; of `a && b` both.
fn typed(example: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in example.replace("\\\n", " ").chars() {
        match (quote, c) {
            (None, '\'') => quote = Some(c),
            (Some(_), '\'') => quote = None,
            (None, ' ' | '\n') => commands.last_mut().unwrap().extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    commands.last_mut().unwrap().extend(word);
    let words = commands.remove(0);
    words.split(|w| w == "&&").map(<[String]>::to_vec).collect()
}

#[test]
fn every_command_has_examples_that_are_understood() {
    for (path, leaf) in leaves() {
        let help = leaf.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples: Vec<&str> = help.split("\n  kreisverkehr ").skip(1).collect();
        assert!(!examples.is_empty(), "{path} --help has no example");
        for example in examples {
            assert!(example.starts_with(&path), "{path}: {example}");
            for words in typed(&format!("kreisverkehr {example}")) {
                let matches = command().try_get_matches_from(&words);
                let understood = matches.and_then(|m| Cli::from_arg_matches(&m));
                assert!(understood.is_ok(), "{words:?}: {}", understood.unwrap_err());
            }
        }
    }
}
