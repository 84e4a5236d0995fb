//! `peakday serve`: the bundled reference server, or several instances of it.

use std::future::Future;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use reference_server::cli::ServeArgs;
use reference_server::config::Config;
use reference_server::serve::Options;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::exit::Failure;
use super::files;
use crate::load::{Instances, InstancesOrder, Launch};

/// Run the bundled reference server until SIGTERM or Ctrl-C.
#[derive(Debug, Args)]
pub(super) struct ServeCommand {
    /// Server configuration: a file, or a name in scenarios/servers/ [default: an open server]
    #[arg(long, value_name = "NAME|FILE")]
    server: Option<String>,
    /// Be one of several instances, whatever the configuration says of their number
    #[arg(long, hide = true)]
    instance: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

pub(super) fn run(command: ServeCommand) -> ExitCode {
    match config(command.server.as_deref()) {
        Ok(config) if config.instances.count > 1 && !command.instance => {
            match several(command.serve.options(config)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => super::complain(&failure),
            }
        }
        Ok(config) => reference_server::cli::serve(command.serve.options(config)),
        Err(failure) => super::complain(&failure),
    }
}

fn config(server: Option<&str>) -> Result<Config, Failure> {
    let Some(named) = server else { return Ok(Config::default()) };
    let found = files::server(named)?;
    Config::parse(&found.text).map_err(|errors| {
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        Failure::usage(format!(
            "{} is not a server configuration:\n{}",
            found.path.display(),
            lines.join("\n")
        ))
    })
}

/// Starts all of them, says so as one server does, and serves until it is asked to stop.
fn several(options: Options) -> Result<(), Failure> {
    let broken = |error: io::Error| Failure::from(anyhow!("cannot set up the process: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(broken)?;
    let listens_to_stdin = options.until_stdin_closes;
    let order = InstancesOrder { launch: Launch::this_program().map_err(broken)?, options };
    runtime.block_on(async {
        let stop = asked_to_stop().map_err(broken)?;
        let mut orders = listens_to_stdin.then(lines_of_stdin).transpose().map_err(broken)?;
        let serving = async {
            let instances =
                Instances::start(order).await.map_err(|error| Failure::usage(error.to_string()))?;
            // Nobody may be reading; that is no reason to stop serving.
            let mut stdout = io::stdout();
            for (name, address) in instances.lanes() {
                let _ = writeln!(stdout, "lane {name} on http://{address}");
            }
            let _ =
                writeln!(stdout, "listening on http://{}", instances.address()).and_then(|()| stdout.flush());
            Ok::<_, Failure>(instances)
        };
        tokio::pin!(stop);
        let mut instances = tokio::select! {
            started = serving => started?,
            () = &mut stop => return Ok(()),
        };
        loop {
            let order = async {
                match &mut orders {
                    Some(orders) => orders.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = &mut stop => break,
                order = order => match order {
                    Some(order) => {
                        instances.obey(&order).await.map_err(|error| Failure::from(anyhow!(error)))?;
                    }
                    None => break,
                },
            }
        }
        instances.stop().await;
        Ok(())
    })
}

/// Completes at SIGTERM and SIGINT.
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The lines of standard input; closed at its end.
fn lines_of_stdin() -> io::Result<mpsc::UnboundedReceiver<String>> {
    let (tell, lines) = mpsc::unbounded_channel();
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(lines)
}
