//! The executable: the only place that wires the parts together.
#![deny(clippy::print_stdout, clippy::print_stderr)]

#[macro_use]
mod terminal;

mod broker;
mod cli;
mod commands;
mod database;
mod derive;
mod disk;
mod forecast;
mod health;
mod history_files;
mod identity;
mod journey_sources;
mod journeys;
mod live;
mod logging;
mod rentals;
mod retry;
mod server;
mod shutdown;
mod tasks;
mod toml_file;

use std::process::ExitCode;

use cli::{Cli, Command, FeedCommand, ForecastCommand};

fn main() -> ExitCode {
    let cli = Cli::of_process();
    logging::start(cli.log_format);
    if cli.command.uses_data_dir() {
        // What is made from here on, by libraries and child processes too, is for this user alone.
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    }
    // One TLS implementation for all connections; a second installation is refused and no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            errln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(cli.command));
    // What still blocks a thread (a request to a slow server) must not hold up the end.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        // A requested stop: it had not begun to serve, so nothing is left undone.
        Err(error) if error.is::<shutdown::StopRequested>() => ExitCode::SUCCESS,
        Err(error) => {
            errln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    use shutdown::cut_short_when_requested as brief;
    match command {
        Command::Demo(args) => Box::pin(commands::demo::run(args)).await,
        Command::Serve(args) => commands::serve::serve(args).await,
        Command::Ingest(args) => commands::serve::ingest(args).await,
        Command::Api(args) => commands::serve::api(args).await,
        Command::Simulate(args) => commands::simulate::run(args).await,
        Command::Import(args) => brief(Box::pin(commands::import::run(args))).await,
        Command::Export(args) => brief(commands::export::run(args)).await,
        Command::Journey(args) => brief(commands::journey::run(args)).await,
        Command::Migrate(args) => brief(commands::migrate::run(args)).await,
        Command::Key(args) => brief(Box::pin(commands::key::run(args))).await,
        Command::Prune(args) => brief(commands::prune::run(args)).await,
        Command::Feed(FeedCommand::Check(args)) => Box::pin(commands::feed::check::run(&args)).await,
        Command::Capture(args) => Box::pin(commands::capture::run(&args)).await,
        Command::Replay(args) => Box::pin(commands::replay::run(&args)).await,
        Command::Openapi => commands::openapi::run(),
        Command::Forecast(ForecastCommand::Evaluate(args)) => commands::forecast::evaluate(&args),
        Command::Forecast(ForecastCommand::Train(args)) => brief(commands::forecast::train::run(args)).await,
        Command::Healthcheck(args) => commands::healthcheck::run(args).await,
    }
}
